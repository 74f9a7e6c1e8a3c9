DROP POLICY reach_delete ON provider_versions;
DROP POLICY reach_update ON provider_versions;
DROP POLICY reach_insert ON provider_versions;
DROP POLICY reach ON api_keys;
DROP POLICY reach ON installs;
DROP POLICY reach ON connect_attempts;
DROP POLICY reach ON connect_sessions;
DROP POLICY reach ON records;
DROP POLICY reach ON run_seen;
DROP POLICY reach ON run_logs;
DROP POLICY reach ON runs;
DROP POLICY reach ON syncs;
DROP POLICY reach ON credentials;
DROP POLICY reach ON integrations;
DROP POLICY reach ON connections;
DROP PROCEDURE patchbay_reach_by_connection;
DROP FUNCTION patchbay_reaches_tags;
DROP FUNCTION patchbay_reaches;
-- The role is the cluster's: other databases may have a use for it.
ALTER TABLE connections DROP CONSTRAINT connections_tags_object;
ALTER TABLE api_keys
    DROP CONSTRAINT api_keys_previous_whole,
    DROP COLUMN previous_used_at,
    DROP COLUMN previous_until,
    DROP COLUMN previous_hint,
    DROP COLUMN previous_hash,
    DROP COLUMN rotated_at,
    DROP COLUMN last_used_at,
    DROP COLUMN tags,
    DROP COLUMN connections,
    DROP COLUMN integrations;

-- Governing keys: what lies under which data key, and sealing it anew.

ALTER TABLE data_keys
    ADD COLUMN born_version integer NOT NULL DEFAULT 1 CHECK (born_version > 0),
    ADD COLUMN wrapped_at timestamptz,
    ADD COLUMN messages bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN data_keys.wrapped IS 'The key as wrapped by the key service, of no use without it; `direct:v<version>` where the key service seals the values themselves.';
COMMENT ON COLUMN data_keys.born_version IS 'The version of the tenant''s key that wrapped it first: whoever has that version and an old backup has this key.';
COMMENT ON COLUMN data_keys.wrapped_at IS 'When it was wrapped with a newer version of the tenant''s key; null if it never was.';
COMMENT ON COLUMN data_keys.messages IS 'How many messages servers have reserved to seal with it; at the cap another takes its place.';

ALTER TABLE tenants ADD COLUMN keys_destroyed_at timestamptz;
COMMENT ON COLUMN tenants.keys_destroyed_at IS 'Since when nothing of the tenant opens any more: its key was destroyed, and none is made again.';

-- Sealing anew goes through an environment's credentials in the order of their ids.
CREATE INDEX credentials_by_environment ON credentials (environment_id, connection_id);

CREATE TABLE key_rewraps (
    environment_id uuid PRIMARY KEY REFERENCES environments,
    tenant_id uuid NOT NULL REFERENCES tenants,
    state text NOT NULL CHECK (state IN ('running', 'paused', 'done')),
    total bigint NOT NULL,
    done bigint NOT NULL,
    failed bigint NOT NULL,
    last_error text,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz
);
COMMENT ON TABLE key_rewraps IS 'The latest run that seals an environment''s values anew with its current data key.';
COMMENT ON COLUMN key_rewraps.environment_id IS 'The environment.';
COMMENT ON COLUMN key_rewraps.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN key_rewraps.state IS 'Running, paused by the operator, or done.';
COMMENT ON COLUMN key_rewraps.total IS 'How many values lay under old data keys when it began.';
COMMENT ON COLUMN key_rewraps.done IS 'How many of them were sealed anew.';
COMMENT ON COLUMN key_rewraps.failed IS 'How many did not open in the latest pass; they stay as they are.';
COMMENT ON COLUMN key_rewraps.last_error IS 'Why the latest of them did not open, and where it lies.';
COMMENT ON COLUMN key_rewraps.started_at IS 'When it began.';
COMMENT ON COLUMN key_rewraps.updated_at IS 'When it last went on.';
COMMENT ON COLUMN key_rewraps.finished_at IS 'When it was done.';
CALL patchbay_wall_environment('key_rewraps');

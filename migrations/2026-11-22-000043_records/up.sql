-- How long records are kept, and how they lie there.

ALTER TABLE syncs ADD COLUMN largest_record integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN syncs.largest_record IS 'Bytes of the largest record it ever brought. Where so many rows of that size are not too much at once, nobody has to count.';

CREATE TABLE record_policies (
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    stream text NOT NULL COLLATE "C",
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    keep_deleted_days integer CHECK (keep_deleted_days BETWEEN 1 AND 3650),
    keep_content_days integer CHECK (keep_content_days BETWEEN 1 AND 3650),
    is_sealed boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (integration_id, stream)
);
COMMENT ON TABLE record_policies IS 'How records of a stream are kept, for all connections of an integration. A stream without a row keeps everything, unsealed.';
COMMENT ON COLUMN record_policies.integration_id IS 'Whose connections'' records.';
COMMENT ON COLUMN record_policies.stream IS 'Of which stream.';
COMMENT ON COLUMN record_policies.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN record_policies.environment_id IS 'Where it is.';
COMMENT ON COLUMN record_policies.keep_deleted_days IS 'Days after which a deleted record is removed; null for never.';
COMMENT ON COLUMN record_policies.keep_content_days IS 'Days after its latest change when a record''s content is removed; null for never.';
COMMENT ON COLUMN record_policies.is_sealed IS 'Whether records are sealed.';
COMMENT ON COLUMN record_policies.updated_at IS 'When it was last set.';
CALL patchbay_wall_environment('record_policies');
CREATE POLICY reach ON record_policies AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM integrations i WHERE i.integration_id = record_policies.integration_id));

CREATE TABLE record_upkeep (
    sync_id uuid PRIMARY KEY REFERENCES syncs ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    deleted_to bigint NOT NULL DEFAULT 0,
    content_to bigint NOT NULL DEFAULT 0,
    sealed_to bigint NOT NULL DEFAULT 0,
    pruned_seq bigint NOT NULL DEFAULT 0,
    pruned_before timestamptz,
    looked_at timestamptz NOT NULL
);
COMMENT ON TABLE record_upkeep IS 'How far the upkeep of a sync''s records has come. Changes are numbered in the order of time, so it walks along the numbers and looks at each record once.';
COMMENT ON COLUMN record_upkeep.sync_id IS 'Of which sync.';
COMMENT ON COLUMN record_upkeep.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN record_upkeep.environment_id IS 'Where it is.';
COMMENT ON COLUMN record_upkeep.deleted_to IS 'No deleted record with a number up to this is left.';
COMMENT ON COLUMN record_upkeep.content_to IS 'No content with a number up to this is left.';
COMMENT ON COLUMN record_upkeep.sealed_to IS 'Everything with a number up to this is sealed.';
COMMENT ON COLUMN record_upkeep.pruned_seq IS 'The highest number of a deleted record that was removed.';
COMMENT ON COLUMN record_upkeep.pruned_before IS 'Removed were deleted records that were deleted before this. A reader who stood before pruned_seq then has missed some.';
COMMENT ON COLUMN record_upkeep.looked_at IS 'When it was last looked at.';
CALL patchbay_wall_environment('record_upkeep');
CREATE POLICY reach ON record_upkeep AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM syncs s WHERE s.sync_id = record_upkeep.sync_id));

CREATE TABLE record_keys (
    sync_id uuid PRIMARY KEY REFERENCES syncs ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE record_keys IS 'The keys under which records are sealed, one per sync, themselves sealed: when the environment''s data key is replaced these are sealed anew, and not millions of records.';
COMMENT ON COLUMN record_keys.sync_id IS 'Whose records.';
COMMENT ON COLUMN record_keys.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN record_keys.environment_id IS 'Where it is.';
COMMENT ON COLUMN record_keys.sealed IS 'The key, sealed under the environment''s data key.';
COMMENT ON COLUMN record_keys.created_at IS 'When it was made.';
CALL patchbay_wall_environment('record_keys');
CREATE POLICY reach ON record_keys AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM syncs s WHERE s.sync_id = record_keys.sync_id));

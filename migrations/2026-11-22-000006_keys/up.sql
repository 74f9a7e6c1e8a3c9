-- Governing keys: what lies under which data key, and sealing it anew.

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

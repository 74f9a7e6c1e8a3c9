-- Connections that tenants bring along in bulk.

CREATE TABLE imports (
    import_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    digest bytea,
    next_row bigint NOT NULL DEFAULT 0,
    made bigint NOT NULL DEFAULT 0,
    present bigint NOT NULL DEFAULT 0,
    wrong bigint NOT NULL DEFAULT 0,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX imports_by_environment ON imports (environment_id, import_id);
CREATE UNIQUE INDEX imports_one_open_per_file ON imports (integration_id, digest) WHERE finished_at IS NULL AND digest IS NOT NULL;
COMMENT ON TABLE imports IS 'Imports of many connections at once, and how far each has come.';
COMMENT ON COLUMN imports.import_id IS 'The import.';
COMMENT ON COLUMN imports.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN imports.environment_id IS 'Where the connections go.';
COMMENT ON COLUMN imports.integration_id IS 'Through what they are made.';
COMMENT ON COLUMN imports.digest IS 'SHA-256 of the file, where there is one: the same file goes on where it broke off.';
COMMENT ON COLUMN imports.next_row IS 'Rows that are done, counted from the first; the next one has this number.';
COMMENT ON COLUMN imports.made IS 'Rows that became connections.';
COMMENT ON COLUMN imports.present IS 'Rows whose connection was there already.';
COMMENT ON COLUMN imports.wrong IS 'Rows that were refused.';
COMMENT ON COLUMN imports.actor IS 'Who brings them.';
COMMENT ON COLUMN imports.created_at IS 'When it began.';
COMMENT ON COLUMN imports.finished_at IS 'When its end was said.';
CALL patchbay_wall_environment('imports');

CREATE TABLE import_errors (
    import_id uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    row_number bigint NOT NULL,
    line bigint NOT NULL,
    field text NOT NULL,
    words text NOT NULL,
    PRIMARY KEY (import_id, row_number, field)
);
COMMENT ON TABLE import_errors IS 'What was wrong with rows of an import; the first thousand of each.';
COMMENT ON COLUMN import_errors.import_id IS 'The import.';
COMMENT ON COLUMN import_errors.tenant_id IS 'The import''s tenant.';
COMMENT ON COLUMN import_errors.environment_id IS 'The import''s environment.';
COMMENT ON COLUMN import_errors.row_number IS 'Which row, from 0.';
COMMENT ON COLUMN import_errors.line IS 'The line of the file, from 1, that the row begins on.';
COMMENT ON COLUMN import_errors.field IS 'The field that is wrong; empty where it is the row.';
COMMENT ON COLUMN import_errors.words IS 'What is wrong; never a secret.';
CALL patchbay_wall_environment('import_errors');

CREATE TABLE connection_keys (
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    key text NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    import_id uuid,
    row_number bigint,
    PRIMARY KEY (integration_id, key)
);
CREATE INDEX connection_keys_by_connection ON connection_keys (connection_id);
COMMENT ON TABLE connection_keys IS 'By what the rows of imports are known again, so that no row makes two connections.';
COMMENT ON COLUMN connection_keys.integration_id IS 'Within which integration the key is unique.';
COMMENT ON COLUMN connection_keys.key IS 'The tenant''s own id of the connection, or of the end user where it gave none, with a word for which.';
COMMENT ON COLUMN connection_keys.tenant_id IS 'The connection''s tenant.';
COMMENT ON COLUMN connection_keys.environment_id IS 'The connection''s environment.';
COMMENT ON COLUMN connection_keys.connection_id IS 'The connection that the row became.';
COMMENT ON COLUMN connection_keys.import_id IS 'The import that brought it; it may be gone by now.';
COMMENT ON COLUMN connection_keys.row_number IS 'Its row there.';
CALL patchbay_wall_environment('connection_keys');
CREATE POLICY reach ON imports AS RESTRICTIVE TO patchbay_bound USING (
    current_setting('patchbay.reach_connections', true) = '*'
    AND EXISTS (SELECT FROM integrations i WHERE i.integration_id = imports.integration_id));
CREATE POLICY reach ON import_errors AS RESTRICTIVE TO patchbay_bound USING (
    EXISTS (SELECT FROM imports i WHERE i.import_id = import_errors.import_id));
CALL patchbay_reach_by_connection('connection_keys');

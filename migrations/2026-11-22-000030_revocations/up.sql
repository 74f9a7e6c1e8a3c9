-- What became of grants that were given back at the provider, and the panic button.

CREATE TABLE revocation_runs (
    revocation_run_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    provider text,
    integration_id uuid,
    made_since timestamptz,
    made_until timestamptz,
    total bigint NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX revocation_runs_by_environment ON revocation_runs (environment_id, revocation_run_id);
COMMENT ON TABLE revocation_runs IS 'Revocations of many connections at once.';
COMMENT ON COLUMN revocation_runs.revocation_run_id IS 'The run.';
COMMENT ON COLUMN revocation_runs.tenant_id IS 'Whose connections.';
COMMENT ON COLUMN revocation_runs.environment_id IS 'Of which environment.';
COMMENT ON COLUMN revocation_runs.provider IS 'Of this provider alone; null for all.';
COMMENT ON COLUMN revocation_runs.integration_id IS 'Of this integration alone; null for all.';
COMMENT ON COLUMN revocation_runs.made_since IS 'Made at or after this; null for no bound.';
COMMENT ON COLUMN revocation_runs.made_until IS 'Made before this; null for no bound.';
COMMENT ON COLUMN revocation_runs.total IS 'How many connections it stopped when it began.';
COMMENT ON COLUMN revocation_runs.actor IS 'Who asked for it.';
COMMENT ON COLUMN revocation_runs.created_at IS 'When it began.';
COMMENT ON COLUMN revocation_runs.finished_at IS 'When the last of them was settled.';
CALL patchbay_wall_environment('revocation_runs');

CREATE TABLE revocations (
    connection_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL,
    provider text NOT NULL,
    end_user_id text NOT NULL,
    account text,
    revocation_run_id uuid REFERENCES revocation_runs ON DELETE SET NULL,
    state text NOT NULL CHECK (state IN ('pending', 'revoked', 'unsupported', 'nothing', 'failed')),
    reason text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    asked_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((state = 'pending') = (finished_at IS NULL))
);
CREATE INDEX revocations_by_environment ON revocations (environment_id, connection_id);
CREATE INDEX revocations_by_run ON revocations (revocation_run_id, connection_id) WHERE revocation_run_id IS NOT NULL;
CREATE INDEX revocations_due ON revocations (revocation_run_id, next_try_at) WHERE state = 'pending';
COMMENT ON TABLE revocations IS 'What became of each grant that was to be given back at its provider. Outlives the connection.';
COMMENT ON COLUMN revocations.connection_id IS 'Whose grant; the connection may be gone by now.';
COMMENT ON COLUMN revocations.tenant_id IS 'The connection''s tenant.';
COMMENT ON COLUMN revocations.environment_id IS 'The connection''s environment.';
COMMENT ON COLUMN revocations.integration_id IS 'The connection''s integration.';
COMMENT ON COLUMN revocations.provider IS 'The slug of its provider.';
COMMENT ON COLUMN revocations.end_user_id IS 'The tenant''s own id of the end user.';
COMMENT ON COLUMN revocations.account IS 'The provider''s id of the account.';
COMMENT ON COLUMN revocations.revocation_run_id IS 'The run that asked for it; null for a single connection.';
COMMENT ON COLUMN revocations.state IS 'Pending until settled: revoked, unsupported by the provider, nothing there to revoke, or failed.';
COMMENT ON COLUMN revocations.reason IS 'The state in words for a person; never a secret.';
COMMENT ON COLUMN revocations.tries IS 'How often the provider was asked in vain.';
COMMENT ON COLUMN revocations.next_try_at IS 'When it is asked again.';
COMMENT ON COLUMN revocations.asked_at IS 'When somebody wanted it revoked.';
COMMENT ON COLUMN revocations.finished_at IS 'When it was settled.';
CALL patchbay_wall_environment('revocations');
-- That of a connection which is gone is reached by those whose reach does not go by tags: nobody knows its tags any more.
CREATE POLICY reach ON revocations AS RESTRICTIVE TO patchbay_bound USING (
    EXISTS (SELECT FROM connections c WHERE c.connection_id = revocations.connection_id)
    OR (patchbay_reaches('connections', connection_id) AND patchbay_reaches('integrations', integration_id)
        AND current_setting('patchbay.reach_tags', true) = '*'));
CREATE POLICY reach ON revocation_runs AS RESTRICTIVE TO patchbay_bound USING (false);

-- Calls of actions: each performed at most once, unless repeating it is safe.

CREATE TABLE action_runs (
    action_run_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    action text NOT NULL,
    is_async boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('accepted', 'running', 'succeeded', 'failed', 'unknown')),
    key_hash bytea,
    input_digest bytea,
    input bytea,
    output bytea,
    tries integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    blame text CHECK (blame IN ('end_user', 'tenant', 'provider', 'plugin', 'platform')),
    retry_after_seconds integer,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    forgotten_at timestamptz,
    CHECK ((key_hash IS NULL) = (input_digest IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'unknown')) = (finished_at IS NOT NULL)),
    CHECK (input IS NULL OR finished_at IS NULL)
);
CREATE UNIQUE INDEX action_runs_one_per_key ON action_runs (connection_id, key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX action_runs_by_environment ON action_runs (environment_id, action_run_id DESC);
CREATE INDEX action_runs_by_connection ON action_runs (connection_id, action_run_id DESC);
CREATE INDEX action_runs_finished ON action_runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX action_runs_remembered ON action_runs (finished_at) WHERE output IS NOT NULL;
COMMENT ON TABLE action_runs IS 'Calls of actions and what became of them.';
COMMENT ON COLUMN action_runs.action_run_id IS 'The call.';
COMMENT ON COLUMN action_runs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN action_runs.environment_id IS 'Where it is.';
COMMENT ON COLUMN action_runs.connection_id IS 'Whose account it is performed on.';
COMMENT ON COLUMN action_runs.action IS 'The action''s name in the manifest.';
COMMENT ON COLUMN action_runs.is_async IS 'Whether the caller went away after it was accepted; then a worker performs it.';
COMMENT ON COLUMN action_runs.state IS 'Accepted while nothing was sent, running from before the first request on, then one of three that are final.';
COMMENT ON COLUMN action_runs.key_hash IS 'SHA-256 of the caller''s Idempotency-Key; lets one call of a connection in.';
COMMENT ON COLUMN action_runs.input_digest IS 'SHA-256 of that key, the action and the input in canonical form: whether a later call with the key is the same.';
COMMENT ON COLUMN action_runs.input IS 'What goes in, sealed; kept until the call is over.';
COMMENT ON COLUMN action_runs.output IS 'What came out, sealed; kept for those who may ask for it later, and for a while.';
COMMENT ON COLUMN action_runs.tries IS 'How often it was begun.';
COMMENT ON COLUMN action_runs.fence IS 'Fencing number, raised each time somebody takes it up; an end under an older one is refused.';
COMMENT ON COLUMN action_runs.error_code IS 'Why it did not succeed, as a stable code.';
COMMENT ON COLUMN action_runs.error_message IS 'The same in words.';
COMMENT ON COLUMN action_runs.blame IS 'Who has to do something about it.';
COMMENT ON COLUMN action_runs.retry_after_seconds IS 'Not before so many seconds after its end, if the provider said so.';
COMMENT ON COLUMN action_runs.actor IS 'Who called it.';
COMMENT ON COLUMN action_runs.created_at IS 'When it was taken.';
COMMENT ON COLUMN action_runs.started_at IS 'When the plugin was last called for it.';
COMMENT ON COLUMN action_runs.finished_at IS 'When it was over.';
COMMENT ON COLUMN action_runs.forgotten_at IS 'Since when what came out is not kept any more.';
CALL patchbay_wall_environment('action_runs');

CREATE TABLE action_run_logs (
    action_run_id uuid NOT NULL REFERENCES action_runs ON DELETE CASCADE,
    line integer NOT NULL,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (action_run_id, line)
);
COMMENT ON TABLE action_run_logs IS 'What plugins and the host wrote about calls of actions.';
COMMENT ON COLUMN action_run_logs.action_run_id IS 'Of which call.';
COMMENT ON COLUMN action_run_logs.line IS 'Line number, from 1.';
COMMENT ON COLUMN action_run_logs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN action_run_logs.environment_id IS 'Where it is.';
COMMENT ON COLUMN action_run_logs.level IS 'How grave.';
COMMENT ON COLUMN action_run_logs.message IS 'The line, secrets masked.';
COMMENT ON COLUMN action_run_logs.at IS 'When.';
CALL patchbay_wall_environment('action_run_logs');
CALL patchbay_reach_by_connection('action_runs');
CREATE POLICY reach ON action_run_logs AS RESTRICTIVE TO patchbay_bound USING (
    EXISTS (SELECT FROM action_runs r WHERE r.action_run_id = action_run_logs.action_run_id));

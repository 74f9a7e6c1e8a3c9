-- Background work, syncs and the records that they bring.

CREATE TABLE jobs (
    job_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    queue text NOT NULL,
    serial_key text,
    dedupe_key text,
    priority smallint NOT NULL DEFAULT 0,
    payload jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'dead')),
    run_at timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    lease_number bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    worker text,
    last_error text,
    created_at timestamptz NOT NULL,
    connection_id uuid,
    party text COLLATE "C" NOT NULL DEFAULT '',
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
CREATE INDEX jobs_due ON jobs (queue, tenant_id, priority, party, run_at, job_id) WHERE state = 'waiting';
CREATE INDEX jobs_next ON jobs (queue, run_at) WHERE state = 'waiting';
CREATE UNIQUE INDEX jobs_one_running_per_key ON jobs (queue, serial_key) WHERE state = 'running' AND serial_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_waiting_per_dedupe ON jobs (queue, dedupe_key) WHERE state = 'waiting' AND dedupe_key IS NOT NULL;
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_of_connections ON jobs (queue, connection_id) WHERE state = 'running' AND connection_id IS NOT NULL;
COMMENT ON TABLE jobs IS 'Units of background work. Finished ones are removed; what they did is in the tables they did it to.';
COMMENT ON COLUMN jobs.job_id IS 'The job.';
COMMENT ON COLUMN jobs.tenant_id IS 'On whose behalf; claims take turns among tenants.';
COMMENT ON COLUMN jobs.environment_id IS 'In which environment.';
COMMENT ON COLUMN jobs.queue IS 'What kind of job.';
COMMENT ON COLUMN jobs.serial_key IS 'Two jobs of a queue with the same key never run at once.';
COMMENT ON COLUMN jobs.dedupe_key IS 'While one with this key waits, another is not added.';
COMMENT ON COLUMN jobs.priority IS 'Lower first, within a tenant.';
COMMENT ON COLUMN jobs.payload IS 'What to do; ids, never secrets.';
COMMENT ON COLUMN jobs.state IS 'Waiting until claimed, running under a lease, dead after too many tries.';
COMMENT ON COLUMN jobs.run_at IS 'Not before this.';
COMMENT ON COLUMN jobs.attempt IS 'Counted when claimed, so that a job that kills its worker is counted too.';
COMMENT ON COLUMN jobs.lease_number IS 'Fencing number: completing, failing and heartbeats carry it, and one that is not the latest does nothing.';
COMMENT ON COLUMN jobs.lease_until IS 'When another worker may take it over.';
COMMENT ON COLUMN jobs.worker IS 'Who runs it.';
COMMENT ON COLUMN jobs.last_error IS 'Why the last try failed.';
COMMENT ON COLUMN jobs.created_at IS 'When it was added.';
COMMENT ON COLUMN jobs.connection_id IS 'Whose account it is about; so many of a connection run at once.';
COMMENT ON COLUMN jobs.party IS 'Whom it calls: a provider''s name (with its environment behind it where the tenant described it), an endpoint''s id, or nobody. So many places of a worker go to one.';
CALL patchbay_wall_environment('jobs');

CREATE TABLE syncs (
    sync_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    stream text NOT NULL,
    variant text NOT NULL DEFAULT '' CHECK (variant ~ '^[a-z0-9_-]{0,64}$'),
    params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
    since timestamptz,
    mode text NOT NULL CHECK (mode IN ('incremental', 'full')),
    every_seconds integer NOT NULL CHECK (every_seconds > 0),
    cron text,
    time_zone text,
    has_own_schedule boolean NOT NULL DEFAULT false,
    begins_anew boolean NOT NULL DEFAULT false,
    gone text[] NOT NULL DEFAULT '{}',
    paused_at timestamptz,
    cursor text,
    last_seq bigint NOT NULL DEFAULT 0,
    next_run_at timestamptz NOT NULL,
    last_run_id uuid,
    failures integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    UNIQUE (connection_id, stream, variant),
    CHECK ((cron IS NULL) = (time_zone IS NULL))
);
CREATE INDEX syncs_due ON syncs (next_run_at) WHERE paused_at IS NULL;
COMMENT ON TABLE syncs IS 'Recurring pulls of one stream of one connection.';
COMMENT ON COLUMN syncs.sync_id IS 'The sync.';
COMMENT ON COLUMN syncs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN syncs.environment_id IS 'Where it is.';
COMMENT ON COLUMN syncs.connection_id IS 'Whose account is pulled.';
COMMENT ON COLUMN syncs.stream IS 'The stream''s name in the manifest.';
COMMENT ON COLUMN syncs.variant IS 'Tells syncs of one stream apart that have different parameters; empty for the one that every connection has.';
COMMENT ON COLUMN syncs.params IS 'What the plugin is told for this sync alone, a JSON object.';
COMMENT ON COLUMN syncs.since IS 'How far back a pull from the beginning goes; null for all there is. Set once, so that a full run sees what the last one saw.';
COMMENT ON COLUMN syncs.mode IS 'Incremental goes on at the cursor; full begins anew and finds deletes.';
COMMENT ON COLUMN syncs.every_seconds IS 'Seconds between runs, before jitter.';
COMMENT ON COLUMN syncs.cron IS 'At which times it runs instead, as a cron expression of five fields.';
COMMENT ON COLUMN syncs.time_zone IS 'Whose clock the expression means: a name of the IANA database.';
COMMENT ON COLUMN syncs.has_own_schedule IS 'Whether the tenant set the schedule; else it is the manifest''s.';
COMMENT ON COLUMN syncs.begins_anew IS 'Whether the next run is a full one, whatever the mode.';
COMMENT ON COLUMN syncs.gone IS 'Ids of records of which a webhook said that they are gone; the next run begins with them.';
COMMENT ON COLUMN syncs.paused_at IS 'Since when it is paused.';
COMMENT ON COLUMN syncs.cursor IS 'Where the next page begins, as the plugin wrote it; moves together with the page.';
COMMENT ON COLUMN syncs.last_seq IS 'The highest number given to a change of its records. Locked while a page commits, so numbers appear in commit order without gaps.';
COMMENT ON COLUMN syncs.next_run_at IS 'When it is due.';
COMMENT ON COLUMN syncs.last_run_id IS 'The latest run.';
COMMENT ON COLUMN syncs.failures IS 'Failed runs in a row; each waits longer.';
COMMENT ON COLUMN syncs.created_at IS 'When it was made.';
CALL patchbay_wall_environment('syncs');

CREATE TABLE runs (
    run_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    sync_id uuid NOT NULL REFERENCES syncs ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    trigger text NOT NULL CHECK (trigger IN ('connect', 'schedule', 'api', 'webhook')),
    state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled')),
    fence bigint NOT NULL,
    is_full boolean NOT NULL,
    pages integer NOT NULL DEFAULT 0,
    added bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    blame text CHECK (blame IN ('end_user', 'tenant', 'provider', 'plugin', 'platform')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX runs_by_sync ON runs (sync_id, run_id DESC);
CREATE INDEX runs_by_connection ON runs (connection_id, run_id DESC);
CREATE UNIQUE INDEX runs_one_running_per_sync ON runs (sync_id) WHERE state = 'running';
COMMENT ON TABLE runs IS 'Executions of syncs.';
COMMENT ON COLUMN runs.run_id IS 'The run.';
COMMENT ON COLUMN runs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN runs.environment_id IS 'Where it is.';
COMMENT ON COLUMN runs.sync_id IS 'Of which sync.';
COMMENT ON COLUMN runs.connection_id IS 'Of which connection.';
COMMENT ON COLUMN runs.trigger IS 'Why it ran.';
COMMENT ON COLUMN runs.state IS 'Running until it succeeded, failed or was cancelled.';
COMMENT ON COLUMN runs.fence IS 'Fencing number, raised each time a worker takes the run up; a page under an older one is refused.';
COMMENT ON COLUMN runs.is_full IS 'Whether it began anew, so that what it has not seen at its end is gone.';
COMMENT ON COLUMN runs.pages IS 'Pages committed.';
COMMENT ON COLUMN runs.added IS 'Records that were new.';
COMMENT ON COLUMN runs.updated IS 'Records whose content changed.';
COMMENT ON COLUMN runs.deleted IS 'Records that are gone at the provider.';
COMMENT ON COLUMN runs.unchanged IS 'Records that were as stored, and not written.';
COMMENT ON COLUMN runs.error_code IS 'Why it failed, as a stable code.';
COMMENT ON COLUMN runs.error_message IS 'The same in words.';
COMMENT ON COLUMN runs.blame IS 'Who has to do something about it.';
COMMENT ON COLUMN runs.started_at IS 'When it began.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended.';
CALL patchbay_wall_environment('runs');

CREATE TABLE run_logs (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    line integer NOT NULL,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (run_id, line)
);
COMMENT ON TABLE run_logs IS 'What plugins and the host wrote about runs.';
COMMENT ON COLUMN run_logs.run_id IS 'Of which run.';
COMMENT ON COLUMN run_logs.line IS 'Line number, from 1.';
COMMENT ON COLUMN run_logs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN run_logs.environment_id IS 'Where it is.';
COMMENT ON COLUMN run_logs.level IS 'How grave.';
COMMENT ON COLUMN run_logs.message IS 'The line, secrets masked.';
COMMENT ON COLUMN run_logs.at IS 'When.';
CALL patchbay_wall_environment('run_logs');

CREATE TABLE run_seen (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    page integer NOT NULL,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    external_ids text[] NOT NULL,
    PRIMARY KEY (run_id, page)
);
COMMENT ON TABLE run_seen IS 'What a full run has seen so far, page by page: at its end the rest is gone. Kept beside the records so that seeing one does not write it.';
COMMENT ON COLUMN run_seen.run_id IS 'Of which run.';
COMMENT ON COLUMN run_seen.page IS 'Page number, from 1.';
COMMENT ON COLUMN run_seen.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN run_seen.environment_id IS 'Where it is.';
COMMENT ON COLUMN run_seen.external_ids IS 'The provider''s ids on that page.';
CALL patchbay_wall_environment('run_seen');

-- Split by sync into 16 parts: all records of a sync lie in one, so that whatever asks for one sync opens one part and its two
-- indexes, and a stream of 10 million is indexed and vacuumed beside the others and not among them. 16, because a statement that
-- cannot tell the sync when it is planned locks every part, and beyond about this many such locks are slow; a part can
-- still be split in two by detaching it (modulus 32).
CREATE TABLE records (
    sync_id uuid NOT NULL REFERENCES syncs ON DELETE CASCADE,
    external_id text NOT NULL COLLATE "C",
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    seq bigint NOT NULL,
    body_bytes integer NOT NULL,
    content_hash bytea NOT NULL,
    page_digest bytea,
    body jsonb,
    sealed_body bytea,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (sync_id, external_id),
    CHECK (body IS NULL OR sealed_body IS NULL)
) PARTITION BY HASH (sync_id);
CREATE UNIQUE INDEX records_feed ON records (sync_id, seq);
COMMENT ON TABLE records IS 'What syncs have brought, one row per thing at the provider.';
COMMENT ON COLUMN records.sync_id IS 'Which sync brought it.';
COMMENT ON COLUMN records.external_id IS 'The provider''s id of it.';
COMMENT ON COLUMN records.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN records.environment_id IS 'Where it is.';
COMMENT ON COLUMN records.seq IS 'Number of its latest change within the sync; readers go on after the highest they have seen.';
COMMENT ON COLUMN records.body_bytes IS 'Bytes of the record as the plugin gave it, 0 once it was pruned: bounds what is read at once.';
COMMENT ON COLUMN records.content_hash IS 'Hash of the canonical form; an equal one is not written again. Of a sealed record it is keyed, so that it tells nothing.';
COMMENT ON COLUMN records.page_digest IS 'Where a page that was written whole begins with this record: the digest of the page as it came. Never beside what is sealed.';
COMMENT ON COLUMN records.body IS 'The record; null if it is sealed, or was pruned.';
COMMENT ON COLUMN records.sealed_body IS 'The record sealed under the sync''s record key; empty once it was pruned.';
COMMENT ON COLUMN records.created_at IS 'When it was first seen.';
COMMENT ON COLUMN records.updated_at IS 'When its content last changed.';
COMMENT ON COLUMN records.deleted_at IS 'Since when it is gone at the provider.';
CALL patchbay_wall_environment('records');

-- The parts lie where the server's role may not look: they are reached through the table alone, whose wall then holds.
-- Behind that each has its own.
CREATE SCHEMA patchbay_parts;
DO $$ BEGIN
    FOR part IN 0..15 LOOP
        EXECUTE format('CREATE TABLE patchbay_parts.records_%s PARTITION OF records FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
        EXECUTE format('COMMENT ON TABLE patchbay_parts.records_%s IS %L', part, 'A part of the records.');
        CALL patchbay_wall_environment(format('patchbay_parts.records_%s', part)::regclass);
    END LOOP;
END $$;

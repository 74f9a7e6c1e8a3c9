-- API keys that reach a part of their environment.

-- Tags are a name and a value each.
ALTER TABLE connections ADD CONSTRAINT connections_tags_object CHECK (jsonb_typeof(tags) = 'object');

-- The role of transactions that a key with a reach began. It may what the server may, behind one more wall.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'patchbay_bound') THEN
        CREATE ROLE patchbay_bound NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT pg_has_role('patchbay_bound', 'patchbay_app', 'MEMBER') THEN
        GRANT patchbay_app TO patchbay_bound;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- Whether an integration, a connection, some tags lie in the reach that the transaction was begun with: '*' for all. One
-- that says nothing reaches nothing.
CREATE FUNCTION patchbay_reaches(part text, id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE current_setting('patchbay.reach_' || part, true)
        WHEN '*' THEN true
        WHEN '' THEN false
        ELSE coalesce(id = ANY (current_setting('patchbay.reach_' || part, true)::uuid[]), false)
    END $$;
CREATE FUNCTION patchbay_reaches_tags(tags jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE current_setting('patchbay.reach_tags', true)
        WHEN '*' THEN true
        WHEN '' THEN false
        ELSE coalesce((SELECT bool_or(tags @> wanted) FROM jsonb_array_elements(current_setting('patchbay.reach_tags', true)::jsonb) wanted), false)
    END $$;

-- Puts the wall around a table whose rows belong to a connection.
CREATE PROCEDURE patchbay_reach_by_connection(name regclass) LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('CREATE POLICY reach ON %s AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM connections c WHERE c.connection_id = %s.connection_id))', name, name);
END $$;

CREATE POLICY reach ON connections AS RESTRICTIVE TO patchbay_bound USING (
    patchbay_reaches('connections', connection_id) AND patchbay_reaches('integrations', integration_id) AND patchbay_reaches_tags(tags));
-- A key that reaches some connections alone sees the integrations that these were made through; one that reaches
-- connections by their tags may make more of them, through any integration.
CREATE POLICY reach ON integrations AS RESTRICTIVE TO patchbay_bound USING (
    patchbay_reaches('integrations', integration_id)
    AND (current_setting('patchbay.reach_connections', true) = '*'
         OR EXISTS (SELECT FROM connections c WHERE c.integration_id = integrations.integration_id)));
CALL patchbay_reach_by_connection('credentials');
CALL patchbay_reach_by_connection('syncs');
CALL patchbay_reach_by_connection('runs');
CREATE POLICY reach ON run_logs AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM runs r WHERE r.run_id = run_logs.run_id));
CREATE POLICY reach ON run_seen AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM runs r WHERE r.run_id = run_seen.run_id));
CREATE POLICY reach ON records AS RESTRICTIVE TO patchbay_bound USING (EXISTS (SELECT FROM syncs s WHERE s.sync_id = records.sync_id));
-- A session lies in the reach if whatever comes of it does.
CREATE POLICY reach ON connect_sessions AS RESTRICTIVE TO patchbay_bound USING (CASE
    WHEN reconnect_id IS NOT NULL THEN EXISTS (SELECT FROM connections c WHERE c.connection_id = connect_sessions.reconnect_id)
    ELSE current_setting('patchbay.reach_connections', true) = '*' AND patchbay_reaches_tags(tags)
        AND (current_setting('patchbay.reach_integrations', true) = '*'
             OR coalesce((SELECT bool_and(patchbay_reaches('integrations', one)) FROM unnest(integrations) one), false))
    END);
CREATE POLICY reach ON connect_attempts AS RESTRICTIVE TO patchbay_bound USING (
    EXISTS (SELECT FROM connect_sessions s WHERE s.connect_session_id = connect_attempts.connect_session_id));
CREATE POLICY reach ON installs AS RESTRICTIVE TO patchbay_bound USING (
    current_setting('patchbay.reach_connections', true) = '*'
    AND EXISTS (SELECT FROM integrations i WHERE i.integration_id = installs.integration_id));
-- What concerns the whole environment. Providers are read by whoever reads an integration.
CREATE POLICY reach ON api_keys AS RESTRICTIVE TO patchbay_bound USING (false);
CREATE POLICY reach_insert ON provider_versions AS RESTRICTIVE FOR INSERT TO patchbay_bound WITH CHECK (false);
CREATE POLICY reach_update ON provider_versions AS RESTRICTIVE FOR UPDATE TO patchbay_bound USING (false);
CREATE POLICY reach_delete ON provider_versions AS RESTRICTIVE FOR DELETE TO patchbay_bound USING (false);

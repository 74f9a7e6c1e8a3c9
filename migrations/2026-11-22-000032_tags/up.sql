-- Connections found by their tags.
--
-- Behind row-level security Postgres asks an index only what tells nothing about rows behind the wall: whether texts or ids
-- are equal may be asked (their functions are leakproof), what a jsonb column contains may not. So an index over
-- connections.tags would lie unused, and the environment be read from end to end. Hence a row for each tag, which triggers
-- write.

CREATE TABLE connection_tags (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    PRIMARY KEY (connection_id, name)
);
CREATE INDEX connection_tags_by_tag ON connection_tags (environment_id, name, value, connection_id);
COMMENT ON TABLE connection_tags IS 'The tags of connections, one by one, to find connections by. Written by triggers from connections.tags.';
COMMENT ON COLUMN connection_tags.connection_id IS 'Whose tag it is.';
COMMENT ON COLUMN connection_tags.name IS 'The tag''s name.';
COMMENT ON COLUMN connection_tags.value IS 'The tag''s value.';
COMMENT ON COLUMN connection_tags.tenant_id IS 'The connection''s tenant.';
COMMENT ON COLUMN connection_tags.environment_id IS 'The connection''s environment.';
CALL patchbay_wall_environment('connection_tags');
CALL patchbay_reach_by_connection('connection_tags');

CREATE FUNCTION patchbay_write_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM connection_tags WHERE connection_id = NEW.connection_id;
    END IF;
    INSERT INTO connection_tags (connection_id, name, value, tenant_id, environment_id)
        SELECT NEW.connection_id, tag.key, tag.value, NEW.tenant_id, NEW.environment_id FROM jsonb_each_text(NEW.tags) tag;
    RETURN NULL;
END $$;
CREATE TRIGGER write_tags_of_new AFTER INSERT ON connections FOR EACH ROW
    WHEN (NEW.tags <> '{}') EXECUTE FUNCTION patchbay_write_tags();
CREATE TRIGGER write_changed_tags AFTER UPDATE OF tags ON connections FOR EACH ROW
    WHEN (NEW.tags IS DISTINCT FROM OLD.tags) EXECUTE FUNCTION patchbay_write_tags();

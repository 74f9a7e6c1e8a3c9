-- Plugins that tenants push: signed versions, who may sign them, and which version is in force.

CREATE TABLE plugin_keys (
    plugin_key_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    name text NOT NULL,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CONSTRAINT plugin_keys_once UNIQUE (environment_id, public_key)
);
COMMENT ON TABLE plugin_keys IS 'Public keys whose signatures an environment trusts on plugins. Rows are never removed: one that was revoked is not registered again.';
COMMENT ON COLUMN plugin_keys.plugin_key_id IS 'The key.';
COMMENT ON COLUMN plugin_keys.tenant_id IS 'Whose environment.';
COMMENT ON COLUMN plugin_keys.environment_id IS 'The environment that trusts it.';
COMMENT ON COLUMN plugin_keys.name IS 'What people call it: whose it is, or where it lies.';
COMMENT ON COLUMN plugin_keys.public_key IS 'The Ed25519 public key (RFC 8032), 32 bytes.';
COMMENT ON COLUMN plugin_keys.created_by IS 'Who registered it.';
COMMENT ON COLUMN plugin_keys.created_at IS 'When.';
COMMENT ON COLUMN plugin_keys.revoked_by IS 'Who revoked it.';
COMMENT ON COLUMN plugin_keys.revoked_at IS 'Since when nothing that it signed is taken any more.';
CALL patchbay_wall_environment('plugin_keys');
CREATE POLICY reach ON plugin_keys AS RESTRICTIVE TO patchbay_bound USING (false);

CREATE TABLE plugin_versions (
    plugin_version_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    slug text NOT NULL,
    version text NOT NULL,
    abi text NOT NULL,
    manifest text NOT NULL,
    component_sha256 bytea NOT NULL CHECK (length(component_sha256) = 32),
    component_bytes bigint NOT NULL CHECK (component_bytes > 0),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    signature bytea NOT NULL CHECK (length(signature) = 64),
    asks jsonb NOT NULL CHECK (jsonb_typeof(asks) = 'array'),
    author text NOT NULL,
    created_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    withdrawn_at timestamptz,
    CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    CONSTRAINT plugin_versions_once UNIQUE (environment_id, slug, version)
);
COMMENT ON TABLE plugin_versions IS 'Versions of plugins that were pushed. A version never changes, and its number is never used again.';
COMMENT ON COLUMN plugin_versions.plugin_version_id IS 'The version.';
COMMENT ON COLUMN plugin_versions.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN plugin_versions.environment_id IS 'The environment that it was pushed to.';
COMMENT ON COLUMN plugin_versions.slug IS 'The provider''s name, as the manifest has it.';
COMMENT ON COLUMN plugin_versions.version IS 'Its number, as Semantic Versioning 2.0.0 writes it, without build metadata.';
COMMENT ON COLUMN plugin_versions.abi IS 'The version of the contract that the component speaks, as the plugin host found it.';
COMMENT ON COLUMN plugin_versions.manifest IS 'The manifest, TOML, as it was signed.';
COMMENT ON COLUMN plugin_versions.component_sha256 IS 'SHA-256 of the component, as it was signed.';
COMMENT ON COLUMN plugin_versions.component_bytes IS 'How large the component is.';
COMMENT ON COLUMN plugin_versions.public_key IS 'The Ed25519 public key that the signature is held against.';
COMMENT ON COLUMN plugin_versions.signature IS 'The Ed25519 signature; what it is over stands in flows::plugin::signature.';
COMMENT ON COLUMN plugin_versions.asks IS 'What it asks for beyond the version before, a list of {kind, what}; empty for nothing.';
COMMENT ON COLUMN plugin_versions.author IS 'Who pushed it.';
COMMENT ON COLUMN plugin_versions.created_at IS 'When.';
COMMENT ON COLUMN plugin_versions.approved_by IS 'Who agreed to what it asks for.';
COMMENT ON COLUMN plugin_versions.approved_at IS 'When.';
COMMENT ON COLUMN plugin_versions.withdrawn_at IS 'Since when its component is gone.';
CALL patchbay_wall_environment('plugin_versions');

CREATE TABLE plugin_components (
    plugin_version_id uuid PRIMARY KEY REFERENCES plugin_versions,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    component bytea NOT NULL
);
-- Compiled code of components is large and hardly shrinks; kept as it is, it is read without unpacking.
ALTER TABLE plugin_components ALTER COLUMN component SET STORAGE EXTERNAL;
COMMENT ON TABLE plugin_components IS 'The WebAssembly components of versions, apart from what is read of versions all the time.';
COMMENT ON COLUMN plugin_components.plugin_version_id IS 'Whose component.';
COMMENT ON COLUMN plugin_components.tenant_id IS 'The version''s tenant.';
COMMENT ON COLUMN plugin_components.environment_id IS 'The version''s environment.';
COMMENT ON COLUMN plugin_components.component IS 'The component as it was pushed; 16 MiB at most.';
CALL patchbay_wall_environment('plugin_components');

CREATE TABLE plugin_pins (
    plugin_pin_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    slug text NOT NULL,
    plugin_version_id uuid NOT NULL REFERENCES plugin_versions,
    pinned_by text NOT NULL,
    pinned_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX plugin_pins_current ON plugin_pins (environment_id, slug) WHERE ended_at IS NULL;
CREATE INDEX plugin_pins_history ON plugin_pins (environment_id, slug, plugin_pin_id);
COMMENT ON TABLE plugin_pins IS 'Which version of a plugin an environment uses, and which it used before.';
COMMENT ON COLUMN plugin_pins.plugin_pin_id IS 'The pin; ids sort by time.';
COMMENT ON COLUMN plugin_pins.tenant_id IS 'Whose environment.';
COMMENT ON COLUMN plugin_pins.environment_id IS 'The environment.';
COMMENT ON COLUMN plugin_pins.slug IS 'The provider''s name.';
COMMENT ON COLUMN plugin_pins.plugin_version_id IS 'The version in force.';
COMMENT ON COLUMN plugin_pins.pinned_by IS 'Who decided that.';
COMMENT ON COLUMN plugin_pins.pinned_at IS 'Since when.';
COMMENT ON COLUMN plugin_pins.ended_at IS 'Until when; null for what is in force.';
CALL patchbay_wall_environment('plugin_pins');
-- Whoever reads an integration reads its provider; to change what is in force concerns the whole environment.
CREATE POLICY reach_insert ON plugin_versions AS RESTRICTIVE FOR INSERT TO patchbay_bound WITH CHECK (false);
CREATE POLICY reach_update ON plugin_versions AS RESTRICTIVE FOR UPDATE TO patchbay_bound USING (false);
CREATE POLICY reach_delete ON plugin_versions AS RESTRICTIVE FOR DELETE TO patchbay_bound USING (false);
CREATE POLICY reach ON plugin_components AS RESTRICTIVE TO patchbay_bound USING (false);
CREATE POLICY reach_insert ON plugin_pins AS RESTRICTIVE FOR INSERT TO patchbay_bound WITH CHECK (false);
CREATE POLICY reach_update ON plugin_pins AS RESTRICTIVE FOR UPDATE TO patchbay_bound USING (false);
CREATE POLICY reach_delete ON plugin_pins AS RESTRICTIVE FOR DELETE TO patchbay_bound USING (false);

-- A run ends on the version that it began with, also where it is killed and taken up by another worker after the pin has
-- moved. The row says so from the moment that there is a run, whoever begins it.
ALTER TABLE runs ADD COLUMN plugin_version_id uuid REFERENCES plugin_versions;
CREATE INDEX runs_by_plugin_version ON runs (plugin_version_id) WHERE plugin_version_id IS NOT NULL AND state = 'running';
COMMENT ON COLUMN runs.plugin_version_id IS 'The pushed version of the plugin that it began with; null where none was pinned. Written by a trigger.';
CREATE FUNCTION patchbay_note_plugin_version() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    SELECT p.plugin_version_id INTO NEW.plugin_version_id
        FROM connections c JOIN integrations i USING (integration_id)
        JOIN plugin_pins p ON p.environment_id = i.environment_id AND p.slug = i.provider AND p.ended_at IS NULL
        WHERE c.connection_id = NEW.connection_id;
    RETURN NEW;
END $$;
CREATE TRIGGER note_plugin_version BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION patchbay_note_plugin_version();

-- Who uses the platform, and the walls between them.

-- The role that the server acts as. It owns nothing and bypasses nothing, so row-level security holds for it.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'patchbay_app') THEN
        CREATE ROLE patchbay_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO patchbay_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO patchbay_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO patchbay_app;

-- A transaction says whose data it may touch; one that says nothing sees nothing.
CREATE FUNCTION patchbay_tenant() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('patchbay.tenant', true), '')::uuid $$;
CREATE FUNCTION patchbay_environment() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('patchbay.environment', true), '')::uuid $$;
CREATE FUNCTION patchbay_system() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('patchbay.system', true), '') = 'on' $$;

-- Puts the wall around a table whose rows belong to one environment.
CREATE PROCEDURE patchbay_wall_environment(name regclass) LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY environment_wall ON %s USING ((SELECT patchbay_system()) OR (tenant_id = (SELECT patchbay_tenant()) AND environment_id = (SELECT patchbay_environment())))', name);
END $$;

-- Puts the wall around a table whose rows belong to a tenant.
CREATE PROCEDURE patchbay_wall_tenant(name regclass) LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant_wall ON %s USING ((SELECT patchbay_system()) OR tenant_id = (SELECT patchbay_tenant()))', name);
END $$;

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    keys_destroyed_at timestamptz
);
COMMENT ON TABLE tenants IS 'SaaS companies that offer connections to their own customers.';
COMMENT ON COLUMN tenants.tenant_id IS 'The tenant; names its transit key in the key service.';
COMMENT ON COLUMN tenants.slug IS 'Short unique name, used on the command line.';
COMMENT ON COLUMN tenants.name IS 'What people call the company; shown on the connect page.';
COMMENT ON COLUMN tenants.created_at IS 'When the tenant was created.';
COMMENT ON COLUMN tenants.keys_destroyed_at IS 'Since when nothing of the tenant opens any more: its key was destroyed, and none is made again.';
CALL patchbay_wall_tenant('tenants');

CREATE TABLE environments (
    environment_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, slug)
);
COMMENT ON TABLE environments IS 'A tenant''s dev, staging or prod. Everything a tenant has belongs to exactly one.';
COMMENT ON COLUMN environments.environment_id IS 'The environment.';
COMMENT ON COLUMN environments.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN environments.slug IS 'Short name, unique within the tenant.';
COMMENT ON COLUMN environments.name IS 'What people call it.';
COMMENT ON COLUMN environments.created_at IS 'When it was created.';
CALL patchbay_wall_tenant('environments');

CREATE TABLE data_keys (
    data_key_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    wrapped text NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    born_version integer NOT NULL DEFAULT 1 CHECK (born_version > 0),
    wrapped_at timestamptz,
    messages bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX data_keys_current ON data_keys (environment_id) WHERE retired_at IS NULL;
COMMENT ON TABLE data_keys IS 'Keys that credentials are sealed with, each wrapped by its tenant''s key in the key service.';
COMMENT ON COLUMN data_keys.data_key_id IS 'The data key; every ciphertext names the one it was made with.';
COMMENT ON COLUMN data_keys.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN data_keys.environment_id IS 'The environment whose secrets it seals.';
COMMENT ON COLUMN data_keys.wrapped IS 'The key as wrapped by the key service, of no use without it; `direct:v<version>` where the key service seals the values themselves.';
COMMENT ON COLUMN data_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN data_keys.retired_at IS 'Since when it seals nothing new; null for the one in use.';
COMMENT ON COLUMN data_keys.born_version IS 'The version of the tenant''s key that wrapped it first: whoever has that version and an old backup has this key.';
COMMENT ON COLUMN data_keys.wrapped_at IS 'When it was wrapped with a newer version of the tenant''s key; null if it never was.';
COMMENT ON COLUMN data_keys.messages IS 'How many messages servers have reserved to seal with it; at the cap another takes its place.';
CALL patchbay_wall_environment('data_keys');

CREATE TABLE api_keys (
    api_key_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    name text NOT NULL,
    hint text NOT NULL,
    secret_hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    integrations uuid[] NOT NULL DEFAULT '{}',
    connections uuid[] NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    last_used_at timestamptz,
    rotated_at timestamptz,
    previous_hash bytea UNIQUE,
    previous_hint text,
    previous_until timestamptz,
    previous_used_at timestamptz,
    CHECK ((previous_hash IS NULL) = (previous_hint IS NULL) AND (previous_hash IS NULL) = (previous_until IS NULL))
);
CREATE INDEX api_keys_by_environment ON api_keys (environment_id, api_key_id);
COMMENT ON TABLE api_keys IS 'Keys with which tenants'' backends call the API. Shown once, stored hashed.';
COMMENT ON COLUMN api_keys.api_key_id IS 'The key.';
COMMENT ON COLUMN api_keys.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN api_keys.environment_id IS 'The environment that it opens.';
COMMENT ON COLUMN api_keys.name IS 'What the tenant calls it.';
COMMENT ON COLUMN api_keys.hint IS 'Its first characters, to tell keys apart.';
COMMENT ON COLUMN api_keys.secret_hash IS 'SHA-256 of the key. The key is random, so a fast hash suffices.';
COMMENT ON COLUMN api_keys.scopes IS 'What it may do, such as connections:read.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.expires_at IS 'From when on it is refused; null for never.';
COMMENT ON COLUMN api_keys.revoked_at IS 'Since when it is refused.';
COMMENT ON COLUMN api_keys.integrations IS 'The integrations that it reaches; empty for all.';
COMMENT ON COLUMN api_keys.connections IS 'The connections that it reaches; empty for all.';
COMMENT ON COLUMN api_keys.tags IS 'It reaches connections that bear one of these tags, written name=value; empty for all.';
COMMENT ON COLUMN api_keys.last_used_at IS 'When its secret was last used, to about a minute.';
COMMENT ON COLUMN api_keys.rotated_at IS 'When its secret was last replaced.';
COMMENT ON COLUMN api_keys.previous_hash IS 'SHA-256 of the secret before that.';
COMMENT ON COLUMN api_keys.previous_hint IS 'The first characters of the secret before that.';
COMMENT ON COLUMN api_keys.previous_until IS 'From when on the secret before that is refused.';
COMMENT ON COLUMN api_keys.previous_used_at IS 'When the secret before that was last used, to about a minute.';
CALL patchbay_wall_environment('api_keys');

CREATE TABLE members (
    member_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'support', 'auditor')),
    created_at timestamptz NOT NULL,
    failed_sign_ins integer NOT NULL DEFAULT 0,
    not_before timestamptz
);
COMMENT ON TABLE members IS 'People who sign in to a tenant''s portal.';
COMMENT ON COLUMN members.member_id IS 'The member.';
COMMENT ON COLUMN members.tenant_id IS 'Whose portal they sign in to.';
COMMENT ON COLUMN members.email IS 'Their address, in lower case; what they sign in with.';
COMMENT ON COLUMN members.name IS 'What they are called.';
COMMENT ON COLUMN members.password_hash IS 'argon2id in PHC form.';
COMMENT ON COLUMN members.role IS 'What they may do.';
COMMENT ON COLUMN members.created_at IS 'When they were added.';
COMMENT ON COLUMN members.failed_sign_ins IS 'Wrong passwords in a row; each delays the next try.';
COMMENT ON COLUMN members.not_before IS 'When the next try is answered.';
CALL patchbay_wall_tenant('members');

CREATE TABLE portal_sessions (
    portal_session_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    member_id uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE portal_sessions IS 'Signed-in browsers.';
COMMENT ON COLUMN portal_sessions.portal_session_id IS 'The session.';
COMMENT ON COLUMN portal_sessions.tenant_id IS 'The member''s tenant.';
COMMENT ON COLUMN portal_sessions.member_id IS 'Who signed in.';
COMMENT ON COLUMN portal_sessions.token_hash IS 'SHA-256 of the cookie''s value.';
COMMENT ON COLUMN portal_sessions.created_at IS 'When they signed in.';
COMMENT ON COLUMN portal_sessions.seen_at IS 'When it was last used, to the minute; idle sessions end.';
COMMENT ON COLUMN portal_sessions.expires_at IS 'When it ends whatever happens.';
CALL patchbay_wall_tenant('portal_sessions');

CREATE TABLE audit (
    audit_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    environment_id uuid,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant_id, audit_id);
COMMENT ON TABLE audit IS 'Who did what to which thing. Rows are only ever added.';
COMMENT ON COLUMN audit.audit_id IS 'The row; ids sort by time.';
COMMENT ON COLUMN audit.tenant_id IS 'Whose history it belongs to.';
COMMENT ON COLUMN audit.environment_id IS 'The environment, if it concerns one.';
COMMENT ON COLUMN audit.actor IS 'Who: an API key, a member, the end user of a connect session, the operator, or the system.';
COMMENT ON COLUMN audit.action IS 'What was done, such as connection.created.';
COMMENT ON COLUMN audit.subject IS 'The id of the thing.';
COMMENT ON COLUMN audit.detail IS 'What else is worth knowing; never a secret.';
COMMENT ON COLUMN audit.at IS 'When.';
CALL patchbay_wall_tenant('audit');
REVOKE UPDATE, DELETE ON audit FROM patchbay_app;

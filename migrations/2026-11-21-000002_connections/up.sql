-- Providers configured in an environment, the accounts connected through them, and the way there.

CREATE TABLE provider_versions (
    provider_version_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    version integer NOT NULL CHECK (version > 0),
    manifest text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (environment_id, slug, version)
);
COMMENT ON TABLE provider_versions IS 'Providers that tenants described themselves, every version; the highest is in force. Rows do not change.';
COMMENT ON COLUMN provider_versions.provider_version_id IS 'The version.';
COMMENT ON COLUMN provider_versions.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN provider_versions.environment_id IS 'Where it is.';
COMMENT ON COLUMN provider_versions.slug IS 'The provider''s name; stands before an installed provider of the same name.';
COMMENT ON COLUMN provider_versions.version IS 'Counts from 1.';
COMMENT ON COLUMN provider_versions.manifest IS 'The manifest as it was sent, TOML.';
COMMENT ON COLUMN provider_versions.author IS 'Who sent it.';
COMMENT ON COLUMN provider_versions.created_at IS 'When.';
CALL patchbay_wall_environment('provider_versions');

CREATE TABLE integrations (
    integration_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    provider text NOT NULL,
    display_name text NOT NULL,
    client_id text,
    client_secret bytea,
    secrets bytea,
    secret_names text[] NOT NULL DEFAULT '{}',
    scopes text[],
    variables jsonb NOT NULL DEFAULT '{}',
    install_url text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (environment_id, slug)
);
COMMENT ON TABLE integrations IS 'Providers as configured in an environment.';
COMMENT ON COLUMN integrations.integration_id IS 'The integration.';
COMMENT ON COLUMN integrations.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN integrations.environment_id IS 'Where it is.';
COMMENT ON COLUMN integrations.slug IS 'What the tenant''s code calls it, unique within the environment.';
COMMENT ON COLUMN integrations.provider IS 'The slug of the provider''s manifest.';
COMMENT ON COLUMN integrations.display_name IS 'What end users read.';
COMMENT ON COLUMN integrations.client_id IS 'The OAuth client, if the provider asks for one.';
COMMENT ON COLUMN integrations.client_secret IS 'Its secret, sealed.';
COMMENT ON COLUMN integrations.secrets IS 'Values of the manifest''s integration-level secret variables, sealed together; null where there are none.';
COMMENT ON COLUMN integrations.secret_names IS 'Which secret variables are set.';
COMMENT ON COLUMN integrations.scopes IS 'What is asked for; null for the manifest''s list.';
COMMENT ON COLUMN integrations.variables IS 'Values of the manifest''s integration-level variables.';
COMMENT ON COLUMN integrations.install_url IS 'The tenant''s page to which browsers go on that arrive from the vendor''s marketplace; null where none do.';
COMMENT ON COLUMN integrations.created_at IS 'When it was configured.';
COMMENT ON COLUMN integrations.updated_at IS 'When it was last changed.';
CALL patchbay_wall_environment('integrations');

CREATE TABLE connections (
    connection_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL REFERENCES integrations,
    end_user_id text NOT NULL,
    end_user_name text,
    account text,
    account_name text,
    health text NOT NULL CHECK (health IN ('pending', 'active', 'needs_reauth', 'paused', 'revoked', 'deleting')),
    health_cause text,
    health_reason text NOT NULL,
    health_changed_at timestamptz NOT NULL,
    variables jsonb NOT NULL DEFAULT '{}',
    config jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    tags jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((health = 'needs_reauth') = (health_cause IS NOT NULL))
);
CREATE INDEX connections_by_environment ON connections (environment_id, connection_id);
CREATE INDEX connections_by_integration ON connections (integration_id, connection_id);
CREATE INDEX connections_by_end_user ON connections (environment_id, end_user_id);
COMMENT ON TABLE connections IS 'End users'' accounts at providers.';
COMMENT ON COLUMN connections.connection_id IS 'The connection.';
COMMENT ON COLUMN connections.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN connections.environment_id IS 'Where it is.';
COMMENT ON COLUMN connections.integration_id IS 'Through what it was made.';
COMMENT ON COLUMN connections.end_user_id IS 'The tenant''s own id of the end user.';
COMMENT ON COLUMN connections.end_user_name IS 'What the tenant calls the end user.';
COMMENT ON COLUMN connections.account IS 'The provider''s stable id of the account.';
COMMENT ON COLUMN connections.account_name IS 'What people call the account.';
COMMENT ON COLUMN connections.health IS 'State of the connection.';
COMMENT ON COLUMN connections.health_cause IS 'Why the end user must connect again; set in that state alone.';
COMMENT ON COLUMN connections.health_reason IS 'The state in words for a person.';
COMMENT ON COLUMN connections.health_changed_at IS 'Since when.';
COMMENT ON COLUMN connections.variables IS 'Values of the manifest''s connection-level variables.';
COMMENT ON COLUMN connections.config IS 'Configuration handed to the plugin.';
COMMENT ON COLUMN connections.metadata IS 'The tenant''s own notes.';
COMMENT ON COLUMN connections.tags IS 'The tenant''s own labels, filterable.';
COMMENT ON COLUMN connections.created_at IS 'When it was made.';
COMMENT ON COLUMN connections.updated_at IS 'When it was last changed.';
CALL patchbay_wall_environment('connections');

CREATE TABLE credentials (
    connection_id uuid PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    generation bigint NOT NULL,
    sealed bytea NOT NULL,
    refreshable boolean NOT NULL,
    expires_at timestamptz,
    scopes_granted text[],
    scopes_asked text[],
    fence bigint NOT NULL,
    answered bigint NOT NULL CHECK (answered <= fence),
    refresh_state text NOT NULL DEFAULT 'idle' CHECK (refresh_state IN ('idle', 'under_way', 'in_doubt')),
    lease_holder bigint,
    lease_until timestamptz,
    refresh_failures integer NOT NULL DEFAULT 0,
    refresh_not_before timestamptz,
    refresh_at timestamptz,
    updated_at timestamptz NOT NULL,
    CHECK ((refresh_state = 'under_way') = (lease_holder IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX credentials_refresh_at ON credentials (refresh_at) WHERE refresh_at IS NOT NULL;
COMMENT ON TABLE credentials IS 'The secret of each connection as it stands after its latest refresh.';
COMMENT ON COLUMN credentials.connection_id IS 'Whose secret it is.';
COMMENT ON COLUMN credentials.tenant_id IS 'The connection''s tenant.';
COMMENT ON COLUMN credentials.environment_id IS 'The connection''s environment.';
COMMENT ON COLUMN credentials.generation IS 'Counts refreshes and reconnects; a refresh commits only over the generation that it read.';
COMMENT ON COLUMN credentials.sealed IS 'The token set: AES-256-GCM under a data key, bound to this row.';
COMMENT ON COLUMN credentials.refreshable IS 'Whether a refresh token is in it.';
COMMENT ON COLUMN credentials.expires_at IS 'When the access token ends, if the provider said so.';
COMMENT ON COLUMN credentials.scopes_granted IS 'What was granted, if the provider said so.';
COMMENT ON COLUMN credentials.scopes_asked IS 'What was asked for when the account was connected; null where nothing is asked for.';
COMMENT ON COLUMN credentials.fence IS 'Fencing number of the latest refresh lease or reconnect.';
COMMENT ON COLUMN credentials.answered IS 'Fencing number of the lease or reconnect that brought what is stored.';
COMMENT ON COLUMN credentials.refresh_state IS 'idle; under_way: written before the provider is asked; in_doubt: it was asked, and nobody knows what it did.';
COMMENT ON COLUMN credentials.lease_holder IS 'The node that refreshes, by the number whose advisory lock it holds.';
COMMENT ON COLUMN credentials.lease_until IS 'Until when it does, by the clock of this database.';
COMMENT ON COLUMN credentials.refresh_failures IS 'Failed refreshes in a row.';
COMMENT ON COLUMN credentials.refresh_not_before IS 'After a failure: no refresh before this.';
COMMENT ON COLUMN credentials.refresh_at IS 'From when on it is refreshed although nobody asks for it; null where it does not end or cannot be refreshed.';
COMMENT ON COLUMN credentials.updated_at IS 'When this generation was committed.';
CALL patchbay_wall_environment('credentials');

CREATE TABLE connect_sessions (
    connect_session_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    token_hash bytea NOT NULL UNIQUE,
    end_user_id text NOT NULL,
    end_user_name text,
    integrations uuid[],
    reconnect_id uuid REFERENCES connections ON DELETE CASCADE,
    allowed_origins text[] NOT NULL,
    return_url text,
    language text,
    scopes text[],
    tags jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (state IN ('open', 'connected', 'revoked')),
    connection_id uuid REFERENCES connections ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE connect_sessions IS 'Short-lived grants to make or repair a connection.';
COMMENT ON COLUMN connect_sessions.connect_session_id IS 'The session.';
COMMENT ON COLUMN connect_sessions.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN connect_sessions.environment_id IS 'Where the connection will be.';
COMMENT ON COLUMN connect_sessions.token_hash IS 'SHA-256 of the token that the connect page shows.';
COMMENT ON COLUMN connect_sessions.end_user_id IS 'The tenant''s own id of the end user.';
COMMENT ON COLUMN connect_sessions.end_user_name IS 'What the tenant calls the end user.';
COMMENT ON COLUMN connect_sessions.integrations IS 'What may be picked; null for all of the environment.';
COMMENT ON COLUMN connect_sessions.reconnect_id IS 'The connection to repair, if it is for that.';
COMMENT ON COLUMN connect_sessions.allowed_origins IS 'Pages that may embed the connect page and hear its result.';
COMMENT ON COLUMN connect_sessions.return_url IS 'Where the same-tab flow ends.';
COMMENT ON COLUMN connect_sessions.language IS 'BCP 47 tag of the end user''s language.';
COMMENT ON COLUMN connect_sessions.scopes IS 'Asked for instead of the integration''s scopes; null for those.';
COMMENT ON COLUMN connect_sessions.tags IS 'Put on the connection that is made.';
COMMENT ON COLUMN connect_sessions.state IS 'Open until a connection is made or it is revoked; expiry is by time.';
COMMENT ON COLUMN connect_sessions.connection_id IS 'What came of it.';
COMMENT ON COLUMN connect_sessions.created_at IS 'When it was opened.';
COMMENT ON COLUMN connect_sessions.expires_at IS 'From when on it is refused.';
CALL patchbay_wall_environment('connect_sessions');

CREATE TABLE installs (
    install_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('arrived', 'claimed', 'used')),
    browser_hash bytea,
    code_hash bytea,
    kept bytea,
    variables jsonb NOT NULL DEFAULT '{}',
    connect_session_id uuid UNIQUE REFERENCES connect_sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((state = 'arrived') = (connect_session_id IS NULL)),
    CHECK (state <> 'used' OR kept IS NULL)
);
CREATE UNIQUE INDEX installs_told_once ON installs (integration_id, code_hash) WHERE browser_hash IS NULL;
CREATE INDEX installs_by_end ON installs (expires_at);
COMMENT ON TABLE installs IS 'Installs begun at a vendor''s marketplace, until a connect session claims them.';
COMMENT ON COLUMN installs.install_id IS 'The install; what the tenant claims it by.';
COMMENT ON COLUMN installs.tenant_id IS 'The integration''s tenant.';
COMMENT ON COLUMN installs.environment_id IS 'The integration''s environment.';
COMMENT ON COLUMN installs.integration_id IS 'Where it arrived.';
COMMENT ON COLUMN installs.state IS 'Arrived until a connect session claims it, claimed until the code is exchanged, then used.';
COMMENT ON COLUMN installs.browser_hash IS 'SHA-256 of the cookie that binds it to the browser that arrived; null where the vendor told us without one.';
COMMENT ON COLUMN installs.code_hash IS 'SHA-256 of the code, so that a vendor that tells it twice begins one install; null where no code came.';
COMMENT ON COLUMN installs.kept IS 'The code and what came with it, sealed; wiped when it is exchanged; null where no code came.';
COMMENT ON COLUMN installs.variables IS 'The connection''s values that the vendor told.';
COMMENT ON COLUMN installs.connect_session_id IS 'The session that claimed it.';
COMMENT ON COLUMN installs.created_at IS 'When it arrived.';
COMMENT ON COLUMN installs.expires_at IS 'From when on it is refused.';
CALL patchbay_wall_environment('installs');

CREATE TABLE connect_attempts (
    attempt_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    connect_session_id uuid NOT NULL REFERENCES connect_sessions ON DELETE CASCADE,
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('pending', 'consumed', 'connected', 'failed')),
    display text NOT NULL CHECK (display IN ('popup', 'redirect', 'device')),
    state_hash bytea NOT NULL UNIQUE,
    browser_hash bytea NOT NULL,
    kept bytea,
    variables jsonb NOT NULL DEFAULT '{}',
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX connect_attempts_by_session ON connect_attempts (connect_session_id, attempt_id);
COMMENT ON TABLE connect_attempts IS 'Tries at authorising within a connect session.';
COMMENT ON COLUMN connect_attempts.attempt_id IS 'The attempt.';
COMMENT ON COLUMN connect_attempts.tenant_id IS 'The session''s tenant.';
COMMENT ON COLUMN connect_attempts.environment_id IS 'The session''s environment.';
COMMENT ON COLUMN connect_attempts.connect_session_id IS 'The session it belongs to.';
COMMENT ON COLUMN connect_attempts.integration_id IS 'What was picked.';
COMMENT ON COLUMN connect_attempts.state IS 'Pending until the callback takes it, consumed while the code is exchanged, then connected or failed.';
COMMENT ON COLUMN connect_attempts.display IS 'Whether the provider''s page was opened in a popup or in the same tab, or a code is typed in on another device.';
COMMENT ON COLUMN connect_attempts.state_hash IS 'SHA-256 of the state parameter (RFC 6749 section 10.12).';
COMMENT ON COLUMN connect_attempts.browser_hash IS 'SHA-256 of the cookie that binds it to the browser that began it.';
COMMENT ON COLUMN connect_attempts.kept IS 'What the flow keeps until its end (PKCE verifier of RFC 7636, device code, secret fields), sealed; wiped at the end.';
COMMENT ON COLUMN connect_attempts.variables IS 'What the end user filled in.';
COMMENT ON COLUMN connect_attempts.failure_code IS 'Why it failed, as a stable code.';
COMMENT ON COLUMN connect_attempts.failure_detail IS 'The same in words, never a secret.';
COMMENT ON COLUMN connect_attempts.created_at IS 'When it was begun.';
COMMENT ON COLUMN connect_attempts.expires_at IS 'From when on the callback is refused.';
COMMENT ON COLUMN connect_attempts.finished_at IS 'When it ended.';
CALL patchbay_wall_environment('connect_attempts');

-- Webhooks of providers: our URLs that they are sent to, and what came there.

CREATE TABLE hooks (
    hook_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    connection_id uuid REFERENCES connections ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    token bytea NOT NULL,
    secret bytea,
    forwards boolean NOT NULL DEFAULT false,
    refused_at timestamptz,
    refusal text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((refused_at IS NULL) = (refusal IS NULL))
);
CREATE UNIQUE INDEX hooks_one_per_integration ON hooks (integration_id) WHERE connection_id IS NULL;
CREATE UNIQUE INDEX hooks_one_per_connection ON hooks (connection_id) WHERE connection_id IS NOT NULL;
COMMENT ON TABLE hooks IS 'Our URLs that providers send webhooks to: at most one of an integration, and one of each connection.';
COMMENT ON COLUMN hooks.hook_id IS 'The URL.';
COMMENT ON COLUMN hooks.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN hooks.environment_id IS 'Where it is.';
COMMENT ON COLUMN hooks.integration_id IS 'The integration whose provider sends there.';
COMMENT ON COLUMN hooks.connection_id IS 'The connection that all that comes there is about; null where what comes says whom it is about.';
COMMENT ON COLUMN hooks.token_hash IS 'SHA-256 of what stands in the URL, by which it is found.';
COMMENT ON COLUMN hooks.token IS 'The same, sealed: the URL is shown again.';
COMMENT ON COLUMN hooks.secret IS 'What deliveries are verified with, sealed; null until it is given. A connection without one has its integration''s.';
COMMENT ON COLUMN hooks.forwards IS 'Whether the tenant''s endpoints are told of each delivery.';
COMMENT ON COLUMN hooks.refused_at IS 'When a delivery was last refused; written at most every few seconds.';
COMMENT ON COLUMN hooks.refusal IS 'Why.';
COMMENT ON COLUMN hooks.created_at IS 'When it was made.';
COMMENT ON COLUMN hooks.updated_at IS 'When its secret or setting was last changed.';
CALL patchbay_wall_environment('hooks');

CREATE TABLE inbound_deliveries (
    inbound_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    hook_id uuid NOT NULL REFERENCES hooks ON DELETE CASCADE,
    fingerprint_hash bytea NOT NULL,
    content_hash bytea NOT NULL,
    is_repeat boolean NOT NULL,
    kept bytea,
    state text NOT NULL CHECK (state IN ('waiting', 'routed', 'ignored', 'failed')),
    reason text,
    event text,
    account text,
    syncs integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    forgotten_at timestamptz,
    UNIQUE (hook_id, fingerprint_hash),
    CHECK (state <> 'waiting' OR kept IS NOT NULL),
    CHECK ((state = 'waiting') = (processed_at IS NULL)),
    CHECK (forgotten_at IS NULL OR (state <> 'waiting' AND kept IS NULL AND event IS NULL AND account IS NULL))
);
CREATE INDEX inbound_deliveries_by_hook ON inbound_deliveries (hook_id, inbound_id DESC) WHERE forgotten_at IS NULL;
CREATE INDEX inbound_deliveries_by_content ON inbound_deliveries (hook_id, content_hash);
CREATE INDEX inbound_deliveries_by_environment ON inbound_deliveries (environment_id, inbound_id DESC)
    WHERE forgotten_at IS NULL;
CREATE INDEX inbound_deliveries_by_age ON inbound_deliveries (received_at);
CREATE INDEX inbound_deliveries_to_forget ON inbound_deliveries (received_at) WHERE forgotten_at IS NULL;
COMMENT ON TABLE inbound_deliveries IS 'Webhooks that came and were verified. What they held is forgotten after some days; what they are known by is kept for months, so that a replay is known.';
COMMENT ON COLUMN inbound_deliveries.inbound_id IS 'The delivery.';
COMMENT ON COLUMN inbound_deliveries.tenant_id IS 'The URL''s tenant.';
COMMENT ON COLUMN inbound_deliveries.environment_id IS 'The URL''s environment.';
COMMENT ON COLUMN inbound_deliveries.hook_id IS 'Where it came.';
COMMENT ON COLUMN inbound_deliveries.fingerprint_hash IS 'What tells it from all others; a second one of the same is a replay and is not taken in.';
COMMENT ON COLUMN inbound_deliveries.content_hash IS 'SHA-256 of what was signed.';
COMMENT ON COLUMN inbound_deliveries.is_repeat IS 'Whether the same was signed before, and nothing tells a replay from news: then its streams are pulled, and nothing else is done.';
COMMENT ON COLUMN inbound_deliveries.kept IS 'Headers, query and raw body, sealed; gone once it is processed, unless the tenant is told of each delivery and may read it.';
COMMENT ON COLUMN inbound_deliveries.state IS 'Waiting; then routed to syncs, ignored, or given up.';
COMMENT ON COLUMN inbound_deliveries.reason IS 'Why it was ignored or given up.';
COMMENT ON COLUMN inbound_deliveries.event IS 'The kind of event, where the manifest says where it lies.';
COMMENT ON COLUMN inbound_deliveries.account IS 'The provider''s id of the account, likewise.';
COMMENT ON COLUMN inbound_deliveries.syncs IS 'How many syncs were to run because of it.';
COMMENT ON COLUMN inbound_deliveries.received_at IS 'When it came.';
COMMENT ON COLUMN inbound_deliveries.processed_at IS 'When it was processed or given up.';
COMMENT ON COLUMN inbound_deliveries.forgotten_at IS 'When what it held was forgotten; from then on it is only known again, and shown to nobody.';
CALL patchbay_wall_environment('inbound_deliveries');

-- Whose account a webhook is about.
CREATE INDEX connections_by_account ON connections (integration_id, account) WHERE account IS NOT NULL;

-- What comes to an integration's URL may be about any of its connections: who reaches all of them sees it.
CREATE POLICY reach ON hooks AS RESTRICTIVE TO patchbay_bound USING (CASE
    WHEN connection_id IS NOT NULL THEN EXISTS (SELECT FROM connections c WHERE c.connection_id = hooks.connection_id)
    ELSE current_setting('patchbay.reach_connections', true) = '*' AND current_setting('patchbay.reach_tags', true) = '*'
        AND EXISTS (SELECT FROM integrations i WHERE i.integration_id = hooks.integration_id)
    END);
CREATE POLICY reach ON inbound_deliveries AS RESTRICTIVE TO patchbay_bound USING (
    EXISTS (SELECT FROM hooks h WHERE h.hook_id = inbound_deliveries.hook_id));

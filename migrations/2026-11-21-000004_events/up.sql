-- What happened, who is told, and each telling.

CREATE TABLE events (
    event_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    kind text NOT NULL,
    connection_id uuid,
    data jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX events_by_environment ON events (environment_id, event_id);
COMMENT ON TABLE events IS 'What happened, as tenants are told. Written in the transaction in which it happened.';
COMMENT ON COLUMN events.event_id IS 'The event; the webhook-id of its deliveries.';
COMMENT ON COLUMN events.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN events.environment_id IS 'Where it is.';
COMMENT ON COLUMN events.kind IS 'What happened, such as sync.succeeded.';
COMMENT ON COLUMN events.connection_id IS 'The connection it concerns.';
COMMENT ON COLUMN events.data IS 'Thin payload: ids and counts.';
COMMENT ON COLUMN events.at IS 'When.';
CALL patchbay_wall_environment('events');

CREATE TABLE endpoints (
    endpoint_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    url text NOT NULL,
    description text,
    kinds text[],
    secret bytea NOT NULL,
    disabled_at timestamptz,
    disabled_reason text,
    created_at timestamptz NOT NULL
);
CREATE INDEX endpoints_by_environment ON endpoints (environment_id, endpoint_id);
COMMENT ON TABLE endpoints IS 'Tenants'' URLs that are told of events.';
COMMENT ON COLUMN endpoints.endpoint_id IS 'The endpoint.';
COMMENT ON COLUMN endpoints.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN endpoints.environment_id IS 'Where it is.';
COMMENT ON COLUMN endpoints.url IS 'Where to post.';
COMMENT ON COLUMN endpoints.description IS 'The tenant''s note.';
COMMENT ON COLUMN endpoints.kinds IS 'Which events; null for all.';
COMMENT ON COLUMN endpoints.secret IS 'Signing secret, sealed.';
COMMENT ON COLUMN endpoints.disabled_at IS 'Since when it is told nothing.';
COMMENT ON COLUMN endpoints.disabled_reason IS 'Why.';
COMMENT ON COLUMN endpoints.created_at IS 'When it was added.';
CALL patchbay_wall_environment('endpoints');

CREATE TABLE deliveries (
    delivery_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    endpoint_id uuid NOT NULL REFERENCES endpoints ON DELETE CASCADE,
    connection_id uuid,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'parked')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_status integer,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    UNIQUE (event_id, endpoint_id)
);
CREATE INDEX deliveries_by_environment ON deliveries (environment_id, delivery_id DESC);
CREATE INDEX deliveries_in_order ON deliveries (endpoint_id, connection_id, delivery_id) WHERE state = 'pending';
COMMENT ON TABLE deliveries IS 'The telling of one event to one endpoint.';
COMMENT ON COLUMN deliveries.delivery_id IS 'The delivery.';
COMMENT ON COLUMN deliveries.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN deliveries.environment_id IS 'Where it is.';
COMMENT ON COLUMN deliveries.event_id IS 'What is told.';
COMMENT ON COLUMN deliveries.endpoint_id IS 'Who is told.';
COMMENT ON COLUMN deliveries.connection_id IS 'The connection it concerns; an endpoint hears of one connection in order.';
COMMENT ON COLUMN deliveries.state IS 'Pending until delivered, or parked for replay after days of tries.';
COMMENT ON COLUMN deliveries.attempts IS 'Tries so far, since it was last begun.';
COMMENT ON COLUMN deliveries.next_attempt_at IS 'When the next try is due.';
COMMENT ON COLUMN deliveries.last_status IS 'HTTP status of the last try, if there was an answer.';
COMMENT ON COLUMN deliveries.created_at IS 'When the event happened.';
COMMENT ON COLUMN deliveries.finished_at IS 'When it was delivered or parked.';
CALL patchbay_wall_environment('deliveries');

CREATE TABLE delivery_attempts (
    delivery_attempt_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    delivery_id uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    at timestamptz NOT NULL,
    status integer,
    elapsed_ms integer NOT NULL,
    error text,
    response text
);
CREATE INDEX delivery_attempts_by_delivery ON delivery_attempts (delivery_id, delivery_attempt_id);
COMMENT ON TABLE delivery_attempts IS 'Each try of a delivery, with what came of it.';
COMMENT ON COLUMN delivery_attempts.delivery_attempt_id IS 'The try.';
COMMENT ON COLUMN delivery_attempts.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN delivery_attempts.environment_id IS 'Where it is.';
COMMENT ON COLUMN delivery_attempts.delivery_id IS 'Of which delivery.';
COMMENT ON COLUMN delivery_attempts.at IS 'When it began.';
COMMENT ON COLUMN delivery_attempts.status IS 'HTTP status, if there was an answer.';
COMMENT ON COLUMN delivery_attempts.elapsed_ms IS 'Milliseconds until the answer or the error.';
COMMENT ON COLUMN delivery_attempts.error IS 'Why there was no answer.';
COMMENT ON COLUMN delivery_attempts.response IS 'The first kilobyte of the answer.';
CALL patchbay_wall_environment('delivery_attempts');

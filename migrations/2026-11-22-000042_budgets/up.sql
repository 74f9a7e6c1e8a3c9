-- What keeps neighbours apart: tenants' weights, and what of providers' limits has been handed out to whom.

ALTER TABLE tenants ADD COLUMN weight smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100);
COMMENT ON COLUMN tenants.weight IS 'Its share of the workers'' places, against tenants of weight 1, while others wait.';

-- Not logged: what it says is old after a provider's window, and to hand calls out must not wait for a disk. A database
-- that crashed begins with full budgets, and at worst a provider sees one window's calls twice.
CREATE UNLOGGED TABLE rate_budgets (
    budget_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    environment_id uuid NOT NULL REFERENCES environments,
    integration_id uuid NOT NULL REFERENCES integrations ON DELETE CASCADE,
    connection_id uuid REFERENCES connections ON DELETE CASCADE,
    slot_micros bigint NOT NULL CHECK (slot_micros > 0),
    slots bigint[] NOT NULL,
    calls bigint[] NOT NULL,
    closed_until timestamptz,
    CHECK (cardinality(slots) = cardinality(calls))
) WITH (fillfactor = 50);
CREATE INDEX rate_budgets_by_integration ON rate_budgets (integration_id);
CREATE INDEX rate_budgets_by_connection ON rate_budgets (connection_id) WHERE connection_id IS NOT NULL;
COMMENT ON TABLE rate_budgets IS 'What all nodes together may still ask of a provider: calls handed out lately, by the time of handing out.';
COMMENT ON COLUMN rate_budgets.budget_id IS 'The connection''s id for its own limit, the integration''s for that of all its connections.';
COMMENT ON COLUMN rate_budgets.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN rate_budgets.environment_id IS 'Where it is.';
COMMENT ON COLUMN rate_budgets.integration_id IS 'The integration.';
COMMENT ON COLUMN rate_budgets.connection_id IS 'The connection; null for the limit of the integration as a whole.';
COMMENT ON COLUMN rate_budgets.slot_micros IS 'How long a slot is, in microseconds.';
COMMENT ON COLUMN rate_budgets.slots IS 'Slots that still count: microseconds since 1970 divided by their length, oldest first.';
COMMENT ON COLUMN rate_budgets.calls IS 'Calls handed out in each of them and not given back.';
COMMENT ON COLUMN rate_budgets.closed_until IS 'The provider asked not to be called before then.';
CALL patchbay_wall_environment('rate_budgets');
-- Nobody's to see but the system's.
CREATE POLICY reach ON rate_budgets AS RESTRICTIVE TO patchbay_bound USING (false);

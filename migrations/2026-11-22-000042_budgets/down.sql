DROP TABLE rate_budgets;
ALTER TABLE tenants DROP COLUMN weight;

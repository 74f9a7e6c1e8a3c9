DROP INDEX connections_by_account;
DROP TABLE inbound_deliveries;
DROP TABLE hooks;

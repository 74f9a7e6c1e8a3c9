DROP TABLE record_keys, record_upkeep, record_policies;
ALTER TABLE syncs DROP COLUMN largest_record;

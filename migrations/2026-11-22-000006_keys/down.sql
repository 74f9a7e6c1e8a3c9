DROP TABLE key_rewraps;
DROP INDEX credentials_by_environment;
ALTER TABLE tenants DROP COLUMN keys_destroyed_at;
ALTER TABLE data_keys DROP COLUMN born_version, DROP COLUMN wrapped_at, DROP COLUMN messages;
COMMENT ON COLUMN data_keys.wrapped IS 'The key as wrapped by the key service; of no use without it.';

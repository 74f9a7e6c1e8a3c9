DROP TABLE audit, portal_sessions, members, api_keys, data_keys, environments, tenants;
DROP PROCEDURE patchbay_wall_tenant(regclass);
DROP PROCEDURE patchbay_wall_environment(regclass);
DROP FUNCTION patchbay_system();
DROP FUNCTION patchbay_environment();
DROP FUNCTION patchbay_tenant();
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM patchbay_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM patchbay_app;
REVOKE USAGE ON SCHEMA public FROM patchbay_app;
-- The role stays: other databases of the cluster may use it.

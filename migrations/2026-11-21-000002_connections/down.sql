DROP TABLE connect_attempts, installs, connect_sessions, credentials, connections, integrations, provider_versions;

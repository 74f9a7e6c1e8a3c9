DROP TABLE connect_attempts, connect_sessions, credentials, connections, integrations, provider_versions;

//! Postgres, the only database. A transaction says whose data it may touch when it begins ([`Store::begin`]); the
//! repositories hang off it, so a query outside a tenant and environment cannot be written by accident, and row-level
//! security stands behind it.

mod api_keys;
mod audit;
mod bell;
mod clean_up;
mod connect_attempts;
mod connect_sessions;
mod connections;
mod credentials;
mod data_keys;
mod deliveries;
mod endpoints;
mod error;
mod events;
mod installs;
mod integrations;
mod jobs;
mod json;
mod listen;
mod members;
mod migrate;
mod pool;
mod prepared;
mod provider_versions;
mod records;
mod runs;
mod schema;
mod syncs;
mod tenants;
mod tx;
mod words;

pub use api_keys::{ApiKeyRow, ApiKeys};
pub use audit::NewAudit;
pub use connect_attempts::{AttemptRow, ConnectAttempts, Presented};
pub use connect_sessions::{ConnectSessionRow, ConnectSessions, FirstSync};
pub use connections::{ConnectionContext, ConnectionFilter, ConnectionRow, Connections};
pub use credentials::{CredentialRow, Credentials, Lease, NewCredential};
pub use data_keys::{DataKeyRow, DataKeys};
pub use deliveries::{Deliveries, DeliveryAttemptRow, DeliveryRow, NewDelivery, Telling, Verdict};
pub use endpoints::{EndpointRow, Endpoints};
pub use error::StoreError;
pub use events::{Events, NewEvent};
pub use installs::{InstallRow, Installs};
pub use integrations::{IntegrationRow, Integrations};
pub use jobs::{Claim, ClaimedJob, JobLease, Jobs, NewJob};
pub use listen::{Listener, Notice, Subscription};
pub use members::{MemberRow, PortalSessionRow};
pub use migrate::{MigrationState, migrate, migration_state};
pub use pool::StoreConfig;
pub use provider_versions::{ProviderVersionRow, ProviderVersions};
pub use records::{Difference, NewRecord, PagePlace, RecordRow, Records};
pub use runs::{LogRow, RunFailure, RunFence, RunRow, Runs};
pub use syncs::{DueSync, LastRun, NewSync, SyncRow, Syncs};
pub use tenants::{EnvironmentRow, TenantRow};
pub use tx::{Store, System, Tx};

//! The store against a real Postgres: what its promises rest on is there, so that is where they are kept or broken.

mod budgets;
mod deliveries;
mod inbound;
mod jobs;
mod providers;
mod records;
mod transactions;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Scope, clock::Clock, entropy::Entropy, mint::Mint};
use ids::{ConnectionId, EnvironmentId, IntegrationId, TenantId};
use store::{Store, StoreConfig};

use crate::support::Database;

/// A store over a database of its own, as the role that the server takes on.
pub struct Ground {
    pub store: Store,
    pub mint: Mint,
    database: Database,
}

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

/// Counts, so that no two ids are the same and each is larger than the one before.
#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_be_bytes();
        buffer.fill(0);
        let at = buffer.len().saturating_sub(next.len());
        let wanted = buffer.len() - at;
        buffer[at..].copy_from_slice(&next[next.len() - wanted..]);
    }
}

pub fn now() -> DateTime<Utc> {
    use chrono::SubsecRound as _;
    Utc::now().trunc_subsecs(6)
}

impl Ground {
    pub async fn new() -> Self {
        let database = Database::clone_template().await;
        let config =
            StoreConfig { url: database.url(), max_connections: 8, wait_ms: 5_000, role: "patchbay_app".into() };
        let mint = Mint::new(Arc::new(RealClock), Arc::new(Counting::default()));
        Self { store: Store::new(&config).unwrap(), mint, database }
    }

    /// A tenant with an environment and an active connection.
    pub async fn connection(&self) -> (Scope, ConnectionId) {
        let scope = Scope { tenant: self.mint.id(TenantId::new), environment: self.mint.id(EnvironmentId::new) };
        let (integration, connection) = (self.mint.id(IntegrationId::new), self.mint.id(ConnectionId::new));
        let (t, e, i, c) = (scope.tenant.uuid(), scope.environment.uuid(), integration.uuid(), connection.uuid());
        self.sql(&format!(
            "INSERT INTO tenants VALUES ('{t}', 't{}', 'T', now());
             INSERT INTO environments VALUES ('{e}', '{t}', 'dev', 'Dev', now());
             INSERT INTO integrations (integration_id, tenant_id, environment_id, slug, provider, display_name, created_at, updated_at)
                 VALUES ('{i}', '{t}', '{e}', 'a', 'a', 'A', now(), now());
             INSERT INTO connections (connection_id, tenant_id, environment_id, integration_id, end_user_id, health,
                 health_reason, health_changed_at, created_at, updated_at)
                 VALUES ('{c}', '{t}', '{e}', '{i}', 'u', 'active', '', now(), now(), now())",
            t.simple()
        ))
        .await;
        (scope, connection)
    }

    pub async fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.database.sql(sql).await
    }

    /// The one value of a query.
    pub async fn one(&self, sql: &str) -> String {
        self.sql(sql).await[0][0].clone().unwrap_or_default()
    }
}

//! Rate budgets, gates and breakers that all nodes share: what egress asks of the outside world, over the store.
//!
//! * Calls are leased from the row that the limit has in the database ([`store::Tx::lease_calls`]); how much, when anew and
//!   what happens while the database is away is egress' to decide, and why the limit holds is told in `domain::budget`.
//! * That a provider asked to be left alone, keeps failing, or is well again, is told by a notice. A notice that is lost
//!   costs a node what the first one paid: it hears the same from the provider.

use std::time::Duration;

use async_trait::async_trait;
use egress::{
    BudgetOf, Egress, SharedBudget,
    budget::{Ask, Leased, Unshared},
};
use ids::IntegrationId;
use store::{Notice, ProviderWord, Store, StoreError};

/// Budgets shared by way of the database.
pub struct ClusterBudget {
    store: Store,
}

impl ClusterBudget {
    /// Over that store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    async fn lease_calls(&self, ask: &Ask) -> Result<Leased, StoreError> {
        let mut tx = self.store.begin_system().await?;
        let of = (ask.of.integration, ask.of.connection);
        let leased = tx.lease_calls(of, ask.limit, ask.want, &ask.unused).await?;
        tx.commit().await?;
        Ok(Leased { grant: leased.grant, closed_for: leased.closed_for })
    }

    async fn tell(&self, word: ProviderWord) {
        let told = async {
            let mut tx = self.store.begin_system().await?;
            tx.tell_of_provider(&word).await?;
            tx.commit().await
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "the other nodes were not told of a provider; they will hear it from the provider");
        }
    }
}

#[async_trait]
impl SharedBudget for ClusterBudget {
    async fn lease(&self, ask: Ask) -> Result<Leased, Unshared> {
        self.lease_calls(&ask).await.map_err(|error| match error {
            StoreError::NotFound => Unshared::Unknown,
            error => {
                tracing::debug!(%error, "no calls were leased");
                Unshared::Away
            }
        })
    }

    async fn close(&self, of: BudgetOf, wait: Duration) {
        let BudgetOf { integration, connection } = of;
        self.tell(ProviderWord::Close { integration, connection, wait_ms: millis(wait) }).await;
    }

    async fn opened(&self, integration: IntegrationId, host: &str, rest: Duration) {
        self.tell(ProviderWord::Rest { integration, host: host.to_owned(), wait_ms: millis(rest) }).await;
    }

    async fn closed(&self, integration: IntegrationId, host: &str) {
        self.tell(ProviderWord::Well { integration, host: host.to_owned() }).await;
    }
}

/// Has egress know what another node found out about a provider.
pub fn hear(egress: &Egress, notice: &Notice) {
    match ProviderWord::heard(notice) {
        Some(ProviderWord::Close { integration, connection, wait_ms }) => {
            egress.close(BudgetOf { integration, connection }, Duration::from_millis(wait_ms));
        }
        Some(ProviderWord::Rest { integration, host, wait_ms }) => {
            egress.hear(integration, &host, Some(Duration::from_millis(wait_ms)));
        }
        Some(ProviderWord::Well { integration, host }) => egress.hear(integration, &host, None),
        None => {}
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

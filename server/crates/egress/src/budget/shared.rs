//! What nodes share of a budget. Here the outside world begins: who implements this has a place that all nodes reach.

use std::time::Duration;

use async_trait::async_trait;
use domain::budget::{Grant, Limit, Unused};
use ids::{ConnectionId, IntegrationId};

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BudgetOf {
    /// The integration.
    pub integration: IntegrationId,
    /// The connection, for its own limit; `None` for the limit of the whole integration.
    pub connection: Option<ConnectionId>,
}

/// Asks for calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Of which limit.
    pub of: BudgetOf,
    /// What it is.
    pub limit: Limit,
    /// So many; 0 only gives back.
    pub want: u32,
    /// What was granted before and was not made in time.
    pub unused: Vec<Unused>,
}

/// What was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// The calls.
    pub grant: Grant,
    /// The provider asked some node not to be called for so long from now.
    pub closed_for: Option<Duration>,
}

/// Why nothing was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unshared {
    /// What is shared cannot be reached just now.
    #[error("the shared budget cannot be reached")]
    Away,
    /// Nobody else knows this integration or connection: it is being made, or is gone. So nobody else spends its limit.
    #[error("nobody else has this budget")]
    Unknown,
}

/// Hands out calls so that all nodes together keep to a limit.
#[async_trait]
pub trait SharedBudget: Send + Sync + 'static {
    /// Hands out calls, to be made within [`Limit::lives`] from when this was called.
    ///
    /// # Errors
    /// [`Unshared`].
    async fn lease(&self, ask: Ask) -> Result<Leased, Unshared>;

    /// Tells the others that a provider asked not to be called for so long. If that fails they will hear it from the
    /// provider.
    async fn close(&self, of: BudgetOf, wait: Duration);

    /// Tells the others that a host of an integration keeps failing and is left alone for so long.
    async fn opened(&self, integration: IntegrationId, host: &str, rest: Duration);

    /// Tells the others that it is well again.
    async fn closed(&self, integration: IntegrationId, host: &str);
}

//! Removes sessions, runs, events and dead jobs that are too old for anybody to ask for.

use std::time::Duration;

use async_trait::async_trait;
use flows::Services;
use store::StoreError;

use super::rounds::Round;

/// Rows of a kind in one transaction.
const BATCH: i64 = 1_000;

pub(super) struct CleanUp;

#[async_trait]
impl Round for CleanUp {
    fn name(&self) -> &'static str {
        "clean up"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        let mut tx = services.store.begin_system().await?;
        let removed = tx.clean_up(services.now(), BATCH).await?;
        tx.commit().await?;
        let mut has_more = false;
        for (what, rows) in removed {
            tracing::info!(what, rows, "removed what is too old");
            has_more |= i64::try_from(rows).unwrap_or(i64::MAX) >= BATCH;
        }
        Ok(has_more)
    }
}

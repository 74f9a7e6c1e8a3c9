//! Takes the jobs of workers that died back into the queue.

use std::time::Duration;

use async_trait::async_trait;
use flows::Services;
use store::StoreError;

use super::rounds::Round;

/// Its name.
pub(super) const NAME: &str = "reap";

pub(super) struct Reap;

#[async_trait]
impl Round for Reap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        let mut tx = services.store.begin_system().await?;
        let reaped = tx.jobs().reap(services.now()).await?;
        tx.commit().await?;
        if reaped > 0 {
            tracing::warn!(jobs = reaped, "workers were not heard of any more; their jobs wait for others");
        }
        Ok(false)
    }
}

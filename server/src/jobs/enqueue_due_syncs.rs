//! Puts syncs that are due into the queue.

use std::time::Duration;

use async_trait::async_trait;
use flows::{Services, sync};
use store::StoreError;

use super::rounds::Round;

pub(super) struct EnqueueDueSyncs;

#[async_trait]
impl Round for EnqueueDueSyncs {
    fn name(&self) -> &'static str {
        "enqueue due syncs"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        Ok(sync::enqueue_due(services).await? > 0)
    }
}

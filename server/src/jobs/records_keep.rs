//! Removes records that are kept no longer, and seals those that shall lie sealed.

use std::time::Duration;

use async_trait::async_trait;
use flows::{Services, record};
use store::StoreError;

use super::rounds::Round;

pub(super) struct RecordsKeep;

#[async_trait]
impl Round for RecordsKeep {
    fn name(&self) -> &'static str {
        "upkeep of records"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        let kept = record::keep(services).await?;
        if kept.removed + kept.emptied + kept.sealed > 0 {
            tracing::info!(removed = kept.removed, emptied = kept.emptied, sealed = kept.sealed, "upkeep of records");
        }
        Ok(kept.has_more)
    }
}

//! Refreshes credentials before anybody asks for them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use flows::{
    Services,
    credentials::{Proactive, refresh_due},
};
use store::StoreError;

use super::rounds::Round;

#[derive(Default)]
pub(super) struct RefreshDue(Arc<Proactive>);

#[async_trait]
impl Round for RefreshDue {
    fn name(&self) -> &'static str {
        "refresh due credentials"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        refresh_due(services, &self.0).await
    }
}

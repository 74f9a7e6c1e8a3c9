//! What every node does from time to time, beside the jobs of the table.

use std::time::Duration;

use async_trait::async_trait;
use domain::entropy;
use flows::Services;
use store::StoreError;
use tokio_util::sync::CancellationToken;

/// One such thing.
#[async_trait]
pub(super) trait Round: Send + Sync + 'static {
    /// Its name in the log.
    fn name(&self) -> &'static str;
    /// How often.
    fn every(&self) -> Duration;
    /// Does it. Gives whether there is more to do at once.
    async fn go(&self, services: &Services) -> Result<bool, StoreError>;
}

/// Goes round until told to stop. A failure is told and the next round goes as if nothing had been.
pub(super) async fn go_round(services: Services, round: Box<dyn Round>, stop: CancellationToken) {
    let mut wait = Duration::ZERO;
    let mut is_failing = false;
    while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        match round.go(&services).await {
            Ok(has_more) => {
                is_failing = false;
                wait = if has_more { Duration::ZERO } else { spread(&services, round.every()) };
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(round = round.name(), %error, "did not work; trying again");
                }
                is_failing = true;
                wait = spread(&services, round.every().min(Duration::from_secs(5)));
            }
        }
    }
}

/// The wait, up to a quarter shorter, so that nodes do not go in step.
fn spread(services: &Services, wait: Duration) -> Duration {
    let [roll] = entropy::bytes::<1>(services.entropy.as_ref());
    wait - wait * u32::from(roll) / 1024
}

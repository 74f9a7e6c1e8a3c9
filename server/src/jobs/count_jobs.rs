//! Counts jobs for the metrics.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use flows::Services;
use store::StoreError;

use super::{registry, rounds::Round};

pub(super) struct CountJobs;

#[async_trait]
impl Round for CountJobs {
    fn name(&self) -> &'static str {
        "count jobs"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn go(&self, services: &Services) -> Result<bool, StoreError> {
        let mut tx = services.store.begin_system().await?;
        let counts = tx.jobs().counts().await?;
        tx.commit().await?;
        let counts: HashMap<(String, String), i64> =
            counts.into_iter().map(|(queue, state, count)| ((queue, state), count)).collect();
        // A state without jobs is told too, or the last count would stand for ever.
        for job in registry::jobs() {
            for state in ["waiting", "running", "dead"] {
                let count = counts.get(&(job.queue().to_owned(), state.to_owned())).copied().unwrap_or_default();
                let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                metrics::gauge!("patchbay_jobs", "queue" => job.queue(), "state" => state).set(count);
            }
        }
        Ok(false)
    }
}

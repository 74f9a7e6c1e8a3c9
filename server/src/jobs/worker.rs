//! The worker of one process.

use std::{sync::Arc, time::Duration};

use domain::entropy;
use flows::Services;
use store::Listener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{lane, reap, registry, rounds};

/// Claims and runs jobs until it is drained. Survives a database that goes away and comes back.
pub struct Worker {
    stop: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
}

/// What all lanes of a worker share.
#[derive(Clone)]
pub(super) struct Shared {
    pub services: Services,
    pub listener: Arc<Listener>,
    /// The worker's name in the table.
    pub name: Arc<str>,
    /// Claim no more.
    pub stop: CancellationToken,
    /// Let go of what still runs.
    pub abort: CancellationToken,
    pub tasks: TaskTracker,
}

impl Worker {
    /// Begins to work, on the runtime of the caller, with up to `concurrency` jobs of each queue at a time.
    #[must_use]
    pub fn start(services: &Services, listener: &Arc<Listener>, concurrency: usize) -> Self {
        Self::start_where(services, listener, concurrency, |_| true)
    }

    /// Begins to work on one queue alone, for a command that waits for what it has put there. Jobs of workers that have
    /// died are taken back, as every worker does.
    #[must_use]
    pub fn start_on(services: &Services, listener: &Arc<Listener>, queue: &str) -> Self {
        Self::start_where(services, listener, 1, |name| name == queue || name == reap::NAME)
    }

    fn start_where(
        services: &Services,
        listener: &Arc<Listener>,
        concurrency: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let worker =
            Self { stop: CancellationToken::new(), abort: CancellationToken::new(), tasks: TaskTracker::new() };
        let random = entropy::bytes::<4>(services.entropy.as_ref());
        let shared = Shared {
            services: services.clone(),
            listener: Arc::clone(listener),
            name: format!("{}-{}", std::process::id(), hex::encode(random)).into(),
            stop: worker.stop.clone(),
            abort: worker.abort.clone(),
            tasks: worker.tasks.clone(),
        };
        tracing::info!(worker = %shared.name, concurrency, "working");
        for job in registry::jobs().into_iter().filter(|job| wanted(job.queue())) {
            worker.tasks.spawn(lane::work(shared.clone(), Arc::from(job), concurrency));
        }
        for round in registry::rounds().into_iter().filter(|round| wanted(round.name())) {
            worker.tasks.spawn(rounds::go_round(services.clone(), round, worker.stop.clone()));
        }
        worker
    }

    /// Claims no more, lets what runs end within this time, then lets go of the rest: those jobs are put back into the
    /// queue for other workers, without the try being counted.
    pub async fn drain(self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            self.abort.cancel();
            // Putting back takes a query each; a database that is away does not hold us up for ever.
            if tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await.is_err() {
                tracing::warn!(
                    tasks = self.tasks.len(),
                    "stopped with jobs under way; others take them over when the leases end"
                );
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

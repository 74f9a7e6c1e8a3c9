//! The worker of one process.

use std::{sync::Arc, time::Duration};

use domain::{entropy, turns::Caps};
use flows::Services;
use store::Listener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{lane, reap, registry, rounds};
use crate::config;

/// How many jobs of each kind a worker runs at a time, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Altogether.
    pub(super) all: usize,
    /// Of one tenant, and calling one party.
    pub(super) caps: Caps,
    /// About one connection, on all nodes together.
    pub(super) per_connection: i64,
}

impl Places {
    fn of(all: usize, (tenant, party): (usize, usize), per_connection: u32) -> Self {
        let share = |hundredths: usize| all.saturating_mul(hundredths).div_ceil(100).max(1);
        let caps = Caps { per_tenant: share(tenant), per_party: share(party) };
        Self { all, caps, per_connection: per_connection.into() }
    }
}

impl From<&config::Worker> for Places {
    fn from(config: &config::Worker) -> Self {
        Self::of(config.concurrency, (config.tenant_share, config.party_share), config.per_connection)
    }
}

/// So many, shared as the default configuration shares them.
impl From<usize> for Places {
    fn from(all: usize) -> Self {
        Self::of(all, (75, 75), 4)
    }
}

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
    /// Begins to work, on the runtime of the caller, with so many places for the jobs of each queue.
    #[must_use]
    pub fn start(services: &Services, listener: &Arc<Listener>, places: impl Into<Places>) -> Self {
        Self::start_where(services, listener, places.into(), |_| true)
    }

    /// Begins to work on one queue alone, for a command that waits for what it has put there. Jobs of workers that have
    /// died are taken back, as every worker does.
    #[must_use]
    pub fn start_on(services: &Services, listener: &Arc<Listener>, queue: &str) -> Self {
        Self::start_where(services, listener, Places::from(1), |name| name == queue || name == reap::NAME)
    }

    fn start_where(
        services: &Services,
        listener: &Arc<Listener>,
        places: Places,
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
        tracing::info!(worker = %shared.name, places = places.all, "working");
        for job in registry::jobs().into_iter().filter(|job| wanted(job.queue())) {
            worker.tasks.spawn(lane::work(shared.clone(), Arc::from(job), places));
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

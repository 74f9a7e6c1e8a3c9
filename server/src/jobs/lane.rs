//! One queue: claims jobs while there is room for them, and waits for a reason to look again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use store::{Claim, ClaimedJob, Notice, StoreError, Subscription};
use tokio::sync::{Notify, Semaphore};

use super::{job::Job, running, worker::Shared};

/// How long a lease holds without a heartbeat.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Jobs of one tenant and priority in one claim: tenants take turns.
const PER_TENANT: i64 = 4;
/// Without any notice the table is looked at so often.
const POLL: Duration = Duration::from_secs(2);
/// The longest wait for a database that is away.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Works on one queue until told to stop.
pub(super) async fn work(shared: Shared, job: Arc<dyn Job>, concurrency: usize) {
    let mut lane = Lane {
        room: Arc::new(Semaphore::new(concurrency)),
        freed: Arc::new(Notify::new()),
        notices: shared.listener.subscribe(),
        after: uuid::Uuid::nil(),
        shared,
        job,
    };
    let stop = lane.shared.stop.clone();
    let mut backoff = Duration::ZERO;
    while !stop.is_cancelled() {
        let wait = match lane.fill().await {
            Ok(wait) => {
                if !backoff.is_zero() {
                    tracing::info!(queue = lane.job.queue(), "claiming again");
                }
                backoff = Duration::ZERO;
                wait
            }
            Err(error) => {
                if backoff.is_zero() {
                    tracing::warn!(queue = lane.job.queue(), %error, "cannot claim jobs; trying again");
                }
                backoff = (backoff * 2).clamp(Duration::from_millis(200), LONGEST_BACKOFF);
                backoff
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = lane.reason_to_look(backoff.is_zero()) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Lane {
    shared: Shared,
    job: Arc<dyn Job>,
    room: Arc<Semaphore>,
    /// A job ended: there is room, and perhaps another job with its key.
    freed: Arc<Notify>,
    notices: Subscription,
    /// The tenant at which the last claim ended.
    after: uuid::Uuid,
}

impl Lane {
    /// Claims and starts jobs until there are none or no room. Gives how long to wait at most.
    async fn fill(&mut self) -> Result<Duration, StoreError> {
        while !self.shared.stop.is_cancelled() {
            let room = i64::try_from(self.room.available_permits()).unwrap_or(i64::MAX);
            if room == 0 {
                return Ok(POLL);
            }
            let (claimed, wait) = self.claim(room).await?;
            let begun_at = std::mem::take(&mut self.after);
            if i64::try_from(claimed.len()).unwrap_or_default() >= room {
                self.after = claimed.iter().map(|job| job.scope.tenant.uuid()).max().unwrap_or_default();
            }
            if claimed.is_empty() && begun_at.is_nil() {
                return Ok(wait);
            }
            for job in claimed {
                self.start(job);
            }
        }
        Ok(POLL)
    }

    async fn claim(&self, limit: i64) -> Result<(Vec<ClaimedJob>, Duration), StoreError> {
        let services = &self.shared.services;
        let mut tries = 0;
        loop {
            let now = services.now();
            let mut tx = services.store.begin_system().await?;
            let claim = Claim {
                queue: self.job.queue(),
                after: self.after,
                per_tenant: PER_TENANT,
                limit,
                worker: &self.shared.name,
                now,
                lease_until: now + LEASE,
            };
            tries += 1;
            let claimed = match tx.jobs().claim(claim).await {
                // Another worker took one of the same key at this moment; now that shows.
                Err(StoreError::Conflict { .. }) if tries < 5 => continue,
                other => other?,
            };
            let mut wait = POLL;
            if claimed.is_empty() {
                let due = tx.jobs().next_due(self.job.queue()).await?;
                // One that is due and was not claimed waits for its key; the end of that job is told.
                if let Some(until) = due.and_then(|due| (due - now).to_std().ok()).filter(|until| !until.is_zero()) {
                    wait = wait.min(until);
                }
            }
            tx.commit().await?;
            return Ok((claimed, wait));
        }
    }

    fn start(&self, claimed: ClaimedJob) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            // Room is only taken here, so there is some. If not, the lease ends and the job is claimed anew.
            tracing::error!(job.id = %claimed.lease.job, "claimed without room");
            return;
        };
        let (shared, job, freed) = (self.shared.clone(), Arc::clone(&self.job), Arc::clone(&self.freed));
        self.shared.tasks.spawn(async move {
            running::run(&shared, job.as_ref(), claimed).await;
            drop(place);
            freed.notify_one();
        });
    }

    /// Returns when jobs may have become claimable. While the database is away only the passing of time is a reason.
    async fn reason_to_look(&mut self, is_well: bool) {
        if !is_well {
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                () = self.freed.notified() => return,
                notice = self.notices.next() => match notice {
                    Some(Notice::Heard { channel, .. }) if channel != Notice::JOBS => {}
                    None => return std::future::pending().await,
                    Some(_) => return,
                },
            }
        }
    }
}

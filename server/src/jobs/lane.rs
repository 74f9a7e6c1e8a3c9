//! One queue: claims jobs while there is room for them, of those whose turn it is, and waits for a reason to look again.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::turns::{self, Turn, Turns, Waiting};
use store::{Claim, ClaimedJob, Notice, StoreError, Subscription, System, Tx};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{
    job::Job,
    running,
    worker::{Places, Shared},
};

/// How long a lease holds without a heartbeat.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
/// So many lanes of waiting jobs are looked at together. Where more wait, the next look goes on where this one ended.
const LANES: usize = 128;
/// Without any notice the table is looked at so often.
const POLL: Duration = Duration::from_secs(2);
/// The longest wait for a database that is away.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Works on one queue until told to stop.
pub(super) async fn work(shared: Shared, job: Arc<dyn Job>, places: Places) {
    let mut lane = Lane {
        room: Arc::new(Semaphore::new(places.all)),
        freed: Arc::new(Notify::new()),
        turns: Arc::new(Mutex::new(Turns::new(places.caps))),
        per_connection: places.per_connection,
        notices: shared.listener.subscribe(),
        after: None,
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
    /// Who has what runs, and whose turn it is.
    turns: Arc<Mutex<Turns>>,
    per_connection: i64,
    notices: Subscription,
    /// Where the last look ended, if there was more.
    after: Option<turns::Lane>,
}

/// A place that is held, until this is dropped.
struct Held {
    place: Option<OwnedSemaphorePermit>,
    of: turns::Lane,
    turns: Arc<Mutex<Turns>>,
    freed: Arc<Notify>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).ended(self.of.tenant, &self.of.party);
        // Whoever hears that a place is free finds it free.
        drop(self.place.take());
        self.freed.notify_one();
    }
}

/// What a look at the table brought.
struct Look {
    claimed: Vec<(ClaimedJob, u16)>,
    more_after: Option<turns::Lane>,
    /// When the next job is due at the latest known; asked for only when nothing was claimed.
    next_due: Option<DateTime<Utc>>,
}

impl Lane {
    /// Claims and starts jobs until there are none or no room. Gives how long to wait at most.
    async fn fill(&mut self) -> Result<Duration, StoreError> {
        while !self.shared.stop.is_cancelled() {
            let room = self.room.available_permits();
            if room == 0 {
                return Ok(POLL);
            }
            let began_at_the_beginning = self.after.is_none();
            let look = self.look(room).await?;
            let is_all = look.more_after.is_none() && began_at_the_beginning;
            let nothing = look.claimed.is_empty();
            self.after = look.more_after;
            for (job, weight) in look.claimed {
                self.start(job, weight);
            }
            if nothing && is_all {
                // One that is due and was not claimed waits for its key or for a place; the end of a job is told.
                let until = look.next_due.and_then(|due| (due - self.shared.services.now()).to_std().ok());
                return Ok(until.filter(|until| !until.is_zero()).map_or(POLL, |until| until.min(POLL)));
            }
        }
        Ok(POLL)
    }

    async fn look(&self, room: usize) -> Result<Look, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut tx = self.shared.services.store.begin_system().await?;
            let look = match self.look_in(&mut tx, room).await {
                // Another worker took one of the same key at this moment; now that shows.
                Err(StoreError::Conflict { .. }) if tries < 5 => continue,
                other => other?,
            };
            tx.commit().await?;
            return Ok(look);
        }
    }

    async fn look_in(&self, tx: &mut Tx<System>, room: usize) -> Result<Look, StoreError> {
        let (queue, now) = (self.job.queue(), self.shared.services.now());
        let waiters = tx.jobs().waiting(queue, self.after.as_ref(), LANES, now).await?;
        // What is claimed here counts at once; that others end meanwhile is seen at the next look.
        let mut turns = {
            let mut turns = self.turns();
            turns.see(&waiters.due);
            turns.clone()
        };
        let mut dry: HashSet<turns::Lane> = HashSet::new();
        let mut claimed: Vec<(ClaimedJob, u16)> = Vec::new();
        loop {
            let shares = turns.share(&waiters.due, &dry, room.saturating_sub(claimed.len()));
            if shares.is_empty() {
                break;
            }
            let (worker, lease_until) = (&*self.shared.name, now + LEASE);
            let per_connection = self.per_connection;
            let claim = Claim { queue, turns: &shares, per_connection, worker, now, lease_until };
            let taken = tx.jobs().claim(claim).await?;
            dry.extend(without_any(shares, &taken));
            for job in taken {
                let weight = weight(&waiters.due, &job.lane);
                turns.began(job.lane.tenant, weight, &job.lane.party);
                claimed.push((job, weight));
            }
        }
        let next_due = if claimed.is_empty() { tx.jobs().next_due(queue).await? } else { None };
        Ok(Look { claimed, more_after: waiters.more_after, next_due })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, claimed: ClaimedJob, weight: u16) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            // Room is only taken here, so there is some. If not, the lease ends and the job is claimed anew.
            tracing::error!(job.id = %claimed.lease.job, "claimed without room");
            return;
        };
        self.turns().began(claimed.lane.tenant, weight, &claimed.lane.party);
        let held = Held {
            place: Some(place),
            of: claimed.lane.clone(),
            turns: Arc::clone(&self.turns),
            freed: Arc::clone(&self.freed),
        };
        let (shared, job) = (self.shared.clone(), Arc::clone(&self.job));
        self.shared.tasks.spawn(async move {
            running::run(&shared, job.as_ref(), claimed).await;
            drop(held);
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

/// The lanes of which none was taken.
fn without_any(shares: Vec<Turn>, taken: &[ClaimedJob]) -> impl Iterator<Item = turns::Lane> {
    let lanes: HashSet<&turns::Lane> = taken.iter().map(|job| &job.lane).collect();
    let dry: Vec<turns::Lane> = shares.into_iter().map(|turn| turn.lane).filter(|lane| !lanes.contains(lane)).collect();
    dry.into_iter()
}

fn weight(waiting: &[Waiting], lane: &turns::Lane) -> u16 {
    waiting.iter().find(|one| one.lane == *lane).map_or(1, |one| one.weight)
}

//! One limit, as this node keeps it.
//!
//! **Shared** (the usual state): calls come in *slices* that are leased from what all nodes share. A slice is as large as
//! what waits here and what was spent here lately make likely, and an eighth of the limit at most, so that a busy node asks
//! some dozen times in the limit's length and not for each call, and the others get theirs. While calls go on, the next
//! slice is asked for before the last one is spent. What is not spent in time goes back with the next asking, or by itself
//! where it is much.
//!
//! **Alone**: with nobody to share with, the node keeps the whole limit by its own book. If what is shared cannot be reached,
//! it keeps an eighth of it: up to eight nodes then keep to the limit without knowing of each other. One asking at a time
//! finds out whether it can be reached again. Where nobody else knows the budget, it keeps all of it.
//!
//! Invariants: a call is taken from a slice before the slice's end, or from the node's own book; of one bucket one asking is
//! under way at a time; whoever waits is woken when it ends.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::budget::{Book, Limit, Unused};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    Gates, close,
    shared::{Ask, BudgetOf, SharedBudget, Unshared},
};

/// How long an asking may take.
const ASKING: Duration = Duration::from_secs(1);
/// How long a node that could not ask goes by its own book before it asks again.
const ALONE: Duration = Duration::from_secs(2);

pub(super) struct Bucket {
    of: BudgetOf,
    limit: Limit,
    shared: Option<Arc<dyn SharedBudget>>,
    gates: Arc<Gates>,
    /// What the node's own book counts from.
    epoch: Instant,
    state: Mutex<State>,
    /// An asking has ended.
    asked: Notify,
}

#[derive(Default)]
struct State {
    slices: VecDeque<Slice>,
    unused: Vec<Unused>,
    own: Book,
    alone: Option<Alone>,
    /// Nothing more is to be had before.
    not_before: Option<Instant>,
    /// Since when it is asked.
    asking: Option<Instant>,
    waiting: u32,
    /// Calls made since the last asking began, and when that was.
    spent: u32,
    last_asked: Option<Instant>,
}

/// Calls that may be made.
struct Slice {
    slot: i64,
    granted: u32,
    left: u32,
    until: Instant,
}

/// Why the node goes by its own book, and until when it does not ask.
struct Alone {
    limit: Limit,
    until: Instant,
}

enum Step {
    Taken,
    /// Not before this much later.
    Later(Duration),
    /// When the asking that is under way has ended.
    Asked,
}

impl Bucket {
    pub(super) fn new(of: BudgetOf, limit: Limit, shared: Option<Arc<dyn SharedBudget>>, gates: Arc<Gates>) -> Self {
        Self { of, limit, shared, gates, epoch: Instant::now(), state: Mutex::default(), asked: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it holds nothing that would be missed.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let state = self.state();
        let is_blank = state.own.is_blank(self.limit, self.by_own_clock(now));
        state.slices.is_empty() && state.unused.is_empty() && state.asking.is_none() && is_blank
    }

    fn by_own_clock(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX)
    }

    /// For how long nothing is left, as far as is known.
    pub(super) fn used_up(&self) -> Option<Duration> {
        let now = Instant::now();
        let state = self.state();
        let alone = state.alone.as_ref().map(|alone| alone.limit).or(self.shared.is_none().then_some(self.limit));
        match alone {
            Some(limit) => state.own.left(limit, self.by_own_clock(now)).err(),
            None if state.slices.iter().any(|slice| slice.left > 0 && slice.until > now) => None,
            None => state.not_before.map(|at| at.saturating_duration_since(now)).filter(|wait| !wait.is_zero()),
        }
    }

    /// Takes one call, waiting at most `patience` for the limit; the time that asking takes does not count. Gives how long
    /// it would have had to wait if that is too long.
    pub(super) async fn take(self: &Arc<Self>, patience: Duration) -> Result<(), Duration> {
        let start = Instant::now();
        let mut waiting = Waiting { bucket: self, counts: false };
        loop {
            let asked = self.asked.notified();
            tokio::pin!(asked);
            asked.as_mut().enable();
            match self.step(&mut waiting) {
                Step::Taken => return Ok(()),
                Step::Later(wait) if wait > patience.saturating_sub(start.elapsed()) => return Err(wait),
                Step::Later(wait) => sleep(wait).await,
                // The timeout is for an asking that died with its runtime.
                Step::Asked => {
                    let _ = timeout(ASKING * 2, asked).await;
                }
            }
        }
    }

    fn step(self: &Arc<Self>, waiting: &mut Waiting<'_>) -> Step {
        let now = Instant::now();
        let mut state = self.state();
        let Some(shared) = &self.shared else { return self.take_own(&mut state, self.limit, now) };
        if let Some(alone) = &state.alone {
            let (limit, until) = (alone.limit, alone.until);
            if until <= now {
                self.ask(&mut state, shared, 1, now);
            }
            return self.take_own(&mut state, limit, now);
        }
        state.drop_expired(now);
        if let Some(slice) = state.slices.iter_mut().find(|slice| slice.left > 0) {
            slice.left -= 1;
            state.spent = state.spent.saturating_add(1);
            waiting.end(&mut state);
            if state.is_running_low() && state.not_before.is_none_or(|at| at <= now) {
                let likely = state.likely(self.limit, now);
                if likely > 1 {
                    self.ask(&mut state, shared, likely, now);
                }
            }
            return Step::Taken;
        }
        waiting.begin(&mut state);
        if let Some(wait) = state.not_before.map(|at| at.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
        {
            return Step::Later(wait);
        }
        let want = state.waiting.saturating_add(state.likely(self.limit, now));
        self.ask(&mut state, shared, want, now);
        Step::Asked
    }

    fn take_own(&self, state: &mut State, limit: Limit, now: Instant) -> Step {
        let grant = state.own.grant(limit, self.by_own_clock(now), 1, &[]);
        match grant.next {
            Some(wait) if grant.calls == 0 => Step::Later(wait),
            _ => Step::Taken,
        }
    }

    /// Begins to ask for so many, if nobody does.
    fn ask(self: &Arc<Self>, state: &mut State, shared: &Arc<dyn SharedBudget>, want: u32, now: Instant) {
        // One that takes much longer than it may has died with its runtime.
        if state.asking.is_some_and(|since| now.saturating_duration_since(since) < ASKING * 3) {
            return;
        }
        state.asking = Some(now);
        state.last_asked = Some(now);
        state.spent = 0;
        let most = (self.limit.calls.get() / 8).max(1);
        let ask =
            Ask { of: self.of, limit: self.limit, want: want.min(most), unused: std::mem::take(&mut state.unused) };
        let (bucket, shared) = (Arc::clone(self), Arc::clone(shared));
        tokio::spawn(async move { bucket.lease(shared, ask, now).await });
    }

    async fn lease(self: Arc<Self>, shared: Arc<dyn SharedBudget>, ask: Ask, began: Instant) {
        let (want, unused) = (ask.want, ask.unused.clone());
        let answer = timeout(ASKING, shared.lease(ask)).await.unwrap_or(Err(Unshared::Away));
        let now = Instant::now();
        let until = began + self.limit.lives();
        let mut may_be_left = false;
        {
            let mut state = self.state();
            state.asking = None;
            match answer {
                Ok(leased) => {
                    if state.alone.take().is_some() {
                        tracing::info!(integration.id = %self.of.integration, "the rate budget is shared again");
                    }
                    let grant = leased.grant;
                    if grant.calls > 0 {
                        let slice = Slice { slot: grant.slot, granted: grant.calls, left: grant.calls, until };
                        state.slices.push_back(slice);
                        may_be_left = self.is_much(grant.calls);
                    }
                    if want > 0 {
                        state.not_before = grant.next.and_then(|wait| now.checked_add(wait));
                    }
                    if let Some(until) = leased.closed_for.and_then(|wait| now.checked_add(wait)) {
                        close(&self.gates, self.of.connection, until);
                    }
                }
                Err(why) => {
                    let limit = match why {
                        Unshared::Away => self.limit.alone(),
                        Unshared::Unknown => self.limit,
                    };
                    if why == Unshared::Away && state.alone.is_none() {
                        tracing::warn!(integration.id = %self.of.integration, "{why}; keeping to an eighth of it");
                    }
                    state.unused.extend(unused);
                    state.alone = Some(Alone { limit, until: now + ALONE });
                }
            }
        }
        self.asked.notify_waiters();
        if may_be_left {
            tokio::time::sleep_until(until).await;
            self.give_back(&shared);
        }
    }

    /// So many calls that others wait for them.
    fn is_much(&self, calls: u32) -> bool {
        calls.saturating_mul(20) >= self.limit.calls.get()
    }

    /// Gives back what was not spent, where that is much and nobody asks for more here.
    fn give_back(self: &Arc<Self>, shared: &Arc<dyn SharedBudget>) {
        let now = Instant::now();
        let mut state = self.state();
        state.drop_expired(now);
        let unused = state.unused.iter().map(|unused| unused.calls).fold(0_u32, u32::saturating_add);
        if state.waiting == 0 && state.slices.is_empty() && self.is_much(unused) {
            self.ask(&mut state, shared, 0, now);
        }
    }
}

impl State {
    fn drop_expired(&mut self, now: Instant) {
        while let Some(slice) = self.slices.front()
            && (slice.until <= now || slice.left == 0)
        {
            if slice.left > 0 {
                self.unused.push(Unused { slot: slice.slot, calls: slice.left });
            }
            self.slices.pop_front();
        }
    }

    /// Whether three quarters of what was granted last are spent.
    fn is_running_low(&self) -> bool {
        self.slices.len() == 1 && self.slices.back().is_some_and(|slice| slice.left.saturating_mul(4) <= slice.granted)
    }

    /// How many calls are likely to be made while a slice lives, going by those since the last asking.
    fn likely(&self, limit: Limit, now: Instant) -> u32 {
        let Some(since) = self.last_asked.map(|at| now.saturating_duration_since(at)) else { return 0 };
        let lives = limit.lives();
        if since > lives * 4 {
            return 0;
        }
        let spent = u128::from(self.spent);
        u32::try_from(spent * lives.as_micros() / since.max(lives / 4).as_micros().max(1)).unwrap_or(u32::MAX)
    }
}

/// Counts somebody who waits, as long as they do.
struct Waiting<'b> {
    bucket: &'b Bucket,
    counts: bool,
}

impl Waiting<'_> {
    fn begin(&mut self, state: &mut State) {
        if !std::mem::replace(&mut self.counts, true) {
            state.waiting = state.waiting.saturating_add(1);
        }
    }

    fn end(&mut self, state: &mut State) {
        if std::mem::take(&mut self.counts) {
            state.waiting = state.waiting.saturating_sub(1);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.counts {
            let mut state = self.bucket.state();
            self.end(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroU32,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use async_trait::async_trait;
    use ids::IntegrationId;

    use super::*;
    use crate::budget::shared::Leased;

    /// What nodes share, in memory.
    struct Shared {
        book: Mutex<Book>,
        epoch: Instant,
        asked: AtomicUsize,
        is_away: AtomicBool,
        is_unknown: AtomicBool,
        closed_for: Option<Duration>,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                book: Mutex::default(),
                epoch: Instant::now(),
                asked: AtomicUsize::new(0),
                is_away: AtomicBool::new(false),
                is_unknown: AtomicBool::new(false),
                closed_for: None,
            })
        }
    }

    #[async_trait]
    impl SharedBudget for Shared {
        async fn lease(&self, ask: Ask) -> Result<Leased, Unshared> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(2)).await;
            if self.is_away.load(Ordering::SeqCst) {
                return Err(Unshared::Away);
            }
            if self.is_unknown.load(Ordering::SeqCst) {
                return Err(Unshared::Unknown);
            }
            let now = i64::try_from(self.epoch.elapsed().as_micros()).unwrap();
            let grant = self.book.lock().unwrap().grant(ask.limit, now, ask.want, &ask.unused);
            Ok(Leased { grant, closed_for: self.closed_for })
        }

        async fn close(&self, _: BudgetOf, _: Duration) {}

        async fn opened(&self, _: IntegrationId, _: &str, _: Duration) {}

        async fn closed(&self, _: IntegrationId, _: &str) {}
    }

    fn bucket(shared: &Arc<Shared>, calls: u32, ms: u64) -> Arc<Bucket> {
        let limit = Limit { calls: NonZeroU32::new(calls).unwrap(), per: Duration::from_millis(ms) };
        let of = BudgetOf { integration: IntegrationId::new(1, [1; 10]), connection: None };
        let shared: Arc<dyn SharedBudget> = Arc::<Shared>::clone(shared);
        Arc::new(Bucket::new(of, limit, Some(shared), Arc::default()))
    }

    async fn taken(bucket: &Arc<Bucket>, times: usize) -> usize {
        let all = (0..times).map(|_| bucket.take(Duration::ZERO));
        futures_util::future::join_all(all).await.into_iter().filter(Result::is_ok).count()
    }

    #[tokio::test]
    async fn e_5_nodes_together_take_the_limit_and_ask_far_fewer_times_than_they_call() {
        let shared = Shared::new();
        let nodes: Vec<_> = (0..3).map(|_| bucket(&shared, 800, 60_000)).collect();
        let counts = futures_util::future::join_all(nodes.iter().map(|node| taken(node, 400))).await;
        assert_eq!(counts.iter().sum::<usize>(), 800, "{counts:?}");
        let asked = shared.asked.load(Ordering::SeqCst);
        assert!(asked < 60, "asked {asked} times for 1200 calls");
        let wait = nodes[0].take(Duration::from_secs(1)).await.unwrap_err();
        assert!(wait > Duration::from_secs(55) && wait < Duration::from_secs(65), "{wait:?}");
        assert!(nodes[0].used_up().is_some_and(|left| left <= wait));
    }

    #[tokio::test]
    async fn e_5_what_a_node_does_not_spend_goes_to_the_others() {
        let shared = Shared::new();
        let (idle, busy) = (bucket(&shared, 20, 1_000), bucket(&shared, 20, 1_000));
        // Ten callers wait, and leave before they are served.
        let leaving: Vec<_> = (0..10)
            .map(|_| {
                let idle = Arc::clone(&idle);
                tokio::spawn(async move { idle.take(Duration::ZERO).await })
            })
            .collect();
        tokio::task::yield_now().await;
        for one in leaving {
            one.abort();
        }
        sleep(Duration::from_millis(100)).await;
        assert!(idle.state().unused.is_empty(), "it gave back by itself");
        assert_eq!(taken(&busy, 200).await, 20, "the whole limit is there");
    }

    #[tokio::test]
    async fn e_5_while_nobody_can_be_asked_a_node_keeps_to_an_eighth() {
        let shared = Shared::new();
        let bucket = bucket(&shared, 80, 60_000);
        shared.is_away.store(true, Ordering::SeqCst);
        assert_eq!(taken(&bucket, 40).await, 10);
        assert!(bucket.used_up().is_some());
        // It finds out by itself that it can be asked again.
        shared.is_away.store(false, Ordering::SeqCst);
        bucket.state().alone.as_mut().unwrap().until = Instant::now();
        let _ = bucket.take(Duration::ZERO).await;
        sleep(Duration::from_millis(50)).await;
        assert!(bucket.state().alone.is_none());
        assert_eq!(taken(&bucket, 200).await, 80);
    }

    #[tokio::test]
    async fn what_nobody_else_knows_is_all_ours_and_a_closed_gate_is_heard_of() {
        let shared = Shared::new();
        shared.is_unknown.store(true, Ordering::SeqCst);
        assert_eq!(taken(&bucket(&shared, 80, 60_000), 200).await, 80);

        let closed =
            Arc::new(Shared { closed_for: Some(Duration::from_secs(9)), ..Arc::into_inner(Shared::new()).unwrap() });
        let bucket = bucket(&closed, 80, 60_000);
        bucket.take(Duration::ZERO).await.unwrap();
        assert!(bucket.gates.lock().unwrap().get(&None).is_some_and(|until| *until > Instant::now()));
    }
}

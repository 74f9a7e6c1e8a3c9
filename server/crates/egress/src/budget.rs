//! Rate budgets towards providers: so many calls per connection and per integration, and gates that close when a provider
//! says "not before". Both are shared with the other nodes where somebody is there to share them ([`SharedBudget`]): then no
//! provider sees more than its limit, however many nodes there are. Without, this process keeps them for itself.
//!
//! `bucket` is one limit as one node keeps it; the arithmetic, and why it holds, is `domain::budget`.

mod asked;
mod bucket;
mod shared;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{budget::Limit, manifest::ResetFormat};
use http::{HeaderMap, HeaderName, StatusCode};
use ids::{ConnectionId, IntegrationId};
use tokio::time::{Instant, sleep};

pub use self::shared::{Ask, BudgetOf, Leased, SharedBudget, Unshared};
use self::{asked::asked_wait, bucket::Bucket};
use crate::error::EgressError;

/// After so many calls of one integration, unused buckets and open gates are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// So many calls in any stretch of so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls per `per`. All of them may come at once after a quiet time.
    pub calls: NonZeroU32,
    /// The time in which `calls` may be made. Zero means no limit.
    pub per: Duration,
}

impl Rate {
    fn limit(self) -> Option<Limit> {
        (!self.per.is_zero()).then_some(Limit { calls: self.calls, per: self.per })
    }
}

/// What a gate closes for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GateScope {
    /// The provider counts per account: only the connection waits.
    #[default]
    Connection,
    /// The provider counts per application: the whole integration waits.
    Integration,
}

/// A provider's limits, as its manifest declares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Limit of each connection.
    pub connection: Option<Rate>,
    /// Limit of all connections of an integration together.
    pub integration: Option<Rate>,
    /// Header that says how many calls are left, like `x-ratelimit-remaining`.
    pub remaining: Option<HeaderName>,
    /// Header that says when there will be more, like `x-ratelimit-reset`; see [`crate::retry_after::parse_reset`].
    pub reset: Option<HeaderName>,
    /// How that is written: milliseconds from now cannot be told from seconds by their size.
    pub reset_format: ResetFormat,
    /// Statuses that mean "too many", beside 429.
    pub throttled: Vec<StatusCode>,
    /// Who waits when the provider says so.
    pub gate: GateScope,
}

/// Whose budget a request spends.
#[derive(Debug, Clone)]
pub struct Budget {
    /// The integration.
    pub integration: IntegrationId,
    /// The connection, if the call is made for one.
    pub connection: Option<ConnectionId>,
    /// The limits. When they differ from the ones seen before, the buckets start anew and the gates stay.
    pub limits: Arc<RateLimits>,
}

/// Until when nobody calls, by whom it concerns: a connection, or the whole integration.
type Gates = Mutex<HashMap<Option<ConnectionId>, Instant>>;

/// Closes a gate until then; one that is closed for longer stays.
fn close(gates: &Gates, of: Option<ConnectionId>, until: Instant) {
    let mut gates = gates.lock().unwrap_or_else(PoisonError::into_inner);
    let at = gates.entry(of).or_insert(until);
    *at = until.max(*at);
}

struct Entry {
    limits: Arc<RateLimits>,
    of: IntegrationId,
    whole: Option<Arc<Bucket>>,
    connections: Option<Limit>,
    of_connections: RwLock<HashMap<ConnectionId, Arc<Bucket>>>,
    gates: Arc<Gates>,
    shared: Option<Arc<dyn SharedBudget>>,
    calls: AtomicU32,
}

impl Entry {
    fn new(budget: &Budget, gates: Arc<Gates>, shared: Option<Arc<dyn SharedBudget>>) -> Self {
        let limits = Arc::clone(&budget.limits);
        let of = BudgetOf { integration: budget.integration, connection: None };
        let whole = limits.integration.and_then(Rate::limit);
        Self {
            of: budget.integration,
            whole: whole.map(|limit| Arc::new(Bucket::new(of, limit, shared.clone(), Arc::clone(&gates)))),
            connections: limits.connection.and_then(Rate::limit),
            of_connections: RwLock::default(),
            limits,
            gates,
            shared,
            calls: AtomicU32::new(0),
        }
    }

    /// The bucket of a connection, where it has a limit of its own.
    fn of_connection(&self, connection: Option<ConnectionId>) -> Option<Arc<Bucket>> {
        let (id, limit) = connection.zip(self.connections)?;
        let known = self.of_connections.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if known.is_some() {
            return known;
        }
        let of = BudgetOf { integration: self.of, connection };
        let new = || Arc::new(Bucket::new(of, limit, self.shared.clone(), Arc::clone(&self.gates)));
        let mut all = self.of_connections.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(all.entry(id).or_insert_with(new)))
    }

    /// How long the gates stay closed for this connection.
    fn gated(&self, connection: Option<ConnectionId>, now: Instant) -> Option<Duration> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |key: Option<ConnectionId>| gates.get(&key).map(|at| at.saturating_duration_since(now));
        let wait = of(None).max(connection.and_then(|c| of(Some(c))));
        wait.filter(|wait| !wait.is_zero())
    }

    fn sweep(&self, now: Instant) {
        if self.calls.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY != SWEEP_EVERY - 1 {
            return;
        }
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at > now);
        let mut connections = self.of_connections.write().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.is_idle(now));
        connections.shrink_to_fit();
    }
}

/// All budgets of this process.
#[derive(Default)]
pub(crate) struct Budgets {
    entries: RwLock<HashMap<IntegrationId, Arc<Entry>>>,
    shared: OnceLock<Arc<dyn SharedBudget>>,
}

impl Budgets {
    /// Shares them with other nodes from now on. Only the first one counts.
    pub(crate) fn share(&self, shared: Arc<dyn SharedBudget>) {
        if self.shared.set(shared).is_ok() {
            self.entries.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Whom they are shared with.
    pub(crate) fn shared(&self) -> Option<Arc<dyn SharedBudget>> {
        self.shared.get().cloned()
    }

    fn entry(&self, budget: &Budget) -> Arc<Entry> {
        let fits = |entry: &Arc<Entry>| Arc::ptr_eq(&entry.limits, &budget.limits) || entry.limits == budget.limits;
        {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = entries.get(&budget.integration).filter(|e| fits(e)) {
                return Arc::clone(entry);
            }
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let old = entries.get(&budget.integration);
        if let Some(entry) = old.filter(|e| fits(e)) {
            return Arc::clone(entry);
        }
        let gates = old.map(|entry| Arc::clone(&entry.gates)).unwrap_or_default();
        let entry = Arc::new(Entry::new(budget, gates, self.shared()));
        entries.insert(budget.integration, Arc::clone(&entry));
        entry
    }

    /// Waits for a place in the budget, at most `patience`.
    ///
    /// A connection's call that was taken is not given back when the integration's bucket then turns out to be empty
    /// for too long: the caller comes back later, by when it is refilled.
    pub(crate) async fn wait(&self, budget: &Budget, patience: Duration) -> Result<(), EgressError> {
        let entry = self.entry(budget);
        let start = Instant::now();
        entry.sweep(start);
        let throttled = |retry_after| EgressError::Throttled { retry_after };
        let left = || patience.saturating_sub(start.elapsed());
        self.open(&entry, budget, patience, start).await?;
        if let Some(bucket) = entry.of_connection(budget.connection) {
            bucket.take(left()).await.map_err(throttled)?;
        }
        if let Some(bucket) = &entry.whole {
            bucket.take(left()).await.map_err(throttled)?;
        }
        // A gate may have closed meanwhile.
        self.open(&entry, budget, patience, start).await
    }

    /// For how long no call is left in the budget, as far as is known without asking.
    pub(crate) fn used_up(&self, budget: &Budget) -> Option<Duration> {
        let entry = self.entry(budget);
        let own = entry.of_connection(budget.connection).and_then(|bucket| bucket.used_up());
        own.max(entry.whole.as_ref().and_then(|bucket| bucket.used_up()))
    }

    /// Waits until the gates are open.
    async fn open(
        &self,
        entry: &Entry,
        budget: &Budget,
        patience: Duration,
        start: Instant,
    ) -> Result<(), EgressError> {
        while let Some(wait) = entry.gated(budget.connection, Instant::now()) {
            if wait > patience.saturating_sub(start.elapsed()) {
                return Err(EgressError::Throttled { retry_after: wait });
            }
            sleep(wait).await;
        }
        Ok(())
    }

    /// Closes a gate if the answer asks for it, for at most `longest`, here and on the other nodes. Gives the wait the
    /// answer asked for.
    pub(crate) fn observe(
        &self,
        budget: Option<&Budget>,
        status: StatusCode,
        headers: &HeaderMap,
        now: DateTime<Utc>,
        longest: Duration,
    ) -> Option<Duration> {
        let limits = budget.map(|b| &b.limits);
        let wait = asked_wait(limits.map(AsRef::as_ref), status, headers, now)?.min(longest);
        if let Some(budget) = budget {
            let entry = self.entry(budget);
            let connection = match entry.limits.gate {
                GateScope::Connection => budget.connection,
                GateScope::Integration => None,
            };
            if let Some(until) = Instant::now().checked_add(wait) {
                close(&entry.gates, connection, until);
            }
            if let Some(shared) = entry.shared.clone().filter(|_| !wait.is_zero()) {
                let of = BudgetOf { integration: budget.integration, connection };
                tokio::spawn(async move { shared.close(of, wait).await });
            }
        }
        Some(wait)
    }

    /// Another node was asked to wait for so long. Whoever has not called that integration since it started learns it with
    /// the first calls that it is granted.
    pub(crate) fn close(&self, of: BudgetOf, wait: Duration) {
        let entry = self.entries.read().unwrap_or_else(PoisonError::into_inner).get(&of.integration).cloned();
        if let Some((entry, until)) = entry.zip(Instant::now().checked_add(wait)) {
            close(&entry.gates, of.connection, until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(86_400);

    fn rate(calls: u32, ms: u64) -> Option<Rate> {
        Some(Rate { calls: NonZeroU32::new(calls).unwrap(), per: Duration::from_millis(ms) })
    }

    fn budget(limits: RateLimits, connection: u8) -> Budget {
        Budget {
            integration: IntegrationId::new(1, [0; 10]),
            connection: Some(ConnectionId::new(1, [connection; 10])),
            limits: Arc::new(limits),
        }
    }

    fn throttled(result: Result<(), EgressError>) -> Duration {
        match result {
            Err(EgressError::Throttled { retry_after }) => retry_after,
            other => panic!("{other:?}"),
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), http::HeaderValue::from_static(v))).collect()
    }

    #[tokio::test]
    async fn eg_4_connections_have_their_own_bucket_under_the_integrations() {
        let budgets = Budgets::default();
        let limits = RateLimits { connection: rate(2, 60_000), integration: rate(3, 60_000), ..Default::default() };
        let (one, other) = (budget(limits.clone(), 1), budget(limits, 2));
        for _ in 0..2 {
            budgets.wait(&one, Duration::ZERO).await.unwrap();
        }
        let wait = throttled(budgets.wait(&one, Duration::ZERO).await);
        assert!(wait > Duration::from_secs(59) && wait <= Duration::from_secs(64), "{wait:?}");
        budgets.wait(&other, Duration::ZERO).await.unwrap();
        let wait = throttled(budgets.wait(&other, Duration::ZERO).await);
        assert!(wait > Duration::from_secs(59) && wait <= Duration::from_secs(64), "the integration's: {wait:?}");
    }

    #[tokio::test]
    async fn eg_4_a_short_wait_is_waited() {
        let budgets = Budgets::default();
        let budget = budget(RateLimits { connection: rate(1, 50), ..Default::default() }, 1);
        let start = Instant::now();
        for _ in 0..3 {
            budgets.wait(&budget, Duration::from_secs(5)).await.unwrap();
        }
        assert!(start.elapsed() >= Duration::from_millis(95), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn c_5_retry_after_closes_the_gate_of_the_connection_alone() {
        let budgets = Budgets::default();
        let (one, other) = (budget(RateLimits::default(), 1), budget(RateLimits::default(), 2));
        let now = DateTime::from_timestamp_secs(1_800_000_000).unwrap();
        let said = headers(&[("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT")]);
        let wait = budgets.observe(Some(&one), StatusCode::TOO_MANY_REQUESTS, &said, now, LONG);
        assert_eq!(wait, Some(Duration::from_secs(120)));
        let wait = throttled(budgets.wait(&one, Duration::from_secs(60)).await);
        assert!(wait > Duration::from_secs(119) && wait <= Duration::from_secs(120));
        budgets.wait(&other, Duration::ZERO).await.unwrap();
        // A later, shorter word does not open it.
        budgets.observe(Some(&one), StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "1")]), now, LONG);
        assert!(throttled(budgets.wait(&one, Duration::ZERO).await) > Duration::from_secs(100));
        // Other limits, same gates.
        let changed = Budget { limits: Arc::new(RateLimits { connection: rate(9, 9), ..Default::default() }), ..one };
        throttled(budgets.wait(&changed, Duration::ZERO).await);
    }

    #[tokio::test]
    async fn c_5_an_empty_allowance_closes_the_gate_of_the_integration() {
        let budgets = Budgets::default();
        let limits = RateLimits {
            remaining: Some(HeaderName::from_static("x-ratelimit-remaining")),
            reset: Some(HeaderName::from_static("x-ratelimit-reset")),
            gate: GateScope::Integration,
            ..Default::default()
        };
        let (one, other) = (budget(limits.clone(), 1), budget(limits, 2));
        let now = DateTime::from_timestamp_secs(1_800_000_000).unwrap();
        let some_left = headers(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1800000060")]);
        assert_eq!(budgets.observe(Some(&one), StatusCode::OK, &some_left, now, LONG), None);
        let none_left = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000060")]);
        let wait = budgets.observe(Some(&one), StatusCode::OK, &none_left, now, Duration::from_secs(30));
        assert_eq!(wait, Some(Duration::from_secs(30)), "believed up to the longest");
        assert!(throttled(budgets.wait(&other, Duration::ZERO).await) > Duration::from_secs(29));
    }
}

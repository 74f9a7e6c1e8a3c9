//! Rate budgets towards providers: token buckets per connection and per integration, and gates that close when a
//! provider says "not before". They are kept per process: with several nodes the operator divides a provider's limit
//! by their number, or lets the gates do the work.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::manifest::ResetFormat;
use governor::{
    DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{DefaultClock, Reference},
    state::keyed::HashMapStateStore,
};
use http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};
use ids::{ConnectionId, IntegrationId};
use tokio::time::{Instant, sleep};

use crate::{error::EgressError, retry_after};

/// After so many calls of one integration, full buckets and open gates are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// So many calls per so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls per `per`.
    pub calls: NonZeroU32,
    /// The time in which `calls` may be made. Zero means no limit.
    pub per: Duration,
    /// Calls that may come at once after a quiet time; `calls` if not given.
    pub burst: Option<NonZeroU32>,
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        let quota = Quota::with_period(self.per.checked_div(self.calls.get())?)?;
        Some(quota.allow_burst(self.burst.unwrap_or(self.calls)))
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
    /// Header that says when there will be more, like `x-ratelimit-reset`; see [`retry_after::parse_reset`].
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

type Gates = Mutex<HashMap<Option<ConnectionId>, Instant>>;

struct Entry {
    limits: Arc<RateLimits>,
    integration: Option<DefaultDirectRateLimiter>,
    connections: Option<RateLimiter<ConnectionId, HashMapStateStore<ConnectionId>, DefaultClock>>,
    gates: Arc<Gates>,
    calls: AtomicU32,
}

impl Entry {
    fn new(limits: &Arc<RateLimits>, gates: Arc<Gates>) -> Self {
        Self {
            limits: Arc::clone(limits),
            integration: limits.integration.and_then(Rate::quota).map(RateLimiter::direct),
            connections: limits.connection.and_then(Rate::quota).map(RateLimiter::hashmap),
            gates,
            calls: AtomicU32::new(0),
        }
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
        if let Some(connections) = &self.connections {
            connections.retain_recent();
            connections.shrink_to_fit();
        }
    }
}

/// All budgets of this process.
#[derive(Default)]
pub(crate) struct Budgets {
    entries: RwLock<HashMap<IntegrationId, Arc<Entry>>>,
}

impl Budgets {
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
        let entry = Arc::new(Entry::new(&budget.limits, gates));
        entries.insert(budget.integration, Arc::clone(&entry));
        entry
    }

    /// Waits for a place in the budget, at most `patience`.
    ///
    /// A connection's token that was taken is not given back when the integration's bucket then turns out to be empty
    /// for too long: the caller comes back later, by when it is refilled.
    pub(crate) async fn wait(&self, budget: &Budget, patience: Duration) -> Result<(), EgressError> {
        let entry = self.entry(budget);
        let start = Instant::now();
        entry.sweep(start);
        let mut has_own = false;
        loop {
            let now = Instant::now();
            let wait = match entry.gated(budget.connection, now) {
                Some(wait) => wait,
                None => match take(&entry, budget.connection, &mut has_own) {
                    None => return Ok(()),
                    Some(wait) => wait,
                },
            };
            if wait > patience.saturating_sub(now.duration_since(start)) {
                return Err(EgressError::Throttled { retry_after: wait });
            }
            sleep(wait).await;
        }
    }

    /// Closes a gate if the answer asks for it, for at most `longest`. Gives the wait the answer asked for.
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
            let key = match entry.limits.gate {
                GateScope::Connection => budget.connection,
                GateScope::Integration => None,
            };
            if let Some(until) = Instant::now().checked_add(wait) {
                let mut gates = entry.gates.lock().unwrap_or_else(PoisonError::into_inner);
                let at = gates.entry(key).or_insert(until);
                *at = until.max(*at);
            }
        }
        Some(wait)
    }
}

/// Takes a token from the connection's and the integration's bucket, or says how long until there is one.
fn take(entry: &Entry, connection: Option<ConnectionId>, has_own: &mut bool) -> Option<Duration> {
    if let (false, Some(id), Some(limiter)) = (*has_own, connection, &entry.connections)
        && let Err(not) = limiter.check_key(&id)
    {
        return Some(wait_time(&not, limiter.clock()));
    }
    *has_own = true;
    let limiter = entry.integration.as_ref()?;
    limiter.check().err().map(|not| wait_time(&not, limiter.clock()))
}

fn wait_time<P: Reference>(not: &NotUntil<P>, clock: &impl governor::clock::Clock<Instant = P>) -> Duration {
    // Never zero, so that a caller who sleeps for it makes progress.
    not.wait_time_from(clock.now()).max(Duration::from_micros(100))
}

/// How long the answer asks us to wait: `Retry-After` on the statuses that mean it so, or an empty allowance.
fn asked_wait(
    limits: Option<&RateLimits>,
    status: StatusCode,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let speaks =
        matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN);
    let speaks = speaks || limits.is_some_and(|l| l.throttled.contains(&status));
    if speaks && let Some(wait) = text(&RETRY_AFTER).and_then(|v| retry_after::parse(v, now)) {
        return Some(wait);
    }
    let limits = limits?;
    let remaining = limits.remaining.as_ref().and_then(text);
    let is_empty = match remaining {
        Some(left) => left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0),
        // Nothing is said of what is left, but that it is too much now.
        None => status == StatusCode::TOO_MANY_REQUESTS || limits.throttled.contains(&status),
    };
    if !is_empty {
        return None;
    }
    let reset = text(limits.reset.as_ref()?)?;
    match limits.reset_format {
        ResetFormat::Milliseconds => retry_after::parse_milliseconds(reset),
        _ => retry_after::parse_reset(reset, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(86_400);

    fn rate(calls: u32, ms: u64) -> Option<Rate> {
        Some(Rate { calls: NonZeroU32::new(calls).unwrap(), per: Duration::from_millis(ms), burst: None })
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
        assert!(wait > Duration::from_secs(29) && wait <= Duration::from_secs(30), "{wait:?}");
        budgets.wait(&other, Duration::ZERO).await.unwrap();
        let wait = throttled(budgets.wait(&other, Duration::ZERO).await);
        assert!(wait > Duration::from_secs(19) && wait <= Duration::from_secs(20), "the integration's: {wait:?}");
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

    #[test]
    fn eg_4_a_reset_counts_where_it_is_too_much_or_nothing_is_left() {
        let now = DateTime::from_timestamp_secs(1_800_000_000).unwrap();
        let limits = RateLimits {
            remaining: Some(HeaderName::from_static("x-left")),
            reset: Some(HeaderName::from_static("x-reset")),
            reset_format: ResetFormat::Milliseconds,
            throttled: vec![StatusCode::FORBIDDEN],
            ..Default::default()
        };
        let asked = |status, said: &[(&'static str, &'static str)]| {
            asked_wait(Some(&limits), status, &headers(said), now).map(|wait| wait.as_millis())
        };
        let (ok, forbidden) = (StatusCode::OK, StatusCode::FORBIDDEN);
        assert_eq!(asked(ok, &[("x-left", "0"), ("x-reset", "1500")]), Some(1_500));
        assert_eq!(asked(forbidden, &[("x-reset", "1500")]), Some(1_500));
        assert_eq!(asked(forbidden, &[("x-left", "7"), ("x-reset", "1500")]), None, "forbidden for another reason");
        assert_eq!(asked(ok, &[("x-reset", "1500")]), None);
        assert_eq!(asked(ok, &[("x-left", "0"), ("x-reset", "soon")]), None);
    }
}

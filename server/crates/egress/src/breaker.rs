//! Leaves providers alone that keep failing: a breaker (`domain::breaker`) per integration and host, so that one provider
//! that is down costs its own callers a moment, and nobody else anything. What one tenant's integration meets with says
//! nothing about another's: it may be that tenant's manifest.
//!
//! Each node judges by its own calls, since a word to the others for each call would cost more than it brings. What it
//! finds out it tells them: that a breaker opened or closed ([`SharedBudget::opened`], [`SharedBudget::closed`]).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::breaker::{Admission, Breaker, Change};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use ids::IntegrationId;
use tokio::time::Instant;

use crate::error::{EgressError, TransportKind};

#[cfg(doc)]
use crate::budget::SharedBudget;

/// After so many integrations the blank ones are forgotten.
const SWEEP_AT: usize = 1_024;
/// A caller that waits for less than this and hears nothing has found out nothing about the provider.
const TELLING: Duration = Duration::from_secs(5);

/// All breakers of this process.
pub(crate) struct Breakers {
    epoch: Instant,
    /// What tests add to the time.
    #[cfg(test)]
    ahead: Mutex<Duration>,
    all: Mutex<All>,
}

struct All {
    map: HashMap<IntegrationId, HashMap<String, Breaker>>,
    sweep_at: usize,
}

/// Leave to make one call. Dropped without a word it says nothing about the provider.
pub(crate) struct Pass<'b> {
    breakers: &'b Breakers,
    integration: IntegrationId,
    host: String,
    is_probe: bool,
    is_told: bool,
}

impl Breakers {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            #[cfg(test)]
            ahead: Mutex::default(),
            all: Mutex::new(All { map: HashMap::new(), sweep_at: SWEEP_AT }),
        }
    }

    #[cfg(not(test))]
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    #[cfg(test)]
    fn now(&self) -> Duration {
        self.epoch.elapsed() + *self.ahead.lock().unwrap()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave to call a host for an integration, or how long it is left alone.
    pub(crate) fn admit(&self, integration: IntegrationId, host: &str) -> Result<Pass<'_>, Duration> {
        let mut all = self.all();
        let known = all.map.get_mut(&integration).and_then(|hosts| hosts.get_mut(host));
        let admission = known.map_or(Admission::Through, |breaker| breaker.admit(self.now()));
        drop(all);
        let is_probe = match admission {
            Admission::Rests(wait) => return Err(wait),
            Admission::Probe => true,
            Admission::Through => false,
        };
        Ok(Pass { breakers: self, integration, host: host.to_owned(), is_probe, is_told: false })
    }

    /// The host of an integration that is left alone, and for how long.
    pub(crate) fn rests(&self, integration: IntegrationId) -> Option<(String, Duration)> {
        let now = self.now();
        let all = self.all();
        let resting = all.map.get(&integration)?.iter().filter_map(|(host, one)| Some((host, one.rests(now)?)));
        resting.max_by_key(|(_, rest)| *rest).map(|(host, rest)| (host.clone(), rest))
    }

    /// How long whoever was refused for an integration waits at least.
    pub(crate) fn holds_back(&self, integration: IntegrationId) -> Option<Duration> {
        let now = self.now();
        self.all().map.get(&integration)?.values().filter_map(|one| one.holds_back(now)).max()
    }

    /// Another node found a host to be failing, for so long, or well.
    pub(crate) fn hear(&self, integration: IntegrationId, host: &str, rest: Option<Duration>) {
        let now = self.now();
        self.with(integration, host, |breaker| match rest {
            Some(rest) => breaker.open_for(now, rest),
            None => breaker.close(now),
        });
    }

    fn with<T>(&self, integration: IntegrationId, host: &str, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut all = self.all();
        if all.map.len() >= all.sweep_at {
            let now = self.now();
            all.map.retain(|_, hosts| {
                hosts.retain(|_, breaker| !breaker.is_blank(now));
                !hosts.is_empty()
            });
            all.sweep_at = SWEEP_AT.max(all.map.len() * 2);
        }
        let hosts = all.map.entry(integration).or_default();
        if let Some(breaker) = hosts.get_mut(host) {
            return change(breaker);
        }
        change(hosts.entry(host.to_owned()).or_default())
    }
}

impl Pass<'_> {
    /// Tells what the call said of the provider, if anything. Gives what that changed.
    pub(crate) fn ended(mut self, is_good: Option<bool>) -> Change {
        self.is_told = true;
        let now = self.breakers.now();
        match (self.is_probe, is_good) {
            (true, is_good) => self.breakers.with(self.integration, &self.host, |one| one.probed(now, is_good)),
            (false, Some(is_good)) => self.breakers.with(self.integration, &self.host, |one| one.ended(now, is_good)),
            (false, None) => Change::None,
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.is_told {
            let now = self.breakers.now();
            self.breakers.with(self.integration, &self.host, |breaker| breaker.probed(now, None));
        }
    }
}

/// What the head of an answer, and the time that it took, say of the provider. One that asks to be left alone is well.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, took: Duration, slow: Duration) -> Option<bool> {
    if took >= slow {
        return Some(false);
    }
    // 501: it will not, rather than it cannot.
    let fails = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    if fails && headers.contains_key(RETRY_AFTER) { None } else { Some(!fails) }
}

/// What it says that there is no answer.
pub(crate) fn judge_error(error: &EgressError, took: Duration) -> Option<bool> {
    match error {
        EgressError::Timeout { .. } if took >= TELLING => Some(false),
        EgressError::Transport { kind: TransportKind::RequestBody, .. } => None,
        EgressError::Transport { .. } => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn integration(number: u8) -> IntegrationId {
        IntegrationId::new(1, [number; 10])
    }

    fn fail(breakers: &Breakers, of: u8, host: &str) -> Duration {
        for _ in 0..50 {
            let pass = breakers.admit(integration(of), host).ok().unwrap();
            if let Change::Opened(rest) = pass.ended(Some(false)) {
                return rest;
            }
        }
        panic!("it does not open")
    }

    #[test]
    fn e_5_one_host_of_one_integration_is_left_alone_and_nobody_else() {
        let breakers = Breakers::new();
        let rest = fail(&breakers, 1, "a.example");
        let is_about =
            |wait: Duration, expected: Duration| wait <= expected && wait + Duration::from_secs(1) > expected;
        assert!(is_about(breakers.admit(integration(1), "a.example").err().unwrap(), rest));
        let (host, wait) = breakers.rests(integration(1)).unwrap();
        assert!(
            host == "a.example" && is_about(wait, rest) && is_about(breakers.holds_back(integration(1)).unwrap(), rest)
        );
        assert!(breakers.admit(integration(1), "b.example").is_ok());
        assert!(breakers.admit(integration(2), "a.example").is_ok());
        assert_eq!(breakers.rests(integration(2)), None);

        *breakers.ahead.lock().unwrap() += rest;
        let probe = breakers.admit(integration(1), "a.example").ok().unwrap();
        assert!(breakers.admit(integration(1), "a.example").is_err(), "one probe at a time");
        drop(probe);
        for _ in 0..2 {
            breakers.admit(integration(1), "a.example").ok().unwrap().ended(Some(true));
        }
        assert!(breakers.admit(integration(1), "a.example").ok().unwrap().ended(Some(true)) == Change::None);
    }

    #[test]
    fn e_5_what_another_node_found_out_counts_here() {
        let breakers = Breakers::new();
        let rest = Duration::from_secs(20);
        breakers.hear(integration(1), "a.example", Some(rest));
        assert!(breakers.admit(integration(1), "a.example").err().is_some_and(|wait| wait > rest / 2 && wait <= rest));
        breakers.hear(integration(1), "a.example", None);
        assert!(breakers.admit(integration(1), "a.example").is_ok());
    }

    #[test]
    fn blank_ones_are_forgotten() {
        let breakers = Breakers::new();
        for number in 0..3_000_u64 {
            let of = IntegrationId::new(number, [0; 10]);
            breakers.admit(of, "a.example").ok().unwrap().ended(Some(true));
            *breakers.ahead.lock().unwrap() += Duration::from_secs(1);
        }
        let left = breakers.all().map.len();
        assert!(left <= SWEEP_AT, "{left}");
    }

    #[test]
    fn e_5_failing_slow_and_silent_count_and_what_we_did_ourselves_does_not() {
        let (slow, quick) = (Duration::from_secs(20), Duration::from_millis(5));
        let none = HeaderMap::new();
        let mut later = HeaderMap::new();
        later.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        let of =
            |status: u16, headers: &HeaderMap, took| judge(StatusCode::from_u16(status).unwrap(), headers, took, slow);
        for status in [500, 502, 503, 504, 520] {
            assert_eq!(of(status, &none, quick), Some(false), "{status}");
        }
        for status in [200, 301, 401, 404, 429, 501] {
            assert_eq!(of(status, &none, quick), Some(true), "{status}");
        }
        assert_eq!(of(503, &later, quick), None, "it asks to be left alone");
        assert_eq!(of(200, &none, slow), Some(false));
        let host = || "a.example".to_owned();
        let timeout = EgressError::Timeout { host: host(), after: slow };
        assert_eq!(judge_error(&timeout, slow), Some(false));
        assert_eq!(judge_error(&timeout, quick), None, "the caller had no patience");
        let broken = |kind| EgressError::Transport { host: host(), kind, source: None };
        assert_eq!(judge_error(&broken(TransportKind::Connect), quick), Some(false));
        assert_eq!(judge_error(&broken(TransportKind::RequestBody), quick), None);
        assert_eq!(judge_error(&EgressError::Busy { host: host(), retry_after: slow }, quick), None);
    }
}

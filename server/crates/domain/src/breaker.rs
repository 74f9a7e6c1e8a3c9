//! When a provider that keeps failing is left alone, and when it is tried again. Pure: times are distances from any one
//! moment, by a clock that only goes forward.
//!
//! * *Closed*: calls go through. Of the last calls (twenty, within a minute) so many may fail; when half of them do, and eight
//!   at the least, it opens.
//! * *Open*: nobody calls, for ten seconds at first and twice as long each time that the probe fails, five minutes at most.
//! * *Half open*: one call at a time goes through, the probe. Two good ones in a row close it, a bad one opens it again.
//!
//! What it was before it closed is remembered for five minutes of good health: who fails again soon after is left alone for
//! longer. A probe that nobody hears of any more (its caller was cancelled) makes room for the next one.

use std::{collections::VecDeque, time::Duration};

/// So many calls are looked at.
const LOOKED_AT: usize = 20;
/// Those of the last minute.
const LOOKED_BACK: Duration = Duration::from_secs(60);
/// So many must have failed at least.
const LEAST: usize = 8;
/// How long it is open at first.
const SHORTEST: Duration = Duration::from_secs(10);
/// And at most.
const LONGEST: Duration = Duration::from_secs(300);
/// So many good probes in a row close it.
const PROBES: u32 = 2;
/// While a probe is under way others are told to come back after this.
const WHILE_PROBED: Duration = Duration::from_secs(1);
/// A probe takes no longer than this, or nobody hears of it any more.
const LONGEST_PROBE: Duration = Duration::from_secs(120);

/// Whether a call may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Through,
    /// It may, and what comes of it decides.
    Probe,
    /// It may not, for so long at least.
    Rests(Duration),
}

/// What a call's end changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It opened, for so long.
    Opened(Duration),
    /// It closed.
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Closed { recent: VecDeque<(Duration, bool)> },
    Open { until: Duration },
    HalfOpen { probing: Option<Duration>, good: u32 },
}

/// The breaker of one other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    /// How long it was open last.
    last: Duration,
    /// When it closed after that.
    closed_at: Option<Duration>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { recent: VecDeque::new() }, last: Duration::ZERO, closed_at: None }
    }
}

impl Breaker {
    /// Whether a call may go out now.
    pub fn admit(&mut self, now: Duration) -> Admission {
        if let State::Open { until } = self.state
            && until <= now
        {
            self.state = State::HalfOpen { probing: None, good: 0 };
        }
        match &mut self.state {
            State::Closed { .. } => Admission::Through,
            State::Open { until } => Admission::Rests(until.saturating_sub(now)),
            State::HalfOpen { probing, .. } => match probing {
                Some(since) if now.saturating_sub(*since) < LONGEST_PROBE => Admission::Rests(WHILE_PROBED),
                _ => {
                    *probing = Some(now);
                    Admission::Probe
                }
            },
        }
    }

    /// How long it is open still; `None` where calls go through, one at a time at least.
    #[must_use]
    pub fn rests(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until } => Some(until.saturating_sub(now)).filter(|left| !left.is_zero()),
            _ => None,
        }
    }

    /// How long whoever was refused waits at least: also while it is found out whether it is well. `None` while it is closed.
    #[must_use]
    pub fn holds_back(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until } => Some(until.saturating_sub(now).max(WHILE_PROBED)),
            State::HalfOpen { .. } => Some(WHILE_PROBED),
        }
    }

    /// A call that went through has ended, well or badly.
    pub fn ended(&mut self, now: Duration, is_good: bool) -> Change {
        let State::Closed { recent } = &mut self.state else { return Change::None };
        while recent.len() >= LOOKED_AT || recent.front().is_some_and(|(at, _)| now.saturating_sub(*at) > LOOKED_BACK) {
            recent.pop_front();
        }
        recent.push_back((now, is_good));
        let bad = recent.iter().filter(|(_, is_good)| !is_good).count();
        if is_good || bad < LEAST || bad * 2 < recent.len() { Change::None } else { self.open(now) }
    }

    /// A probe has ended, well or badly; `None` if it was given up.
    pub fn probed(&mut self, now: Duration, is_good: Option<bool>) -> Change {
        let State::HalfOpen { probing, good } = &mut self.state else { return Change::None };
        *probing = None;
        match is_good {
            None => Change::None,
            Some(false) => self.open(now),
            Some(true) if *good + 1 < PROBES => {
                *good += 1;
                Change::None
            }
            Some(true) => {
                self.state = State::Closed { recent: VecDeque::new() };
                self.closed_at = Some(now);
                Change::Closed
            }
        }
    }

    fn open(&mut self, now: Duration) -> Change {
        let was_well = self.closed_at.is_some_and(|at| now.saturating_sub(at) > LONGEST);
        let next = if was_well { SHORTEST } else { (self.last * 2).clamp(SHORTEST, LONGEST) };
        self.open_for(now, next);
        Change::Opened(next)
    }

    /// Another node found out that it has to be open for so long.
    pub fn open_for(&mut self, now: Duration, rest: Duration) {
        let rest = rest.min(LONGEST);
        let until = now.saturating_add(rest);
        if let State::Open { until: already } = self.state
            && already >= until
        {
            return;
        }
        (self.last, self.closed_at) = (rest, None);
        self.state = State::Open { until };
    }

    /// Another node has found it well.
    pub fn close(&mut self, now: Duration) {
        if !matches!(self.state, State::Closed { .. }) {
            self.state = State::Closed { recent: VecDeque::new() };
            self.closed_at = Some(now);
        }
    }

    /// Whether nothing would be lost by forgetting it.
    #[must_use]
    pub fn is_blank(&self, now: Duration) -> bool {
        let State::Closed { recent } = &self.state else { return false };
        let is_quiet = recent.back().is_none_or(|(at, _)| now.saturating_sub(*at) > LOOKED_BACK);
        is_quiet && (self.last.is_zero() || self.closed_at.is_some_and(|at| now.saturating_sub(at) > LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened(breaker: &mut Breaker, now: Duration) -> Duration {
        for _ in 0..100 {
            if let Change::Opened(rest) = breaker.ended(now, false) {
                return rest;
            }
        }
        panic!("it does not open: {breaker:?}")
    }

    #[test]
    fn e_5_half_of_the_last_calls_have_to_fail_and_eight_at_least() {
        let mut breaker = Breaker::default();
        for _ in 0..7 {
            assert_eq!(breaker.ended(at(1), false), Change::None);
        }
        assert_eq!(breaker.admit(at(1)), Admission::Through);
        assert_eq!(breaker.ended(at(1), false), Change::Opened(SHORTEST));
        assert_eq!(breaker.admit(at(2)), Admission::Rests(at(9)));

        let mut mixed = Breaker::default();
        for number in 0..200 {
            assert_eq!(mixed.ended(at(1), number % 3 != 0), Change::None, "a third fails");
        }
        let mut slow = Breaker::default();
        for minute in 0..50 {
            assert_eq!(slow.ended(at(minute * 61), false), Change::None, "one a minute");
        }
    }

    #[test]
    fn e_5_one_probe_at_a_time_and_two_good_ones_close_it() {
        let mut breaker = Breaker::default();
        opened(&mut breaker, at(0));
        assert_eq!(breaker.ended(at(1), true), Change::None, "one that was under way when it opened");
        assert_eq!((breaker.rests(at(4)), breaker.holds_back(at(4))), (Some(at(6)), Some(at(6))));
        assert_eq!(breaker.admit(at(10)), Admission::Probe);
        assert_eq!(breaker.admit(at(10)), Admission::Rests(WHILE_PROBED));
        assert_eq!((breaker.rests(at(10)), breaker.holds_back(at(10))), (None, Some(WHILE_PROBED)));
        assert_eq!(breaker.probed(at(11), None), Change::None, "given up");
        assert_eq!(breaker.admit(at(11)), Admission::Probe);
        assert_eq!(breaker.probed(at(11), Some(true)), Change::None);
        assert_eq!(breaker.admit(at(11)), Admission::Probe);
        assert_eq!(breaker.probed(at(12), Some(true)), Change::Closed);
        assert_eq!((breaker.admit(at(12)), breaker.holds_back(at(12))), (Admission::Through, None));
        assert_eq!(breaker.ended(at(12), false), Change::None, "it is judged anew");
    }

    #[test]
    fn e_5_it_rests_longer_each_time_until_it_has_been_well_for_a_while() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        let mut rest = opened(&mut breaker, now);
        let mut rests = vec![rest.as_secs()];
        for _ in 0..6 {
            now += rest;
            assert_eq!(breaker.admit(now), Admission::Probe);
            let Change::Opened(next) = breaker.probed(now, Some(false)) else { panic!("{breaker:?}") };
            rest = next;
            rests.push(rest.as_secs());
        }
        assert_eq!(rests, [10, 20, 40, 80, 160, 300, 300]);
        now += rest;
        for _ in 0..2 {
            assert_eq!(breaker.admit(now), Admission::Probe);
            breaker.probed(now, Some(true));
        }
        assert!(!breaker.is_blank(now + at(200)));
        let mut soon = breaker.clone();
        assert_eq!(opened(&mut soon, now + at(10)), LONGEST);
        assert!(breaker.is_blank(now + at(301)));
        assert_eq!(opened(&mut breaker, now + at(301)), SHORTEST);
    }

    #[test]
    fn a_probe_that_nobody_hears_of_makes_room() {
        let mut breaker = Breaker::default();
        opened(&mut breaker, at(0));
        assert_eq!(breaker.admit(at(10)), Admission::Probe);
        assert_eq!(breaker.admit(at(129)), Admission::Rests(WHILE_PROBED));
        assert_eq!(breaker.admit(at(130)), Admission::Probe);
    }

    #[test]
    fn what_another_node_says_is_believed() {
        let mut breaker = Breaker::default();
        breaker.open_for(at(0), at(40));
        breaker.open_for(at(1), at(10));
        assert_eq!(breaker.rests(at(1)), Some(at(39)), "the longer one");
        breaker.close(at(2));
        assert_eq!(breaker.admit(at(2)), Admission::Through);
        breaker.open_for(at(3), at(1_000_000));
        assert_eq!(breaker.rests(at(3)), Some(LONGEST));
    }

    proptest! {
        #[test]
        fn nothing_shuts_it_for_ever(steps in prop::collection::vec((0_u8..6, 0_u64..100), 0..300)) {
            let (mut breaker, mut now) = (Breaker::default(), Duration::ZERO);
            for (what, wait) in steps {
                now += at(wait);
                match what {
                    0 => { breaker.admit(now); }
                    1 => { breaker.ended(now, false); }
                    2 => { breaker.ended(now, true); }
                    3 => { breaker.probed(now, Some(false)); }
                    4 => { breaker.probed(now, Some(true)); }
                    _ => breaker.open_for(now, at(wait)),
                }
                prop_assert!(breaker.rests(now).is_none_or(|rest| rest <= LONGEST));
            }
            let later = now + LONGEST + LONGEST_PROBE;
            prop_assert!(!matches!(breaker.admit(later), Admission::Rests(_)));
        }
    }
}

//! A provider's limit, kept by several nodes: how many calls may be handed out now. Pure: the book is kept by whoever has
//! it (a row that all nodes share, or a node alone), the time is that of the book's keeper.
//!
//! **Invariant.** In no stretch of time of the limit's length are more calls made than the limit says.
//!
//! Calls are handed out in *grants*. What is granted in a slot of the book must be made within [`Limit::lives`] after the
//! grant; what is not made by then is given back, and never made. A slot counts until its end lies `lives + margin + per`
//! back. So of two calls that are made within `per` of each other, the earlier one still counts when the later one is granted:
//! all calls in any such stretch were in the book together, and the book never holds more than the limit. The margin is for
//! calls that take different times to arrive, since it is the provider who counts.
//!
//! **How much of the limit can be used.** A slot, `lives` and the margin are a small part of `per` (about a fourteenth
//! together), and by so much longer a call occupies its place than it had to: nine tenths are to be had, whoever asks.
//!
//! **Clocks.** Only the keeper's clock counts. If it steps back, what lies in its future is taken to have been granted now;
//! if it leaps ahead, calls are forgotten too early once.

use std::{collections::VecDeque, num::NonZeroU32, time::Duration};

/// Slots in a limit's length.
const SLOTS: u32 = 64;

/// So many calls in any stretch of so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Calls.
    pub calls: NonZeroU32,
    /// How long the stretch is.
    pub per: Duration,
}

impl Limit {
    /// How long after a grant its calls may be made.
    #[must_use]
    pub fn lives(self) -> Duration {
        (self.per / 25).clamp(Duration::from_millis(5), Duration::from_secs(5))
    }

    /// What calls may differ by in the time that they take to arrive.
    fn margin(self) -> Duration {
        (self.per / 50).clamp(Duration::from_millis(1), Duration::from_millis(250))
    }

    fn slot_micros(self) -> i64 {
        micros(self.per / SLOTS).max(1_000)
    }

    /// How long after the end of its slot a call counts.
    fn counts_for(self) -> i64 {
        micros(self.per).saturating_add(micros(self.lives())).saturating_add(micros(self.margin()))
    }

    /// The part of the limit that a node spends by its own count when it cannot ask: an eighth, and at least one.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { calls: NonZeroU32::new(self.calls.get() / 8).unwrap_or(NonZeroU32::MIN), ..self }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Calls of a slot that were not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unused {
    /// The slot that they were granted in.
    pub slot: i64,
    /// How many.
    pub calls: u32,
}

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The slot that it stands in.
    pub slot: i64,
    /// So many calls; fewer than were asked for where no more are left.
    pub calls: u32,
    /// Where they are fewer: after this time there are more.
    pub next: Option<Duration>,
}

/// What has been granted lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    slot_micros: i64,
    slots: VecDeque<(i64, u32)>,
}

impl Book {
    /// A book as it was written down: see [`Book::columns`]. What makes no sense is left out.
    #[must_use]
    pub fn read(slot_micros: i64, slots: &[i64], calls: &[i64]) -> Self {
        let calls = calls.iter().map(|calls| u32::try_from(*calls).unwrap_or_default());
        let mut slots: Vec<(i64, u32)> = slots.iter().copied().zip(calls).collect();
        slots.sort_unstable();
        Self { slot_micros, slots: slots.into() }
    }

    /// The length of a slot in microseconds, the slots' numbers (time since 1970 divided by that length), and the calls
    /// granted in each.
    #[must_use]
    pub fn columns(&self) -> (i64, Vec<i64>, Vec<i64>) {
        let (slots, calls) = self.slots.iter().map(|(slot, calls)| (*slot, i64::from(*calls))).unzip();
        (self.slot_micros, slots, calls)
    }

    /// Whether nothing in it counts any more, by the keeper's clock in microseconds.
    #[must_use]
    pub fn is_blank(&self, limit: Limit, now: i64) -> bool {
        self.slots.back().is_none_or(|(slot, _)| self.counts_until(*slot, limit) <= now)
    }

    fn counts_until(&self, slot: i64, limit: Limit) -> i64 {
        slot.saturating_add(1).saturating_mul(self.slot_micros).saturating_add(limit.counts_for())
    }

    /// Hands out up to so many calls, by the keeper's clock in microseconds since 1970, after taking some back.
    pub fn grant(&mut self, limit: Limit, now: i64, want: u32, back: &[Unused]) -> Grant {
        self.take_back(back);
        self.rule_anew(limit.slot_micros());
        let slot = now.div_euclid(self.slot_micros);
        self.end_at(slot);
        while let Some((oldest, calls)) = self.slots.front().copied()
            && (calls == 0 || self.counts_until(oldest, limit) <= now)
        {
            self.slots.pop_front();
        }
        let counted: u64 = self.slots.iter().map(|(_, calls)| u64::from(*calls)).sum();
        let left = u64::from(limit.calls.get()).saturating_sub(counted);
        let calls = want.min(u32::try_from(left).unwrap_or(u32::MAX));
        if calls > 0 {
            self.add(slot, calls);
        }
        let oldest = self.slots.front().filter(|_| calls < want);
        let next = oldest.map(|(oldest, _)| self.counts_until(*oldest, limit).saturating_sub(now));
        let next = next.map(|next| Duration::from_micros(u64::try_from(next).unwrap_or_default().max(100)));
        Grant { slot, calls, next }
    }

    /// How many calls are left, or after which time there are any.
    ///
    /// # Errors
    /// None is left; the time.
    pub fn left(&self, limit: Limit, now: i64) -> Result<u32, Duration> {
        let probe = self.clone().grant(limit, now, u32::MAX, &[]);
        match probe.next {
            Some(next) if probe.calls == 0 => Err(next),
            _ => Ok(probe.calls),
        }
    }

    fn add(&mut self, slot: i64, calls: u32) {
        match self.slots.back_mut() {
            Some((last, count)) if *last == slot => *count = count.saturating_add(calls),
            _ => self.slots.push_back((slot, calls)),
        }
    }

    fn take_back(&mut self, back: &[Unused]) {
        for unused in back {
            if let Some((_, calls)) = self.slots.iter_mut().find(|(slot, _)| *slot == unused.slot) {
                *calls = calls.saturating_sub(unused.calls);
            }
        }
    }

    /// Goes over to slots of another length, after the limit was changed. No call counts for a shorter time by that.
    fn rule_anew(&mut self, slot_micros: i64) {
        if self.slot_micros == slot_micros {
            return;
        }
        let old = std::mem::take(&mut self.slots);
        for (slot, calls) in old {
            let end = slot.saturating_add(1).saturating_mul(self.slot_micros);
            self.add(end.saturating_add(slot_micros - 1).div_euclid(slot_micros) - 1, calls);
        }
        self.slot_micros = slot_micros;
    }

    /// What stands in slots after this one was granted by a clock that has stepped back since.
    fn end_at(&mut self, slot: i64) {
        let mut ahead = 0_u32;
        while let Some((last, calls)) = self.slots.back().copied()
            && last > slot
        {
            ahead = ahead.saturating_add(calls);
            self.slots.pop_back();
        }
        if ahead > 0 {
            self.add(slot, ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const START: i64 = 1_800_000_000 * SECOND;

    fn limit(calls: u32, ms: u64) -> Limit {
        Limit { calls: NonZeroU32::new(calls).unwrap(), per: Duration::from_millis(ms) }
    }

    fn count(calls: u32) -> usize {
        usize::try_from(calls).unwrap()
    }

    /// The most calls in any stretch of the limit's length.
    fn most(made: &mut [i64], per: Duration) -> usize {
        made.sort_unstable();
        let (mut first, mut most) = (0, 0);
        for (last, at) in made.iter().enumerate() {
            while *at - made[first] >= micros(per) {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most
    }

    #[test]
    fn eg_4_a_full_budget_is_to_be_had_at_once_and_again_a_little_after_its_length() {
        let (mut book, limit) = (Book::default(), limit(100, 60_000));
        assert_eq!(book.grant(limit, START, 70, &[]).calls, 70);
        let rest = book.grant(limit, START, 70, &[]);
        assert_eq!(rest.calls, 30);
        let next = rest.next.unwrap();
        assert!(next > Duration::from_secs(60) && next < Duration::from_secs(65), "{next:?}");
        let later = START + micros(next);
        assert_eq!(book.grant(limit, later - 1, 1, &[]).calls, 0);
        assert_eq!(
            book.grant(limit, later, 100, &[]),
            Grant { slot: later / limit.slot_micros(), calls: 100, next: None }
        );
        assert!(!book.is_blank(limit, later) && book.is_blank(limit, later + micros(next)));
    }

    #[test]
    fn what_is_given_back_is_handed_out_again_and_no_more_than_that() {
        let (mut book, limit) = (Book::default(), limit(10, 1_000));
        let first = book.grant(limit, START, 10, &[]);
        let back = Unused { slot: first.slot, calls: 4 };
        assert_eq!(book.grant(limit, START + 50_000, 10, &[back]).calls, 4);
        let strange = [Unused { slot: first.slot - 9, calls: 4 }, Unused { slot: first.slot, calls: 99 }];
        assert_eq!(book.grant(limit, START + 60_000, 10, &strange).calls, 6, "what it knows of the slot, and not more");
    }

    #[test]
    fn a_clock_that_steps_back_forgets_nothing_and_stops_nothing() {
        let (mut book, limit) = (Book::default(), limit(10, 1_000));
        assert_eq!(book.grant(limit, START, 10, &[]).calls, 10);
        let hour_ago = START - 3_600 * SECOND;
        let none = book.grant(limit, hour_ago, 10, &[]);
        assert_eq!(none.calls, 0);
        assert!(none.next.unwrap() < Duration::from_millis(1_100), "{none:?}");
        assert_eq!(book.grant(limit, hour_ago + 2 * SECOND, 10, &[]).calls, 10);
    }

    #[test]
    fn another_limit_counts_what_the_old_one_granted() {
        let mut book = Book::default();
        assert_eq!(book.grant(limit(10, 1_000), START, 10, &[]).calls, 10);
        assert_eq!(book.grant(limit(15, 60_000), START + 1_000, 20, &[]).calls, 5);
        let (slot_micros, slots, calls) = book.columns();
        assert_eq!(Book::read(slot_micros, &slots, &calls), book);
        assert_eq!(book.grant(limit(10, 1_000), START + 2_000, 20, &[]).calls, 0);
    }

    /// Nodes that take slices of one book and make their calls some time before the slice ends, or not at all.
    struct Cluster {
        limit: Limit,
        book: Book,
        unused: Vec<Vec<Unused>>,
        made: Vec<i64>,
    }

    impl Cluster {
        fn new(limit: Limit, nodes: usize) -> Self {
            Self { limit, book: Book::default(), unused: vec![Vec::new(); nodes], made: Vec::new() }
        }

        /// A node asks; its calls are made at parts of the slice's life, the rest is given back with its next asking.
        fn ask(&mut self, node: usize, now: i64, want: u32, made_at: &[u8]) -> Grant {
            let back = std::mem::take(&mut self.unused[node]);
            let grant = self.book.grant(self.limit, now, want, &back);
            let lives = micros(self.limit.lives());
            let made: Vec<i64> = made_at.iter().map(|part| now + lives * i64::from(*part) / 255).collect();
            let made = &made[..made.len().min(count(grant.calls))];
            self.made.extend(made);
            let calls = grant.calls - u32::try_from(made.len()).unwrap();
            self.unused[node].extend((calls > 0).then_some(Unused { slot: grant.slot, calls }));
            grant
        }
    }

    #[test]
    fn e_5_three_nodes_that_have_work_use_nine_tenths_and_no_window_sees_more_than_the_limit() {
        for limit in [limit(1, 1_000), limit(5, 60_000), limit(50, 1_000), limit(200, 1_000), limit(5_000, 3_600_000)] {
            let mut cluster = Cluster::new(limit, 3);
            // What each knows of when there are more, and how long an asking takes.
            let mut not_before = [START; 3];
            let (per, asking) = (micros(limit.per), 5_000);
            let end = START + per * 20;
            let step = (per / 2_000).max(1_000);
            let mut now = START;
            while now < end {
                for (node, not_before) in not_before.iter_mut().enumerate() {
                    if *not_before <= now {
                        let slice = (limit.calls.get() / 8).max(1);
                        let made_at = vec![128; count(slice)];
                        let grant = cluster.ask(node, now, slice, &made_at);
                        *not_before = now + grant.next.filter(|_| grant.calls == 0).map_or(asking, micros);
                    }
                }
                now += step;
            }
            let used = cluster.made.len();
            let whole = count(limit.calls.get()) * 20;
            assert!(used * 10 >= whole * 9, "{limit:?}: {used} of {whole}");
            let most = most(&mut cluster.made, limit.per);
            assert!(most <= count(limit.calls.get()), "{limit:?}: {most} in one window");
        }
    }

    proptest! {
        #[test]
        fn e_5_whatever_nodes_do_no_window_sees_more_than_the_limit(
            calls in 1_u32..40,
            ms in 10_u64..100_000,
            steps in prop::collection::vec((0_usize..3, 0_u32..20, prop::collection::vec(any::<u8>(), 0..20), 0_u32..400), 1..200),
        ) {
            let limit = limit(calls, ms);
            let mut cluster = Cluster::new(limit, 3);
            let mut now = START;
            for (node, want, made_at, thousandths) in steps {
                now += micros(limit.per) * i64::from(thousandths) / 1_000;
                let grant = cluster.ask(node, now, want, &made_at);
                prop_assert!(grant.calls <= want);
                prop_assert_eq!(grant.next.is_some(), grant.calls < want);
            }
            let most = most(&mut cluster.made, limit.per);
            prop_assert!(most <= count(calls), "{most} in one window");
            prop_assert!(cluster.book.slots.len() <= 64 + 12, "{} slots", cluster.book.slots.len());
        }
    }
}

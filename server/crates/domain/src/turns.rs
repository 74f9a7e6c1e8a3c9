//! Whose job is next. A worker has so many places; tenants share them by weight, however much each has waiting and however
//! long its jobs take. Pure: the table says who waits, the worker who runs.
//!
//! * Of two tenants that wait, the one with fewer running jobs for its weight (in whole weights) is next. So with places that
//!   are held for long each has its share of the places, and somebody who comes to a full house has the next that is free.
//! * Where that says nothing (both have as many, or there is one place) they take turns: each job moves its tenant's *pass*
//!   on by one over the weight, and the lowest pass is next (stride scheduling, Waldspurger and Weihl 1995). The present is
//!   the lowest pass among those who wait; whoever comes begins there, so that nobody saves turns up.
//! * A tenant and a party (the provider or endpoint that the jobs call) never hold more than their caps. So one that hangs
//!   leaves places to the others.
//! * Among a tenant's own jobs the urgent ones are first, then those of the party with the fewest running, then the oldest.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use ids::TenantId;

/// What one job of a tenant of weight 1 moves its pass on by.
const STRIDE: u64 = 1 << 20;

/// Jobs that are told apart by whose they are, how urgent they are and whom they call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Whose.
    pub tenant: TenantId,
    /// Lower first, within the tenant.
    pub priority: i16,
    /// Whom they call; empty for nobody.
    pub party: String,
}

/// A lane with at least one job that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The lane.
    pub lane: Lane,
    /// The tenant's weight; 0 counts as 1.
    pub weight: u16,
    /// Since when its oldest job is due.
    pub since: DateTime<Utc>,
}

/// How many places of a worker one tenant and one party may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// One tenant.
    pub per_tenant: usize,
    /// One party. Jobs that call nobody have no such cap.
    pub per_party: usize,
}

/// So many jobs of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The lane.
    pub lane: Lane,
    /// At most so many of its jobs.
    pub jobs: usize,
}

/// What a worker knows of its places and of whose turn it is.
#[derive(Debug, Clone)]
pub struct Turns {
    caps: Caps,
    running: BTreeMap<(TenantId, String), usize>,
    /// Tenants that are ahead of `present`; all others are at it.
    passes: BTreeMap<TenantId, u64>,
    present: u64,
}

impl Turns {
    /// Of a worker that runs nothing yet.
    #[must_use]
    pub const fn new(caps: Caps) -> Self {
        Self { caps, running: BTreeMap::new(), passes: BTreeMap::new(), present: 0 }
    }

    /// These wait now.
    pub fn see(&mut self, waiting: &[Waiting]) {
        if let Some(lowest) = waiting.iter().map(|one| self.pass(one.lane.tenant)).min() {
            self.present = lowest;
            self.passes.retain(|_, pass| *pass > lowest);
        }
    }

    /// A job begins.
    pub fn began(&mut self, tenant: TenantId, weight: u16, party: &str) {
        *self.running.entry((tenant, party.to_owned())).or_default() += 1;
        let pass = self.pass(tenant).saturating_add(STRIDE / u64::from(weight.max(1)));
        self.passes.insert(tenant, pass);
    }

    /// A job ended, however.
    pub fn ended(&mut self, tenant: TenantId, party: &str) {
        let key = (tenant, party.to_owned());
        if let Some(count) = self.running.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.running.remove(&key);
            }
        }
    }

    fn pass(&self, tenant: TenantId) -> u64 {
        self.passes.get(&tenant).copied().unwrap_or_default().max(self.present)
    }

    fn of_tenant(&self, tenant: TenantId) -> usize {
        self.running.range((tenant, String::new())..).take_while(|((of, _), _)| *of == tenant).map(|(_, n)| n).sum()
    }

    fn of_party(&self, party: &str) -> usize {
        self.running.iter().filter(|((_, of), _)| of == party).map(|(_, n)| n).sum()
    }

    /// Shares so many free places out among those who wait, the next first. How many jobs a lane has nobody knows before
    /// they are taken: what it does not fill is shared out anew without it, by naming it as `dry`.
    #[must_use]
    pub fn share(&self, waiting: &[Waiting], dry: &HashSet<Lane>, places: usize) -> Vec<Turn> {
        let mut then = self.clone();
        let mut turns: Vec<Turn> = Vec::new();
        for _ in 0..places {
            let Some(next) = then.next(waiting, dry) else { break };
            then.began(next.lane.tenant, next.weight, &next.lane.party);
            match turns.iter_mut().find(|turn| turn.lane == next.lane) {
                Some(turn) => turn.jobs += 1,
                None => turns.push(Turn { lane: next.lane.clone(), jobs: 1 }),
            }
        }
        turns
    }

    /// The lane whose job is next, if there is one that may begin.
    fn next<'w>(&self, waiting: &'w [Waiting], dry: &HashSet<Lane>) -> Option<&'w Waiting> {
        let mut best: Option<(&'w Waiting, usize)> = None;
        for one in waiting.iter().filter(|one| !dry.contains(&one.lane)) {
            let held = self.of_tenant(one.lane.tenant);
            let party = &one.lane.party;
            if held >= self.caps.per_tenant || (!party.is_empty() && self.of_party(party) >= self.caps.per_party) {
                continue;
            }
            if best.is_none_or(|(other, of_other)| self.is_before((one, held), (other, of_other))) {
                best = Some((one, held));
            }
        }
        best.map(|(one, _)| one)
    }

    fn is_before(&self, (one, held): (&Waiting, usize), (other, of_other): (&Waiting, usize)) -> bool {
        let (a, b) = (&one.lane, &other.lane);
        if a.tenant == b.tenant {
            let of = |lane: &Lane| self.running.get(&(lane.tenant, lane.party.clone())).copied().unwrap_or_default();
            return (a.priority, of(a), one.since, &a.party) < (b.priority, of(b), other.since, &b.party);
        }
        // In whole weights: below one more of those, whose turn it is decides.
        let share = |held: usize, of: &Waiting| held / usize::from(of.weight.max(1));
        let (mine, theirs) = (share(held, one), share(of_other, other));
        (mine, self.pass(a.tenant), a.tenant) < (theirs, self.pass(b.tenant), b.tenant)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use chrono::TimeDelta;

    use super::*;

    const ALL: Caps = Caps { per_tenant: usize::MAX, per_party: usize::MAX };

    fn tenant(number: u8) -> TenantId {
        TenantId::new(1, [number; 10])
    }

    fn waiting(of: u8, weight: u16, party: &str) -> Waiting {
        let lane = Lane { tenant: tenant(of), priority: 1, party: party.into() };
        Waiting { lane, weight, since: DateTime::UNIX_EPOCH }
    }

    fn shared(turns: &Turns, waiting: &[Waiting], places: usize) -> Vec<(u8, usize)> {
        let turns = turns.share(waiting, &HashSet::new(), places);
        let number = |of: TenantId| (0..=255).find(|number| tenant(*number) == of).unwrap();
        turns.iter().map(|turn| (number(turn.lane.tenant), turn.jobs)).collect()
    }

    /// Places on which jobs of one turn each are run: what tenants have waiting, and after how many turns each job ended.
    struct House {
        turns: Turns,
        places: usize,
        queues: Vec<(u8, u16, VecDeque<u32>)>,
    }

    impl House {
        fn new(places: usize, caps: Caps, queues: &[(u8, u16, usize)]) -> Self {
            let queues = queues.iter().map(|(of, weight, jobs)| (*of, *weight, VecDeque::from(vec![0; *jobs])));
            Self { turns: Turns::new(caps), places, queues: queues.collect() }
        }

        /// One turn: as many jobs as there are places, and all of them end. Gives whose they were.
        fn turn(&mut self) -> Vec<u8> {
            let mut begun = Vec::new();
            let mut dry = HashSet::new();
            while begun.len() < self.places {
                let waiting: Vec<Waiting> =
                    self.queues.iter().map(|(of, weight, _)| waiting(*of, *weight, "p")).collect();
                self.turns.see(&waiting);
                let turns = self.turns.share(&waiting, &dry, self.places - begun.len());
                if turns.is_empty() {
                    break;
                }
                for turn in turns {
                    let (of, weight, queue) =
                        self.queues.iter_mut().find(|(of, ..)| tenant(*of) == turn.lane.tenant).unwrap();
                    for _ in 0..turn.jobs {
                        if queue.pop_front().is_none() {
                            dry.insert(turn.lane.clone());
                            break;
                        }
                        self.turns.began(turn.lane.tenant, *weight, "p");
                        begun.push(*of);
                    }
                }
            }
            for of in &begun {
                self.turns.ended(tenant(*of), "p");
            }
            begun
        }

        /// How many turns it takes until the last job of a tenant has ended.
        fn turns_until_done(&mut self, of: u8) -> usize {
            for turn in 0.. {
                if self.queues.iter().any(|(one, _, queue)| *one == of && queue.is_empty()) {
                    return turn;
                }
                self.turn();
            }
            unreachable!()
        }
    }

    #[test]
    fn ft_4_a_hundred_times_as_much_at_most_doubles_what_the_other_waits() {
        for places in [1, 2, 3, 16] {
            for jobs in [1, 5, 40] {
                let alone = House::new(places, ALL, &[(2, 1, jobs)]).turns_until_done(2);
                let beside = House::new(places, ALL, &[(1, 1, jobs * 100), (2, 1, jobs)]).turns_until_done(2);
                assert!(beside <= alone * 2, "{places} places, {jobs} jobs: {beside} turns, alone {alone}");
            }
        }
    }

    #[test]
    fn ft_4_places_are_shared_by_weight_also_where_there_is_one() {
        for places in [1, 3, 4, 12] {
            let mut house = House::new(places, ALL, &[(1, 3, 10_000), (2, 1, 10_000)]);
            let done: Vec<u8> = (0..400).flat_map(|_| house.turn()).collect();
            let heavy = done.iter().filter(|of| **of == 1).count();
            let (part, whole) = (heavy * 4, done.len() * 3);
            assert!(part.abs_diff(whole) <= whole / 50, "{heavy} of {} on {places} places", done.len());
        }
    }

    #[test]
    fn ft_4_long_jobs_hold_no_more_than_a_share_of_the_places() {
        let mut turns = Turns::new(ALL);
        // One came to an empty house, and each of its jobs takes for ever.
        for _ in 0..8 {
            turns.began(tenant(1), 1, "p");
        }
        let both = [waiting(1, 1, "p"), waiting(2, 1, "p")];
        for expected in 0..4 {
            turns.ended(tenant(1), "p");
            assert_eq!(shared(&turns, &both, 1), [(2, 1)], "after {expected}");
            turns.began(tenant(2), 1, "p");
        }
        turns.ended(tenant(2), "p");
        assert_eq!(shared(&turns, &both, 1), [(2, 1)]);
    }

    #[test]
    fn ft_4_nobody_saves_turns_up() {
        let mut turns = Turns::new(ALL);
        let both = [waiting(1, 1, "p"), waiting(2, 1, "p")];
        for _ in 0..1_000 {
            turns.see(&both[..1]);
            turns.began(tenant(1), 1, "p");
            turns.ended(tenant(1), "p");
        }
        let mut order = Vec::new();
        for _ in 0..6 {
            turns.see(&both);
            let (of, _) = shared(&turns, &both, 1)[0];
            turns.began(tenant(of), 1, "p");
            turns.ended(tenant(of), "p");
            order.push(of);
        }
        assert_eq!(order.iter().filter(|of| **of == 2).count(), 3, "{order:?}");
        assert!(turns.passes.len() <= 2, "only who is ahead is remembered");
    }

    #[test]
    fn ft_4_caps_hold_for_tenants_and_for_whom_they_call() {
        let caps = Caps { per_tenant: 3, per_party: 2 };
        let turns = Turns::new(caps);
        assert_eq!(shared(&turns, &[waiting(1, 1, "")], 9), [(1, 3)], "a tenant's cap");
        assert_eq!(shared(&turns, &[waiting(1, 1, "p"), waiting(2, 1, "p")], 9), [(1, 1), (2, 1)], "a party's cap");
        let all = [waiting(1, 1, "p"), waiting(1, 1, "q"), waiting(2, 1, "p")];
        let given: usize = shared(&turns, &all, 9).iter().map(|(_, jobs)| jobs).sum();
        assert_eq!(given, 4, "two of each party");
    }

    #[test]
    fn within_a_tenant_the_urgent_come_first_then_the_party_that_has_less_then_the_oldest() {
        let mut turns = Turns::new(ALL);
        let mut lanes = [waiting(1, 1, "p"), waiting(1, 1, "q"), waiting(1, 1, "r")];
        lanes[1].since = DateTime::UNIX_EPOCH - TimeDelta::seconds(1);
        let first = |turns: &Turns, lanes: &[Waiting]| turns.share(lanes, &HashSet::new(), 1)[0].lane.party.clone();
        assert_eq!(first(&turns, &lanes), "q");
        turns.began(tenant(1), 1, "q");
        assert_eq!(first(&turns, &lanes), "p");
        lanes[2].lane.priority = 0;
        turns.began(tenant(1), 1, "r");
        assert_eq!(first(&turns, &lanes), "r");
        let dry = HashSet::from([lanes[2].lane.clone()]);
        assert_eq!(turns.share(&lanes, &dry, 1)[0].lane.party, "p");
    }
}

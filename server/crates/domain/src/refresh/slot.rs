//! The state of one credential's refresh, and every step that it can take. Pure: the database's clock and what it knows of
//! nodes are handed in.

use chrono::{DateTime, Utc};

use super::{LEASE, STALE};
use crate::connection::ReauthCause;

/// A process that refreshes, by a number of its own for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub i64);

/// Where the refresh of a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Nobody refreshes.
    Idle,
    /// A node was about to ask the provider, has asked, or has an answer that is not committed.
    UnderWay(NodeId),
    /// The provider was asked, and nobody knows what it did.
    InDoubt,
}

/// What the row of a credential says about its refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Counts the credentials that were stored: each refresh, each reconnect.
    pub generation: i64,
    /// Number of the latest lease or reconnect.
    pub fence: i64,
    /// Number of the lease or reconnect that brought what is stored. Never above `fence`.
    pub answered: i64,
    /// Where the latest lease stands.
    pub intent: Intent,
}

/// The right to ask the provider for the next credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    /// The generation whose token is shown to the provider.
    pub generation: i64,
    /// Its fencing number.
    pub number: i64,
    /// Whose it is. A number whose claim was never committed is given out again, to somebody else.
    pub holder: NodeId,
    /// Whether the provider may have been asked with this token before, with an end that nobody knows.
    pub in_doubt: bool,
}

/// How old the lease of a refresh under way is, by the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Age {
    /// Not over.
    Young,
    /// Over.
    Over,
    /// Over for so long that a holder that lives hangs.
    Stale,
}

/// Why there is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotClaimed {
    /// The generation is over: read again.
    Newer,
    /// Another one refreshes it.
    Held,
}

/// How a request ended that brought no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The provider was not asked, or said no.
    Known,
    /// It may have acted on the request although we have no answer.
    Unknown,
}

/// A grant that only the end user can bring back, as the provider tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// It does not honour the token.
    Refused,
    /// Its time is over.
    Expired,
}

impl Age {
    /// The age at a moment of a lease that ends at another.
    #[must_use]
    pub fn of(until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        if now < until {
            Self::Young
        } else if now < until + STALE {
            Self::Over
        } else {
            Self::Stale
        }
    }

    /// When a lease ends that is given now.
    #[must_use]
    pub fn end(now: DateTime<Utc>) -> DateTime<Utc> {
        now + LEASE
    }
}

impl Slot {
    /// The slot of the first credential.
    #[must_use]
    pub const fn first() -> Self {
        Self { generation: 1, fence: 1, answered: 1, intent: Intent::Idle }
    }

    /// Takes the lease to refresh a generation. `age` is that of the lease under way, if there is one; `is_there` says
    /// whether its holder's session lives. A node asks only while it works on no refresh of this credential itself.
    ///
    /// # Errors
    /// [`NotClaimed`].
    pub const fn claim(
        self,
        generation: i64,
        node: NodeId,
        age: Age,
        is_there: bool,
    ) -> Result<(Self, Lease), NotClaimed> {
        if generation != self.generation {
            return Err(NotClaimed::Newer);
        }
        let in_doubt = match (self.intent, age) {
            (Intent::Idle, _) => false,
            (Intent::InDoubt, _) | (Intent::UnderWay(_), Age::Stale) => true,
            // One of its own that it did not give back: nobody works on it any more.
            (Intent::UnderWay(holder), Age::Over) if !is_there || holder.0 == node.0 => true,
            (Intent::UnderWay(_), _) => return Err(NotClaimed::Held),
        };
        let number = self.fence + 1;
        let slot = Self { fence: number, intent: Intent::UnderWay(node), ..self };
        Ok((slot, Lease { generation, number, holder: node, in_doubt }))
    }

    /// Stores what the provider gave to a lease; `None` if what is stored is newer.
    #[must_use]
    pub const fn commit(self, lease: Lease) -> Option<Self> {
        if lease.number <= self.answered {
            return None;
        }
        let is_latest = lease.number == self.fence;
        let intent = if is_latest { Intent::Idle } else { self.intent };
        Some(Self { generation: self.generation + 1, answered: lease.number, intent, ..self })
    }

    /// Ends a lease that brought nothing; `None` if another one came after it, or if it was ended before. Gives besides whether the end says anything
    /// about the credential that is stored: not if a late answer was stored meanwhile.
    #[must_use]
    pub const fn fail(self, lease: Lease, ending: Ending) -> Option<(Self, bool)> {
        let is_held = matches!(self.intent, Intent::UnderWay(holder) if holder.0 == lease.holder.0);
        if lease.number != self.fence || !is_held {
            return None;
        }
        let is_of_stored = lease.generation == self.generation;
        let is_in_doubt = is_of_stored && (lease.in_doubt || matches!(ending, Ending::Unknown));
        let intent = if is_in_doubt { Intent::InDoubt } else { Intent::Idle };
        Some((Self { intent, ..self }, is_of_stored))
    }

    /// Stores what a connect or reconnect brought, whatever is under way.
    #[must_use]
    pub const fn replace(self) -> Self {
        let number = self.fence + 1;
        Self { generation: self.generation + 1, fence: number, answered: number, intent: Intent::Idle }
    }
}

/// Why the end user has to connect again, when the provider no longer honours what we hold. With an earlier request in
/// doubt it has given us a newer token that we never saw.
#[must_use]
pub const fn verdict(lease: Lease, loss: Loss) -> ReauthCause {
    match loss {
        _ if lease.in_doubt => ReauthCause::LostRotation,
        Loss::Refused => ReauthCause::Revoked,
        Loss::Expired => ReauthCause::Expired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId(1);
    const OTHER: NodeId = NodeId(2);

    fn claimed() -> (Slot, Lease) {
        Slot::first().claim(1, ME, Age::Young, false).unwrap()
    }

    #[test]
    fn c_3_a_lease_is_taken_from_nobody_who_lives_or_whose_time_is_not_over() {
        let (slot, lease) = claimed();
        assert_eq!((slot.intent, lease.in_doubt), (Intent::UnderWay(ME), false));
        assert_eq!(slot.claim(1, OTHER, Age::Young, false), Err(NotClaimed::Held), "a broken session alone");
        assert_eq!(slot.claim(1, OTHER, Age::Over, true), Err(NotClaimed::Held), "a step of the clock alone");
        let (_, taken) = slot.claim(1, OTHER, Age::Over, false).unwrap();
        assert!(taken.in_doubt && taken.number > lease.number);
        assert!(slot.claim(1, OTHER, Age::Stale, true).is_ok(), "one that hangs");
        assert_eq!(slot.claim(1, ME, Age::Young, true), Err(NotClaimed::Held));
        assert!(slot.claim(1, ME, Age::Over, true).unwrap().1.in_doubt, "its own, that it lost sight of");
        assert_eq!(slot.claim(2, OTHER, Age::Stale, false), Err(NotClaimed::Newer));
    }

    #[test]
    fn c_3_the_newest_answer_is_kept() {
        let (slot, first) = claimed();
        let (slot, second) = slot.claim(1, OTHER, Age::Over, false).unwrap();
        let late = slot.commit(first).unwrap();
        assert_eq!((late.generation, late.intent), (2, Intent::UnderWay(OTHER)), "the second one is still out");
        assert_eq!(late.fail(second, Ending::Known), Some((Slot { intent: Intent::Idle, ..late }, false)));
        let newest = late.commit(second).unwrap();
        assert_eq!((newest.generation, newest.intent), (3, Intent::Idle));
        assert_eq!(slot.commit(second).unwrap().commit(first), None, "an older answer is refused");
        assert_eq!(slot.replace().commit(second), None, "and one from before a reconnect");
        assert_eq!(slot.replace().fail(second, Ending::Unknown), None);
    }

    #[test]
    fn c_3_doubt_stays_until_an_answer_is_stored() {
        let (slot, lease) = claimed();
        assert_eq!(
            slot.fail(Lease { holder: OTHER, ..lease }, Ending::Known),
            None,
            "the number of a claim never committed"
        );
        let (doubtful, _) = slot.fail(lease, Ending::Unknown).unwrap();
        assert_eq!(doubtful.fail(lease, Ending::Known), None, "ended once");
        assert_eq!(doubtful.intent, Intent::InDoubt);
        let (slot, again) = doubtful.claim(1, ME, Age::Young, true).unwrap();
        assert!(again.in_doubt);
        let (slot, _) = slot.fail(again, Ending::Known).unwrap();
        assert_eq!(slot.intent, Intent::InDoubt, "a provider that is down says nothing about the request before");
        let (slot, again) = slot.claim(1, ME, Age::Young, true).unwrap();
        assert_eq!(slot.commit(again).unwrap().intent, Intent::Idle);
    }

    #[test]
    fn c_5_a_refusal_after_doubt_is_a_lost_rotation() {
        let (_, lease) = claimed();
        let doubtful = Lease { in_doubt: true, ..lease };
        assert_eq!(verdict(lease, Loss::Refused), ReauthCause::Revoked);
        assert_eq!(verdict(lease, Loss::Expired), ReauthCause::Expired);
        assert_eq!(verdict(doubtful, Loss::Refused), ReauthCause::LostRotation);
        assert_eq!(verdict(doubtful, Loss::Expired), ReauthCause::LostRotation);
    }

    #[test]
    fn c_3_ages_by_the_end_of_the_lease() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let until = Age::end(now);
        assert_eq!(Age::of(until, now), Age::Young);
        assert_eq!(Age::of(until, until), Age::Over);
        assert_eq!(Age::of(until, until + STALE), Age::Stale);
    }
}

//! Refreshes before anybody asks, so that nobody waits: what is due is taken from the database in the order of its time,
//! bounded per provider and per node, and refreshed by the protocol that everybody uses.
//!
//! What is taken waits here in line. Whenever a refresh ends, the first in line whose provider has room begins, so that
//! the database is asked for more once per line and not once per refresh, and a provider that is slow holds up itself
//! alone. What is in line when a node ends is due again for the others after [`AGAIN`].

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use ids::ConnectionId;
use store::{DueRefresh, StoreError};
use tokio::sync::Notify;

use super::fresh::flight;
use crate::{Actor, Services};

/// The most refreshes at once at one provider, by this node.
pub const AT_ONE_PROVIDER: usize = 8;
/// The most refreshes at once by this node.
pub const AT_ONCE: usize = 64;
/// How many of a provider are taken ahead. More of it are taken when half of them have begun.
const AHEAD: usize = 64;
/// How many of all providers are taken ahead.
const ALL_AHEAD: usize = 1_024;
/// How many that are due are looked at together.
const HEADS: i64 = 500;
/// From when on another node may take what this one has taken: later than any refresh takes.
const AGAIN: TimeDelta = TimeDelta::minutes(3);
/// The longest wait for room before what is due is looked at anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// The refreshes that this node does by itself.
#[derive(Default)]
pub struct Proactive {
    line: Mutex<Line>,
    has_room: Notify,
}

#[derive(Default)]
struct Line {
    /// Those that were taken, in the order of their time.
    waiting: VecDeque<DueRefresh>,
    /// How many of each provider are among them.
    waiting_of: BTreeMap<String, usize>,
    /// How many of each provider have begun and not ended.
    under_way: BTreeMap<String, usize>,
}

impl Line {
    /// Providers of which no more need to be taken now.
    fn ample(&self) -> Vec<String> {
        let ample = self.waiting_of.iter().filter(|(_, count)| **count >= AHEAD / 2);
        ample.map(|(provider, _)| provider.clone()).collect()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= ALL_AHEAD
    }

    /// As many of these as may be taken.
    fn fitting(&self, due: Vec<DueRefresh>) -> Vec<DueRefresh> {
        let mut counts = self.waiting_of.clone();
        let mut room = ALL_AHEAD.saturating_sub(self.waiting.len());
        let fits = |one: &DueRefresh| {
            let of_provider = counts.entry(one.provider.clone()).or_default();
            let fits = *of_provider < AHEAD && room > 0;
            if fits {
                *of_provider += 1;
                room -= 1;
            }
            fits
        };
        due.into_iter().filter(fits).collect()
    }

    fn add(&mut self, taken: impl Iterator<Item = DueRefresh>) {
        for one in taken {
            *self.waiting_of.entry(one.provider.clone()).or_default() += 1;
            self.waiting.push_back(one);
        }
    }

    /// The first in line for whom there is room, counted as begun.
    fn next(&mut self) -> Option<DueRefresh> {
        if self.under_way.values().sum::<usize>() >= AT_ONCE {
            return None;
        }
        let has_room =
            |one: &DueRefresh| self.under_way.get(&one.provider).is_none_or(|count| *count < AT_ONE_PROVIDER);
        let at = self.waiting.iter().position(has_room)?;
        let next = self.waiting.remove(at)?;
        *self.under_way.entry(next.provider.clone()).or_default() += 1;
        less(&mut self.waiting_of, &next.provider);
        Some(next)
    }
}

/// One less of it.
fn less(counts: &mut BTreeMap<String, usize>, provider: &str) {
    if let Some(count) = counts.get_mut(provider) {
        *count -= 1;
        if *count == 0 {
            counts.remove(provider);
        }
    }
}

/// The place of a refresh that has begun; dropped when it has ended, however it has.
struct Place {
    all: Arc<Proactive>,
    provider: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        less(&mut self.all.line().under_way, &self.provider);
    }
}

impl Proactive {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins those for whom there is room.
    fn go_on(self: &Arc<Self>, services: &Services) {
        loop {
            let mut line = self.line();
            let Some(one) = line.next() else { return };
            if line.waiting_of.get(&one.provider).is_none_or(|count| *count < AHEAD / 2) {
                self.has_room.notify_one();
            }
            drop(line);
            let place = Place { all: Arc::clone(self), provider: one.provider };
            let flight = flight(services.ctx(one.scope, Actor::System), one.connection, Some(one.generation));
            let (all, services) = (Arc::clone(self), services.clone());
            tokio::spawn(async move {
                // What went wrong has been told and noted by the refresh.
                let _ = flight.await;
                drop(place);
                all.go_on(&services);
            });
        }
    }
}

/// Takes refreshes that are due and begins those that there is room for. Gives whether there may be more to take; waits a
/// little for room where there is none. Several nodes may do this at once.
///
/// # Errors
/// A query failed. How each refresh ends is told by the refresh itself.
pub async fn refresh_due(services: &Services, proactive: &Arc<Proactive>) -> Result<bool, StoreError> {
    let (ample, is_full) = {
        let line = proactive.line();
        (line.ample(), line.is_full())
    };
    if is_full {
        let _ = tokio::time::timeout(PATIENCE, proactive.has_room.notified()).await;
        return Ok(true);
    }
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let due = tx.due_refreshes(now, &ample, HEADS).await?;
    let found = due.len();
    let fitting = proactive.line().fitting(due);
    let wanted: Vec<ConnectionId> = fitting.iter().map(|one| one.connection).collect();
    let taken = if wanted.is_empty() { Vec::new() } else { tx.take_refreshes(&wanted, now, now + AGAIN).await? };
    tx.commit().await?;
    let is_all = fitting.len() == found && i64::try_from(found).is_ok_and(|found| found < HEADS);
    let is_in_vain = fitting.is_empty();
    proactive.line().add(fitting.into_iter().filter(|one| taken.contains(&one.connection)));
    proactive.go_on(services);
    if is_all && ample.is_empty() {
        return Ok(false);
    }
    if is_in_vain {
        let _ = tokio::time::timeout(PATIENCE, proactive.has_room.notified()).await;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use domain::Scope;
    use ids::{EnvironmentId, TenantId};

    use super::*;

    fn due(provider: &str, count: u8) -> Vec<DueRefresh> {
        let uuid = ids::uuid_v7(1, [1; 10]);
        let scope = Scope { tenant: TenantId::from_uuid(uuid), environment: EnvironmentId::from_uuid(uuid) };
        let one = |number| DueRefresh {
            connection: ConnectionId::new(1, [number; 10]),
            scope,
            generation: 1,
            provider: provider.to_owned(),
        };
        (0..count).map(one).collect()
    }

    fn begun(line: &mut Line) -> Vec<String> {
        std::iter::from_fn(|| line.next()).map(|one| one.provider).collect()
    }

    #[test]
    fn c_6_no_provider_gets_more_at_once_than_its_share_and_the_others_theirs() {
        let mut line = Line::default();
        let mut all = due("crowded", 100);
        all.extend(due("quiet", 3));
        let fitting = line.fitting(all.clone());
        line.add(fitting.into_iter());
        assert_eq!(line.ample(), ["crowded"]);
        assert_eq!((line.waiting_of["crowded"], line.waiting_of["quiet"]), (AHEAD, 3));
        let first = begun(&mut line);
        let of = |provider: &str| first.iter().filter(|one| *one == provider).count();
        assert_eq!((of("crowded"), of("quiet"), first.len()), (AT_ONE_PROVIDER, 3, AT_ONE_PROVIDER + 3));
        // The place of one that ends is the next one's of that provider.
        less(&mut line.under_way, "quiet");
        assert!(line.next().is_none(), "nobody else of that provider waits");
        less(&mut line.under_way, "crowded");
        assert_eq!(begun(&mut line), ["crowded"]);
        assert_eq!(line.fitting(all).len(), 9 + 3, "as many as have begun, and what is due of the others");
    }

    #[test]
    fn c_6_one_node_does_so_many_at_once_and_takes_so_many_ahead() {
        let mut line = Line::default();
        let many: Vec<DueRefresh> = (0..200).flat_map(|number| due(&format!("provider-{number}"), 10)).collect();
        let fitting = line.fitting(many.clone());
        assert_eq!(fitting.len(), ALL_AHEAD);
        line.add(fitting.into_iter());
        assert!(line.is_full() && line.ample().is_empty() && line.fitting(many).is_empty());
        let first = begun(&mut line);
        assert_eq!(first.len(), AT_ONCE);
        assert_eq!(first.iter().filter(|provider| *provider == "provider-0").count(), AT_ONE_PROVIDER);
    }
}

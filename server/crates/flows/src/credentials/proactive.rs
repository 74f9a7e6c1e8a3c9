//! Refreshes before anybody asks, so that nobody waits: what is due is taken from the database in the order of its time,
//! bounded per provider and per node, and refreshed by the protocol that everybody uses.

use std::{
    collections::BTreeMap,
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
/// How many that are due are looked at together.
const HEADS: i64 = 500;
/// From when on another node may take what this one has taken: later than any refresh takes.
const AGAIN: TimeDelta = TimeDelta::minutes(3);
/// The longest wait for one to end before what is due is looked at anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// The refreshes that this node does by itself, by provider.
#[derive(Default)]
pub struct Proactive {
    under_way: Mutex<BTreeMap<String, usize>>,
    ended: Notify,
}

struct Place {
    all: Arc<Proactive>,
    provider: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way();
        if let Some(count) = under_way.get_mut(&self.provider) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.provider);
            }
        }
        drop(under_way);
        self.all.ended.notify_one();
    }
}

impl Proactive {
    fn under_way(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, provider: String) -> Place {
        *self.under_way().entry(provider.clone()).or_default() += 1;
        Place { all: Arc::clone(self), provider }
    }

    /// Providers with which nothing more may begin, and whether anything may.
    fn busy(&self) -> (Vec<String>, bool) {
        let under_way = self.under_way();
        let busy = under_way.iter().filter(|(_, count)| **count >= AT_ONE_PROVIDER);
        (busy.map(|(provider, _)| provider.clone()).collect(), under_way.values().sum::<usize>() < AT_ONCE)
    }

    /// As many of these as there is room for.
    fn fitting(&self, due: Vec<DueRefresh>) -> Vec<DueRefresh> {
        let mut counts = self.under_way().clone();
        let mut all: usize = counts.values().sum();
        let fits = |one: &DueRefresh| {
            let of_provider = counts.entry(one.provider.clone()).or_default();
            let fits = *of_provider < AT_ONE_PROVIDER && all < AT_ONCE;
            if fits {
                *of_provider += 1;
                all += 1;
            }
            fits
        };
        due.into_iter().filter(fits).collect()
    }
}

/// Begins the refreshes that are due and that there is room for. Gives whether there is more to do at once; waits a little
/// for room where there is none. Several nodes may do this at once.
///
/// # Errors
/// A query failed. How each refresh ends is told by the refresh itself.
pub async fn refresh_due(services: &Services, proactive: &Arc<Proactive>) -> Result<bool, StoreError> {
    let (busy, has_room) = proactive.busy();
    if !has_room {
        let _ = tokio::time::timeout(PATIENCE, proactive.ended.notified()).await;
        return Ok(true);
    }
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let due = tx.due_refreshes(now, &busy, HEADS).await?;
    let is_all = i64::try_from(due.len()).is_ok_and(|found| found < HEADS);
    let fitting = proactive.fitting(due);
    let wanted: Vec<ConnectionId> = fitting.iter().map(|one| one.connection).collect();
    let taken = if wanted.is_empty() { Vec::new() } else { tx.take_refreshes(&wanted, now, now + AGAIN).await? };
    tx.commit().await?;
    let begun = fitting.len();
    for one in fitting.into_iter().filter(|one| taken.contains(&one.connection)) {
        let place = proactive.enter(one.provider);
        let flight = flight(services.ctx(one.scope, Actor::System), one.connection, Some(one.generation));
        tokio::spawn(async move {
            // What went wrong has been told and noted by the refresh.
            let _ = flight.await;
            drop(place);
        });
    }
    Ok(begun > 0 && (!is_all || begun == AT_ONCE))
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

    #[test]
    fn c_6_no_provider_gets_more_at_once_than_its_share_and_the_others_theirs() {
        let proactive = Arc::new(Proactive::default());
        let mut all = due("crowded", 100);
        all.extend(due("quiet", 3));
        let fitting = proactive.fitting(all.clone());
        let of = |provider: &str, list: &[DueRefresh]| list.iter().filter(|one| one.provider == provider).count();
        assert_eq!((of("crowded", &fitting), of("quiet", &fitting)), (AT_ONE_PROVIDER, 3));
        let places: Vec<Place> = fitting.into_iter().map(|one| proactive.enter(one.provider)).collect();
        assert_eq!(proactive.busy(), (vec!["crowded".to_owned()], true));
        assert_eq!(of("crowded", &proactive.fitting(all.clone())), 0);
        drop(places);
        assert_eq!(proactive.busy(), (Vec::new(), true));
        let many = (0..100).flat_map(|number| due(&format!("provider-{number}"), 1)).collect();
        assert_eq!(proactive.fitting(many).len(), AT_ONCE);
    }
}

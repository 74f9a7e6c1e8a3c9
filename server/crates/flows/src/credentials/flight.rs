//! Refreshes under way in this process: one per connection, whoever asks, and all who ask hear what came of it. A refresh
//! goes on although nobody waits for it any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use ids::ConnectionId;
use tokio::sync::Notify;

use super::{FreshError, cache::Known};

/// What came of a refresh: the connection as it is now.
pub(super) type Landing = Result<Arc<Known>, FreshError>;
/// A refresh under way; each clone of it hears the outcome.
pub(super) type Flight = Shared<BoxFuture<'static, Landing>>;

struct UnderWay {
    flight: Flight,
    changed: Arc<Notify>,
}

/// The refreshes under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<ConnectionId, UnderWay>>);

impl Flights {
    /// The refresh under way of a connection, else one that begins now. `begin` is handed what is notified when the
    /// connection changes.
    pub(super) fn join<F>(self: &Arc<Self>, id: ConnectionId, begin: impl FnOnce(Arc<Notify>) -> F) -> Flight
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = all.get(&id) {
            return under_way.flight.clone();
        }
        let changed = Arc::new(Notify::new());
        let flights = Arc::clone(self);
        let work = begin(Arc::clone(&changed));
        let task = tokio::spawn(async move {
            // Taken out however it ends. It waits for the lock that is held here until it has been put in.
            let _landed = Landed { flights, id };
            work.await
        });
        let flight = async move {
            task.await.unwrap_or_else(|error| Err(FreshError::Internal(format!("the refresh broke off: {error}"))))
        };
        let flight = flight.boxed().shared();
        all.insert(id, UnderWay { flight: flight.clone(), changed });
        flight
    }

    /// Says that a connection has changed, perhaps by another node's refresh.
    pub(super) fn hear(&self, id: ConnectionId) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = all.get(&id) {
            under_way.changed.notify_one();
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

struct Landed {
    flights: Arc<Flights>,
    id: ConnectionId,
}

impl Drop for Landed {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn c_2_all_who_ask_hear_of_the_one_refresh() {
        let flights = Arc::new(Flights::default());
        let (id, begun) = (ConnectionId::new(1, [2; 10]), Arc::new(AtomicU32::new(0)));
        let join = || {
            let begun = Arc::clone(&begun);
            flights.join(id, |changed| async move {
                begun.fetch_add(1, Ordering::SeqCst);
                changed.notified().await;
                Err(FreshError::NotFound)
            })
        };
        let all: Vec<Flight> = (0..500).map(|_| join()).collect();
        assert_eq!(flights.len(), 1);
        drop(join());
        flights.hear(ConnectionId::new(1, [3; 10]));
        flights.hear(id);
        for flight in all {
            assert!(matches!(flight.await, Err(FreshError::NotFound)));
        }
        assert_eq!((flights.len(), begun.load(Ordering::SeqCst)), (0, 1));
        let next = join();
        flights.hear(id);
        assert!(next.await.is_err());
        assert_eq!(begun.load(Ordering::SeqCst), 2, "the next one is another");
    }

    #[tokio::test]
    async fn c_2_one_that_breaks_off_is_told_and_is_not_in_the_way() {
        let flights = Arc::new(Flights::default());
        let id = ConnectionId::new(1, [2; 10]);
        let flight = flights.join(id, |_| async { panic!("a defect") });
        assert!(matches!(flight.await, Err(FreshError::Internal(_))));
        assert_eq!(flights.len(), 0);
    }
}

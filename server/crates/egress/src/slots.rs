//! How many exchanges may be under way at once: with one host, and altogether.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::EgressError;

/// Hosts remembered before the unused ones are forgotten.
const SWEEP_AT: usize = 1_024;

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

pub(crate) struct Slots {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<Hosts>,
}

struct Hosts {
    map: HashMap<String, Arc<Semaphore>>,
    sweep_at: usize,
}

impl Slots {
    pub(crate) fn new(all: usize, per_host: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            per_host,
            hosts: Mutex::new(Hosts { map: HashMap::new(), sweep_at: SWEEP_AT }),
        }
    }

    fn host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = hosts.map.get(host) {
            return Arc::clone(semaphore);
        }
        if hosts.map.len() >= hosts.sweep_at {
            // Places and those who wait for one hold a clone.
            hosts.map.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            hosts.sweep_at = SWEEP_AT.max(hosts.map.len() * 2);
        }
        let semaphore = Arc::new(Semaphore::new(self.per_host));
        hosts.map.insert(host.to_owned(), Arc::clone(&semaphore));
        semaphore
    }

    /// Waits for a place, at most `patience`.
    pub(crate) async fn take(&self, host: &str, patience: Duration) -> Result<Place, EgressError> {
        let semaphore = self.host(host);
        let free = (Arc::clone(&semaphore).try_acquire_owned(), Arc::clone(&self.all).try_acquire_owned());
        if let (Ok(host), Ok(all)) = free {
            return Ok(Place { _host: host, _all: all });
        }
        // First the host's place, then one of all: a slow host's queue must not hold places that others could use.
        let both = async {
            let host = semaphore.acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _host: host, _all: all })
        };
        let busy = || EgressError::Busy { host: host.to_owned(), retry_after: Duration::from_secs(1) };
        timeout(patience, both).await.ok().flatten().ok_or_else(busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn eg_4_at_the_limit_one_waits_and_then_is_told() {
        let slots = Slots::new(3, 2);
        let short = Duration::from_millis(20);
        let first = slots.take("a", short).await.unwrap();
        let _second = slots.take("a", short).await.unwrap();
        assert!(matches!(slots.take("a", short).await, Err(EgressError::Busy { .. })));
        let _other = slots.take("b", short).await.unwrap();
        assert!(matches!(slots.take("c", short).await, Err(EgressError::Busy { .. })), "all places are taken");
        drop(first);
        slots.take("a", short).await.unwrap();
    }

    #[tokio::test]
    async fn eg_4_hosts_are_forgotten() {
        let slots = Slots::new(10, 2);
        let held = slots.take("held", Duration::ZERO).await.unwrap();
        for n in 0..5_000 {
            slots.take(&n.to_string(), Duration::ZERO).await.unwrap();
        }
        let hosts = slots.hosts.lock().unwrap();
        assert!(hosts.map.len() <= SWEEP_AT && hosts.map.contains_key("held"));
        drop((hosts, held));
    }
}

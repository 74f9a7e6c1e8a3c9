//! Seals and opens column values with the environments' data keys.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, clock::Clock, entropy, entropy::Entropy};
use ids::{DataKeyId, TenantId};
use zeroize::Zeroizing;

use crate::{
    DataKey, KeyError, KeyService, Place, Sealed, WrappedKey,
    cache::{Age, CacheKey, KeyCache, Unwrapped},
    seal,
};

/// A row of `data_keys`: an environment's data key as wrapped by the tenant's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyRecord {
    /// Its id, which every value sealed with it names.
    pub id: DataKeyId,
    /// Its wrapped form.
    pub wrapped: WrappedKey,
}

/// How many unwrapped data keys stay in memory, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct SealerLimits {
    /// How many, about 300 bytes each. Beyond that the least used are wiped.
    pub keys: usize,
    /// How long one is used without asking the key service again. This is also how long a destroyed or revoked key can
    /// live on in another node's memory.
    pub fresh_for: Duration,
    /// How long one is used while the key service is sealed or unreachable, counted from when it was unwrapped; then
    /// [`KeyError::Sealed`] or [`KeyError::Unreachable`].
    pub usable_for: Duration,
    /// After the key service was found down, how long it is left alone before it is asked again.
    pub pause: Duration,
}

impl Default for SealerLimits {
    fn default() -> Self {
        Self {
            keys: 10_000,
            fresh_for: Duration::from_secs(5 * 60),
            usable_for: Duration::from_secs(60 * 60),
            pause: Duration::from_secs(1),
        }
    }
}

/// Seals and opens column values. Cheap to share behind an `Arc`; holds no database connection and reads no rows: the caller
/// brings the [`DataKeyRecord`].
pub struct Sealer {
    keys: Arc<dyn KeyService>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    limits: SealerLimits,
    cache: KeyCache,
    /// Until when the key service is left alone, and what it said last.
    down: Mutex<Option<(DateTime<Utc>, Down)>>,
}

#[derive(Clone)]
enum Down {
    Sealed,
    Unreachable(String),
}

impl Sealer {
    /// A sealer over a key service, with the default limits.
    pub fn new(keys: Arc<dyn KeyService>, entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> Self {
        Self::with_limits(keys, entropy, clock, SealerLimits::default())
    }

    /// A sealer with limits of one's own.
    pub fn with_limits(
        keys: Arc<dyn KeyService>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        limits: SealerLimits,
    ) -> Self {
        Self { keys, entropy, clock, limits, cache: KeyCache::new(limits.keys), down: Mutex::new(None) }
    }

    /// The key service underneath: to make, rotate and destroy tenants' keys, to rewrap, and for its health.
    pub fn keys(&self) -> &Arc<dyn KeyService> {
        &self.keys
    }

    /// A new data key for the environment under the id given, ready for use. Store the record before anything sealed with it.
    pub async fn create_data_key(&self, scope: Scope, id: DataKeyId) -> Result<DataKeyRecord, KeyError> {
        let (key, wrapped) = self.keys.generate_data_key(scope).await?;
        self.cache.insert(CacheKey { scope, id }, Arc::new(Unwrapped::new(key, self.clock.now())));
        Ok(DataKeyRecord { id, wrapped })
    }

    /// Seals a value for one place. Asks the key service only if the data key is not in memory.
    pub async fn seal(
        &self,
        scope: Scope,
        key: &DataKeyRecord,
        place: Place,
        plaintext: &[u8],
    ) -> Result<Sealed, KeyError> {
        let unwrapped = self.unwrapped(scope, key).await?;
        let salt = entropy::bytes(self.entropy.as_ref());
        seal::seal(&unwrapped.key, key.id, scope, place, &salt, plaintext)
    }

    /// Opens a value at its place. `key` must be the record that [`Sealed::data_key_id`] names.
    pub async fn open(
        &self,
        scope: Scope,
        key: &DataKeyRecord,
        place: Place,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let unwrapped = self.unwrapped(scope, key).await?;
        seal::open(&unwrapped.key, key.id, scope, place, sealed)
    }

    /// Opens a value if its data key is in memory and fresh: no waiting, no record needed. `None` means: load the record
    /// and call [`Sealer::open`].
    pub fn open_cached(
        &self,
        scope: Scope,
        place: Place,
        sealed: &Sealed,
    ) -> Option<Result<Zeroizing<Vec<u8>>, KeyError>> {
        let id = sealed.data_key_id();
        let unwrapped = self.cache.get(&CacheKey { scope, id })?;
        let fresh = self.age(&unwrapped, self.clock.now()) == Age::Fresh;
        fresh.then(|| seal::open(&unwrapped.key, id, scope, place, sealed))
    }

    /// Wipes the tenant's data keys from this node's memory: after its key was destroyed.
    pub fn forget_tenant(&self, tenant: TenantId) {
        self.cache.forget_tenant(tenant);
    }

    /// How many unwrapped data keys are in memory.
    pub fn cached_keys(&self) -> usize {
        self.cache.len()
    }

    fn age(&self, unwrapped: &Unwrapped, now: DateTime<Utc>) -> Age {
        unwrapped.age(now, self.limits.fresh_for, self.limits.usable_for)
    }

    async fn unwrapped(&self, scope: Scope, record: &DataKeyRecord) -> Result<Arc<Unwrapped>, KeyError> {
        let slot = CacheKey { scope, id: record.id };
        let present = match self.cache.get_or_vacant(&slot).await {
            Ok(present) => present,
            Err(vacant) => {
                let fetched = self.fetch(scope, record).await?;
                // Refused only if the place was cleared meanwhile: then this call uses the key and nobody keeps it.
                drop(vacant.insert(Arc::clone(&fetched)));
                return Ok(fetched);
            }
        };
        match self.age(&present, self.clock.now()) {
            Age::Fresh => Ok(present),
            Age::Stale => self.refresh(slot, scope, record, present).await,
            Age::Expired => {
                self.cache.remove(&slot);
                let fetched = self.fetch(scope, record).await?;
                self.cache.insert(slot, Arc::clone(&fetched));
                Ok(fetched)
            }
        }
    }

    /// One caller asks the key service again. If that is down, what is here serves on; if it says no, what is here goes.
    async fn refresh(
        &self,
        slot: CacheKey,
        scope: Scope,
        record: &DataKeyRecord,
        present: Arc<Unwrapped>,
    ) -> Result<Arc<Unwrapped>, KeyError> {
        let Some(_refreshing) = present.begin_refresh() else { return Ok(Arc::clone(&present)) };
        match self.fetch(scope, record).await {
            Ok(fetched) => {
                self.cache.insert(slot, Arc::clone(&fetched));
                Ok(fetched)
            }
            Err(error) if error.is_dependency_down() => Ok(Arc::clone(&present)),
            Err(error) => {
                self.cache.remove(&slot);
                Err(error)
            }
        }
    }

    /// Asks the key service, unless it was found down a moment ago: a queue of callers must not each wait out its deadline.
    async fn fetch(&self, scope: Scope, record: &DataKeyRecord) -> Result<Arc<Unwrapped>, KeyError> {
        if let Some(down) = self.known_down() {
            return Err(match down {
                Down::Sealed => KeyError::Sealed,
                Down::Unreachable(reason) => KeyError::Unreachable { reason },
            });
        }
        let answer: Result<DataKey, KeyError> = self.keys.unwrap_data_key(scope, &record.wrapped).await;
        let seen = match &answer {
            Err(KeyError::Sealed) => Some(Down::Sealed),
            Err(KeyError::Unreachable { reason }) => Some(Down::Unreachable(reason.clone())),
            _ => None,
        };
        let now = self.clock.now();
        let pause = TimeDelta::from_std(self.limits.pause).unwrap_or_default();
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = seen.map(|down| (now + pause, down));
        answer.map(|key| Arc::new(Unwrapped::new(key, now)))
    }

    fn known_down(&self) -> Option<Down> {
        let now = self.clock.now();
        let pause = TimeDelta::from_std(self.limits.pause).unwrap_or_default();
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        // A pause that ends later than one can last was set before the clock went back.
        down.as_ref().filter(|(until, _)| now < *until && *until - now <= pause).map(|(_, down)| down.clone())
    }
}

#[cfg(test)]
mod tests;

//! Seals and opens column values with the environments' data keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, clock::Clock, entropy, entropy::Entropy};
use ids::{DataKeyId, TenantId};

use crate::{
    KeyError, KeyService, Opened, Place, Sealed, WrappedKey,
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

/// Where values are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sealing {
    /// Here, with a data key of the environment that the key service wrapped.
    #[default]
    Envelope,
    /// In the key service: every seal and every open is a request to it, and nothing is bridged while it is away.
    Direct,
}

/// How many unwrapped data keys stay in memory, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct SealerLimits {
    /// How many, about a kilobyte each. Beyond that the least used are wiped.
    pub keys: usize,
    /// How long one is used without asking the key service again. This is also how long a destroyed or revoked key can
    /// live on in another node's memory.
    pub fresh_for: Duration,
    /// How long one is used while the key service is sealed or unreachable, counted from when it was unwrapped; then
    /// [`KeyError::Sealed`] or [`KeyError::Unreachable`].
    pub usable_for: Duration,
    /// How many messages are sealed with one data key before another takes its place. Counted in the database by blocks,
    /// so a few more or less; far below the 2^32 at which random nonces alone would not do (NIST SP 800-38D §8.3).
    pub messages_per_key: u64,
    /// After the key service was found down, how long it is left alone before it is asked again.
    pub pause: Duration,
}

impl Default for SealerLimits {
    fn default() -> Self {
        Self {
            keys: 10_000,
            fresh_for: Duration::from_secs(5 * 60),
            usable_for: Duration::from_secs(60 * 60),
            messages_per_key: 1 << 30,
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
    sealing: Sealing,
    cache: KeyCache,
    /// How many messages this process may still seal with which data key, as reserved in the database.
    allowances: Mutex<HashMap<DataKeyId, u64>>,
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
        Self {
            keys,
            entropy,
            clock,
            limits,
            sealing: Sealing::Envelope,
            cache: KeyCache::new(limits.keys),
            allowances: Mutex::default(),
            down: Mutex::new(None),
        }
    }

    /// The same, sealing where it is said. Values that were sealed elsewhere open all the same.
    #[must_use]
    pub fn sealing(self, sealing: Sealing) -> Self {
        Self { sealing, ..self }
    }

    /// Whether new values may be sealed with this record as far as the mode in force goes.
    #[must_use]
    pub fn is_in_mode(&self, key: &DataKeyRecord) -> bool {
        key.wrapped.is_direct() == (self.sealing == Sealing::Direct)
    }

    /// The cap on messages of one data key.
    #[must_use]
    pub const fn messages_per_key(&self) -> u64 {
        self.limits.messages_per_key
    }

    /// Takes messages off what this process may still seal with the data key; `false` if less is left, and more is to be
    /// reserved in the database first ([`Sealer::allow`]).
    #[must_use]
    pub fn spend(&self, id: DataKeyId, messages: u64) -> bool {
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = allowances.get_mut(&id) else { return false };
        let Some(rest) = left.checked_sub(messages) else { return false };
        *left = rest;
        if rest == 0 {
            allowances.remove(&id);
        }
        true
    }

    /// So many more messages may be sealed with the data key by this process.
    pub fn allow(&self, id: DataKeyId, messages: u64) {
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        if allowances.len() >= self.limits.keys {
            // What is thrown away here was reserved and stays unused, which is the safe side.
            allowances.clear();
        }
        if messages > 0 {
            *allowances.entry(id).or_default() += messages;
        }
    }

    /// The key service underneath: to make tenants' keys, and for its health.
    pub fn keys(&self) -> &Arc<dyn KeyService> {
        &self.keys
    }

    /// A new data key for the environment under the id given, ready for use. Store the record before anything sealed with it.
    pub async fn create_data_key(&self, scope: Scope, id: DataKeyId) -> Result<DataKeyRecord, KeyError> {
        let (key, wrapped) = self.keys.generate_data_key(scope).await?;
        if self.sealing == Sealing::Direct {
            // It was asked for to learn whether the tenant has a key, and of which version; nobody uses it.
            let version = wrapped.version().ok_or(KeyError::Corrupt { what: "a wrapped data key" })?;
            return Ok(DataKeyRecord { id, wrapped: WrappedKey::direct(version) });
        }
        self.cache.insert(CacheKey { scope, id }, Arc::new(Unwrapped::new(key, self.clock.now())));
        Ok(DataKeyRecord { id, wrapped })
    }

    /// Seals a value for one place. With a data key the key service is asked only if that is not in memory.
    pub async fn seal(
        &self,
        scope: Scope,
        key: &DataKeyRecord,
        place: Place,
        plaintext: &[u8],
    ) -> Result<Sealed, KeyError> {
        if key.wrapped.is_direct() {
            let binding = seal::binding(key.id, scope, place);
            let text = self.ask(self.keys.seal_value(scope.tenant, &binding, plaintext)).await?;
            return Ok(Sealed::direct(key.id, &text));
        }
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
    ) -> Result<Opened, KeyError> {
        if let Some(text) = sealed.direct_text() {
            if sealed.data_key_id() != key.id {
                return Err(KeyError::WrongDataKey { sealed_with: sealed.data_key_id(), given: key.id });
            }
            let binding = seal::binding(key.id, scope, place);
            let opened = self.ask(self.keys.open_value(scope.tenant, &binding, &text)).await;
            return opened.map(Into::into).map_err(KeyError::of_value);
        }
        if key.wrapped.is_direct() {
            // A record without a data key opens nothing that was sealed with one.
            return Err(KeyError::Corrupt { what: "a sealed value" });
        }
        let unwrapped = self.unwrapped(scope, key).await?;
        seal::open(&unwrapped.key, key.id, scope, place, sealed)
    }

    /// Opens a value if its data key is in memory and fresh: no waiting, no record needed. `None` means: load the record
    /// and call [`Sealer::open`].
    pub fn open_cached(&self, scope: Scope, place: Place, sealed: &Sealed) -> Option<Result<Opened, KeyError>> {
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

    async fn fetch(&self, scope: Scope, record: &DataKeyRecord) -> Result<Arc<Unwrapped>, KeyError> {
        let key = self.ask(self.keys.unwrap_data_key(scope, &record.wrapped)).await?;
        Ok(Arc::new(Unwrapped::new(key, self.clock.now())))
    }

    /// Asks the key service, unless it was found down a moment ago: a queue of callers must not each wait out its deadline.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, KeyError>>) -> Result<T, KeyError> {
        if let Some(down) = self.known_down() {
            return Err(match down {
                Down::Sealed => KeyError::Sealed,
                Down::Unreachable(reason) => KeyError::Unreachable { reason },
            });
        }
        let answer = question.await;
        let seen = match &answer {
            Err(KeyError::Sealed) => Some(Down::Sealed),
            Err(KeyError::Unreachable { reason }) => Some(Down::Unreachable(reason.clone())),
            _ => None,
        };
        let pause = TimeDelta::from_std(self.limits.pause).unwrap_or_default();
        let until = self.clock.now() + pause;
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = seen.map(|down| (until, down));
        answer
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

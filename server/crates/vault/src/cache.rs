//! Unwrapped data keys in memory: bounded in number and in time, wiped when they go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Scope;
use ids::{DataKeyId, TenantId};
use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};

use crate::DataKey;

/// Which data key. The scope is part of it, so that a record handed in under another tenant's scope finds nothing here and
/// goes to the key service, which refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub scope: Scope,
    pub id: DataKeyId,
}

/// A data key and since when it is here.
pub(crate) struct Unwrapped {
    pub key: DataKey,
    since: DateTime<Utc>,
    refreshing: AtomicBool,
}

/// How old an unwrapped key is, as far as that matters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Use it.
    Fresh,
    /// Ask the key service again; if that is down, use it.
    Stale,
    /// Do not use it.
    Expired,
}

impl Unwrapped {
    pub fn new(key: DataKey, now: DateTime<Utc>) -> Self {
        Self { key, since: now, refreshing: AtomicBool::new(false) }
    }

    pub fn age(&self, now: DateTime<Utc>, fresh_for: Duration, usable_for: Duration) -> Age {
        let age = now - self.since;
        let at_most = |limit: Duration| TimeDelta::from_std(limit).is_ok_and(|limit| age <= limit);
        if age < TimeDelta::seconds(-1) {
            // The clock was set back, so nobody knows how old it is.
            Age::Expired
        } else if at_most(fresh_for) {
            Age::Fresh
        } else if at_most(usable_for) {
            Age::Stale
        } else {
            Age::Expired
        }
    }

    /// `Some` for the one caller that shall ask the key service again; the others go on with what is here.
    pub fn begin_refresh(&self) -> Option<Refreshing<'_>> {
        (!self.refreshing.swap(true, Ordering::AcqRel)).then_some(Refreshing(&self.refreshing))
    }
}

/// Ends the refresh when dropped, so that a cancelled one does not block the next.
pub(crate) struct Refreshing<'a>(&'a AtomicBool);

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

type Slots = Cache<CacheKey, Arc<Unwrapped>>;
/// The right, and the duty, to fill an empty place; others who want the same key wait for it.
pub(crate) type Vacant<'a> = PlaceholderGuard<
    'a,
    CacheKey,
    Arc<Unwrapped>,
    quick_cache::UnitWeighter,
    quick_cache::DefaultHashBuilder,
    DefaultLifecycle<CacheKey, Arc<Unwrapped>>,
>;

/// The keys.
pub(crate) struct KeyCache(Slots);

impl KeyCache {
    pub fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    pub fn get(&self, key: &CacheKey) -> Option<Arc<Unwrapped>> {
        self.0.get(key)
    }

    pub async fn get_or_vacant(&self, key: &CacheKey) -> Result<Arc<Unwrapped>, Vacant<'_>> {
        self.0.get_value_or_guard_async(key).await
    }

    pub fn insert(&self, key: CacheKey, value: Arc<Unwrapped>) {
        self.0.insert(key, value);
    }

    pub fn remove(&self, key: &CacheKey) {
        self.0.remove(key);
    }

    pub fn forget_tenant(&self, tenant: TenantId) {
        self.0.retain(|key, _| key.scope.tenant != tenant);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

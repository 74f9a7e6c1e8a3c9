//! What was read of connections lately, so that a fresh credential is served without the database. Secrets lie in it as
//! they lie in Postgres: sealed, and opened for each call.
//!
//! It is coherent by notices: whatever changes a connection, a credential or an integration says so at commit, and every
//! node forgets what it knows of it. While a node cannot hear, it keeps nothing. The short lifetime is a backstop.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, connection::Health};
use ids::{ConnectionId, IntegrationId};
use quick_cache::sync::Cache;
use store::Notice;
use vault::{DataKeyRecord, Sealed};

use super::{ProviderAccess, flight::Flights};

/// What is known of a connection.
pub(super) struct Known {
    pub scope: Scope,
    /// By these it is told whether a key reaches it.
    pub integration: IntegrationId,
    pub tags: BTreeMap<String, String>,
    pub health: Health,
    /// How to call its provider, or what has to be repaired first.
    pub access: Result<Arc<ProviderAccess>, String>,
    pub credential: Option<KnownCredential>,
    /// The integration's secrets, where requests carry one of them.
    pub client_secret: Option<(Sealed, DataKeyRecord)>,
    pub integration_secrets: Option<(Sealed, DataKeyRecord)>,
    pub read_at: DateTime<Utc>,
    /// Cleared when the integration changes.
    pub current: Arc<AtomicBool>,
}

/// A credential as it lies in Postgres.
pub(super) struct KnownCredential {
    pub generation: i64,
    pub sealed: Sealed,
    /// What it is sealed with; wrapped itself.
    pub data_key: DataKeyRecord,
    pub refreshable: bool,
    pub expires_at: Option<DateTime<Utc>>,
    pub scopes: Option<Vec<String>>,
    pub refresh_not_before: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

/// What was read of connections lately, and who refreshes one at the moment.
pub struct ConnectionCache {
    known: Cache<ConnectionId, Arc<Known>>,
    integrations: Mutex<HashMap<IntegrationId, Arc<AtomicBool>>>,
    /// Counts notices, so that what was read before one is not kept after it.
    heard: AtomicU64,
    listening: AtomicBool,
    lifetime: TimeDelta,
    flights: Arc<Flights>,
}

impl ConnectionCache {
    /// Room for so many connections, each used for `lifetime` after it was read. Keeps nothing until it hears.
    #[must_use]
    pub fn new(connections: usize, lifetime: Duration) -> Self {
        Self {
            known: Cache::new(connections),
            integrations: Mutex::default(),
            heard: AtomicU64::new(0),
            listening: AtomicBool::new(false),
            lifetime: TimeDelta::from_std(lifetime).unwrap_or_default(),
            flights: Arc::default(),
        }
    }

    /// Takes note of what the listener heard. Whoever may have missed notices says so with [`Notice::Gap`].
    pub fn hear(&self, notice: &Notice) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        match notice {
            Notice::Heard { payload, .. } => {
                let Ok(changed) = payload.parse() else { return };
                let connection = ConnectionId::from_uuid(changed);
                self.known.remove(&connection);
                self.flights.hear(connection);
                let mut integrations = self.integrations.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(current) = integrations.remove(&IntegrationId::from_uuid(changed)) {
                    current.store(false, Ordering::SeqCst);
                }
            }
            Notice::Gap { listening } => {
                self.listening.store(*listening, Ordering::SeqCst);
                self.known.clear();
            }
        }
    }

    /// Forgets a connection that this node has just changed; the others hear of it.
    pub(crate) fn forget(&self, id: ConnectionId) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.known.remove(&id);
    }

    /// What is known, if it may be used.
    pub(super) fn get(&self, id: ConnectionId, now: DateTime<Utc>) -> Option<Arc<Known>> {
        let known = self.known.get(&id)?;
        self.may_be_used(&known, now).then_some(known)
    }

    fn may_be_used(&self, known: &Known, now: DateTime<Utc>) -> bool {
        let age = now - known.read_at;
        // A clock that was set back makes the age negative; then nobody knows how old it is.
        let is_young = age <= self.lifetime && age >= TimeDelta::zero();
        is_young && known.current.load(Ordering::SeqCst)
    }

    /// Wipes what may not be used any more. To be called every few seconds.
    pub fn forget_old(&self, now: DateTime<Utc>) {
        self.known.retain(|_, known| self.may_be_used(known, now));
    }

    /// How many connections something is known of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// To be called before reading what will be [`kept`](Self::keep).
    pub(super) fn mark(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    /// The flag that a change of the integration clears.
    pub(super) fn current(&self, integration: IntegrationId) -> Arc<AtomicBool> {
        let mut integrations = self.integrations.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(integrations.entry(integration).or_insert_with(|| Arc::new(AtomicBool::new(true))))
    }

    /// Keeps what was read, unless a notice came since the mark: it may have been about this.
    pub(super) fn keep(&self, id: ConnectionId, known: &Arc<Known>, mark: u64) {
        if !self.listening.load(Ordering::SeqCst) || self.mark() != mark {
            return;
        }
        self.known.insert(id, Arc::clone(known));
        // A notice that came in between found nothing to forget.
        if self.mark() != mark {
            self.known.remove(&id);
        }
    }

    /// The refreshes under way in this process.
    pub(super) const fn flights(&self) -> &Arc<Flights> {
        &self.flights
    }

    /// Waits until no refresh is under way in this process. To be called before it ends: an answer that nobody commits may
    /// hold the only refresh token that counts.
    pub async fn landed(&self) {
        while self.flights.len() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(current: Arc<AtomicBool>, read_at: DateTime<Utc>) -> Arc<Known> {
        let uuid = ids::uuid_v7(1, [1; 10]);
        Arc::new(Known {
            integration: IntegrationId::from_uuid(uuid),
            tags: BTreeMap::new(),
            scope: Scope { tenant: ids::TenantId::from_uuid(uuid), environment: ids::EnvironmentId::from_uuid(uuid) },
            health: Health::Active,
            access: Err(String::new()),
            credential: None,
            client_secret: None,
            integration_secrets: None,
            read_at,
            current,
        })
    }

    fn heard(id: impl ToString) -> Notice {
        Notice::Heard { channel: "patchbay_changed".into(), payload: id.to_string() }
    }

    #[test]
    fn c_2_what_changed_is_forgotten_and_what_was_read_before_is_not_kept() {
        let cache = ConnectionCache::new(10, Duration::from_secs(5));
        let id = ConnectionId::new(1, [2; 10]);
        let integration = IntegrationId::new(1, [3; 10]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let keep = |cache: &ConnectionCache, mark| cache.keep(id, &known(cache.current(integration), now), mark);

        keep(&cache, cache.mark());
        assert!(cache.get(id, now).is_none(), "keeps nothing while it does not hear");

        cache.hear(&Notice::Gap { listening: true });
        keep(&cache, cache.mark());
        assert!(cache.get(id, now).is_some());
        assert!(cache.get(id, now + TimeDelta::seconds(6)).is_none(), "too old");
        assert!(cache.get(id, now - TimeDelta::seconds(1)).is_none(), "the clock was set back");

        cache.hear(&heard(id.uuid()));
        assert!(cache.get(id, now).is_none(), "the connection changed");

        keep(&cache, cache.mark());
        cache.hear(&heard(integration.uuid()));
        assert!(cache.get(id, now).is_none(), "the integration changed");

        let mark = cache.mark();
        cache.hear(&heard(id.uuid()));
        keep(&cache, mark);
        assert!(cache.get(id, now).is_none(), "it was read before the change");

        keep(&cache, cache.mark());
        cache.forget_old(now);
        assert_eq!(cache.len(), 1);
        cache.forget_old(now + TimeDelta::seconds(6));
        assert!(cache.is_empty(), "what is too old is wiped, not only left unused");

        keep(&cache, cache.mark());
        cache.hear(&Notice::Gap { listening: false });
        assert!(cache.get(id, now).is_none());
    }
}

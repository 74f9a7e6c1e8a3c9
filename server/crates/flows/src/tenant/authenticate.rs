//! Who a key or a cookie belongs to.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, permission::Permissions, reach::Reach};
use ids::{ApiKeyId, EnvironmentId, MemberId, PortalSessionId, TenantId};
use quick_cache::sync::Cache;
use store::{ApiKeyRow, Notice, StoreError};

use crate::Services;

/// A key that may be used.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The key.
    pub id: ApiKeyId,
    /// What it opens.
    pub scope: Scope,
    /// What it may do there.
    pub permissions: Permissions,
    /// How far it reaches there; `None` for all of it.
    pub reach: Option<Arc<Reach>>,
    expires_at: Option<DateTime<Utc>>,
    read_at: DateTime<Utc>,
    used: Arc<LastUse>,
}

/// When a secret was last used, in microseconds of the Unix time; zero for never.
#[derive(Debug, Default)]
struct LastUse {
    at: AtomicI64,
    noted: AtomicI64,
}

/// Keys seen lately, by the hash of the secret. A change of a key is heard of and forgets it at once; where it is not
/// heard, the key is forgotten a few seconds after it was read. When keys are used is kept here and written down
/// together, from time to time.
pub struct KeyCache {
    by_hash: Cache<[u8; 32], Arc<KnownKey>>,
    lifetime: TimeDelta,
    uses: Mutex<HashMap<[u8; 32], Arc<LastUse>>>,
}

impl KeyCache {
    /// Room for `keys`, each used for `lifetime` after it was read.
    #[must_use]
    pub fn new(keys: usize, lifetime: std::time::Duration) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or_default();
        Self { by_hash: Cache::new(keys), lifetime, uses: Mutex::default() }
    }

    /// Takes note of what the listener heard.
    pub fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Heard { payload, .. } => {
                if let Ok(changed) = payload.parse() {
                    let changed = ApiKeyId::from_uuid(changed);
                    self.by_hash.retain(|_, known| known.id != changed);
                }
            }
            Notice::Gap { .. } => self.by_hash.clear(),
        }
    }

    /// Writes down which secrets were used since the last time and when, in one statement, or none if none was. To be
    /// called every minute, and at the end.
    ///
    /// # Errors
    /// The statement failed; the next call writes them down.
    pub async fn write_uses(&self, services: &Services) -> Result<(), StoreError> {
        let mut news: Vec<([u8; 32], Arc<LastUse>, i64)> = Vec::new();
        {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            uses.retain(|hash, used| {
                let at = used.at.load(Ordering::Relaxed);
                let is_news = at > used.noted.load(Ordering::Relaxed);
                if is_news {
                    news.push((*hash, Arc::clone(used), at));
                }
                // Nobody holds it but this table, so nobody uses the secret at the moment.
                is_news || Arc::strong_count(used) > 1
            });
        }
        // As many as one statement takes well.
        for some in news.chunks(1_000) {
            let moment = |at: i64| DateTime::from_timestamp_micros(at).unwrap_or_default();
            let uses: Vec<_> = some.iter().map(|(hash, _, at)| (hash.to_vec(), moment(*at))).collect();
            let mut tx = services.store.begin_system().await?;
            tx.note_key_uses(&uses).await?;
            tx.commit().await?;
            for (_, used, at) in some {
                used.noted.fetch_max(*at, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The place where the uses of a secret are counted.
    fn used(&self, hash: [u8; 32]) -> Arc<LastUse> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(uses.entry(hash).or_default())
    }
}

impl KnownKey {
    /// Itself, used now, unless it has ended.
    fn usable(self: Arc<Self>, now: DateTime<Utc>) -> Option<Arc<Self>> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return None;
        }
        // What is written is at most a minute old anyway: a busy key's cache line is left alone most of the time.
        let micros = now.timestamp_micros();
        if micros - self.used.at.load(Ordering::Relaxed) > 1_000_000 {
            self.used.at.fetch_max(micros, Ordering::Relaxed);
        }
        Some(self)
    }
}

/// Whose key that is; `None` if it is unknown, revoked or expired.
///
/// # Errors
/// The query failed.
pub async fn by_key(services: &Services, cache: &KeyCache, key: &str) -> Result<Option<Arc<KnownKey>>, StoreError> {
    let now = services.now();
    let hash = crate::sha256(key.as_bytes());
    let slot = <[u8; 32]>::try_from(hash.as_slice()).unwrap_or_default();
    if let Some(known) = cache.by_hash.get(&slot)
        && known.read_at + cache.lifetime > now
    {
        return Ok(known.usable(now));
    }
    let mut tx = services.store.begin_system().await?;
    let row = tx.usable_api_key(&hash, now).await?;
    tx.commit().await?;
    let Some(row) = row else { return Ok(None) };
    let known = Arc::new(known(row, &hash, now, cache.used(slot))?);
    cache.by_hash.insert(slot, Arc::clone(&known));
    Ok(known.usable(now))
}

fn known(row: ApiKeyRow, hash: &[u8], now: DateTime<Utc>, used: Arc<LastUse>) -> Result<KnownKey, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt { table: "api_keys", what };
    let permissions = Permissions::parse(&row.scopes).map_err(|error| corrupt(error.to_string()))?;
    // A row that names something and from which nothing can be read must not open everything.
    let tags = row.tags.iter().map(|tag| tag.parse()).collect::<Result<_, _>>();
    let tags = tags.map_err(|error: domain::reach::BadTag| corrupt(error.to_string()))?;
    let reach = Reach { integrations: row.integrations, connections: row.connections, tags };
    let reach = (!reach.is_empty()).then(|| Arc::new(reach));
    // The secret before the last rotation works until then alone.
    let ends = if row.secret_hash == hash { None } else { row.previous_until };
    Ok(KnownKey {
        id: row.api_key_id,
        scope: Scope { tenant: row.tenant_id, environment: row.environment_id },
        permissions: reach.as_ref().map_or(permissions, |reach| permissions.and(reach.permissions())),
        reach,
        expires_at: row.expires_at.into_iter().chain(ends).min(),
        read_at: now,
        used,
    })
}

/// A signed-in member.
#[derive(Debug, Clone)]
pub struct MemberSession {
    /// Who.
    pub member: MemberId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// As what, read anew at each request, so that a change acts at once.
    pub role: String,
    /// What the tenant has.
    pub environments: Vec<EnvironmentId>,
    /// The session.
    pub id: PortalSessionId,
}

/// Sessions end after this long without a request.
const IDLE: TimeDelta = TimeDelta::hours(2);

/// Whose cookie that is; `None` if the session is unknown, ended or was idle for too long.
///
/// # Errors
/// The query failed.
pub async fn by_cookie(services: &Services, cookie: &str) -> Result<Option<MemberSession>, StoreError> {
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let found = tx.usable_portal_session(&crate::sha256(cookie.as_bytes()), now, now - IDLE).await?;
    if let Some((session, _)) = &found
        && session.seen_at + TimeDelta::minutes(1) < now
    {
        tx.touch_portal_session(session.portal_session_id, now).await?;
    }
    let Some((session, member)) = found else {
        tx.commit().await?;
        return Ok(None);
    };
    let environments = tx.environments_of(member.tenant_id).await?;
    tx.commit().await?;
    Ok(Some(MemberSession {
        member: member.member_id,
        tenant: member.tenant_id,
        role: member.role,
        environments,
        id: session.portal_session_id,
    }))
}

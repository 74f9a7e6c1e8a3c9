//! Who a key or a cookie belongs to.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, permission::Permissions};
use ids::{ApiKeyId, EnvironmentId, MemberId, PortalSessionId, TenantId};
use quick_cache::sync::Cache;
use store::{Notice, StoreError};

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
    expires_at: Option<DateTime<Utc>>,
    read_at: DateTime<Utc>,
}

/// Keys seen lately, by hash. A revocation is heard of and forgets the key at once; where it is not heard, the key is
/// forgotten a few seconds after it was read.
pub struct KeyCache {
    by_hash: Cache<[u8; 32], Arc<KnownKey>>,
    lifetime: TimeDelta,
}

impl KeyCache {
    /// Room for `keys`, each used for `lifetime` after it was read.
    #[must_use]
    pub fn new(keys: usize, lifetime: std::time::Duration) -> Self {
        Self { by_hash: Cache::new(keys), lifetime: TimeDelta::from_std(lifetime).unwrap_or_default() }
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
        return Ok(known.expires_at.is_none_or(|at| at > now).then_some(known));
    }
    let mut tx = services.store.begin_system().await?;
    let row = tx.usable_api_key(&hash, now).await?;
    tx.commit().await?;
    let Some(row) = row else { return Ok(None) };
    let permissions = Permissions::parse(&row.scopes)
        .map_err(|error| StoreError::Corrupt { table: "api_keys", what: error.to_string() })?;
    let known = Arc::new(KnownKey {
        id: row.api_key_id,
        scope: Scope { tenant: row.tenant_id, environment: row.environment_id },
        permissions,
        expires_at: row.expires_at,
        read_at: now,
    });
    cache.by_hash.insert(slot, Arc::clone(&known));
    Ok(Some(known))
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

//! API keys: made, listed, rotated, revoked.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Scope, api_key,
    permission::{Permissions, UnknownPermission},
    reach::{MOST, Reach},
    secret::Secret,
};
use ids::{ApiKeyId, AuditId, ConnectionId};
use store::{ApiKeyRow, NewAudit, StoreError};

use super::names;
use crate::{Actor, Ctx, integration::find};

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The environment does not exist.
    #[error("no such environment")]
    NoEnvironment,
    /// The key would be able to do more than who makes it.
    #[error("a key can't be given scopes that its maker lacks")]
    Escalation,
    /// It is revoked or has expired.
    #[error("the key is {0}; make a new one")]
    Over(&'static str),
    /// Anything of ours.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::NoEnvironment,
            other => Self::Store(other),
        }
    }
}

impl From<UnknownPermission> for KeyError {
    fn from(error: UnknownPermission) -> Self {
        Self::Field("scopes", error.to_string())
    }
}

/// What a key is to be.
pub struct NewKey {
    /// What to call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// How far it is to reach; `None` for all of the environment.
    pub only: Option<Only>,
}

/// How far a key is to reach, as people write it. See [`Reach`].
#[derive(Debug, Clone, Default)]
pub struct Only {
    /// Slugs or ids.
    pub integrations: Vec<String>,
    /// Ids.
    pub connections: Vec<ConnectionId>,
    /// Each `name=value`.
    pub tags: Vec<String>,
}

/// How long the old secret works after a rotation that does not say.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The longest that it may.
pub const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(7);

/// Makes a key in the context's environment. The secret is given back this once; only its hash is stored. `maker` is what
/// the maker may do: nobody gives away more than they have.
///
/// # Errors
/// [`KeyError`].
pub async fn create(ctx: Ctx<'_>, input: NewKey, maker: Permissions) -> Result<(ApiKeyRow, Secret), KeyError> {
    let Scope { tenant, environment } = ctx.scope;
    names::name(&input.name).map_err(|(field, rule)| KeyError::Field(field, rule))?;
    if input.scopes.is_empty() {
        return Err(KeyError::Field("scopes", "must name at least one scope, or `*`".into()));
    }
    if !maker.contain(Permissions::parse(&input.scopes)?) {
        return Err(KeyError::Escalation);
    }
    let now = ctx.services.now();
    if input.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Field("expires_at", "must be in the future".into()));
    }
    let reach = match &input.only {
        None => Reach::default(),
        Some(only) => reach(ctx, only).await?,
    };
    if !reach.is_empty() {
        // `*` is all that there is within the reach; what is named by name must be there.
        let named: Vec<_> = input.scopes.iter().filter(|scope| *scope != "*").collect();
        let beyond = Permissions::parse(&named)?.beyond(reach.permissions());
        if !beyond.is_empty() {
            let rule = format!("{} concern more than a key with `only` reaches; leave them out", beyond.join(", "));
            return Err(KeyError::Field("scopes", rule));
        }
    }
    let secret = api_key::generate(ctx.services.entropy.as_ref());
    let row = ApiKeyRow {
        api_key_id: ctx.services.mint.id(ApiKeyId::new),
        tenant_id: tenant,
        environment_id: environment,
        name: input.name.trim().to_owned(),
        hint: api_key::hint(&secret),
        secret_hash: crate::sha256(secret.expose().as_bytes()),
        scopes: input.scopes,
        created_at: now,
        expires_at: input.expires_at,
        revoked_at: None,
        integrations: reach.integrations,
        connections: reach.connections,
        tags: reach.tags.iter().map(ToString::to_string).collect(),
        last_used_at: None,
        rotated_at: None,
        previous_hash: None,
        previous_hint: None,
        previous_until: None,
        previous_used_at: None,
    };
    if ctx.actor == Actor::Operator {
        // Nobody has checked yet that the environment is this tenant's.
        let mut tx = ctx.services.store.begin_tenant(tenant).await?;
        let known = tx.environments().await?.iter().any(|row| row.environment_id == environment);
        tx.commit().await?;
        if !known {
            return Err(KeyError::NoEnvironment);
        }
    }
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.api_keys().insert(&row).await?;
    tx.audit(NewAudit {
        id: ctx.services.mint.id(AuditId::new),
        actor: ctx.actor.to_string(),
        action: "api_key.created",
        subject: row.api_key_id.to_string(),
        detail: serde_json::json!({
            "hint": row.hint,
            "scopes": row.scopes,
            "integrations": row.integrations,
            "connections": row.connections,
            "tags": row.tags,
        }),
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok((row, secret))
}

/// The reach of what people wrote, whose things must exist here.
async fn reach(ctx: Ctx<'_>, only: &Only) -> Result<Reach, KeyError> {
    let too_many = |count: usize| count > MOST;
    for (field, count) in [
        ("only.integrations", only.integrations.len()),
        ("only.connections", only.connections.len()),
        ("only.tags", only.tags.len()),
    ] {
        if too_many(count) {
            return Err(KeyError::Field(field, format!("name {MOST} at most")));
        }
    }
    let mut reach = Reach::default();
    for text in &only.tags {
        reach.tags.push(
            text.parse().map_err(|error: domain::reach::BadTag| KeyError::Field("only.tags", error.to_string()))?,
        );
    }
    let unknown = |field, name: &dyn std::fmt::Display| {
        KeyError::Field(field, format!("there is no `{name}` in this environment"))
    };
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    for name in &only.integrations {
        match find(&mut tx, name).await {
            Ok(row) => reach.integrations.push(row.id),
            Err(StoreError::NotFound) => return Err(unknown("only.integrations", name)),
            Err(error) => return Err(error.into()),
        }
    }
    for id in &only.connections {
        match tx.connections().context(*id).await {
            Ok(_) => reach.connections.push(*id),
            Err(StoreError::NotFound) => return Err(unknown("only.connections", id)),
            Err(error) => return Err(error.into()),
        }
    }
    tx.commit().await?;
    if reach.is_empty() {
        return Err(KeyError::Field("only", "name integrations, connections or tags, or leave it out".into()));
    }
    Ok(reach)
}

/// Gives a key a new secret, once; only its hash is stored. The old one works until `until`, for a day if that does not
/// say, and never beyond the end of the key. One that was replaced before and still works is refused from now on: two
/// secrets of a key work at most. `maker` is what whoever asks may do: the secret is theirs from now on, so it may do no
/// more than they.
///
/// # Errors
/// [`KeyError`]; [`KeyError::Store`] with [`StoreError::NotFound`] if there is no such key here.
pub async fn rotate(
    ctx: Ctx<'_>,
    id: ApiKeyId,
    until: Option<DateTime<Utc>>,
    maker: Permissions,
) -> Result<(ApiKeyRow, Secret), KeyError> {
    let now = ctx.services.now();
    let until = until.unwrap_or(now + OVERLAP);
    // A minute for clocks that do not agree.
    if until > now + LONGEST_OVERLAP + TimeDelta::minutes(1) {
        return Err(KeyError::Field("previous_until", "must lie within the next 7 days".into()));
    }
    let until = until.max(now);
    let secret = api_key::generate(ctx.services.entropy.as_ref());
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.api_keys().lock(id).await?;
    if !maker.contain(Permissions::parse(&row.scopes)?) {
        return Err(KeyError::Escalation);
    }
    if row.revoked_at.is_some() {
        return Err(KeyError::Over("revoked"));
    }
    if row.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Over("expired"));
    }
    let (hash, hint) = (crate::sha256(secret.expose().as_bytes()), api_key::hint(&secret));
    tx.api_keys().rotate(&row, (&hash, &hint), until, now).await?;
    let row = tx.api_keys().lock(id).await?;
    tx.audit(NewAudit {
        id: ctx.services.mint.id(AuditId::new),
        actor: ctx.actor.to_string(),
        action: "api_key.rotated",
        subject: id.to_string(),
        detail: serde_json::json!({ "hint": row.hint, "previous_until": until }),
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok((row, secret))
}

/// Keys of the environment, one more than `limit` if there are more.
///
/// # Errors
/// [`KeyError::Store`].
pub async fn list(ctx: Ctx<'_>, after: Option<ApiKeyId>, limit: u32) -> Result<Vec<ApiKeyRow>, KeyError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.api_keys().list(after, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Revokes a key.
///
/// # Errors
/// [`KeyError::Store`] with [`StoreError::NotFound`] if there is no such key here.
pub async fn revoke(ctx: Ctx<'_>, id: ApiKeyId) -> Result<(), KeyError> {
    let now = ctx.services.now();
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.api_keys().revoke(id, now).await?;
    tx.audit(NewAudit {
        id: ctx.services.mint.id(AuditId::new),
        actor: ctx.actor.to_string(),
        action: "api_key.revoked",
        subject: id.to_string(),
        detail: serde_json::json!({}),
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

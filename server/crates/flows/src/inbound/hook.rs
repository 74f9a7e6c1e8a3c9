//! URLs that providers send webhooks to, and what those are verified with.

use domain::{manifest::WebhookSpec, secret::Secret};
use ids::{ConnectionId, HookId, IntegrationId};
use serde_json::json;
use store::{HookOf, HookRow, StoreError};
use url::Url;
use vault::Sealed;

use super::{hook_url, secret_place, token_place};
use crate::{
    Ctx, audit,
    credentials::{SealError, open, seal},
    integration, plugin, sha256,
};

/// The longest secret, in bytes.
const LONGEST_SECRET: usize = 4096;

/// A URL of ours as tenants read it.
#[derive(Debug, Clone)]
pub struct HookView {
    /// The URL's row.
    pub row: HookRow,
    /// To be registered with the provider.
    pub url: Url,
}

/// What a tenant sets; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct HookSettings {
    /// What deliveries are verified with.
    pub secret: Option<Secret>,
    /// Whether the tenant's endpoints are told of each delivery.
    pub forwards: Option<bool>,
}

/// Why there is no such URL, or it is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// No such integration or connection here.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It has no URL.
    #[error("there is no URL for webhooks yet")]
    None,
    /// The manifest does not say how webhooks are verified.
    #[error("the provider's manifest does not say how its webhooks are verified")]
    NotOffered,
    /// A field is wrong; the text says what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// Somebody else made one at the same moment.
    #[error("another was made at the same moment")]
    Raced,
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for HookError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::None,
            StoreError::Conflict { .. } => Self::Raced,
            other => Self::Store(other),
        }
    }
}

/// Whose URL is meant: that of an integration by id or slug, or of a connection.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// An integration's.
    Integration(&'a str),
    /// A connection's.
    Connection(ConnectionId),
}

/// The URL of an integration or a connection.
///
/// # Errors
/// [`HookError`].
pub async fn find(ctx: Ctx<'_>, owner: Owner<'_>) -> Result<HookView, HookError> {
    let (row, _) = found(ctx, owner).await?;
    view(ctx, row.ok_or(HookError::None)?).await
}

/// Makes the URL if there is none, and sets what is given.
///
/// # Errors
/// [`HookError`].
pub async fn put(ctx: Ctx<'_>, owner: Owner<'_>, settings: HookSettings) -> Result<HookView, HookError> {
    let services = ctx.services;
    let (row, owned) = found(ctx, owner).await?;
    let Owned { of, integration, webhook, has_plugin } = owned;
    let Some(spec) = webhook else { return Err(HookError::NotOffered) };
    if let Some(secret) = &settings.secret {
        check(&spec, secret)?;
    }
    let is_new = row.is_none();
    let now = services.now();
    let mut row = match row {
        Some(row) => row,
        None => {
            let id = services.mint.id(HookId::new);
            let token = services.random_token();
            HookRow {
                id,
                integration,
                connection: if let HookOf::Connection(id) = of { Some(id) } else { None },
                token_hash: sha256(token.as_bytes()),
                token: seal(ctx, token_place(id), token.as_bytes()).await?.into_bytes(),
                secret: None,
                forwards: false,
                refused_at: None,
                refusal: None,
                created_at: now,
                updated_at: now,
            }
        }
    };
    if let Some(secret) = &settings.secret {
        row.secret = Some(seal(ctx, secret_place(row.id), secret.expose().as_bytes()).await?.into_bytes());
    }
    row.forwards = settings.forwards.unwrap_or(row.forwards);
    row.updated_at = now;
    let mut tx = services.store.begin(ctx.scope).await?;
    if is_new {
        tx.hooks().insert(&row).await?;
    } else {
        tx.hooks().update(&row).await?;
    }
    // The plugin registers it at the provider.
    if is_new
        && has_plugin
        && let Some(connection) = row.connection
    {
        plugin::enqueue_after_connect(&mut tx, services, connection).await?;
    }
    let detail = json!({
        "new": is_new, "secret": settings.secret.is_some(), "forwards": row.forwards,
        "integration": row.integration, "connection": row.connection,
    });
    tx.audit(audit::row(services, ctx.actor, "webhook_url.set", row.id, detail)).await?;
    tx.commit().await?;
    view(ctx, row).await
}

/// Removes the URL: whatever is sent there from now on is not listened to. The next one that is made is another.
///
/// # Errors
/// [`HookError`].
pub async fn remove(ctx: Ctx<'_>, owner: Owner<'_>) -> Result<(), HookError> {
    let (row, _) = found(ctx, owner).await?;
    let row = row.ok_or(HookError::None)?;
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.hooks().delete(row.id).await?;
    let detail = json!({ "integration": row.integration, "connection": row.connection });
    tx.audit(audit::row(ctx.services, ctx.actor, "webhook_url.removed", row.id, detail)).await?;
    tx.commit().await?;
    Ok(())
}

/// Whose URL it is, and what its provider's manifest says of webhooks.
struct Owned {
    of: HookOf,
    integration: IntegrationId,
    webhook: Option<WebhookSpec>,
    has_plugin: bool,
}

async fn found(ctx: Ctx<'_>, owner: Owner<'_>) -> Result<(Option<HookRow>, Owned), HookError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let (of, integration) = match owner {
        Owner::Integration(name) => {
            let row = integration::find(&mut tx, name).await.map_err(|error| not_found("integration", error))?;
            (HookOf::Integration(row.id), row)
        }
        Owner::Connection(id) => {
            let context = tx.connections().context(id).await.map_err(|error| not_found("connection", error))?;
            (HookOf::Connection(id), context.integration)
        }
    };
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    let row = match tx.hooks().find(of).await {
        Ok(row) => Some(row),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    let has_plugin = provider.as_ref().is_some_and(|provider| provider.plugin.is_some());
    let webhook = provider.and_then(|provider| provider.manifest.webhook.clone());
    Ok((row, Owned { of, integration: integration.id, webhook, has_plugin }))
}

fn not_found(what: &'static str, error: StoreError) -> HookError {
    match error {
        StoreError::NotFound => HookError::NotFound(what),
        other => HookError::Store(other),
    }
}

/// A secret that could not verify anything is refused before deliveries are.
fn check(spec: &WebhookSpec, secret: &Secret) -> Result<(), HookError> {
    let text = secret.expose();
    let wrong = |what: &str| Err(HookError::Field("secret", what.to_owned()));
    if text.trim().is_empty() || text.len() > LONGEST_SECRET || text.contains('\0') {
        return wrong("write what the provider shows as the webhook's secret, at most 4096 bytes");
    }
    match auth::webhook::check_secret(spec, secret) {
        Ok(()) => Ok(()),
        Err(why) => wrong(&why.to_string()),
    }
}

async fn view(ctx: Ctx<'_>, row: HookRow) -> Result<HookView, HookError> {
    let sealed = Sealed::from_bytes(row.token.clone()).map_err(SealError::Keys)?;
    let opened = open(ctx, token_place(row.id), &sealed).await?;
    let token = std::str::from_utf8(&opened).map_err(|_| HookError::None)?;
    let url = hook_url(&ctx.services.settings.public_url, token);
    Ok(HookView { row, url })
}

//! Rows 1 to 4 from the other end: an install that begins at the vendor's marketplace. It arrives at us first, as a browser
//! or as a webhook; nobody knows yet whose end user it is. So it is kept, and the tenant claims it with a connect session.
//!
//! Where the code arrives at once, nobody of ours asked for it: there can be neither a state (RFC 6749 §10.12) nor a PKCE
//! challenge (RFC 7636) to compare. These bind it instead, so that nobody's code ends up in somebody else's account:
//!
//! * The vendor's signature is checked where the vendor signs, and its time.
//! * An install is claimed once, within an hour, with the tenant's API key; its code is exchanged once.
//! * Its id says which one is meant and opens nothing by itself. A browser that arrives gets 32 random bytes as a cookie,
//!   and its code is exchanged in that browser alone: whoever sends a victim the link of an install of their own connects
//!   nothing.
//! * What the vendor tells as a webhook has no browser. Its id goes to the tenant's own endpoints and to nobody else, least
//!   of all into the answer to whoever told us; the tenant says whose it is.

use auth::{
    Kept,
    install::{Arrival, NotAnInstall, Params},
};
use domain::{
    Scope,
    connect::{ATTEMPT_LIFETIME, AttemptState, Display, INSTALL_LIFETIME},
    manifest::Variables,
    secret::Secret,
};
use ids::{AttemptId, InstallId, IntegrationId};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use store::{AttemptRow, InstallRow, IntegrationRow, StoreError};
use url::Url;
use vault::{Place, Sealed};

use super::{
    complete::{Completion, Screen, carry_through},
    enter::Filled,
    launch::{BrowserCookie, LaunchError},
    pending::Pending,
    refused::browser_hash,
};
use crate::{
    Actor, Ctx, Provider, Services, audit,
    credentials::{AccountError, SealError, account, app_url, open, seal},
    event,
    integration::INSTALL_NAME,
    sha256,
};

/// Where a browser that arrived goes on.
#[derive(Debug)]
pub struct SentOn {
    /// The tenant's page, with the install's id in its query.
    pub url: Url,
    /// Binds the install's code to this browser; `None` where none came.
    pub cookie: Option<BrowserCookie>,
    /// Whether the vendor's signature vouches for it.
    pub is_signed: bool,
}

/// What was told was taken in.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Whether the vendor's signature vouches for it.
    pub is_signed: bool,
}

/// Why nothing is begun.
#[derive(Debug, thiserror::Error)]
pub enum ArriveError {
    /// There is no such integration.
    #[error("there is no such integration")]
    Unknown,
    /// The tenant has to repair the integration first.
    #[error("{0}")]
    Misconfigured(String),
    /// What arrived is not the vendor's, or not what it must be.
    #[error(transparent)]
    Refused(NotAnInstall),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AccountError> for ArriveError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Misconfigured(detail) => Self::Misconfigured(detail),
            AccountError::Seal(error) => Self::Seal(error),
        }
    }
}

/// An install that may be kept.
struct Checked {
    integration: IntegrationRow,
    provider: Arc<Provider>,
    arrival: Arrival,
}

/// Keeps an install whose browser arrived with these parameters, and says where it goes on.
///
/// # Errors
/// [`ArriveError`]; then nothing is kept.
pub async fn arrive(services: &Services, integration: IntegrationId, params: Params) -> Result<SentOn, ArriveError> {
    let ctx = ctx_at(services, integration).await?;
    let checked = checked(ctx, integration, &params, true).await?;
    let page = checked.integration.install_url.as_deref().and_then(|url| Url::parse(url).ok());
    let mut url = page.ok_or_else(|| misconfigured("the integration has no install_url"))?;
    let id = services.mint.id(InstallId::new);
    let expires_at = services.now() + INSTALL_LIFETIME;
    let random = checked.arrival.has_code.then(|| Secret::new(services.random_token()));
    let cookie = random.map(|value| BrowserCookie { name: install_cookie(id), value, expires_at });
    let bound = cookie.as_ref().map(|cookie| browser_hash(Some(&cookie.value)));
    let row = row(ctx, id, &checked, &params, bound).await?;
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.installs().insert(&row).await?;
    let detail = json!({ "install": id, "by": "browser", "signed": checked.arrival.is_signed });
    tx.audit(audit::row(services, ctx.actor, "connect.install_arrived", integration, detail)).await?;
    tx.commit().await?;
    url.query_pairs_mut().append_pair(INSTALL_NAME, &id.to_string());
    Ok(SentOn { url, cookie, is_signed: checked.arrival.is_signed })
}

/// Keeps an install that the vendor tells as a webhook, and tells the tenant's endpoints. Telling the same code twice is
/// telling it once.
///
/// # Errors
/// [`ArriveError`]; then nothing is kept.
pub async fn told(services: &Services, integration: IntegrationId, params: Params) -> Result<Told, ArriveError> {
    let ctx = ctx_at(services, integration).await?;
    let checked = checked(ctx, integration, &params, false).await?;
    let id = services.mint.id(InstallId::new);
    let row = row(ctx, id, &checked, &params, None).await?;
    let told = Told { is_signed: checked.arrival.is_signed };
    let mut tx = services.store.begin(ctx.scope).await?;
    if !tx.installs().insert(&row).await? {
        return Ok(told);
    }
    let data = json!({
        "install_id": id,
        "integration_id": integration,
        "integration": checked.integration.slug,
        "provider": checked.integration.provider,
        "variables": row.variables,
        "signed": told.is_signed,
        "expires_at": row.expires_at,
    });
    event::emit(&mut tx, services, api_types::event::EventKind::ConnectInstallArrived, None, data).await?;
    let detail = json!({ "install": id, "by": "webhook", "signed": told.is_signed });
    tx.audit(audit::row(services, ctx.actor, "connect.install_arrived", integration, detail)).await?;
    tx.commit().await?;
    Ok(told)
}

async fn ctx_at(services: &Services, integration: IntegrationId) -> Result<Ctx<'_>, ArriveError> {
    let mut tx = services.store.begin_system().await?;
    let scope = tx.scope_of_integration(integration).await;
    tx.commit().await?;
    match scope {
        Ok(scope) => Ok(services.ctx(scope, Actor::System)),
        Err(StoreError::NotFound) => Err(ArriveError::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// Checks what arrived. What is refused is audited, as a callback is.
async fn checked(
    ctx: Ctx<'_>,
    integration: IntegrationId,
    params: &Params,
    goes_on: bool,
) -> Result<Checked, ArriveError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = tx.integrations().find(integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    let provider = provider.ok_or_else(|| misconfigured("its provider is not installed"))?;
    if goes_on && integration.install_url.is_none() {
        return Err(misconfigured("the integration has no install_url to send browsers to"));
    }
    let account = account(ctx, &provider.manifest, &integration, &Variables::new(), &BTreeMap::new()).await?;
    match account.arrival(params, services.now()) {
        Ok(arrival) => Ok(Checked { integration, provider: Arc::clone(&provider), arrival }),
        Err(NotAnInstall::NotOffered) => Err(ArriveError::Misconfigured(NotAnInstall::NotOffered.to_string())),
        Err(NotAnInstall::NoSecret) => Err(ArriveError::Misconfigured(NotAnInstall::NoSecret.to_string())),
        Err(refused) => {
            let detail = json!({ "reason": refused.to_string() });
            let mut tx = services.store.begin(ctx.scope).await?;
            tx.audit(audit::row(services, ctx.actor, "connect.install_refused", integration.id, detail)).await?;
            tx.commit().await?;
            Err(ArriveError::Refused(refused))
        }
    }
}

fn misconfigured(what: &str) -> ArriveError {
    ArriveError::Misconfigured(what.to_owned())
}

async fn row(
    ctx: Ctx<'_>,
    id: InstallId,
    checked: &Checked,
    params: &Params,
    browser_hash: Option<Vec<u8>>,
) -> Result<InstallRow, ArriveError> {
    let now = ctx.services.now();
    let mut row = InstallRow {
        id,
        integration: checked.integration.id,
        browser_hash,
        code_hash: None,
        kept: None,
        variables: checked.arrival.variables.clone(),
        created_at: now,
        expires_at: now + INSTALL_LIFETIME,
    };
    // Without a code nothing of it is needed later but the variables.
    if checked.arrival.has_code {
        let code = auth::install::code(&checked.provider.manifest, params);
        row.code_hash = code.map(|code| sha256(code.expose().as_bytes()));
        let bytes = auth::secrets_to_bytes(params.by_name());
        row.kept = Some(seal(ctx, place(id), &bytes).await?.into_bytes());
    }
    Ok(row)
}

/// Where the kept code lies.
const fn place(id: InstallId) -> Place {
    Place { table: "installs", column: "kept", row: id.uuid() }
}

/// The name of the cookie that belongs to an install.
fn install_cookie(id: InstallId) -> String {
    let hash = hex::encode(sha256(id.to_string().as_bytes()));
    format!("__Host-patchbay-install-{}", hash.get(..16).unwrap_or_default())
}

/// Exchanges the kept code of an install that a session has claimed: what is a callback elsewhere. It becomes an attempt
/// that is consumed as it is made, so that its end is told as any other's.
pub(super) async fn finish(
    ctx: Ctx<'_>,
    filled: Filled,
    install: InstallRow,
    display: Display,
    cookie: impl FnOnce(&str) -> Option<Secret>,
) -> Result<Completion, LaunchError> {
    let services = ctx.services;
    let Filled { session, integration, variables, fields, .. } = filled;
    let cookie_name = install_cookie(install.id);
    let sealed = install.kept.ok_or(LaunchError::InstallOver)?;
    if let Some(bound) = &install.browser_hash
        && *bound != browser_hash(cookie(&cookie_name).as_ref())
    {
        let detail = json!({ "install": install.id, "reason": "it arrived in another browser" });
        let mut tx = services.store.begin(ctx.scope).await?;
        tx.audit(audit::row(services, ctx.actor, "connect.install_refused", session.id, detail)).await?;
        tx.commit().await?;
        return Err(LaunchError::WrongBrowser);
    }
    let opened = open(ctx, place(install.id), &Sealed::from_bytes(sealed).map_err(SealError::Keys)?).await?;
    // The seal says that we wrote it.
    let params = serde_json::from_slice(&opened).map_err(|_| LaunchError::InstallOver)?;
    let callback = Params::kept(params).callback();

    let id = services.mint.id(AttemptId::new);
    let now = services.now();
    // The code was given out for the address at which it arrived, which the exchange has to repeat (RFC 6749 §4.1.3).
    let redirect_uri = app_url(&services.settings.public_url, integration.id);
    let kept = Kept([(REDIRECT_URI.to_owned(), Secret::new(redirect_uri.as_str()))].into());
    let pending = Pending { kept, fields };
    let attempt = AttemptRow {
        id,
        session: session.id,
        integration: integration.id,
        state: AttemptState::Consumed,
        display,
        // Nobody comes back to it.
        browser_hash: sha256(services.random_token().as_bytes()),
        kept: Some(pending.seal(ctx, id).await?),
        variables,
        created_at: now,
        expires_at: now + ATTEMPT_LIFETIME,
    };
    let nobody = sha256(services.random_token().as_bytes());
    let mut tx = services.store.begin(ctx.scope).await?;
    if !tx.installs().take(install.id, now).await? {
        return Err(LaunchError::InstallOver);
    }
    tx.connect_attempts().insert(&attempt, &nobody).await?;
    tx.connect_attempts().consume(id).await?;
    let detail = json!({ "attempt": id, "integration": integration.id, "install": install.id });
    tx.audit(audit::row(services, ctx.actor, "connect.launched", session.id, detail)).await?;
    tx.commit().await?;

    // The code is spent: carried through even if the browser goes away.
    let (services, scope): (Services, Scope) = (services.clone(), ctx.scope);
    let work = tokio::spawn(async move { carry_through(&services, scope, attempt, callback).await });
    let done = match work.await {
        Ok(done) => done?,
        Err(error) => {
            tracing::error!(%error, "exchanging the code of an install broke off");
            Completion::of(Screen::ProviderError)
        }
    };
    Ok(Completion { spent_cookie: Some(cookie_name), ..done })
}

/// By which name an attempt keeps the address that its code was given out for, if it is not the callback's.
pub(super) const REDIRECT_URI: &str = "redirect_uri";

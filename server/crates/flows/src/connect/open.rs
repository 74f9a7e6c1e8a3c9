//! Row 1: the tenant's backend opens a session for its end user.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    Scope,
    connect::{EndUser, SESSION_LIFETIME, SessionState},
    origin::Origin,
    reach::{Outside, Reach, check_tags},
    secret::Secret,
};
use ids::{ConnectSessionId, ConnectionId, InstallId, IntegrationId};
use serde_json::json;
use store::{ConnectSessionRow, StoreError, Tx};
use url::Url;

use super::session::PREFIX;
use crate::{
    Ctx, audit,
    integration::{check_scopes, find},
    sha256,
};

/// A session to open.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// For whom.
    pub end_user: EndUser,
    /// Slugs or ids of what may be picked; all of the environment if absent.
    pub integrations: Option<Vec<String>>,
    /// A connection to repair instead of making a new one.
    pub connection: Option<ConnectionId>,
    /// An install at the vendor's marketplace to go on with.
    pub install: Option<InstallId>,
    /// Origins of the pages that may embed the connect page and hear its result.
    pub allowed_origins: Vec<String>,
    /// Where the same-tab flow ends.
    pub return_url: Option<String>,
    /// BCP 47 tag of the end user's language.
    pub language: Option<String>,
    /// Asked for instead of the integration's scopes.
    pub scopes: Option<Vec<String>>,
    /// Put on the connection that is made.
    pub tags: BTreeMap<String, String>,
}

/// A session just opened. The token exists here and, hashed, in the database.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub id: ConnectSessionId,
    /// Its token.
    pub token: Secret,
    /// A page to send the end user to, with the token in the fragment, which browsers keep to themselves.
    pub link: Secret,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Fields that are not what they must be, each with what it must be.
    #[error("some fields are not what they must be")]
    Fields(Vec<(String, String)>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Wrong = Vec<(String, String)>;

/// Opens a session.
///
/// # Errors
/// [`OpenError`].
pub async fn open(ctx: Ctx<'_>, new: NewSession) -> Result<Opened, OpenError> {
    let services = ctx.services;
    let mut wrong = Wrong::new();
    check_people(&mut wrong, &new);
    let origins = origins(&mut wrong, &new.allowed_origins);
    let return_url = return_url(&mut wrong, &origins, new.return_url.as_deref());
    let reach = services.store.reach();
    if let Some(reach) = reach {
        check_reach(&mut wrong, reach, &new);
    }

    let mut tx = services.store.begin(ctx.scope).await?;
    let now = services.now();
    let integrations = match (new.install, new.connection) {
        (Some(id), _) => installed(&mut tx, &mut wrong, id, &new, now).await?.map(|id| vec![id]),
        (None, Some(id)) => reconnect(&mut tx, &mut wrong, id, &new).await?.map(|id| vec![id]),
        (None, None) => choices(&mut tx, &mut wrong, new.integrations.as_deref()).await?,
    };
    // "All of the environment" is all that the key reaches.
    let integrations =
        integrations.or_else(|| reach.map(|reach| reach.integrations.clone()).filter(|all| !all.is_empty()));
    if !wrong.is_empty() {
        return Err(OpenError::Fields(wrong));
    }
    let id = services.mint.id(ConnectSessionId::new);
    let token = Secret::new([PREFIX, &services.random_token()].concat());
    let row = ConnectSessionRow {
        id,
        token_hash: sha256(token.expose().as_bytes()),
        end_user: new.end_user,
        integrations,
        reconnect: new.connection,
        allowed_origins: origins.iter().map(ToString::to_string).collect(),
        return_url: return_url.map(Into::into),
        language: new.language,
        scopes: new.scopes,
        tags: new.tags,
        state: SessionState::Open,
        connection: None,
        created_at: now,
        expires_at: now + SESSION_LIFETIME,
    };
    tx.connect_sessions().insert(&row).await?;
    if let Some(install) = new.install
        && !tx.installs().claim(install, id, now).await?
    {
        // Another session was quicker. Nothing of this one is kept.
        return Err(OpenError::Fields(vec![("install".into(), NOT_WAITING.into())]));
    }
    let detail = json!({ "end_user": row.end_user.id, "reconnect": row.reconnect, "install": new.install });
    tx.audit(audit::row(services, ctx.actor, "connect_session.opened", id, detail)).await?;
    tx.commit().await?;

    let mut link = services.settings.public_url.clone();
    link.set_path(&format!("/connect/{id}"));
    let link = Secret::new([link.as_str(), "#", token.expose()].concat());
    Ok(Opened { id, token, link, expires_at: row.expires_at })
}

fn check_people(wrong: &mut Wrong, new: &NewSession) {
    let printable = |text: &str, most: usize| {
        !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
    };
    if !printable(&new.end_user.id, 255) {
        wrong.push(("end_user.id".into(), "write your own id of the end user, 1 to 255 printable characters".into()));
    }
    if new.end_user.name.as_ref().is_some_and(|name| !printable(name, 255)) {
        wrong.push(("end_user.name".into(), "write 1 to 255 printable characters, or leave it out".into()));
    }
    let tag_like = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if new.language.as_ref().is_some_and(|tag| tag.len() < 2 || tag.len() > 35 || !tag.chars().all(tag_like)) {
        wrong.push(("language".into(), "write a BCP 47 language tag such as `de` or `pt-BR`".into()));
    }
    check_scopes(wrong, new.scopes.as_deref().unwrap_or_default());
    if let Err(rule) = check_tags(&new.tags) {
        wrong.push(("tags".into(), rule.into()));
    }
}

/// What is to come of the session must lie within what the key that opens it reaches.
fn check_reach(wrong: &mut Wrong, reach: &Reach, new: &NewSession) {
    let within = match new.connection {
        None => reach.check_new(&new.tags),
        Some(_) => reach.check_more_tags(&new.tags),
    };
    match within {
        Ok(()) => {}
        Err(outside @ Outside::NewConnection) => wrong.push(("connection_id".into(), outside.to_string())),
        Err(outside @ Outside::Tags(_)) => wrong.push(("tags".into(), outside.to_string())),
    }
}

fn origins(wrong: &mut Wrong, texts: &[String]) -> Vec<Origin> {
    if texts.len() > 20 {
        wrong.push(("allowed_origins".into(), "name at most 20 origins".into()));
    }
    let mut origins: Vec<Origin> = Vec::new();
    for (at, text) in texts.iter().take(20).enumerate() {
        match text.parse::<Origin>() {
            Ok(origin) => origins.push(origin),
            Err(error) => wrong.push((format!("allowed_origins.{at}"), error.to_string())),
        }
    }
    origins
}

/// The return URL as given, if browsers may be sent there.
fn return_url(wrong: &mut Wrong, allowed: &[Origin], text: Option<&str>) -> Option<Url> {
    let text = text?;
    let mut refuse = |why: String| {
        wrong.push(("return_url".into(), why));
        None
    };
    let Some(url) = Url::parse(text).ok().filter(|url| text.len() <= 2048 && url.fragment().is_none()) else {
        return refuse("write an absolute URL of at most 2048 characters without a fragment".into());
    };
    match Origin::of(&url) {
        Err(error) => refuse(error.to_string()),
        Ok(origin) if !allowed.contains(&origin) => refuse(format!("add its origin, {origin}, to allowed_origins")),
        Ok(_) if url.query_pairs().any(|(name, _)| RESULT_NAMES.contains(&name.as_ref())) => {
            refuse(format!("leave out {}: the result is told in these", RESULT_NAMES.join(", ")))
        }
        Ok(_) => Some(url),
    }
}

/// The parameters in which a result is told.
pub(super) const RESULT_NAMES: [&str; 5] = ["patchbay_session", "status", "connection_id", "code", "signature"];

async fn choices(
    tx: &mut Tx<Scope>,
    wrong: &mut Wrong,
    names: Option<&[String]>,
) -> Result<Option<Vec<IntegrationId>>, StoreError> {
    let Some(names) = names else {
        if tx.integrations().list(None, 1).await?.is_empty() {
            let why = "this environment has no integration yet; make one with POST /v1/integrations";
            wrong.push(("integrations".into(), why.into()));
        }
        return Ok(None);
    };
    if names.is_empty() || names.len() > 100 {
        wrong.push(("integrations".into(), "name 1 to 100 integrations, or leave it out for all".into()));
        return Ok(None);
    }
    let mut ids = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match find(tx, name).await {
            Ok(row) => ids.push(row.id),
            Err(StoreError::NotFound) => {
                wrong.push((format!("integrations.{at}"), "there is no such integration in this environment".into()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(ids))
}

/// The integration of the connection to repair.
async fn reconnect(
    tx: &mut Tx<Scope>,
    wrong: &mut Wrong,
    id: ConnectionId,
    new: &NewSession,
) -> Result<Option<IntegrationId>, StoreError> {
    let mut refuse = |why: &str| {
        wrong.push(("connection_id".into(), why.into()));
        Ok(None)
    };
    let found = match tx.connections().context(id).await {
        Ok(found) => found,
        Err(StoreError::NotFound) => return refuse("there is no such connection in this environment"),
        Err(error) => return Err(error),
    };
    if found.connection.end_user.id != new.end_user.id {
        return refuse("it belongs to another end user: end_user.id must be the connection's");
    }
    if let Err(error) = found.connection.health.connected() {
        return refuse(&error.to_string());
    }
    let integration = found.integration;
    let named = |name: &String| *name == integration.slug || *name == integration.id.to_string();
    if new.integrations.as_ref().is_some_and(|names| !names.iter().any(named)) {
        return refuse("its integration is not among `integrations`; leave that field out");
    }
    Ok(Some(integration.id))
}

const NOT_WAITING: &str =
    "there is no such install waiting in this environment; one may be claimed once, within an hour of its arrival";

/// The integration of the install to go on with.
async fn installed(
    tx: &mut Tx<Scope>,
    wrong: &mut Wrong,
    id: InstallId,
    new: &NewSession,
    now: DateTime<Utc>,
) -> Result<Option<IntegrationId>, StoreError> {
    if new.connection.is_some() {
        let why = "leave it out: an install makes its own connection, or repairs the one that its account has";
        wrong.push(("connection_id".into(), why.into()));
    }
    let install = match tx.installs().waiting(id, now).await {
        Ok(install) => install,
        Err(StoreError::NotFound) => {
            wrong.push(("install".into(), NOT_WAITING.into()));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let integration = tx.integrations().find(install.integration).await?;
    let named = |name: &String| *name == integration.slug || *name == integration.id.to_string();
    if new.integrations.as_ref().is_some_and(|names| !names.iter().any(named)) {
        wrong.push(("install".into(), "its integration is not among `integrations`; leave that field out".into()));
    }
    Ok(Some(integration.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returned(text: &str) -> Result<String, String> {
        let mut wrong = Wrong::new();
        let allowed = ["https://app.example.com".parse().unwrap()];
        let url = return_url(&mut wrong, &allowed, Some(text));
        url.map(Into::into).ok_or_else(|| wrong.pop().unwrap().1)
    }

    #[test]
    fn oa_4_return_urls_lie_on_an_allowed_origin() {
        assert!(returned("https://app.example.com/done?shop=1").is_ok());
        for text in [
            "https://app.example.com.evil.example/",
            "https://evil.example/",
            "http://app.example.com/",
            "https://app.example.com:444/",
            "https://app.example.com@evil.example/",
            "https://user@app.example.com/",
            "https://app.example.com/#x",
            "https://app.example.com/?signature=forged",
            "javascript:alert(1)",
            "/done",
        ] {
            assert!(returned(text).is_err(), "{text}");
        }
    }
}

//! A connection that the tenant brings along: any mode, without a browser. What is brought is tried like what an end user
//! gives.

use std::{collections::BTreeMap, sync::Arc};

use auth::{Account, Material, Secrets, TokenSet};
use chrono::{DateTime, Utc};
use domain::{
    Scope,
    connect::{EndUser, Failure},
    manifest::{Manifest, VariableLevel, Variables},
    reach::{Outside, check_tags},
    secret::Secret,
};
use ids::ConnectionId;
use serde_json::{Map, Value};
use store::{IntegrationRow, RowKey, StoreError, Tx};

use crate::{
    Ctx, Provider,
    connect::{Establish, Established, Grant, OnPresent, entered, establish, is_direct, split, tried},
    credentials::{AccountError, SealError, account, outside},
    integration::find,
};

/// A connection to bring along.
#[derive(Debug, Clone)]
pub struct Import {
    /// Slug or id of the integration.
    pub integration: String,
    /// Whose account it is.
    pub end_user: EndUser,
    /// The connection whose credential is replaced, if it is for that.
    pub connection: Option<ConnectionId>,
    /// What the connect form would ask for, secrets among it, and values that the provider would answer.
    pub fields: BTreeMap<String, Secret>,
    /// Tokens, for the modes in which the provider gives some.
    pub tokens: Option<ImportedTokens>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
    /// The tenant's own notes, for a new connection.
    pub metadata: Option<Value>,
}

/// Tokens to bring along.
#[derive(Debug, Clone, Default)]
pub struct ImportedTokens {
    /// The access token; may be left out where a refresh token brings the next.
    pub access_token: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The token secret (OAuth 1).
    pub token_secret: Option<Secret>,
    /// `Bearer` if absent.
    pub token_type: Option<String>,
    /// When the access token ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What was granted.
    pub scopes: Option<Vec<String>>,
    /// What else the provider gave with them, and what belongs to them: keys, clients, the installation.
    pub extra: Map<String, Value>,
}

/// How rows of a file are brought along; a single connection is tried, renewed and repaired.
#[derive(Debug, Clone)]
pub(super) struct How {
    /// By what the row is known again.
    pub key: Option<RowKey>,
    /// Whether the credential of a connection that is there already is replaced.
    pub replace: bool,
    /// Whether tokens that have ended may be renewed now, which spends them.
    pub renew: bool,
}

/// What is ready to be stored, or is there already.
pub(super) enum Prepared {
    Ready(Box<Establish<'static>>),
    Present(ConnectionId),
}

/// Why a connection was not brought along.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Fields that are not what they must be, each with what it must be.
    #[error("some fields are not what they must be")]
    Fields(Vec<(String, String)>),
    /// The provider refuses it, or does not answer.
    #[error("{}", .0.detail)]
    Refused(Failure),
    /// The integration has to be repaired first.
    #[error("{0}")]
    Misconfigured(String),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of ours ended it.
    #[error("the import broke off: {0}")]
    BrokeOff(String),
}

impl From<AccountError> for ImportError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Misconfigured(detail) => Self::Misconfigured(detail),
            AccountError::Seal(error) => Self::Seal(error),
        }
    }
}

impl From<Failure> for ImportError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// Brings a connection along. Gives its id; nothing is stored of one that is refused. Once begun it is carried through even
/// if the caller goes away: tokens that have ended are renewed on the way, and an answer that nobody waits for may hold
/// the only valid refresh token.
///
/// # Errors
/// [`ImportError`].
pub async fn import(ctx: Ctx<'_>, import: Import) -> Result<ConnectionId, ImportError> {
    let how = How { key: None, replace: true, renew: true };
    match carried_through(ctx, import, how).await? {
        Brought::Made(id) | Brought::Present(id) => Ok(id),
    }
}

/// What came of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// It was made or repaired.
    Made(ConnectionId),
    /// It was there already, and nothing was changed.
    Present(ConnectionId),
}

pub(super) async fn carried_through(ctx: Ctx<'_>, import: Import, how: How) -> Result<Brought, ImportError> {
    let (services, scope, actor) = (ctx.services.clone(), ctx.scope, ctx.actor);
    let work = tokio::spawn(async move {
        let ctx = services.ctx(scope, actor);
        let wanted = match prepare(ctx, import, how).await? {
            Prepared::Ready(wanted) => wanted,
            Prepared::Present(id) => return Ok(Brought::Present(id)),
        };
        let keeps = wanted.on_present == OnPresent::Keep;
        match establish(ctx, *wanted).await? {
            Established::Connected { connection, is_new, .. } if is_new || !keeps => Ok(Brought::Made(connection)),
            Established::Connected { connection, .. } => Ok(Brought::Present(connection)),
            Established::Failed(failure) => Err(ImportError::Refused(failure)),
            Established::SessionOver => Err(StoreError::Superseded("the connection").into()),
        }
    });
    work.await.unwrap_or_else(|error| Err(ImportError::BrokeOff(error.to_string())))
}

fn wrong(field: &str, what: &str) -> ImportError {
    ImportError::Fields(vec![(field.to_owned(), what.to_owned())])
}

/// Tries what is brought along at the provider. Nothing is stored yet.
pub(super) async fn prepare(ctx: Ctx<'_>, mut import: Import, how: How) -> Result<Prepared, ImportError> {
    let services = ctx.services;
    check(ctx, &import)?;
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = match find(&mut tx, &import.integration).await {
        Err(StoreError::NotFound) => {
            return Err(wrong("integration", "there is no such integration in this environment"));
        }
        found => found?,
    };
    if let Some(key) = &how.key
        && let Some(known) = tx.imports().known(integration.id, &key.key).await?
    {
        if let Some((import, row)) = known.row
            && import == key.import
            && row != key.row_number
        {
            let words =
                format!("row {} of this import is known by the same: give each an external_id of its own", row + 1);
            return Err(wrong("external_id", &words));
        }
        if !how.replace {
            return Ok(Prepared::Present(known.connection));
        }
        import.connection = Some(known.connection);
    }
    let known = known_values(&mut tx, &import, &integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    let provider = provider.ok_or_else(|| {
        ImportError::Misconfigured(format!("the provider `{}` is not installed", integration.provider))
    })?;
    let manifest = &provider.manifest;
    let (given, answers) = answers(manifest, import.fields).map_err(ImportError::Fields)?;
    let (mut variables, secrets) = split(manifest, known, given).map_err(ImportError::Fields)?;
    variables.extend(answers);
    let mut account = account(ctx, manifest, &integration, &variables, &secrets).await?;
    let id = import.connection.unwrap_or_else(|| services.mint.id(ConnectionId::new));
    let grant = match (is_direct(&manifest.auth), import.tokens) {
        (true, None) => entered(ctx, &provider, &integration, id, &mut account).await?,
        (true, Some(_)) => return Err(wrong("tokens", "leave it out: this provider is connected by its fields")),
        (false, None) => return Err(wrong("tokens", "is required: the tokens that the provider gave")),
        (false, Some(tokens)) => {
            let material = (secrets, tokens, how.renew);
            with_tokens(ctx, &provider, &integration, id, &mut account, material).await?
        }
    };
    Ok(Prepared::Ready(Box::new(Establish {
        session: None,
        reconnect: import.connection,
        end_user: import.end_user,
        tags: import.tags,
        metadata: import.metadata,
        key: how.key,
        on_present: if how.replace { OnPresent::Repair } else { OnPresent::Keep },
        integration,
        grant,
        attempt: None,
    })))
}

/// What can be said without looking anything up.
fn check(ctx: Ctx<'_>, import: &Import) -> Result<(), ImportError> {
    check_tags(&import.tags).map_err(|rule| wrong("tags", rule))?;
    if import.metadata.as_ref().is_some_and(|notes| !notes.is_object()) {
        return Err(wrong("metadata", "must be an object"));
    }
    if let Some(reach) = ctx.services.store.reach() {
        let within = match import.connection {
            None => reach.check_new(&import.tags),
            Some(_) => reach.check_more_tags(&import.tags),
        };
        within.map_err(|outside| match outside {
            Outside::NewConnection => wrong("connection_id", &outside.to_string()),
            Outside::Tags(_) => wrong("tags", &outside.to_string()),
        })?;
    }
    Ok(())
}

/// The values of the connection that is to be repaired.
async fn known_values(
    tx: &mut Tx<Scope>,
    import: &Import,
    integration: &IntegrationRow,
) -> Result<Variables, ImportError> {
    let Some(id) = import.connection else { return Ok(Variables::new()) };
    match tx.connections().context(id).await {
        Err(StoreError::NotFound) => Err(wrong("connection_id", "there is no such connection in this environment")),
        Err(error) => Err(error.into()),
        Ok(found) if found.integration.id != integration.id => {
            Err(wrong("connection_id", "it was made through another integration"))
        }
        Ok(found) if found.connection.end_user.id != import.end_user.id => {
            Err(wrong("connection_id", "it belongs to another end user: end_user.id must be the connection's"))
        }
        Ok(found) => Ok(found.connection.variables),
    }
}

/// Tokens are tried as they are; those that have ended are renewed first.
async fn with_tokens(
    ctx: Ctx<'_>,
    provider: &Arc<Provider>,
    integration: &IntegrationRow,
    id: ConnectionId,
    account: &mut Account<'_>,
    (fields, given, may_renew): (Secrets, ImportedTokens, bool),
) -> Result<Grant, ImportError> {
    let now = ctx.services.now();
    let has_ended = given.access_token.is_none() || given.expires_at.is_some_and(|end| end <= now);
    if given.access_token.is_none() && given.refresh_token.is_none() {
        return Err(wrong("tokens.access_token", "is required, unless there is a refresh token"));
    }
    let mut tokens = TokenSet::bare(given.access_token.unwrap_or_else(|| Secret::new("")));
    tokens.refresh_token = given.refresh_token;
    tokens.expires_at = given.expires_at;
    tokens.refresh_expires_at = given.refresh_expires_at;
    tokens.scopes_granted = given.scopes;
    tokens.extra = given.extra;
    if let Some(kind) = given.token_type {
        tokens.token_type = kind;
    }
    if let Some(secret) = given.token_secret {
        tokens = tokens.with_token_secret(&secret);
    }
    let mut material = Material { fields, tokens: Some(tokens) };
    if has_ended && !may_renew {
        let words = "has ended, and renewing it would spend the refresh token before it is known whether all rows are \
            right: bring an access token that still holds, or import row by row";
        return Err(wrong("tokens.access_token", words));
    }
    if has_ended {
        let renewed = account.renew(outside(ctx.services, None), &material).await;
        material = renewed.map_err(|failure| crate::connect::worded("the tokens were not renewed", &failure))?;
    }
    Ok(tried(ctx, provider, integration, id, account, material).await?)
}

/// What a form asks for, secrets among it.
type Fields = BTreeMap<String, Secret>;

/// The values that the provider would answer, apart from those that a form asks for.
fn answers(manifest: &Manifest, given: BTreeMap<String, Secret>) -> Result<(Fields, Variables), Vec<(String, String)>> {
    let mut answers = Variables::new();
    let (mut rest, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, value) in given {
        match manifest.variables.get(&name).filter(|spec| spec.at == VariableLevel::Answer) {
            None => {
                rest.insert(name, value);
            }
            Some(spec) => match spec.accept(&name, value.expose()) {
                Ok(_) => {
                    answers.insert(name, value.expose().to_owned());
                }
                Err(error) => wrong.push((format!("fields.{name}"), error.to_string())),
            },
        }
    }
    if wrong.is_empty() { Ok((rest, answers)) } else { Err(wrong) }
}

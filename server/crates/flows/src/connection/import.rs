//! A connection that the tenant brings along: any mode, without a browser. What is brought is tried like what an end user
//! gives.

use std::{collections::BTreeMap, sync::Arc};

use auth::{Account, Material, Secrets, TokenSet};
use chrono::{DateTime, Utc};
use domain::{
    connect::{EndUser, Failure},
    manifest::{Manifest, VariableLevel, Variables},
    secret::Secret,
};
use ids::ConnectionId;
use store::{IntegrationRow, StoreError};

use crate::{
    Ctx, Provider,
    connect::{Establish, Established, Grant, entered, establish, is_direct, split, tried},
    credentials::{AccountError, SealError, account, outside},
    integration::find,
};

/// A connection to bring along.
#[derive(Debug)]
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
}

/// Tokens to bring along.
#[derive(Debug)]
pub struct ImportedTokens {
    /// The access token; may be left out where a refresh token brings the next.
    pub access_token: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The token secret (OAuth 1).
    pub token_secret: Option<Secret>,
    /// When the access token ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted.
    pub scopes: Option<Vec<String>>,
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

/// Brings a connection along. Gives its id; nothing is stored of one that is refused.
///
/// # Errors
/// [`ImportError`].
pub async fn import(ctx: Ctx<'_>, import: Import) -> Result<ConnectionId, ImportError> {
    let services = ctx.services;
    let wrong = |field: &str, what: &str| ImportError::Fields(vec![(field.to_owned(), what.to_owned())]);
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = match find(&mut tx, &import.integration).await {
        Err(StoreError::NotFound) => {
            return Err(wrong("integration", "there is no such integration in this environment"));
        }
        found => found?,
    };
    let known = match import.connection {
        None => Variables::new(),
        Some(id) => match tx.connections().context(id).await {
            Err(StoreError::NotFound) => {
                return Err(wrong("connection_id", "there is no such connection in this environment"));
            }
            Err(error) => return Err(error.into()),
            Ok(found) if found.integration.id != integration.id => {
                return Err(wrong("connection_id", "it was made through another integration"));
            }
            Ok(found) if found.connection.end_user.id != import.end_user.id => {
                return Err(wrong(
                    "connection_id",
                    "it belongs to another end user: end_user.id must be the connection's",
                ));
            }
            Ok(found) => found.connection.variables,
        },
    };
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
        (false, Some(tokens)) => with_tokens(ctx, &provider, &integration, id, &mut account, (secrets, tokens)).await?,
    };
    let wanted = Establish {
        session: None,
        reconnect: import.connection,
        end_user: import.end_user,
        tags: import.tags,
        integration,
        grant,
        attempt: None,
    };
    match establish(ctx, wanted).await? {
        Established::Connected { connection, .. } => Ok(connection),
        Established::Failed(failure) => Err(ImportError::Refused(failure)),
        Established::SessionOver => Err(StoreError::Superseded("the connection").into()),
    }
}

/// Tokens are tried as they are; those that have ended are renewed first.
async fn with_tokens(
    ctx: Ctx<'_>,
    provider: &Arc<Provider>,
    integration: &IntegrationRow,
    id: ConnectionId,
    account: &mut Account<'_>,
    (fields, given): (Secrets, ImportedTokens),
) -> Result<Grant, ImportError> {
    let wrong = |field: &str, what: &str| ImportError::Fields(vec![(field.to_owned(), what.to_owned())]);
    let now = ctx.services.now();
    let has_ended = given.access_token.is_none() || given.expires_at.is_some_and(|end| end <= now);
    if given.access_token.is_none() && given.refresh_token.is_none() {
        return Err(wrong("tokens.access_token", "is required, unless there is a refresh token"));
    }
    let mut tokens = TokenSet::bare(given.access_token.unwrap_or_else(|| Secret::new("")));
    tokens.refresh_token = given.refresh_token;
    tokens.expires_at = given.expires_at;
    tokens.scopes_granted = given.scopes;
    if let Some(secret) = given.token_secret {
        tokens = tokens.with_token_secret(&secret);
    }
    let mut material = Material { fields, tokens: Some(tokens) };
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

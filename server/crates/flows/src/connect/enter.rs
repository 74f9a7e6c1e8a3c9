//! Row 3 without a provider's page: what the end user typed in is tried at once, and the connection made.

use auth::Secrets;
use domain::{
    connect::{Failure, SessionState},
    manifest::{AuthSpec, Manifest, VariableLevel, VariableType, Variables},
    secret::Secret,
};
use ids::{ConnectionId, IntegrationId};
use std::{collections::BTreeMap, sync::Arc};
use store::{ConnectSessionRow, InstallRow, IntegrationRow, StoreError};

use super::{
    establish::{Establish, Established, establish},
    grant::entered,
    launch::LaunchError,
    session::{SessionError, by_token, ctx_of, scopes_of},
};
use crate::{Ctx, Provider, Services, credentials::account, integration::check_variables};

/// What was picked and filled in, checked against the manifest.
pub(super) struct Filled {
    pub session: ConnectSessionRow,
    pub integration: IntegrationRow,
    pub provider: Arc<Provider>,
    pub variables: Variables,
    pub fields: Secrets,
    /// The install at the vendor's marketplace that the session has claimed.
    pub install: Option<InstallRow>,
}

/// What became of what was typed in.
#[derive(Debug)]
pub struct Entered {
    /// The connection.
    pub connection: ConnectionId,
    /// What people call the account.
    pub account_name: Option<String>,
}

/// Tries what was typed in, and makes the connection.
///
/// # Errors
/// [`LaunchError`]; [`LaunchError::Refused`] holds the provider's own words where it gave some.
pub async fn enter(
    services: &Services,
    token: &Secret,
    integration: IntegrationId,
    fields: BTreeMap<String, Secret>,
) -> Result<Entered, LaunchError> {
    let (ctx, filled) = filled(services, token, integration, fields).await?;
    match enter_filled(ctx, &filled).await? {
        Established::Connected { connection, account_name, .. } => Ok(Entered { connection, account_name }),
        Established::Failed(failure) => Err(LaunchError::Refused(failure)),
        Established::SessionOver => Err(LaunchError::Done),
    }
}

pub(super) async fn enter_filled(ctx: Ctx<'_>, filled: &Filled) -> Result<Established, LaunchError> {
    let Filled { session, integration, provider, variables, fields, .. } = filled;
    let mut account = account(ctx, &provider.manifest, integration, variables, fields).await?;
    account.scopes = scopes_of(session, integration);
    let id = session.reconnect.unwrap_or_else(|| ctx.services.mint.id(ConnectionId::new));
    let grant = match entered(ctx, provider, integration, id, &mut account).await {
        Ok(grant) => grant,
        Err(failure) => return Ok(Established::Failed(failure)),
    };
    let wanted = Establish::of_session(session, integration.clone(), grant, None);
    Ok(establish(ctx, wanted).await?)
}

/// Finds what a token lets pick, and checks what was filled in.
pub(super) async fn filled<'a>(
    services: &'a Services,
    token: &Secret,
    integration: IntegrationId,
    mut given: BTreeMap<String, Secret>,
) -> Result<(Ctx<'a>, Filled), LaunchError> {
    let (scope, session) = by_token(services, token).await?;
    if session.state != SessionState::Open {
        return Err(LaunchError::Done);
    }
    if services.now() >= session.expires_at {
        return Err(LaunchError::Session(SessionError::Expired));
    }
    let ctx = ctx_of(services, scope, &session);
    if session.integrations.as_ref().is_some_and(|offered| !offered.contains(&integration)) {
        return Err(LaunchError::NotOffered);
    }
    let mut tx = services.store.begin(scope).await?;
    let integration = tx.integrations().find(integration).await.map_err(|error| match error {
        StoreError::NotFound => LaunchError::NotOffered,
        other => other.into(),
    })?;
    let mut known = match session.reconnect {
        Some(id) => tx.connections().context(id).await?.connection.variables,
        None => Variables::new(),
    };
    let install = tx.installs().of_session(session.id).await?;
    if let Some(install) = &install {
        // What the vendor told is not the end user's to change.
        given.retain(|name, _| !install.variables.contains_key(name));
        known.extend(install.variables.clone());
    }
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    let provider = provider.ok_or_else(|| {
        LaunchError::Misconfigured(format!("the provider `{}` is not installed", integration.provider))
    })?;
    let (variables, fields) = split(&provider.manifest, known, given).map_err(LaunchError::Fields)?;
    Ok((ctx, Filled { session, integration, provider, variables, fields, install }))
}

/// The connection's values and its secrets, checked. `known` are values that it has already.
///
/// # Errors
/// The fields that are not what they must be, each with what it must be.
pub(crate) fn split(
    manifest: &Manifest,
    known: Variables,
    given: BTreeMap<String, Secret>,
) -> Result<(Variables, Secrets), Vec<(String, String)>> {
    let mut wrong = Vec::new();
    let (mut variables, mut secrets) = (known, Secrets::new());
    variables.retain(|name, _| manifest.variables.get(name).is_some_and(|spec| spec.at == VariableLevel::Connection));
    let brings_client = auth::brings_client(manifest);
    // Forms send empty fields too; an empty one is one that was not filled in.
    for (name, value) in given.into_iter().filter(|(_, value)| !value.expose().trim().is_empty()) {
        let declared = manifest.variables.get(&name);
        let is_secret = declared.is_some_and(|spec| spec.kind == VariableType::Secret);
        if is_secret || (brings_client && matches!(name.as_str(), "client_id" | "client_secret")) {
            secrets.insert(name, Secret::new(value.expose().trim()));
        } else {
            let typed = value.expose().trim();
            let value = declared.map_or_else(|| typed.to_owned(), |spec| spec.complete(typed));
            variables.insert(name, value);
        }
    }
    if brings_client {
        for (name, label) in [("client_id", "the client id"), ("client_secret", "the client secret")] {
            if !secrets.contains_key(name) {
                wrong.push((format!("fields.{name}"), format!("is required: {label} that {} gave you", manifest.name)));
            }
        }
    }
    for (name, spec) in &manifest.variables {
        if spec.kind != VariableType::Secret || spec.at != VariableLevel::Connection {
            continue;
        }
        match secrets.get(name) {
            None if spec.optional => {}
            None => wrong.push((format!("fields.{name}"), format!("is required: {}", spec.label))),
            Some(secret) => match spec.accept(name, secret.expose()) {
                Ok(accepted) => {
                    secrets.insert(name.clone(), Secret::new(accepted));
                }
                // The message names the rule, never the value.
                Err(error) => wrong.push((format!("fields.{name}"), error.to_string())),
            },
        }
    }
    check_variables(&mut wrong, manifest, VariableLevel::Connection, &variables, "fields");
    if wrong.is_empty() { Ok((variables, secrets)) } else { Err(wrong) }
}

/// Whether connecting goes by what is typed in alone.
#[must_use]
pub const fn is_direct(auth: &AuthSpec) -> bool {
    matches!(
        auth,
        AuthSpec::OAuth2ClientCredentials(_) | AuthSpec::Key | AuthSpec::Session(_) | AuthSpec::Jwt(_) | AuthSpec::None
    )
}

impl From<Failure> for LaunchError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

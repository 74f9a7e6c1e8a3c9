//! Row 4b: what the provider gave is tried, and the account identified. No database connection is held while the provider
//! answers.

use std::{sync::Arc, time::Duration};

use auth::{Account, Failure as AuthFailure, Material};
use domain::{
    connect::{Failure, FailureCode},
    manifest::{VariableLevel, Variables},
};
use ids::ConnectionId;
use plugin_host::{Blame, PluginError};
use serde_json::json;
use store::IntegrationRow;

use crate::{
    Ctx, Provider,
    credentials::{Fresh, Parts, access_for, budget_for, outside},
    sync::{plugin_identity, plugin_verification},
};

/// Longest wait for a provider while an end user waits, all steps together.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the provider gave.
pub(crate) struct Grant {
    /// To be sealed; `None` where the provider needs no credential.
    pub material: Option<Material>,
    /// Whether there is a way to a next token.
    pub is_renewable: bool,
    /// The connection's values: what was filled in and what the provider answered.
    pub variables: Variables,
    /// The scopes that were asked for, where scopes are.
    pub scopes_asked: Option<Vec<String>>,
    /// The provider's stable id of the account, if there is a way to learn it.
    pub account: Option<String>,
    /// What people call it.
    pub account_name: Option<String>,
}

/// Makes a credential of what was typed in, and tries it.
pub(crate) async fn entered(
    ctx: Ctx<'_>,
    provider: &Arc<Provider>,
    integration: &IntegrationRow,
    id: ConnectionId,
    account: &mut Account<'_>,
) -> Result<Grant, Failure> {
    let entered = tokio::time::timeout(DEADLINE, account.enter(outside(ctx.services, None))).await;
    let material = in_time(entered)?.map_err(|failure| {
        let refused = worded("what was entered does not let us in", &failure);
        // A client that the end user brings along is a part of what was entered: there is nothing to repair here.
        match refused.code {
            FailureCode::Misconfigured if auth::brings_client(account.manifest) => {
                Failure { code: FailureCode::ProviderError, ..refused }
            }
            _ => refused,
        }
    })?;
    tried(ctx, provider, integration, id, account, material).await
}

/// Tries a credential: verification, and whose account it is.
pub(crate) async fn tried(
    ctx: Ctx<'_>,
    provider: &Arc<Provider>,
    integration: &IntegrationRow,
    id: ConnectionId,
    account: &mut Account<'_>,
    mut material: Material,
) -> Result<Grant, Failure> {
    let misconfigured = |detail: String| Failure::new(FailureCode::Misconfigured, detail);
    // An identity token says who signed in; it is of no use later and is not kept.
    if let Some(tokens) = &mut material.tokens {
        tokens.extra.remove("id_token");
    }
    // The connection is perhaps not stored yet: its id stands for nothing but a rate budget of its own.
    let budget = budget_for(account.manifest, integration.id, id);
    let out = outside(ctx.services, Some(&budget));
    let identified = in_time(tokio::time::timeout(DEADLINE, account.identify(out, &material)).await)?;
    let identity = identified.map_err(|failure| worded("the account was not identified", &failure))?;
    // Only now: where the API is may be among what the identity call gave.
    let parts = Parts {
        scope: ctx.scope,
        provider: Arc::clone(provider),
        integration,
        connection: id,
        variables: &account.variables,
        account: None,
        config: json!({}),
        public_url: &ctx.services.settings.public_url,
    };
    let access = Arc::new(access_for(parts).map_err(misconfigured)?);
    let is_empty = material.tokens.is_none() && material.fields.is_empty();
    let manifest = account.manifest;
    let is_asked = manifest.identity.as_ref().is_some_and(|spec| spec.url.is_some());
    let is_tried = is_empty || is_asked || manifest.verification.is_some();
    let (account_id, account_name) = match identity {
        Some(identity) if is_tried => (Some(identity.account), identity.name),
        identity => {
            let fresh = Fresh {
                access,
                generation: 0,
                material: material.clone(),
                expires_at: None,
                scopes: None,
                secrets: account.secrets.clone(),
            };
            by_plugin(ctx, &fresh, identity, is_tried).await?
        }
    };
    let of_connection = |name: &String| {
        let spec = account.manifest.variables.get(name);
        spec.is_some_and(|spec| matches!(spec.at, VariableLevel::Connection | VariableLevel::Answer))
    };
    let kept = account.variables.iter().filter(|(name, _)| of_connection(name));
    Ok(Grant {
        is_renewable: account.is_renewable(&material),
        scopes_asked: account.asked_scopes().map(<[String]>::to_vec),
        variables: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
        material: (!is_empty).then_some(material),
        account: account_id,
        account_name,
    })
}

/// What the plugin has to say: whose account it is, if that is not known, and whether the credential works, if nobody has
/// tried it.
async fn by_plugin(
    ctx: Ctx<'_>,
    fresh: &Fresh,
    known: Option<auth::Identity>,
    is_tried: bool,
) -> Result<(Option<String>, Option<String>), Failure> {
    if let Some(known) = known {
        plugin_verification(ctx.services, fresh).await.map_err(|error| unusable(&error))?;
        return Ok((Some(known.account), known.name));
    }
    match plugin_identity(ctx.services, fresh, is_tried).await {
        Ok(Some(identity)) => Ok((Some(identity.account), Some(identity.name).filter(|name| !name.is_empty()))),
        Ok(None) => Ok((None, None)),
        Err(error) => Err(unusable(&error)),
    }
}

fn unusable(error: &PluginError) -> Failure {
    let code = match error.blame() {
        Blame::Tenant => FailureCode::Misconfigured,
        Blame::Us => FailureCode::ProviderUnreachable,
        Blame::EndUser | Blame::Provider | Blame::Plugin | Blame::CursorExpired => FailureCode::ProviderError,
    };
    Failure::new(code, format!("the plugin did not get in or did not identify the account: {error}"))
}

fn in_time<T>(done: Result<T, tokio::time::error::Elapsed>) -> Result<T, Failure> {
    done.map_err(|_| Failure::new(FailureCode::ProviderUnreachable, "the provider did not answer in time".into()))
}

/// What a failure at the provider means to the end user, and in words to the tenant's developers.
pub(crate) fn worded(what: &str, failure: &AuthFailure) -> Failure {
    let code = match failure {
        AuthFailure::ClientMisconfigured(_) => FailureCode::Misconfigured,
        AuthFailure::ProviderDown { .. } | AuthFailure::Throttled { .. } => FailureCode::ProviderUnreachable,
        AuthFailure::Revoked { .. }
        | AuthFailure::Expired
        | AuthFailure::RotationLost
        | AuthFailure::IssuerMismatch
        | AuthFailure::Refused { .. }
        | AuthFailure::BadAnswer(_) => FailureCode::ProviderError,
    };
    match failure {
        AuthFailure::Refused { code: theirs, description: Some(said) } => Failure {
            said: Some(said.clone()),
            ..Failure::new(code, format!("{what}: the provider refuses ({theirs}): {said}"))
        },
        other => Failure::new(code, format!("{what}: {other}")),
    }
}

//! Row 4b: the code is exchanged and the account identified. No database connection is held while the provider answers.

use std::{sync::Arc, time::Duration};

use auth::{AuthorizationCodeClient, Failure as AuthFailure, TokenSet, identity::IdentityCall};
use domain::{
    connect::{Failure, FailureCode},
    manifest::{AuthSpec, IdentitySpec},
    secret::Secret,
};
use plugin_host::Blame;

use crate::{
    Ctx,
    credentials::{ProviderAccess, Token},
    sync::plugin_identity,
};

/// Longest wait for the call that tells whose account it is.
const IDENTITY_DEADLINE: Duration = Duration::from_secs(20);

/// What the provider gave.
pub(super) struct Grant {
    pub tokens: TokenSet,
    /// The provider's stable id of the account, if there is a way to learn it.
    pub account: Option<String>,
    /// What people call it.
    pub account_name: Option<String>,
}

/// What the callback brought, as far as it is good news.
pub(super) struct Code<'a> {
    pub code: &'a Secret,
    pub verifier: Option<&'a Secret>,
    pub iss: Option<&'a str>,
}

/// Exchanges the code and asks whose account it is.
pub(super) async fn obtain(
    ctx: Ctx<'_>,
    client: &AuthorizationCodeClient,
    access: &Arc<ProviderAccess>,
    code: Code<'_>,
) -> Result<Grant, Failure> {
    let services = ctx.services;
    let exchanged = client.exchange(&services.egress, services.now(), code.code, code.verifier, code.iss).await;
    let mut tokens = exchanged.map_err(|failure| worded("the code was not exchanged", &failure))?;
    // An identity token says who signed in; it is of no use later and is not kept.
    tokens.extra.remove("id_token");
    let (account, account_name) = identify(ctx, access, &tokens).await?;
    Ok(Grant { tokens, account, account_name })
}

async fn identify(
    ctx: Ctx<'_>,
    access: &Arc<ProviderAccess>,
    tokens: &TokenSet,
) -> Result<(Option<String>, Option<String>), Failure> {
    let manifest = &access.provider.manifest;
    if let Some(spec) = &manifest.identity {
        let call = identity_call(access, spec, tokens)?;
        let identity = call.ask(&ctx.services.egress).await;
        let identity = identity.map_err(|failure| worded("the account was not identified", &failure))?;
        return Ok((Some(identity.account), identity.name));
    }
    let token = matches!(manifest.auth, AuthSpec::OAuth2Code(_)).then(|| Token {
        access_token: tokens.access_token.clone(),
        token_type: tokens.token_type.clone(),
        expires_at: tokens.expires_at,
        scopes: tokens.scopes_granted.clone(),
    });
    match plugin_identity(ctx.services, access, token).await {
        Ok(Some(identity)) => Ok((Some(identity.account), Some(identity.name).filter(|name| !name.is_empty()))),
        Ok(None) => Ok((None, None)),
        Err(error) => {
            let code = match error.blame() {
                Blame::Tenant => FailureCode::Misconfigured,
                Blame::Us => FailureCode::ProviderUnreachable,
                Blame::EndUser | Blame::Provider | Blame::Plugin | Blame::CursorExpired => FailureCode::ProviderError,
            };
            Err(Failure { code, detail: format!("the plugin did not identify the account: {error}") })
        }
    }
}

fn identity_call(access: &ProviderAccess, spec: &IdentitySpec, tokens: &TokenSet) -> Result<IdentityCall, Failure> {
    let misconfigured = |detail: String| Failure { code: FailureCode::Misconfigured, detail };
    let manifest = &access.provider.manifest;
    let url = spec.url.url(&manifest.variables, &access.variables).map_err(|error| misconfigured(error.to_string()))?;
    let credential = access.credential(&tokens.access_token).map_err(|error| misconfigured(error.to_string()))?;
    Ok(IdentityCall {
        url,
        headers: access.headers.clone(),
        credential: credential.unwrap_or_default(),
        account: spec.account.clone(),
        name: spec.name.clone(),
        reach: access.reach.clone(),
        deadline: IDENTITY_DEADLINE,
        budget: access.budget.clone(),
    })
}

/// What a failure at the provider means to the end user, and in words to the tenant's developers.
pub(super) fn worded(what: &str, failure: &AuthFailure) -> Failure {
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
    let detail = match failure {
        AuthFailure::Refused { code, description: Some(description) } => {
            format!("{what}: the provider refuses ({code}): {description}")
        }
        other => format!("{what}: {other}"),
    };
    Failure { code, detail }
}

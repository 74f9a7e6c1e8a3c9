//! Giving a grant back at its provider, and what is said of it: one try, for a connection that works no longer.

use std::time::Duration;

use auth::{Failure, Material, Revocation};
use domain::{manifest::AuthSpec, revocation::RevocationState};
use ids::ConnectionId;
use serde_json::{Value, json};
use store::{ConnectionContext, Renewal, StoreError};
use vault::Sealed;

use crate::{
    Ctx,
    credentials::{account, credential_place, open, outside},
};

/// Longest wait for the provider; a job goes on later.
const PATIENCE: Duration = Duration::from_secs(10);

/// While a token is being renewed there is a newer one soon, which is the one to revoke.
const WHILE_RENEWED: Duration = Duration::from_secs(2);

/// What is said where nothing was ever asked of the provider.
pub(super) const NO_CREDENTIAL: &str = "There was no credential to revoke.";

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Released {
    /// Nothing more is to be done. The words are for a person.
    Settled(RevocationState, String),
    /// It may be better later.
    Later {
        /// Not before this much later, if somebody said so.
        retry_after: Option<Duration>,
        /// Why it is not done yet.
        reason: String,
        /// Whether the provider was asked.
        was_asked: bool,
    },
}

/// A revocation as events and audit rows tell it.
pub(super) fn told(state: RevocationState, reason: &str) -> Value {
    json!({ "state": state.as_str(), "reason": reason })
}

/// Asks the provider to let go, the refresh token first. The connection must have been stopped before, so that no new
/// token is fetched meanwhile.
pub(super) async fn release(ctx: Ctx<'_>, id: ConnectionId, context: &ConnectionContext) -> Released {
    let settled = |state, words: &str| Released::Settled(state, words.to_owned());
    let later = |reason: String| Released::Later { retry_after: None, reason, was_asked: false };
    let Some(credential) = &context.credential else { return settled(RevocationState::Nothing, NO_CREDENTIAL) };
    let renewal = match renewal(ctx, id).await {
        Ok(renewal) => renewal,
        Err(error) => return later(error.to_string()),
    };
    if renewal == Renewal::UnderWay {
        let reason = "a token of it is being renewed".to_owned();
        return Released::Later { retry_after: Some(WHILE_RENEWED), reason, was_asked: false };
    }
    let provider = match ctx.services.provider(ctx.scope, &context.integration.provider).await {
        Ok(Some(provider)) => provider,
        Ok(None) => {
            let words = "The provider is not installed any more, so nobody knows how to ask it.";
            return settled(RevocationState::Failed, words);
        }
        Err(error) => return later(error.to_string()),
    };
    if matches!(&provider.manifest.auth, AuthSpec::None) {
        return settled(RevocationState::Nothing, NO_CREDENTIAL);
    }
    let opened = match Sealed::from_bytes(credential.sealed.clone()) {
        Ok(sealed) => open(ctx, credential_place(id), &sealed).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let material = match opened.map(|bytes| Material::from_bytes(&bytes)) {
        Ok(Ok(material)) => material,
        Ok(Err(error)) => return later(error.to_string()),
        Err(reason) => return later(reason),
    };
    let (integration, variables) = (&context.integration, &context.connection.variables);
    let account = match account(ctx, &provider.manifest, integration, variables, &material.fields).await {
        Ok(account) => account,
        Err(error) => return later(error.to_string()),
    };
    let asked = tokio::time::timeout(PATIENCE, account.revoke(outside(ctx.services, None), &material)).await;
    let failed = |retry_after, reason| Released::Later { retry_after, reason, was_asked: true };
    match asked {
        Err(_) => failed(None, "the provider does not answer".to_owned()),
        // Somebody began to renew it once, and nobody knows how that ended: a newer token may be about.
        Ok(Ok(Revocation::Done)) if renewal == Renewal::InDoubt => settled(
            RevocationState::Revoked,
            "The provider has revoked it. A renewal before this broke off, so whether it gave out a newer token is not known.",
        ),
        Ok(Ok(Revocation::Done)) => settled(RevocationState::Revoked, "The provider has revoked it."),
        Ok(Ok(Revocation::Unsupported)) => {
            settled(RevocationState::Unsupported, "The provider has no call to revoke what it gave.")
        }
        Ok(Err(failure @ (Failure::Throttled { .. } | Failure::ProviderDown { .. }))) => {
            failed(failure.retry_after(), failure.to_string())
        }
        // It will say the same next time.
        Ok(Err(failure)) => {
            tracing::warn!(connection.id = %id, code = failure.code(), reason = %failure, "a grant was not revoked");
            Released::Settled(RevocationState::Failed, format!("The provider has not revoked it: {failure}."))
        }
    }
}

async fn renewal(ctx: Ctx<'_>, id: ConnectionId) -> Result<Renewal, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let renewal = tx.revocations().renewal(id).await?;
    tx.commit().await?;
    Ok(renewal)
}

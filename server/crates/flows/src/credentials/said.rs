//! What a provider's answer to a call says about the credential that the call carried.

use auth::signals;
use domain::{
    connection::ReauthCause,
    manifest::{FailureMeaning, FailureOf},
};
use http::StatusCode;
use ids::ConnectionId;

use super::{Fresh, FreshError, fresh_after_rejection};
use crate::{Actor, Ctx, connection::needs_reauth};

/// What an answer says about the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// It is not taken: a newer one may be.
    Refused,
    /// The grant is gone.
    Gone,
}

impl Fresh {
    /// Whether the bodies of answers with this status tell something, so that [`Fresh::said`] has to be handed them.
    #[must_use]
    pub fn is_told_by_body(&self, status: StatusCode) -> bool {
        signals::is_watched(&self.access.provider.manifest.failures, status.as_u16())
    }

    /// What an answer says, by the manifest's rules and by its status (RFC 6750 §3.1).
    #[must_use]
    pub fn said(&self, status: StatusCode, body: &[u8]) -> Said {
        let rules = &self.access.provider.manifest.failures;
        match signals::meaning(rules, FailureOf::Api, status.as_u16(), body) {
            Some(FailureMeaning::Revoked) => Said::Gone,
            Some(FailureMeaning::Expired) if self.has_token() => Said::Refused,
            None if status == StatusCode::UNAUTHORIZED && self.has_token() => Said::Refused,
            _ => Said::Nothing,
        }
    }
}

/// Acts on what was said about the credential of a generation: gives the next credential, if there is one to try with.
///
/// # Errors
/// [`FreshError`]; [`FreshError::NeedsReauth`] if the connection is at its end.
pub async fn after(ctx: Ctx<'_>, id: ConnectionId, generation: i64, said: Said) -> Result<Option<Fresh>, FreshError> {
    match said {
        Said::Nothing => Ok(None),
        Said::Refused => {
            let fresh = fresh_after_rejection(ctx, id, generation).await?;
            Ok((fresh.generation != generation).then_some(fresh))
        }
        Said::Gone => {
            let cause = ReauthCause::Revoked;
            let services = ctx.services;
            let mut tx = services.store.begin(ctx.scope).await?;
            let context = tx.connections().context(id).await?;
            let is_current = context.credential.is_none_or(|row| row.generation == generation);
            // What was said of an older credential says nothing of this one.
            if is_current {
                needs_reauth(&mut tx, services, id, cause, Actor::System).await?;
                tx.commit().await?;
                services.connections.forget(id);
                return Err(FreshError::NeedsReauth { cause, reason: cause.reason() });
            }
            drop(tx);
            super::fresh(ctx, id).await.map(Some)
        }
    }
}

//! Signing in to the portal and out of it. Wrong passwords delay the next try and never lock anybody out.

use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use chrono::TimeDelta;
use domain::secret::Secret;
use ids::{AuditId, MemberId, PortalSessionId, TenantId};
use store::{EnvironmentRow, MemberRow, NewAudit, PortalSessionRow, StoreError, TenantRow};

use crate::{Actor, Services};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Address and password do not go together. Which of the two is wrong is not said.
    #[error("address and password do not match")]
    Wrong,
    /// Wrong passwords of late, or another try at this moment.
    #[error("too many tries; try again in {0} s")]
    Wait(i64),
    /// Anything of ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A browser just signed in.
pub struct SignedIn {
    /// For the cookie.
    pub token: Secret,
    /// Who.
    pub member: MemberRow,
}

/// Sessions end after this long whatever happens.
pub const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// A hash of no password, so that an unknown address costs as much time as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cGF0Y2hiYXktbm9ib2R5$Sj4sV4qkW0Hn0jBqKXeYVQAcXq3p7b3qT2sC6dNQh9M";

/// Signs a member in with a new session.
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in(services: &Services, email: &str, password: Secret) -> Result<SignedIn, SignInError> {
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let member = tx.member_by_email(&email.trim().to_lowercase()).await?;
    if let Some(member) = &member {
        if let Some(until) = member.not_before
            && until > now
        {
            return Err(SignInError::Wait((until - now).num_seconds().max(1)));
        }
        // 1, 2, 4 … seconds, 5 minutes at most.
        let doubled = 1_i64.checked_shl(u32::try_from(member.failed_sign_ins).unwrap_or(0).min(9)).unwrap_or(300);
        let until = now + TimeDelta::seconds(doubled.min(300));
        if !tx.take_sign_in_try(member.member_id, member.failed_sign_ins, until).await? {
            return Err(SignInError::Wait(1));
        }
    }
    tx.commit().await?;
    let expected = member.as_ref().map_or_else(|| NOBODY.to_owned(), |member| member.password_hash.clone());
    let right = tokio::task::spawn_blocking(move || verify(&password, &expected)).await.unwrap_or(false);
    let mut tx = services.store.begin_system().await?;
    let member = match member {
        Some(member) if right => member,
        Some(member) => {
            let id = services.mint.id(AuditId::new);
            let row = audit_row(id, member.member_id, "member.sign_in_failed", now);
            tx.audit(member.tenant_id, None, row).await?;
            tx.commit().await?;
            return Err(SignInError::Wrong);
        }
        None => return Err(SignInError::Wrong),
    };
    let token = Secret::new(services.random_token());
    tx.insert_portal_session(&PortalSessionRow {
        portal_session_id: services.mint.id(PortalSessionId::new),
        tenant_id: member.tenant_id,
        member_id: member.member_id,
        token_hash: crate::sha256(token.expose().as_bytes()),
        created_at: now,
        seen_at: now,
        expires_at: now + LIFETIME,
    })
    .await?;
    let row = audit_row(services.mint.id(AuditId::new), member.member_id, "member.signed_in", now);
    tx.audit(member.tenant_id, None, row).await?;
    tx.commit().await?;
    Ok(SignedIn { token, member })
}

/// Ends a session.
///
/// # Errors
/// The delete failed.
pub async fn sign_out(services: &Services, cookie: &str) -> Result<(), StoreError> {
    let mut tx = services.store.begin_system().await?;
    tx.delete_portal_session(&crate::sha256(cookie.as_bytes())).await?;
    tx.commit().await
}

/// Who a signed-in member is.
///
/// # Errors
/// [`StoreError::NotFound`] if they were removed meanwhile.
pub async fn me(
    services: &Services,
    tenant: TenantId,
    member: MemberId,
) -> Result<(MemberRow, TenantRow, Vec<EnvironmentRow>), StoreError> {
    let mut tx = services.store.begin_tenant(tenant).await?;
    let found = (tx.member(member).await?, tx.tenant().await?, tx.environments().await?);
    tx.commit().await?;
    Ok(found)
}

fn verify(password: &Secret, expected: &str) -> bool {
    PasswordHash::new(expected)
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

fn audit_row(id: AuditId, member: MemberId, action: &'static str, at: chrono::DateTime<chrono::Utc>) -> NewAudit {
    NewAudit {
        id,
        actor: Actor::Member(member).to_string(),
        action,
        subject: member.to_string(),
        detail: serde_json::json!({}),
        at,
    }
}

//! Adding a member to a tenant's portal.

use api_types::operator::CreateMember;
use argon2::{Argon2, PasswordHash, PasswordHasher as _};
use ids::{AuditId, MemberId, TenantId};
use store::{MemberRow, NewAudit, StoreError};

use super::{create::CreateError, names};
use crate::{Actor, Services};

/// The roles that there are.
pub const ROLES: &[&str] = &["owner", "admin", "developer", "support", "auditor"];

/// Adds a member. The password is hashed with argon2id on the blocking pool.
///
/// # Errors
/// [`CreateError`].
pub async fn create_member(
    services: &Services,
    tenant: TenantId,
    input: CreateMember,
) -> Result<MemberRow, CreateError> {
    names::name(&input.name)?;
    let email = input.email.trim().to_lowercase();
    let is_printable = !email.contains(|character: char| character.is_control() || character.is_whitespace());
    if email.len() > 254 || !is_printable || email.split('@').filter(|part| !part.is_empty()).count() != 2 {
        return Err(CreateError::Field("email", "must be an e-mail address".into()));
    }
    if input.password.chars().count() < 12 || input.password.len() > 1024 {
        return Err(CreateError::Field("password", "must be 12 to 1024 characters".into()));
    }
    if !ROLES.contains(&input.role.as_str()) {
        return Err(CreateError::Field("role", format!("must be one of {}", ROLES.join(", "))));
    }
    let salt = domain::entropy::bytes::<16>(services.entropy.as_ref());
    let password = input.password;
    let password_hash = tokio::task::spawn_blocking(move || hash(&password, salt))
        .await
        .ok()
        .flatten()
        .ok_or(CreateError::Field("password", "cannot be hashed".into()))?;
    let row = MemberRow {
        member_id: services.mint.id(MemberId::new),
        tenant_id: tenant,
        email,
        name: input.name.trim().to_owned(),
        password_hash,
        role: input.role,
        created_at: services.now(),
        failed_sign_ins: 0,
        not_before: None,
    };
    let mut tx = services.store.begin_tenant(tenant).await?;
    match tx.tenant().await {
        Err(StoreError::NotFound) => return Err(CreateError::NoTenant),
        other => other?,
    };
    tx.insert_member(&row).await?;
    tx.audit(NewAudit {
        id: services.mint.id(AuditId::new),
        actor: Actor::Operator.to_string(),
        action: "member.created",
        subject: row.member_id.to_string(),
        detail: serde_json::json!({ "role": row.role }),
        at: row.created_at,
    })
    .await?;
    tx.commit().await?;
    Ok(row)
}

fn hash(password: &str, salt: [u8; 16]) -> Option<String> {
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

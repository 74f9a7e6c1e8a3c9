//! Rows of tenancy as the API and the command line show them.

use api_types::operator::{ApiKey, ApiKeyOnly, Environment, Member, PreviousSecret, Tenant};
use store::{ApiKeyRow, EnvironmentRow, MemberRow, TenantRow};

pub use super::revocations::show as revocation;

/// A tenant.
#[must_use]
pub fn tenant(row: TenantRow) -> Tenant {
    Tenant { id: row.tenant_id, slug: row.slug, name: row.name, created_at: row.created_at }
}

/// An environment.
#[must_use]
pub fn environment(row: EnvironmentRow) -> Environment {
    Environment {
        id: row.environment_id,
        tenant_id: row.tenant_id,
        slug: row.slug,
        name: row.name,
        created_at: row.created_at,
    }
}

/// An API key, without its secret.
#[must_use]
pub fn api_key(row: ApiKeyRow) -> ApiKey {
    let is_whole = row.integrations.is_empty() && row.connections.is_empty() && row.tags.is_empty();
    let only = ApiKeyOnly { integrations: row.integrations, connections: row.connections, tags: row.tags };
    let previous = row.previous_hint.zip(row.previous_until);
    ApiKey {
        id: row.api_key_id,
        name: row.name,
        hint: row.hint,
        scopes: row.scopes,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        only: (!is_whole).then_some(only),
        last_used_at: row.last_used_at,
        rotated_at: row.rotated_at,
        previous: previous.map(|(hint, until)| PreviousSecret { hint, until, last_used_at: row.previous_used_at }),
    }
}

/// A member, without anything about their password.
#[must_use]
pub fn member(row: MemberRow) -> Member {
    Member { id: row.member_id, tenant_id: row.tenant_id, email: row.email, name: row.name, role: row.role }
}

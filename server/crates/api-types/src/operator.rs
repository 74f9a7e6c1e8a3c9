//! What the operator does: tenants, environments and their first keys and members.

use chrono::{DateTime, Utc};
use ids::{ApiKeyId, ConnectionId, EnvironmentId, IntegrationId, MemberId, TenantId};

crate::api! {
/// A tenant to create.
pub struct CreateTenant {
    /// Short unique name: lower-case letters, digits and dashes.
    pub slug: String,
    /// What people call the company.
    pub name: String,
}

/// A tenant.
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Short unique name.
    pub slug: String,
    /// What people call the company.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// An environment to create.
pub struct CreateEnvironment {
    /// Short name, unique within the tenant.
    pub slug: String,
    /// What people call it.
    pub name: String,
}

/// An environment.
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Short name, unique within the tenant.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// An API key to create.
pub struct CreateApiKey {
    /// What to call it.
    pub name: String,
    /// What it may do, such as `connections:read`; `*` for everything.
    pub scopes: Vec<String>,
    /// When it ends; absent for never.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// How far it reaches; absent for all of the environment.
    #[serde(default)]
    pub only: Option<CreateApiKeyOnly>,
}

/// How far a key is to reach. Of each kind, one of those named; kinds that are named narrow each other. What it does not
/// reach is to it as if it were not there.
#[derive(Default)]
pub struct CreateApiKeyOnly {
    /// Integrations, by slug or id, and the connections made through them.
    #[serde(default)]
    pub integrations: Vec<String>,
    /// Connections.
    #[serde(default)]
    pub connections: Vec<ConnectionId>,
    /// Connections that bear one of these tags, each written `name=value`.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// How far a key reaches.
pub struct ApiKeyOnly {
    /// To these integrations and the connections made through them; empty for all.
    pub integrations: Vec<IntegrationId>,
    /// To these connections; empty for all.
    pub connections: Vec<ConnectionId>,
    /// To connections that bear one of these tags; empty for all.
    pub tags: Vec<String>,
}

/// A new secret for a key.
#[derive(Default)]
pub struct RotateApiKey {
    /// Until when the old secret works: 24 hours if absent, 7 days at most; a time that has passed ends it at once.
    #[serde(default)]
    pub previous_until: Option<DateTime<Utc>>,
}

/// The secret that a key had before it was rotated.
pub struct PreviousSecret {
    /// Its first characters.
    pub hint: String,
    /// From when on it is refused.
    pub until: DateTime<Utc>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// An API key as listed.
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
    /// How far it reaches; absent for all of the environment.
    pub only: Option<ApiKeyOnly>,
    /// When its secret was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was last given a new secret.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The secret it had before, if it was rotated.
    pub previous: Option<PreviousSecret>,
}

/// An API key just made. The secret is shown this once.
pub struct CreatedApiKey {
    /// The key as listed from now on.
    pub key: ApiKey,
    /// The secret itself.
    pub secret: String,
}

/// A member to add.
pub struct CreateMember {
    /// Their address; what they sign in with.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// At least 12 characters.
    pub password: String,
    /// `owner`, `admin`, `developer`, `support` or `auditor`.
    pub role: String,
}

/// A member.
pub struct Member {
    /// Their id.
    pub id: MemberId,
    /// Whose portal they sign in to.
    pub tenant_id: TenantId,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: String,
}

/// Which connections of an environment are to be revoked: all, or those to which everything said here applies.
pub struct CreateRevocationRun {
    /// Of this provider.
    #[serde(default)]
    pub provider: Option<String>,
    /// Of this integration.
    #[serde(default)]
    pub integration_id: Option<IntegrationId>,
    /// Made at or after this.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// Made before this.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Counts alone, and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Connections of one provider that a run would stop.
pub struct Revocable {
    /// The provider.
    pub provider: String,
    /// How many.
    pub connections: u64,
    /// Whether the provider can be asked to let go: `yes`, `no`, `some_servers`, or `unknown` where it is not installed
    /// any more.
    pub revocation: String,
}

/// A revocation of many, or what one would be.
pub struct RevocationRun {
    /// Its id; absent for a dry run.
    pub id: Option<ids::RevocationRunId>,
    /// How many connections it stopped, or would stop.
    pub total: u64,
    /// What it would stop, by provider; for a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub providers: Vec<Revocable>,
    /// What became of them so far, by provider and state.
    pub outcomes: Vec<RevocationCount>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
    /// When the last of them was settled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How many revocations of a provider are in a state.
pub struct RevocationCount {
    /// The provider.
    pub provider: String,
    /// The state.
    pub state: crate::connection::RevocationState,
    /// How many.
    pub count: u64,
}
}

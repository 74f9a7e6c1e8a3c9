//! Connections, and the credential behind each.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ids::{ConnectionId, IntegrationId};

crate::api! {
/// An end user's account at a provider.
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Through what it was made.
    pub integration_id: IntegrationId,
    /// What the tenant's code calls the integration.
    pub integration: String,
    /// The provider's slug.
    pub provider: String,
    /// Whose it is, in the tenant's words.
    pub end_user: crate::connect::EndUser,
    /// The provider's stable id of the account.
    pub account: Option<String>,
    /// What people call the account.
    pub account_name: Option<String>,
    /// How it is.
    pub health: Health,
    /// Labels.
    pub tags: BTreeMap<String, String>,
    /// The tenant's own notes.
    pub metadata: serde_json::Value,
    /// The latest run of any of its syncs.
    pub last_run: Option<crate::sync::RunSummary>,
    /// What became of its grant, where somebody wanted it revoked.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// How a connection is.
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// Why the end user must connect again, in that state.
    pub cause: Option<String>,
    /// The state in words for a person.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The states of a connection.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Being made.
    Pending,
    /// Works.
    Active,
    /// Its end user must connect again.
    NeedsReauth,
    /// Stopped by the tenant.
    Paused,
    /// Given up.
    Revoked,
    /// Being deleted.
    Deleting,
}

/// A connection to bring along.
pub struct ImportConnection {
    /// Slug or id of the integration.
    pub integration: String,
    /// Whose account it is.
    pub end_user: crate::connect::EndUser,
    /// The connection whose credential is replaced, instead of making a new one.
    #[serde(default)]
    pub connection_id: Option<ConnectionId>,
    /// What the connect form would ask for, secrets among it, and values that the provider would answer with, by field.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Tokens, for providers that give some.
    #[serde(default)]
    pub tokens: Option<ImportTokens>,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The tenant's own notes, for a new connection: an object.
    #[serde(default)]
    pub metadata: Option<serde_json::Value>,
}

/// A row of an import of many. What an export writes is one too; fields that are not named here are passed over.
pub struct ImportRow {
    /// The tenant's own id of the connection, by which the row is known when it comes again; the end user's id if absent,
    /// which then may have one row alone.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Whose account it is.
    pub end_user: crate::connect::EndUser,
    /// What the connect form would ask for, secrets among it, and values that the provider would answer with, by field.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Tokens, for providers that give some.
    #[serde(default)]
    pub tokens: Option<ImportTokens>,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The tenant's own notes: an object.
    #[serde(default)]
    pub metadata: Option<serde_json::Value>,
}

/// An import of many to begin.
pub struct CreateImport {
    /// Slug or id of the integration.
    pub integration: String,
}

/// An import of many, and how far it has come.
pub struct Import {
    /// Its id.
    pub id: ids::ImportId,
    /// Through what connections are made.
    pub integration_id: IntegrationId,
    /// Rows that are done, from the first; send on from this one.
    pub next_row: u64,
    /// Rows that became connections.
    pub made: u64,
    /// Rows whose connection was there already; nothing was changed.
    pub present: u64,
    /// Rows that were refused.
    pub wrong: u64,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When its end was said.
    pub finished_at: Option<DateTime<Utc>>,
    /// What was wrong: with the rows just sent, or with the first hundred of all.
    pub errors: Vec<ImportRowError>,
    /// Why the rows from `next_row` on were not looked at, such as a provider that does not answer. Send them again later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<String>,
}

/// What was wrong with a row.
pub struct ImportRowError {
    /// Which row of the import, from 0.
    pub row: u64,
    /// On which line it begins, from 1: of the body that it came in, or of the file.
    pub line: u64,
    /// Which field; empty where it is the row.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

/// Whom to export connections to.
pub struct ExportConnections {
    /// The age public key that can read it, `age1…`; keep its secret half where the export will be read, and nowhere else.
    pub recipient: String,
    /// Of this integration alone, by id or slug.
    #[serde(default)]
    pub integration: Option<String>,
}

/// What became of a grant that was to be given back at its provider.
pub struct Revocation {
    /// Whose; the connection may be gone.
    pub connection_id: ConnectionId,
    /// Its integration.
    pub integration_id: IntegrationId,
    /// The provider's slug.
    pub provider: String,
    /// The tenant's own id of the end user.
    pub end_user_id: String,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// The run over many that it belongs to.
    pub run_id: Option<ids::RevocationRunId>,
    /// Where it stands.
    pub state: RevocationState,
    /// The same in words.
    pub reason: String,
    /// How often the provider was asked in vain.
    pub tries: u32,
    /// When it is asked again.
    pub next_try_at: Option<DateTime<Utc>>,
    /// When somebody wanted it revoked.
    pub asked_at: DateTime<Utc>,
    /// When it was settled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Where a revocation stands.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum RevocationState {
    /// The provider has not let go yet; it is asked again.
    Pending,
    /// The provider has let go.
    Revoked,
    /// The provider has no call for it.
    Unsupported,
    /// There was nothing to give back.
    Nothing,
    /// The provider did not let go, and is not asked again.
    Failed,
}

/// Tokens to bring along.
pub struct ImportTokens {
    /// The access token; may be left out where a refresh token brings the next.
    #[serde(default)]
    pub access_token: Option<String>,
    /// The refresh token.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// The token secret (OAuth 1).
    #[serde(default)]
    pub token_secret: Option<String>,
    /// When the access token ends. One that has ended is renewed at once.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// `Bearer` if absent.
    #[serde(default)]
    pub token_type: Option<String>,
    /// When the refresh token ends.
    #[serde(default)]
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What an export has beside the tokens: keys, clients, the installation. Takes the scope `integrations:write` too,
    /// since it can say where an integration's client is shown.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What to change of a connection; what is absent stays. A whole is either replaced or merged into, not both.
#[derive(Default)]
pub struct UpdateConnection {
    /// What you call the end user.
    #[serde(default)]
    pub end_user_name: Option<String>,
    /// Labels, instead of those there are.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// Labels beside those there are; null takes one away.
    #[serde(default)]
    pub tags_merge: Option<BTreeMap<String, Option<String>>>,
    /// Your own notes, instead of those there are.
    #[serde(default)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Merged into your notes as RFC 7396 has it; null takes away.
    #[serde(default)]
    pub metadata_merge: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Many connections, and what to change of each: all of them are changed, or none.
pub struct UpdateConnections {
    /// These, 1 to 1,000, by their ids.
    #[serde(default)]
    pub connections: Option<Vec<ConnectionId>>,
    /// Instead of that: all that match at the moment, which may be 1,000 at most.
    #[serde(default)]
    pub matching: Option<ConnectionsMatching>,
    /// What to change of each, as for one alone.
    pub change: UpdateConnection,
}

/// What connections have in common: at least one of these, and all that are said.
#[derive(Default)]
#[serde(deny_unknown_fields)]
pub struct ConnectionsMatching {
    /// Of this integration, by id or slug.
    #[serde(default)]
    pub integration: Option<String>,
    /// Of this end user, by your own id.
    #[serde(default)]
    pub end_user: Option<String>,
    /// In this state.
    #[serde(default)]
    pub health: Option<HealthState>,
    /// That bear this tag, written `name=value`.
    #[serde(default)]
    pub tag: Option<String>,
}

/// What became of many connections that were to be changed.
pub struct UpdatedConnections {
    /// How many were meant.
    pub matched: u64,
    /// Those that are not as they were; the others were so already.
    pub changed: Vec<ConnectionId>,
}

/// A fresh credential.
pub struct Credential {
    /// Whose it is.
    pub connection_id: ConnectionId,
    /// How the account is connected, such as `oauth2_code` or `key`.
    pub mode: String,
    /// The access token; absent where the provider gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// `Bearer`, mostly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// What was typed in or imported, by field: API keys, user names, passwords.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fields: BTreeMap<String, String>,
    /// When the token ends; ask again then.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, if the provider said so.
    pub scopes: Option<Vec<String>>,
}
}

impl HealthState {
    /// The word that stands for it in JSON and in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::NeedsReauth => "needs_reauth",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
            Self::Deleting => "deleting",
        }
    }
}

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

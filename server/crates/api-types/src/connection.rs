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

/// A fresh credential.
pub struct Credential {
    /// Whose it is.
    pub connection_id: ConnectionId,
    /// The access token.
    pub access_token: String,
    /// `Bearer`, mostly.
    pub token_type: String,
    /// When the token ends; ask again then.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, if the provider said so.
    pub scopes: Option<Vec<String>>,
}
}

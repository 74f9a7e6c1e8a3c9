//! Connect sessions: as the tenant's backend opens and polls them, and as the connect page sees them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ids::{ConnectSessionId, ConnectionId, InstallId, IntegrationId};

crate::api! {
/// A connect session to open.
pub struct CreateConnectSession {
    /// For whom.
    pub end_user: EndUser,
    /// Slugs or ids of the integrations that may be picked; all of the environment if absent.
    #[serde(default)]
    pub integrations: Option<Vec<String>>,
    /// A connection to repair instead of making a new one.
    #[serde(default)]
    pub connection_id: Option<ConnectionId>,
    /// An install that began at the vendor's marketplace: `patchbay_install` of the query with which your page was
    /// opened, or `install_id` of the event `connect.install_arrived`. It may be claimed once, within an hour; the session
    /// offers its integration alone, with what the vendor told filled in.
    #[serde(default)]
    pub install: Option<InstallId>,
    /// Origins of the pages that may embed the connect page and hear its result, such as `https://app.example.com`.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Where the same-tab flow ends. Its origin must be among the allowed ones.
    #[serde(default)]
    pub return_url: Option<String>,
    /// BCP 47 tag of the end user's language.
    #[serde(default)]
    pub language: Option<String>,
    /// Scopes to ask for instead of the integration's.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Put on the connection that is made.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Whose account is to be connected, in the tenant's own words.
pub struct EndUser {
    /// The tenant's own id of them.
    pub id: String,
    /// What the tenant calls them.
    #[serde(default)]
    pub name: Option<String>,
}

/// A connect session just opened. The token is shown this once.
pub struct CreatedConnectSession {
    /// The session's id, to poll.
    pub id: ConnectSessionId,
    /// For the embedded page.
    pub token: String,
    /// A page to send the end user to. The token is in its fragment, which browsers do not send.
    pub link: String,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// A connect session as the tenant's backend polls it.
pub struct ConnectSession {
    /// Its id.
    pub id: ConnectSessionId,
    /// Where it stands.
    pub status: SessionStatus,
    /// For whom.
    pub end_user: EndUser,
    /// What came of it.
    pub connection_id: Option<ConnectionId>,
    /// Why the latest attempt failed, if it did.
    pub failure: Option<AttemptFailure>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Where a connect session stands.
#[derive(Copy, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Nothing was begun, or the latest attempt failed and another may follow.
    Open,
    /// The end user is at the provider, or the code is being exchanged.
    InProgress,
    /// A connection was made or repaired.
    Connected,
    /// Its time is over.
    Expired,
    /// The tenant withdrew it.
    Revoked,
}

/// Why an attempt failed.
#[derive(Eq)]
pub struct AttemptFailure {
    /// Stable code.
    pub code: AttemptFailureCode,
    /// The same in words, for the tenant's developers.
    pub detail: String,
}

/// Why an attempt failed, as a code; each has its own screen.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum AttemptFailureCode {
    /// The end user said no at the provider (RFC 6749 `access_denied`).
    ConsentDenied,
    /// The provider answered with an error.
    ProviderError,
    /// The provider could not be reached.
    ProviderUnreachable,
    /// The integration's client id, secret, redirect URI or scopes are refused.
    Misconfigured,
    /// Another account than the one being repaired.
    DifferentAccount,
    /// The attempt took longer than it may.
    Expired,
}

/// What the connect page needs to show itself.
pub struct ConnectPage {
    /// The session's id.
    pub id: ConnectSessionId,
    /// Where it stands.
    pub status: SessionStatus,
    /// Who asks: the tenant's name.
    pub tenant_name: String,
    /// For whom.
    pub end_user: EndUser,
    /// Whether an existing connection is being repaired.
    pub reconnect: bool,
    /// What may be picked.
    pub choices: Vec<ConnectChoice>,
    /// Pages that may hear the result.
    pub allowed_origins: Vec<String>,
    /// Where the same-tab flow ends.
    pub return_url: Option<String>,
    /// BCP 47 tag of the end user's language.
    pub language: Option<String>,
    /// From when on the session is refused.
    pub expires_at: DateTime<Utc>,
}

/// An integration that may be picked.
pub struct ConnectChoice {
    /// Its id.
    pub integration_id: IntegrationId,
    /// What the tenant's code calls it.
    pub slug: String,
    /// What the end user reads.
    pub name: String,
    /// Its category.
    pub category: String,
    /// How it goes on once the form is filled in.
    pub way: ConnectWay,
    /// What the end user has to fill in first.
    pub fields: Vec<crate::integration::Variable>,
}

/// How connecting goes on once the form is filled in.
#[derive(Copy, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ConnectWay {
    /// Over a page of the provider.
    Page,
    /// What was typed in is tried at once.
    Form,
    /// By a code that is typed in elsewhere.
    Code,
}

/// What was typed in for an integration.
pub struct ConnectEntry {
    /// What was picked.
    pub integration_id: IntegrationId,
    /// What was typed in, secrets among it, by field.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// What came of what was typed in.
pub struct ConnectEntered {
    /// The connection.
    pub connection_id: ConnectionId,
    /// What people call the account.
    pub account_name: Option<String>,
}

/// A code to type in elsewhere (RFC 8628).
pub struct ConnectCode {
    /// The code.
    pub user_code: String,
    /// Where it is typed in.
    pub verification_url: String,
    /// The same with the code in it.
    pub verification_url_complete: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What the connect page polls while the end user is at the provider and while the first sync runs.
pub struct ConnectProgress {
    /// Where the session stands.
    pub status: SessionStatus,
    /// Why the latest attempt failed, if it did.
    pub failure: Option<AttemptFailure>,
    /// What was connected.
    pub connection: Option<ConnectedAccount>,
}

/// What was connected, as the end user is told.
pub struct ConnectedAccount {
    /// The connection.
    pub connection_id: ConnectionId,
    /// What the end user reads of the integration.
    pub integration_name: String,
    /// What people call the account.
    pub account_name: Option<String>,
    /// Streams that are pulled for the first time.
    pub syncs_total: u32,
    /// How many of them are done.
    pub syncs_done: u32,
    /// Records brought so far.
    pub records: u64,
}

/// What the connect page posts to leave for the provider, as a form (`application/x-www-form-urlencoded`).
pub struct LaunchForm {
    /// The session's token.
    pub token: String,
    /// What was picked.
    pub integration_id: IntegrationId,
    /// `popup` or `redirect`.
    pub display: String,
    /// A JSON object of what was filled in.
    #[serde(default)]
    pub fields: Option<String>,
}
}

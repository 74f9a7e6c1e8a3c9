//! Webhooks that providers send.

use chrono::{DateTime, Utc};
use ids::{ConnectionId, InboundId, IntegrationId};

crate::api! {
/// Our URL that a provider sends webhooks to.
pub struct WebhookUrl {
    /// To be registered with the provider. Whoever knows it can knock there, and is believed nothing without a signature.
    pub url: String,
    /// Whether the secret is stored that deliveries are verified with. Until then all are refused.
    pub has_secret: bool,
    /// Whether your endpoints are told of each delivery, as `webhook.received`.
    pub forward: bool,
    /// When a delivery was last refused, if one was.
    pub refused_at: Option<DateTime<Utc>>,
    /// Why.
    pub refusal: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What to set; what is absent stays.
#[derive(Default)]
pub struct PutWebhookUrl {
    /// What deliveries are verified with: the secret or the public key that the provider shows for the webhook. Write-only.
    #[serde(default)]
    pub secret: Option<String>,
    /// Whether your endpoints are told of each delivery. Deliveries are then kept for three days, to be read.
    #[serde(default)]
    pub forward: Option<bool>,
}

/// A webhook that came and was verified.
pub struct InboundWebhook {
    /// Its id.
    pub id: InboundId,
    /// The integration whose provider sent it.
    pub integration_id: IntegrationId,
    /// The connection to whose own URL it came.
    pub connection_id: Option<ConnectionId>,
    /// The kind of event, where the provider's manifest says where it lies.
    pub event: Option<String>,
    /// The provider's id of the account that it is about, likewise.
    pub account: Option<String>,
    /// Where it stands.
    pub state: InboundState,
    /// Why it was ignored or given up.
    pub reason: Option<String>,
    /// How many syncs ran because of it.
    pub syncs: i32,
    /// Whether the provider signed the same before, and no time or id with it: then its streams are pulled and nothing else
    /// is done.
    pub is_repeat: bool,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was processed or given up.
    pub processed_at: Option<DateTime<Utc>>,
}

/// Where a provider's webhook stands.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum InboundState {
    /// It was verified and acknowledged.
    Waiting,
    /// Syncs run because of it.
    Routed,
    /// It tells of nothing that is synced.
    Ignored,
    /// It could not be processed.
    Failed,
}

/// A webhook with what was kept of it.
pub struct InboundWebhookDetail {
    /// The webhook.
    pub webhook: InboundWebhook,
    /// As it came; absent once it is not kept any more.
    pub delivery: Option<InboundContent>,
}

/// A webhook as the provider sent it, without headers that carry secrets.
pub struct InboundContent {
    /// Names in lower case with their values.
    pub headers: Vec<InboundHeader>,
    /// The query of the URL that it came to.
    pub query: String,
    /// The raw body in base64 (RFC 4648, section 4).
    pub body: String,
}

/// A header.
pub struct InboundHeader {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}
}

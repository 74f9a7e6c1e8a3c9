//! Events, the endpoints that are told of them, and each telling.

use chrono::{DateTime, Utc};
use ids::{ConnectionId, DeliveryAttemptId, DeliveryId, EndpointId, EventId};

crate::api! {
/// What is posted to an endpoint, signed by the Standard Webhooks specification.
pub struct Event {
    /// What happened, such as `sync.succeeded`.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Thin: ids and counts.
    pub data: serde_json::Value,
}

/// Everything that may happen.
#[derive(Copy, Eq, Hash)]
pub enum EventKind {
    /// A connection was made.
    #[serde(rename = "connection.created")]
    ConnectionCreated,
    /// A connection was repaired by its end user.
    #[serde(rename = "connection.recovered")]
    ConnectionRecovered,
    /// Its end user must connect again.
    #[serde(rename = "connection.needs_reauth")]
    ConnectionNeedsReauth,
    /// The tenant changed a connection's tags, metadata or the name of its end user.
    #[serde(rename = "connection.updated")]
    ConnectionUpdated,
    /// A connection was deleted; `revocation` says what became of its grant at the provider.
    #[serde(rename = "connection.deleted")]
    ConnectionDeleted,
    /// A connection was stopped for good; `revocation` says what became of its grant, which may be pending.
    #[serde(rename = "connection.revoked")]
    ConnectionRevoked,
    /// What became of a grant whose revocation was pending.
    #[serde(rename = "connection.revocation_finished")]
    ConnectionRevocationFinished,
    /// A vendor told us of an install at its marketplace. Open a connect session with `install_id` as its `install`.
    #[serde(rename = "connect.install_arrived")]
    ConnectInstallArrived,
    /// A run succeeded.
    #[serde(rename = "sync.succeeded")]
    SyncSucceeded,
    /// A run failed.
    #[serde(rename = "sync.failed")]
    SyncFailed,
    /// A provider's webhook came, for integrations and connections that asked for it. Read it with `inbound_id`.
    #[serde(rename = "webhook.received")]
    WebhookReceived,
    /// A call of an action that was asked for asynchronously is over. Read it with `action_run_id`.
    #[serde(rename = "action.finished")]
    ActionFinished,
    /// Sent by hand, to try an endpoint.
    #[serde(rename = "endpoint.test")]
    EndpointTest,
}

/// An endpoint to add.
pub struct CreateEndpoint {
    /// Where to post; https.
    pub url: String,
    /// A note.
    #[serde(default)]
    pub description: Option<String>,
    /// Which events; all if absent.
    #[serde(default)]
    pub events: Option<Vec<EventKind>>,
}

/// An endpoint.
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where to post.
    pub url: String,
    /// The note.
    pub description: Option<String>,
    /// Which events; all if absent.
    pub events: Option<Vec<EventKind>>,
    /// Why it is told nothing, if so.
    pub disabled_reason: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// An endpoint just added. The secret is shown this once.
pub struct CreatedEndpoint {
    /// The endpoint as listed from now on.
    pub endpoint: Endpoint,
    /// The signing secret, `whsec_…`.
    pub secret: String,
}

/// The telling of one event to one endpoint.
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is told.
    pub event_id: EventId,
    /// What happened.
    pub event: EventKind,
    /// The connection it concerns.
    pub connection_id: Option<ConnectionId>,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// Where that is.
    pub url: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When the next try is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// HTTP status of the last try.
    pub last_status: Option<u16>,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or parked.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Where a delivery stands.
#[derive(Copy, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Being tried.
    Pending,
    /// The endpoint answered with a success.
    Delivered,
    /// Given up after days; can be replayed.
    Parked,
}

/// One try of a delivery.
pub struct DeliveryAttempt {
    /// Its id.
    pub id: DeliveryAttemptId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Milliseconds until the answer or the error.
    pub elapsed_ms: u32,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The first kilobyte of the answer.
    pub response: Option<String>,
}
}

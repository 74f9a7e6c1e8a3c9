//! Telling endpoints what happened.
//!
//! An endpoint hears of one connection in order: while an older delivery about it is pending, the younger ones wait.
//! Deliveries about different connections, or about none, overtake each other freely.

mod deliver;
mod list;
mod replay;

use domain::Scope;
use ids::{ConnectionId, DeliveryId, EndpointId, JobId};
use serde::{Deserialize, Serialize};
use store::{Calls, NewJob, StoreError, Tx};

use crate::Services;

pub use deliver::{DeliverError, Delivered, deliver};
pub use list::{attempts, list};
pub use replay::{ReplayError, replay};

/// The queue of deliveries.
pub const QUEUE: &str = "webhook_deliver";

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DeliverJob {
    /// The delivery to try.
    pub delivery: DeliveryId,
}

/// The job of a try that is due now.
pub(crate) fn job(
    services: &Services,
    delivery: DeliveryId,
    endpoint: EndpointId,
    connection: Option<ConnectionId>,
) -> NewJob {
    NewJob {
        id: services.mint.id(JobId::new),
        queue: QUEUE,
        serial_key: connection.map(|connection| format!("{endpoint}:{connection}")),
        dedupe_key: Some(delivery.to_string()),
        priority: 1,
        payload: serde_json::json!(DeliverJob { delivery }),
        run_at: services.now(),
        calls: Calls::Endpoint(endpoint),
    }
}

/// Puts a try into the queue, due now.
pub(crate) async fn enqueue(
    tx: &mut Tx<Scope>,
    services: &Services,
    delivery: DeliveryId,
    endpoint: EndpointId,
    connection: Option<ConnectionId>,
) -> Result<(), StoreError> {
    let now = services.now();
    let job = job(services, delivery, endpoint, connection);
    if !tx.jobs().enqueue(job, now).await? {
        tx.jobs().hasten(QUEUE, &delivery.to_string(), now).await?;
    }
    Ok(())
}

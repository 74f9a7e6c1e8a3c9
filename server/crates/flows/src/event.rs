//! Says that something happened: the event, one delivery for each endpoint that wants to know, and the jobs that tell
//! them, all in the transaction in which it happened.

use api_types::event::EventKind;
use domain::Scope;
use ids::{ConnectionId, DeliveryId, EndpointId, EventId};
use serde_json::Value;
use store::{NewDelivery, NewEvent, StoreError, Tx};

use crate::{Services, webhook};

/// Emits an event to all endpoints of the environment that want its kind. `data` holds ids and counts, never secrets or
/// records.
///
/// # Errors
/// A query failed.
pub async fn emit(
    tx: &mut Tx<Scope>,
    services: &Services,
    kind: EventKind,
    connection: Option<ConnectionId>,
    data: Value,
) -> Result<EventId, StoreError> {
    let endpoints = tx.endpoints().listening(&kind_text(kind)).await?;
    let (event, _) = emit_to(tx, services, kind, connection, data, &endpoints).await?;
    Ok(event)
}

/// Emits an event to these endpoints and to no other.
pub(crate) async fn emit_to(
    tx: &mut Tx<Scope>,
    services: &Services,
    kind: EventKind,
    connection: Option<ConnectionId>,
    data: Value,
    endpoints: &[EndpointId],
) -> Result<(EventId, Vec<DeliveryId>), StoreError> {
    let now = services.now();
    let event = services.mint.id(EventId::new);
    tx.events().insert(&NewEvent { id: event, kind: &kind_text(kind), connection, data: &data, at: now }).await?;
    let mut deliveries = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let id = services.mint.id(DeliveryId::new);
        tx.deliveries().insert(NewDelivery { id, event, endpoint: *endpoint, connection }, now).await?;
        webhook::enqueue(tx, services, id, *endpoint, connection).await?;
        deliveries.push(id);
    }
    Ok((event, deliveries))
}

/// The kind as stored and spoken, such as `sync.succeeded`.
#[must_use]
pub fn kind_text(kind: EventKind) -> String {
    // A unit variant is always a text.
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The kind of a stored text.
#[must_use]
pub fn kind_of(text: &str) -> Option<EventKind> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

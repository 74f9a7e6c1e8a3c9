//! Each telling of an event.

pub mod attempts;
pub mod list;
pub mod replay;

use api_types::{
    ProblemCode,
    event::{Delivery, DeliveryState},
};
use domain::run::DeliveryState as Stored;
use flows::{event, webhook::ReplayError};
use store::{DeliveryRow, StoreError};

use super::problem::Fail;

impl From<ReplayError> for Fail {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound => Self::not_found("delivery"),
            ReplayError::Disabled { .. } => Self::new(ProblemCode::Conflict, format!("{error}.")),
            ReplayError::Store(error) => error.into(),
        }
    }
}

/// A delivery as it is shown.
///
/// # Errors
/// The row names a kind of event that this version does not know.
pub(super) fn show(row: DeliveryRow) -> Result<Delivery, StoreError> {
    let unknown = || StoreError::Corrupt { table: "events", what: format!("kind `{}`", row.kind) };
    Ok(Delivery {
        id: row.id,
        event_id: row.event,
        event: event::kind_of(&row.kind).ok_or_else(unknown)?,
        connection_id: row.connection,
        endpoint_id: row.endpoint,
        url: row.url,
        state: match row.state {
            Stored::Pending => DeliveryState::Pending,
            Stored::Delivered => DeliveryState::Delivered,
            Stored::Parked => DeliveryState::Parked,
        },
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        last_status: row.last_status,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

//! Tenants' URLs that are told of events.

mod create;
mod manage;

pub use create::{CreateError, Created, create};
pub use manage::{TestError, delete, find, list, test};

/// Where an endpoint's signing secret lies.
pub(crate) const fn secret_place(endpoint: ids::EndpointId) -> vault::Place {
    vault::Place { table: "endpoints", column: "secret", row: endpoint.uuid() }
}

//! Tenants' URLs that are told of events.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod test;

use api_types::{ProblemCode, event::Endpoint};
use flows::{
    endpoint::{CreateError, TestError},
    event,
};
use store::EndpointRow;

use super::problem::Fail;

impl From<CreateError> for Fail {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Invalid { field, detail } => Self::field(field, detail),
            CreateError::TooMany => Self::new(ProblemCode::Conflict, format!("{error}.")),
            CreateError::Seal(error) => error.into(),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<TestError> for Fail {
    fn from(error: TestError) -> Self {
        match error {
            TestError::NotFound => Self::not_found("endpoint"),
            TestError::Disabled { .. } => Self::new(ProblemCode::Conflict, format!("{error}. Add it anew.")),
            TestError::Store(error) => error.into(),
        }
    }
}

/// An endpoint as it is shown, without its secret.
pub(super) fn show(row: EndpointRow) -> Endpoint {
    Endpoint {
        id: row.endpoint_id,
        url: row.url,
        description: row.description,
        events: row.kinds.map(|kinds| kinds.iter().filter_map(|kind| event::kind_of(kind)).collect()),
        disabled_reason: row.disabled_reason,
        created_at: row.created_at,
    }
}

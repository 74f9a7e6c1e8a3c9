//! A tenant's own view of its API keys.

pub mod create;
pub mod list;
pub mod revoke;
pub mod rotate;

use api_types::{ProblemCode, operator::CreateApiKey};
use flows::tenant::keys::{KeyError, NewKey, Only};

use super::problem::Fail;

impl From<KeyError> for Fail {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Field(field, rule) => Self::field(field, rule),
            KeyError::NoEnvironment => Self::not_found("environment"),
            KeyError::Escalation => {
                Self::new(ProblemCode::MissingScope, "A key can't be given scopes that its maker lacks. Ask for fewer.")
            }
            KeyError::Over(_) => Self::new(ProblemCode::Conflict, format!("There is nothing to rotate: {error}.")),
            KeyError::Store(error) => error.into(),
        }
    }
}

/// What the body asks for.
pub(super) fn wanted(body: CreateApiKey) -> NewKey {
    let only =
        body.only.map(|only| Only { integrations: only.integrations, connections: only.connections, tags: only.tags });
    NewKey { name: body.name, scopes: body.scopes, expires_at: body.expires_at, only }
}

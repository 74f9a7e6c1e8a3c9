//! Connections, and the credential behind each.

pub mod credential;
pub mod delete;
pub mod export;
pub mod get;
pub mod import;
pub mod list;
pub mod revoke;
pub mod update;
pub mod update_many;

use api_types::{
    ProblemCode,
    connect::EndUser,
    connection::{Connection, Health, HealthState},
};
use domain::{connection::Health as State, reach::BadTag};
use flows::connection::{ConnectionView, DeleteError, ImportError, ListFilter};

use super::{problem::Fail, revocations, runs};

impl From<ImportError> for Fail {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Fields(fields) => Self::fields(fields),
            ImportError::Refused(failure) => failure.into(),
            ImportError::Misconfigured(detail) => Self::new(ProblemCode::IntegrationMisconfigured, detail),
            ImportError::Seal(error) => error.into(),
            ImportError::Store(error) => error.into(),
            error @ ImportError::BrokeOff(_) => Self::internal(&error),
        }
    }
}

impl From<DeleteError> for Fail {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::NotFound => Self::not_found("connection"),
            DeleteError::Store(error) => error.into(),
        }
    }
}

/// Which connections are meant. `tag_field` is what the tag is called where it was sent.
fn filter(
    integration: Option<String>,
    end_user: Option<String>,
    health: Option<HealthState>,
    tag: Option<&str>,
    tag_field: &str,
) -> Result<ListFilter, Fail> {
    let health = health.map(HealthState::as_str);
    let tag = tag.map(str::parse).transpose();
    let tag = tag.map_err(|error: BadTag| Fail::field(tag_field, error.to_string()))?;
    Ok(ListFilter { integration, end_user, health, tag })
}

/// A connection as it is shown.
pub(super) fn show(view: ConnectionView) -> Connection {
    let row = view.row;
    Connection {
        id: row.id,
        integration_id: row.integration,
        integration: view.integration,
        provider: view.provider,
        end_user: EndUser { id: row.end_user.id, name: row.end_user.name },
        account: row.account,
        account_name: row.account_name,
        health: Health {
            state: match row.health {
                State::Pending => HealthState::Pending,
                State::Active => HealthState::Active,
                State::NeedsReauth(_) => HealthState::NeedsReauth,
                State::Paused => HealthState::Paused,
                State::Revoked => HealthState::Revoked,
                State::Deleting => HealthState::Deleting,
            },
            cause: row.health.cause().map(|cause| cause.as_str().to_owned()),
            reason: match view.rests.filter(|_| row.health == State::Active) {
                Some((host, rest)) => {
                    let seconds = rest.as_secs().max(1);
                    format!("Its grant stands, but {host} keeps failing and is left alone for another {seconds} s.")
                }
                None => row.health.reason().to_owned(),
            },
            since: row.health_changed_at,
        },
        tags: row.tags,
        metadata: row.metadata,
        last_run: view.last_run.map(runs::summary),
        revocation: view.revocation.map(revocations::show),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

//! Webhooks that providers send: our URLs for them, what came there, and where they come in.

pub mod connection_webhook;
pub mod get;
pub mod integration_webhook;
pub mod list;
pub mod receive;

use api_types::{
    ProblemCode,
    inbound::{InboundState, InboundWebhook, PutWebhookUrl, WebhookUrl},
};
use domain::{run::InboundState as Stored, secret::Secret};
use flows::inbound::{HookError, HookSettings, HookView, ReadError};
use store::InboundRow;

use super::problem::Fail;

impl From<HookError> for Fail {
    fn from(error: HookError) -> Self {
        match error {
            HookError::NotFound(what) => Self::not_found(what),
            HookError::None => Self::new(ProblemCode::NotFound, "There is no URL for its webhooks yet. PUT makes one."),
            HookError::NotOffered | HookError::Raced => Self::new(ProblemCode::Conflict, format!("{error}.")),
            HookError::Field(field, said) => Self::field(field, said),
            HookError::Seal(error) => error.into(),
            HookError::Store(error) => error.into(),
        }
    }
}

impl From<ReadError> for Fail {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::not_found("webhook"),
            ReadError::Seal(error) => error.into(),
            ReadError::Store(error) => error.into(),
        }
    }
}

fn settings(body: PutWebhookUrl) -> HookSettings {
    HookSettings { secret: body.secret.map(Secret::new), forwards: body.forward }
}

/// A URL as it is shown.
fn show_url(view: HookView) -> WebhookUrl {
    WebhookUrl {
        url: view.url.into(),
        has_secret: view.row.secret.is_some(),
        forward: view.row.forwards,
        refused_at: view.row.refused_at,
        refusal: view.row.refusal,
        created_at: view.row.created_at,
        updated_at: view.row.updated_at,
    }
}

/// A webhook as it is shown.
fn show(row: InboundRow) -> InboundWebhook {
    InboundWebhook {
        id: row.id,
        integration_id: row.integration,
        connection_id: row.connection,
        event: row.event,
        account: row.account,
        state: match row.state {
            Stored::Waiting => InboundState::Waiting,
            Stored::Routed => InboundState::Routed,
            Stored::Ignored => InboundState::Ignored,
            Stored::Failed => InboundState::Failed,
        },
        reason: row.reason,
        syncs: row.syncs,
        is_repeat: row.is_repeat,
        received_at: row.received_at,
        processed_at: row.processed_at,
    }
}

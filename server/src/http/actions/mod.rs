//! Actions: one call into a provider's plugin that does something there.

pub mod call;
pub mod get;
pub mod list;
pub mod logs;
pub mod runs;

use std::time::Duration;

use api_types::{
    ProblemCode,
    action::{Action, ActionRun, ActionRunError, ActionRunState},
};
use domain::{action::ActionState, manifest::ActionSpec, run::Blame};
use flows::action::{CallError, PrepareError};
use serde_json::Value;
use store::ActionRunRow;

use super::problem::Fail;

impl From<CallError> for Fail {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotFound => Self::not_found("connection"),
            CallError::NoAction { ref known, .. } if known.is_empty() => {
                Self::new(ProblemCode::NotFound, "The connection's provider has no actions.")
            }
            CallError::NoAction { .. } => Self::new(ProblemCode::NotFound, sentence(&error.to_string())),
            CallError::Input(flaws) => {
                let fields = flaws.into_iter().map(|flaw| {
                    let dot = if flaw.field.is_empty() || flaw.field.starts_with('[') { "" } else { "." };
                    (format!("input{dot}{}", flaw.field), flaw.message)
                });
                Self::fields(fields.collect())
            }
            CallError::KeyReused => {
                let detail = "This Idempotency-Key came with another action or another input of the connection before. \
                              Send a key of its own with each call.";
                Self::new(ProblemCode::IdempotencyKeyReused, detail)
            }
            CallError::InFlight { run } => {
                let detail =
                    format!("The call with this Idempotency-Key is being performed: {run}. Ask again shortly.");
                Self::new(ProblemCode::RequestInFlight, detail).retry_after(Duration::from_secs(1))
            }
            CallError::NeedsReauth(cause) => {
                let detail = format!(
                    "{} Open a connect session with its connection_id to repair it. Cause: {}.",
                    cause.reason(),
                    cause.as_str()
                );
                Self::new(ProblemCode::NeedsReauth, detail)
            }
            CallError::NotUsable { .. } => Self::new(ProblemCode::Conflict, sentence(&error.to_string())),
            CallError::Busy => {
                let detail = "As many actions are being performed while somebody waits as may be at once. Wait for one to \
                              end, or send `Prefer: respond-async` to have a worker perform it.";
                Self::new(ProblemCode::RateLimited, detail).retry_after(Duration::from_secs(2))
            }
            CallError::Prepare(error) => error.into(),
            CallError::BrokenOff(_) => Self::internal(&error),
            CallError::Store(error) => error.into(),
        }
    }
}

impl From<PrepareError> for Fail {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::NoAction => Self::not_found("action"),
            PrepareError::Credential(error) => error.into(),
            PrepareError::Seal(error) => error.into(),
            PrepareError::Plugin(error) if error.blame() == plugin_host::Blame::Us => {
                let detail = "The server has no room for a plugin just now. Try again shortly.";
                Self::new(ProblemCode::RateLimited, detail).retry_after(Duration::from_secs(2)).caused_by(&error)
            }
            PrepareError::Plugin(error) => {
                Self::new(ProblemCode::PluginFailed, sentence(&error.to_string())).caused_by(&error)
            }
        }
    }
}

/// What is said of a call that is over and did not succeed.
fn failure(run: &ActionRunRow) -> Fail {
    let Some(error) = &run.error else {
        return Fail::new(ProblemCode::Internal, "The call did not succeed, and nobody wrote down why.");
    };
    let code = match (run.state, error.blame, error.code.as_str()) {
        (ActionState::Unknown, ..) => ProblemCode::ActionUnknown,
        (_, Blame::EndUser, _) => ProblemCode::NeedsReauth,
        (_, Blame::Tenant, _) => ProblemCode::ActionRefused,
        (_, Blame::Provider, "throttled") => ProblemCode::RateLimited,
        (_, Blame::Provider, _) => ProblemCode::ProviderFailed,
        (_, Blame::Plugin, _) => ProblemCode::PluginFailed,
        (_, Blame::Platform, "key_service") => ProblemCode::KeyServiceUnavailable,
        (_, Blame::Platform, _) => ProblemCode::Internal,
    };
    let fail = Fail::new(code, sentence(&error.message)).of_action(run.id, error.blame.as_str());
    match run.retry_after_seconds {
        Some(seconds) => fail.retry_after(Duration::from_secs(seconds.into())),
        None => fail,
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let begun: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if begun.ends_with(['.', '!', '?', '…']) { begun } else { format!("{begun}.") }
}

const fn state(state: ActionState) -> ActionRunState {
    match state {
        ActionState::Accepted => ActionRunState::Accepted,
        ActionState::Running => ActionRunState::Running,
        ActionState::Succeeded => ActionRunState::Succeeded,
        ActionState::Failed => ActionRunState::Failed,
        ActionState::Unknown => ActionRunState::Unknown,
    }
}

/// A call as it is shown.
fn show(run: ActionRunRow, output: Option<Value>) -> ActionRun {
    ActionRun {
        id: run.id,
        connection_id: run.connection,
        action: run.action,
        is_async: run.is_async,
        state: state(run.state),
        output_forgotten: run.forgotten_at.is_some() && output.is_none(),
        output,
        error: run.error.map(|error| ActionRunError {
            code: error.code,
            message: error.message,
            blame: error.blame.as_str().to_owned(),
            retry_after_seconds: run.retry_after_seconds,
        }),
        tries: run.tries,
        created_at: run.created_at,
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}

/// An action as it is shown.
fn describe(spec: ActionSpec) -> Action {
    Action {
        input_schema: spec.input.as_ref().map(|schema| schema.schema().clone()),
        output_schema: spec.output.as_ref().map(|schema| schema.schema().clone()),
        name: spec.name,
        description: spec.description,
        timeout_seconds: spec.timeout_seconds,
        is_idempotent: spec.is_idempotent,
    }
}

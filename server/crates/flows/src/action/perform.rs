//! Performs a call that was taken up, and ends it.

use std::time::Duration;

use api_types::event::EventKind;
use domain::{Scope, run::LogLevel};
use serde_json::{Value, json};
use store::{ActionEnd, ActionFence, ActionRunRow, StoreError, Tx};

use super::{
    Performer, QUEUE,
    end::{Ending, judge},
    output_place,
    prepare::Prepared,
};
use crate::{Actor, Services, connection, event, sync::journal::Journal};

/// Between the tries to write down how a call ended, where the database does not answer.
const WAITS: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(6)];

/// A call that is over: as it is stored, and what came out.
#[derive(Debug)]
pub(super) struct Performed {
    pub run: ActionRunRow,
    pub output: Option<Value>,
}

/// What the plugin made of a call, not yet written down.
pub(super) struct Outcome {
    pub ending: Ending,
    pub end: ActionEnd,
    pub journal: Journal,
}

/// Calls the plugin. From here on something may be sent, so the run is `running` by now.
pub(super) async fn act(performer: &Performer, prepared: Prepared, input: &Value) -> Outcome {
    let services = &performer.services;
    let Prepared { run, spec, access, mut session, watch, mut journal, data_key, place } = prepared;
    let gave = session.act(&access.plugin_connection(), &spec.name, &input.to_string()).await;
    let usage = session.usage();
    // Its instance and its place are for others while the end is written down.
    drop((session, place));
    let ending = judge(gave, &spec, watch.sent());
    let (fuel, http_calls, memory) = (usage.fuel, usage.http_calls, usage.memory_peak);
    tracing::info!(action.run = %run, action = spec.name, state = ending.state.as_str(), fuel, http_calls, memory, "acted");
    let text = match &ending.error {
        None => format!("Done, with {http_calls} requests."),
        Some(error) => format!("Ended as {}: {}", ending.state.as_str(), error.message),
    };
    let level = if ending.error.is_some() { LogLevel::Error } else { LogLevel::Info };
    journal.note(level, text, services.now());
    let (output, is_forgotten) = match (&ending.output, &data_key) {
        (None, _) => (None, false),
        (Some(_), None) => (None, true),
        (Some(output), Some(key)) => {
            let text = output.to_string();
            match services.sealer.seal(performer.scope, key, output_place(run), text.as_bytes()).await {
                Ok(sealed) => (Some(sealed.into_bytes()), false),
                Err(error) => {
                    tracing::error!(action.run = %run, %error, "what came out cannot be sealed, and is not kept");
                    (None, true)
                }
            }
        }
    };
    let end = end_of(&ending, output, is_forgotten);
    Outcome { ending, end, journal }
}

pub(super) fn end_of(ending: &Ending, output: Option<Vec<u8>>, is_forgotten: bool) -> ActionEnd {
    let seconds = ending.retry_after.map(|after| u32::try_from(after.as_secs()).unwrap_or(u32::MAX));
    ActionEnd { state: ending.state, output, is_forgotten, error: ending.error.clone(), retry_after_seconds: seconds }
}

/// Writes down how a call ended, with its log and what follows from it. Tried again for a while: the plugin is not asked
/// twice.
pub(super) async fn finish(
    performer: &Performer,
    fence: ActionFence,
    mut outcome: Outcome,
) -> Result<Performed, StoreError> {
    let mut waits = WAITS.iter();
    loop {
        match write(performer, fence, &mut outcome).await {
            Err(StoreError::Unavailable(_)) if let Some(wait) = waits.next() => tokio::time::sleep(*wait).await,
            other => return Ok(Performed { run: other?, output: outcome.ending.output }),
        }
    }
}

async fn write(
    Performer { services, scope }: &Performer,
    fence: ActionFence,
    outcome: &mut Outcome,
) -> Result<ActionRunRow, StoreError> {
    let mut tx = services.store.begin(*scope).await?;
    let lines = outcome.journal.pending();
    let row = close(&mut tx, services, fence, &outcome.end, outcome.ending.reauth).await?;
    tx.action_runs().add_lines(fence.run, &lines).await?;
    tx.commit().await?;
    Ok(row)
}

/// Ends a call in the caller's transaction: nobody looks after it any more, and whoever went away is told.
pub(super) async fn close(
    tx: &mut Tx<Scope>,
    services: &Services,
    fence: ActionFence,
    end: &ActionEnd,
    reauth: Option<domain::connection::ReauthCause>,
) -> Result<ActionRunRow, StoreError> {
    tx.action_runs().end(fence, end, services.now()).await?;
    tx.jobs().take_back(QUEUE, &fence.run.to_string()).await?;
    let row = tx.action_runs().find(fence.run).await?;
    if row.is_async {
        let error = end.error.as_ref();
        let data = json!({
            "connection_id": row.connection, "action_run_id": row.id, "action": row.action,
            "state": row.state.as_str(), "code": error.map(|error| &error.code),
            "blame": error.map(|error| error.blame.as_str()),
        });
        event::emit(tx, services, EventKind::ActionFinished, Some(row.connection), data).await?;
    }
    if let Some(cause) = reauth {
        connection::needs_reauth(tx, services, row.connection, cause, Actor::System).await?;
    }
    Ok(row)
}

//! The worker's side: performs calls that were accepted, and finds out about those whose server or worker died.

use std::time::Duration;

use domain::{
    Scope,
    action::{ActionState, MOST_TRIES, TakeUp, take_up},
    entropy, retry,
    run::{Blame, LogLevel},
};
use ids::ActionRunId;
use plugin_host::PluginError;
use serde_json::Value;
use store::{ActionFence, ActionRunRow, RunFailure, StoreError};
use vault::Sealed;

use super::{
    ActionJob, Performer,
    end::Ending,
    input_place,
    perform::{act, close, end_of, finish},
    prepare::{PrepareError, Prepared, Wanted, prepare},
};
use crate::{
    Actor, Services,
    credentials::{self, FreshError, SealError},
    sync::journal::Journal,
};

/// So often what a call needs is looked for, then it is given up. Nothing is sent meanwhile.
const MOST_PREPARATIONS: u32 = 6;

/// What came of it.
#[derive(Debug)]
pub enum Worked {
    /// There was nothing to do, for this reason.
    Nothing(&'static str),
    /// The call is over.
    Ended {
        /// Which.
        run: ActionRunId,
        /// How.
        state: ActionState,
        /// Why it did not succeed.
        error: Option<RunFailure>,
    },
    /// It waits until there is an instance of the plugin for it. That is no try.
    Waits {
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It is begun, or begun again, later.
    Later {
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
    },
}

/// Performs an accepted call, or says what became of one that nobody is at work on. `tries` counts tries of the job in a
/// row, this one included. Dropped half-way, the call stays `running`, and whoever comes next knows what that means.
///
/// # Errors
/// A query failed; try again.
pub async fn work(services: &Services, scope: Scope, job: &ActionJob, tries: u32) -> Result<Worked, StoreError> {
    let performer = Performer { services: services.clone(), scope };
    let Some((row, last_line)) = performer.look(job.run).await? else { return Ok(Worked::Nothing("the call is gone")) };
    let ctx = services.ctx(scope, Actor::System);
    // One that was performed at once left no input behind.
    let is_idempotent = row.input.is_some()
        && match credentials::access(ctx, row.connection).await {
            Ok(access) => access.provider.manifest.action(&row.action).is_some_and(|action| action.is_idempotent),
            Err(FreshError::Store(error)) => return Err(error),
            Err(_) => false,
        };
    match take_up(row.state, is_idempotent, row.tries) {
        TakeUp::Nothing => return Ok(Worked::Nothing("the call is over")),
        TakeUp::Unknown => return performer.settle(&row, last_line, Ending::lost()).await,
        TakeUp::Perform => {}
    }
    let input = match performer.input(&row).await {
        Ok(input) => input,
        Err(error) => return performer.unprepared(&row, last_line, error.into(), tries).await,
    };
    let wanted =
        Wanted { run: row.id, connection: row.connection, action: &row.action, is_kept: true, last_line, place: None };
    match prepare(ctx, wanted).await {
        Ok(prepared) => performer.perform(&row, prepared, &input, is_idempotent).await,
        Err(error) => performer.unprepared(&row, last_line, error, tries).await,
    }
}

/// Ends a call whose job is given up.
///
/// # Errors
/// A query failed.
pub async fn give_up(services: &Services, scope: Scope, job: &ActionJob, reason: &str) -> Result<(), StoreError> {
    let performer = Performer { services: services.clone(), scope };
    let Some((row, last_line)) = performer.look(job.run).await? else { return Ok(()) };
    if row.state.is_over() {
        return Ok(());
    }
    let text = format!("Nobody could perform the action: {reason}");
    let ending = Ending::without(unsent(&row), "platform", text, Blame::Platform);
    performer.settle(&row, last_line, ending).await.map(drop)
}

/// The state of a call that is ended without having been performed now: one that was begun before may have got through.
const fn unsent(row: &ActionRunRow) -> ActionState {
    if matches!(row.state, ActionState::Running) { ActionState::Unknown } else { ActionState::Failed }
}

impl Performer {
    /// The call as it stands, and the last line of its log.
    async fn look(&self, id: ActionRunId) -> Result<Option<(ActionRunRow, u32)>, StoreError> {
        let mut tx = self.services.store.begin(self.scope).await?;
        let row = match tx.action_runs().find(id).await {
            Ok(row) => row,
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let last_line = tx.action_runs().last_line(id).await?;
        tx.commit().await?;
        Ok(Some((row, last_line)))
    }

    async fn input(&self, row: &ActionRunRow) -> Result<Value, SealError> {
        let sealed = Sealed::from_bytes(row.input.clone().unwrap_or_default())?;
        let ctx = self.services.ctx(self.scope, Actor::System);
        let opened = credentials::open(ctx, input_place(row.id), &sealed).await?;
        let unreadable = |_| vault::KeyError::Corrupt { what: "an action's input" };
        Ok(serde_json::from_slice(&opened).map_err(unreadable)?)
    }

    /// Takes the call up and performs it.
    async fn perform(
        &self,
        row: &ActionRunRow,
        prepared: Prepared,
        input: &Value,
        is_idempotent: bool,
    ) -> Result<Worked, StoreError> {
        let services = &self.services;
        let mut tx = services.store.begin(self.scope).await?;
        let now = tx.action_runs().lock(row.id).await?;
        if (now.state, now.fence) != (row.state, row.fence) {
            return Ok(Worked::Nothing("somebody else has the call now"));
        }
        let fence = tx.action_runs().take_up(row.id, services.now()).await?;
        tx.commit().await?;
        crate::fault::point("action.running");
        let mut outcome = act(self, prepared, input).await;
        let tries = row.tries.saturating_add(1);
        if is_idempotent && tries < MOST_TRIES && outcome.ending.is_worth_repeating() {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = retry::backoff(tries, outcome.ending.retry_after, roll);
            let reason = outcome.ending.error.map(|error| error.message).unwrap_or_default();
            outcome.journal.note(LogLevel::Warn, format!("Begun again in {} s.", after.as_secs()), services.now());
            let mut tx = services.store.begin(self.scope).await?;
            tx.action_runs().add_lines(row.id, &outcome.journal.pending()).await?;
            tx.commit().await?;
            return Ok(Worked::Later { after, reason });
        }
        let ended = finish(self, fence, outcome).await?.run;
        Ok(Worked::Ended { run: ended.id, state: ended.state, error: ended.error })
    }

    /// What a call needs is not at hand: later, or it is over.
    async fn unprepared(
        &self,
        row: &ActionRunRow,
        last_line: u32,
        error: PrepareError,
        tries: u32,
    ) -> Result<Worked, StoreError> {
        let (state, text) = (unsent(row), error.to_string());
        let ending = match error {
            PrepareError::Credential(FreshError::Store(error)) | PrepareError::Seal(SealError::Store(error)) => {
                return Err(error);
            }
            PrepareError::Credential(FreshError::NotFound) => return Ok(Worked::Nothing("the connection is gone")),
            PrepareError::NoAction => Ending::without(state, "no_action", text, Blame::Tenant),
            PrepareError::Credential(FreshError::NeedsReauth { .. }) => {
                Ending::without(state, "needs_reauth", text, Blame::EndUser)
            }
            PrepareError::Credential(FreshError::NotUsable { .. }) => {
                Ending::without(state, "not_connected", text, Blame::Tenant)
            }
            PrepareError::Credential(FreshError::Misconfigured { .. }) => {
                Ending::without(state, "misconfigured", text, Blame::Tenant)
            }
            PrepareError::Credential(FreshError::ProviderDown { retry_after, .. }) => {
                let ending = Ending::without(state, "provider_failed", text, Blame::Provider);
                return self.later(row, last_line, ending, Some(retry_after), tries).await;
            }
            PrepareError::Credential(FreshError::Keys(_)) | PrepareError::Seal(_) => {
                let ending = Ending::without(state, "key_service", text, Blame::Platform);
                return self.later(row, last_line, ending, None, tries).await;
            }
            PrepareError::Plugin(PluginError::Busy { .. }) => {
                let roll = u32::from_be_bytes(entropy::bytes(self.services.entropy.as_ref()));
                return Ok(Worked::Waits { after: retry::backoff(1, None, roll), reason: text });
            }
            PrepareError::Plugin(error) if error.blame() != plugin_host::Blame::Us => {
                Ending::without(state, error.code(), text, Blame::Plugin)
            }
            PrepareError::Plugin(_) | PrepareError::Credential(FreshError::Internal(_)) => {
                let ending = Ending::without(state, "platform", text, Blame::Platform);
                return self.later(row, last_line, ending, None, tries).await;
            }
        };
        self.settle(row, last_line, ending).await
    }

    /// Another try later, or the end if there were enough.
    async fn later(
        &self,
        row: &ActionRunRow,
        last_line: u32,
        ending: Ending,
        asked: Option<Duration>,
        tries: u32,
    ) -> Result<Worked, StoreError> {
        if tries >= MOST_PREPARATIONS {
            return self.settle(row, last_line, ending).await;
        }
        let roll = u32::from_be_bytes(entropy::bytes(self.services.entropy.as_ref()));
        let reason = ending.error.map(|error| error.message).unwrap_or_default();
        Ok(Worked::Later { after: retry::backoff(tries, asked, roll), reason })
    }

    /// Ends a call that is not performed now.
    async fn settle(&self, row: &ActionRunRow, last_line: u32, ending: Ending) -> Result<Worked, StoreError> {
        let services = &self.services;
        let mut journal = Journal::after(last_line);
        if let Some(error) = &ending.error {
            let text = format!("Ended as {}: {}", ending.state.as_str(), error.message);
            journal.note(LogLevel::Error, text, services.now());
        }
        let end = end_of(&ending, None, false);
        let fence = ActionFence { run: row.id, number: row.fence };
        let mut tx = services.store.begin(self.scope).await?;
        let ended = match close(&mut tx, services, fence, &end, ending.reauth).await {
            Ok(ended) => ended,
            Err(StoreError::Superseded(_)) => return Ok(Worked::Nothing("somebody else has the call now")),
            Err(error) => return Err(error),
        };
        tx.action_runs().add_lines(row.id, &journal.pending()).await?;
        tx.commit().await?;
        Ok(Worked::Ended { run: ended.id, state: ended.state, error: ended.error })
    }
}

//! Runs a sync: pulls page after page through the plugin and ingests each, while the next is already being pulled.

use std::{sync::Arc, time::Duration};

use domain::{
    Scope, entropy, retry,
    run::{Blame, Counts, LogLevel},
};
use ids::RunId;
use plugin_host::{Capabilities, PluginLimits, PluginSession, Usage};
use store::{RunFailure, RunFence, StoreError, SyncRow};
use tokio::task::{JoinError, JoinHandle};

use super::{
    SyncJob,
    begin::{Beginning, Begun, begin, take_up},
    end,
    ingest::{IngestError, Prepared, ingest, prepared},
    journal::Journal,
    plugin_http::{PluginHttp, TokenSource},
    trouble::{Next, Stop, Trouble},
};
use crate::{Actor, Services, credentials};

/// So many tries in a row without a page, then the run is given up.
const MOST_TRIES: u32 = 6;

/// What came of it.
#[derive(Debug)]
pub enum Ran {
    /// There was nothing to do, for this reason.
    Nothing(&'static str),
    /// The run succeeded.
    Succeeded {
        /// The run.
        run: RunId,
        /// What it did.
        counts: Counts,
        /// What the plugin used.
        usage: Usage,
    },
    /// The run was given up; its history says why.
    Failed {
        /// The run.
        run: RunId,
        /// Why.
        failure: RunFailure,
    },
    /// The run waits to be taken up again.
    Later {
        /// The run.
        run: RunId,
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
        /// Whether a page was committed, so that the count of tries begins anew.
        has_progressed: bool,
    },
}

/// The run cannot go on here.
#[derive(Debug, thiserror::Error)]
pub enum RunSyncError {
    /// Another worker has it now, or it has ended: leave it alone.
    #[error("another worker has this run now, or it has ended")]
    Superseded,
    /// The database failed; try again.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RunSyncError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Superseded(_) => Self::Superseded,
            other => Self::Store(other),
        }
    }
}

/// Runs a sync, or goes on with a run that was broken off. `tries` counts tries in a row without progress, this one
/// included. Dropping the future at any point loses nothing that was committed and doubles nothing.
///
/// # Errors
/// [`RunSyncError`].
pub async fn run(services: &Services, scope: Scope, job: &SyncJob, tries: u32) -> Result<Ran, RunSyncError> {
    let begun = match begin(services, scope, job).await? {
        Beginning::Run(begun) => begun,
        Beginning::Nothing(why) => return Ok(Ran::Nothing(why)),
    };
    let mut work = Work::new(services, &begun);
    let outcome = work.pages().await;
    let Work { mut journal, pages, usage, .. } = work;
    let (held, run) = (&begun.held, begun.held.fence.run);
    let trouble = match outcome {
        Ok(counts) => return Ok(Ran::Succeeded { run, counts, usage }),
        Err(Stop::Store(error)) => return Err(error.into()),
        Err(Stop::Trouble(trouble)) => trouble,
    };
    let tries = if pages > 0 { 1 } else { tries };
    match trouble.next {
        Next::Retry(asked) if tries < MOST_TRIES => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = retry::backoff(tries, asked, roll);
            end::wait(services, held, &trouble.failure.message, after.as_secs(), &mut journal).await?;
            Ok(Ran::Later { run, after, reason: trouble.failure.message, has_progressed: pages > 0 })
        }
        next => {
            let reauth = if let Next::AskEndUser(cause) = next { Some(cause) } else { None };
            end::fail(services, held, &trouble.failure, reauth, &mut journal).await?;
            Ok(Ran::Failed { run, failure: trouble.failure })
        }
    }
}

/// Gives a run up that keeps killing its workers, so that its history says so.
///
/// # Errors
/// [`RunSyncError`].
pub async fn give_up(services: &Services, scope: Scope, job: &SyncJob, reason: &str) -> Result<(), RunSyncError> {
    let Some(begun) = take_up(services, scope, job.sync).await? else { return Ok(()) };
    let failure = RunFailure {
        code: "platform".into(),
        message: format!("The run was broken off too many times: {reason}"),
        blame: Blame::Platform,
    };
    let mut journal = Journal::after(begun.last_line);
    Ok(end::fail(services, &begun.held, &failure, None, &mut journal).await?)
}

/// A run in our hands.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub scope: Scope,
    pub sync: SyncRow,
    pub fence: RunFence,
}

/// The pulling part of a run.
struct Work<'a> {
    services: &'a Services,
    begun: &'a Begun,
    journal: Journal,
    /// Pages committed by this worker.
    pages: u32,
    has_begun_anew: bool,
    usage: Usage,
}

impl<'a> Work<'a> {
    fn new(services: &'a Services, begun: &'a Begun) -> Self {
        let journal = Journal::after(begun.last_line);
        Self { services, begun, journal, pages: 0, has_begun_anew: false, usage: Usage::default() }
    }

    /// Everything from the credential to the last page. Gives what the whole run did.
    async fn pages(&mut self) -> Result<Counts, Stop> {
        let (services, held) = (self.services, &self.begun.held);
        let (scope, connection, stream) = (held.scope, held.sync.connection, &held.sync.stream);
        let fresh = credentials::fresh(services.ctx(scope, Actor::System), connection).await?;
        let access = fresh.access;
        let provider = Arc::clone(&access.provider);
        let Some(plugin) = &provider.plugin else {
            let text = "The provider has no plugin any more.";
            return Err(Trouble::new("no_plugin", text, Blame::Tenant, Next::GiveUp).into());
        };
        if provider.manifest.stream(stream).is_none() {
            let text = format!("The provider has no stream `{stream}` any more.");
            return Err(Trouble::new("no_stream", text, Blame::Tenant, Next::GiveUp).into());
        }
        self.say_how_it_begins();
        let capabilities = Capabilities {
            http: Box::new(PluginHttp::new(services.clone(), TokenSource::Stored { scope, connection })),
            log: Box::new(self.journal.plugin()),
            clock: Arc::clone(&services.clock),
        };
        let session = plugin.session(capabilities, PluginLimits::default()).await.map_err(Trouble::from)?;
        self.pull_all(Puller { session, connection: access.plugin_connection(), stream }).await
    }

    fn say_how_it_begins(&mut self) {
        let begun = self.begun;
        let how = match (begun.was_broken_off, begun.cursor.is_some()) {
            (true, _) => format!("Goes on after page {}.", begun.pages),
            (false, true) => "Begins where the last run ended.".to_owned(),
            (false, false) => "Begins at the beginning.".to_owned(),
        };
        self.journal.note(LogLevel::Info, how, self.services.now());
    }

    async fn pull_all(&mut self, mut puller: Puller<'_>) -> Result<Counts, Stop> {
        let mut page = match puller.pull(self.begun.cursor.as_deref()).await {
            Ok(page) => page,
            Err(Stop::Trouble(trouble)) => self.begin_anew(&mut puller, trouble).await?,
            Err(stop) => return Err(stop),
        };
        loop {
            let next_cursor = page.page.cursor.clone();
            let is_last = !page.page.more;
            let ingesting = self.ingest(page);
            if is_last {
                self.usage = puller.session.usage();
                let ingested = ingesting.await;
                return self.ingested(ingested);
            }
            let (ingested, next) = tokio::join!(ingesting, puller.pull(next_cursor.as_deref()));
            self.usage = puller.session.usage();
            self.ingested(ingested)?;
            page = match next {
                Ok(page) => page,
                Err(Stop::Trouble(trouble)) => self.begin_anew(&mut puller, trouble).await?,
                Err(stop) => return Err(stop),
            };
        }
    }

    /// Begins to ingest a page, on a task of its own, so that it goes on while the plugin computes.
    fn ingest(&mut self, page: Prepared) -> JoinHandle<(Journal, Result<Counts, IngestError>)> {
        let spare = self.journal.spare();
        let journal = std::mem::replace(&mut self.journal, spare);
        tokio::spawn(ingest(self.services.clone(), self.begun.held.clone(), page, journal))
    }

    fn ingested(&mut self, done: Result<(Journal, Result<Counts, IngestError>), JoinError>) -> Result<Counts, Stop> {
        let (journal, outcome) = done.map_err(|error| IngestError::Internal(error.to_string()))?;
        self.journal = journal;
        let counts = outcome?;
        self.pages = self.pages.saturating_add(1);
        Ok(counts)
    }

    /// Where the trouble is a cursor that the provider forgot, the first page of all; once in a run.
    async fn begin_anew(&mut self, puller: &mut Puller<'_>, trouble: Trouble) -> Result<Prepared, Stop> {
        if trouble.next != Next::BeginAnew || self.has_begun_anew {
            return Err(trouble.into());
        }
        self.has_begun_anew = true;
        let text =
            format!("The provider does not know the cursor any more; beginning anew: {}", trouble.failure.message);
        self.journal.note(LogLevel::Warn, text, self.services.now());
        end::begin_anew(self.services, &self.begun.held).await?;
        puller.pull(None).await
    }
}

/// A plugin at work on one stream of one connection.
struct Puller<'a> {
    session: PluginSession,
    connection: plugin_host::Connection,
    stream: &'a str,
}

impl Puller<'_> {
    /// The next page, with all that can be done about it before the one in front of it is committed.
    async fn pull(&mut self, cursor: Option<&str>) -> Result<Prepared, Stop> {
        let page = self.session.pull(&self.connection, self.stream, cursor).await.map_err(Trouble::from)?;
        Ok(prepared(page).await?)
    }
}

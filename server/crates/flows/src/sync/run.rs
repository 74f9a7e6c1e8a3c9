//! Runs a sync: pulls page after page through the plugin and ingests each, while the next is already being pulled.

use std::{sync::Arc, time::Duration};

use domain::{
    Scope, entropy, retry,
    run::{Blame, Counts, LogLevel},
};
use ids::RunId;
use plugin_host::{Capabilities, Page, PluginLimits, PluginSession, Usage};
use store::{RunFailure, StoreError};

use super::{
    SyncJob,
    begin::{Beginning, Begun, begin, take_up},
    end::Ending,
    ingest::{Batch, IngestError, Ingested, ingest},
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
    let mut journal = Journal::after(begun.last_line);
    let ending = Ending { services, scope, sync: &begun.sync, fence: begun.fence };
    let mut work = Work {
        services,
        scope,
        begun: &begun,
        journal: &mut journal,
        pages: 0,
        has_begun_anew: false,
        usage: Usage::default(),
    };
    let outcome = work.pages().await;
    let (pages, usage) = (work.pages, work.usage);
    let run = begun.fence.run;
    let trouble = match outcome {
        Ok(()) => {
            let counts = ending.succeed(&mut journal).await?;
            return Ok(Ran::Succeeded { run, counts, usage });
        }
        Err(Stop::Store(error)) => return Err(error.into()),
        Err(Stop::Trouble(trouble)) => trouble,
    };
    let tries = if pages > 0 { 1 } else { tries };
    match trouble.next {
        Next::Retry(asked) if tries < MOST_TRIES => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = retry::backoff(tries, asked, roll);
            ending.wait(&trouble.failure.message, after.as_secs(), &mut journal).await?;
            Ok(Ran::Later { run, after, reason: trouble.failure.message, has_progressed: pages > 0 })
        }
        next => {
            let reauth = if let Next::AskEndUser(cause) = next { Some(cause) } else { None };
            ending.fail(&trouble.failure, reauth, &mut journal).await?;
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
    let ending = Ending { services, scope, sync: &begun.sync, fence: begun.fence };
    Ok(ending.fail(&failure, None, &mut Journal::after(begun.last_line)).await?)
}

/// The pulling part of a run.
struct Work<'a> {
    services: &'a Services,
    scope: Scope,
    begun: &'a Begun,
    journal: &'a mut Journal,
    /// Pages committed by this worker.
    pages: u32,
    has_begun_anew: bool,
    usage: Usage,
}

impl Work<'_> {
    async fn pages(&mut self) -> Result<(), Stop> {
        let (services, sync) = (self.services, &self.begun.sync);
        let ctx = services.ctx(self.scope, Actor::System);
        let fresh = credentials::fresh(ctx, sync.connection).await?;
        let access = fresh.access;
        let provider = Arc::clone(&access.provider);
        let Some(plugin) = &provider.plugin else {
            return Err(
                Trouble::new("no_plugin", "The provider has no plugin any more.", Blame::Tenant, Next::GiveUp).into()
            );
        };
        if provider.manifest.stream(&sync.stream).is_none() {
            let text = format!("The provider has no stream `{}` any more.", sync.stream);
            return Err(Trouble::new("no_stream", text, Blame::Tenant, Next::GiveUp).into());
        }
        self.say_how_it_begins();
        let source = TokenSource::Stored { scope: self.scope, connection: sync.connection };
        let capabilities = Capabilities {
            http: Box::new(PluginHttp::new(services.clone(), source)),
            log: Box::new(self.journal.plugin()),
            clock: Arc::clone(&services.clock),
        };
        let session = plugin.session(capabilities, PluginLimits::default()).await.map_err(Trouble::from)?;
        let puller = Puller { session, connection: access.plugin_connection(), stream: &sync.stream };
        self.pull_all(puller).await
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

    async fn pull_all(&mut self, mut puller: Puller<'_>) -> Result<(), Stop> {
        let mut pulled = self.pull(&mut puller, self.begun.cursor.as_deref()).await?;
        loop {
            let next_cursor = pulled.cursor.clone();
            let is_last = !pulled.more;
            let batch = Batch {
                scope: self.scope,
                sync: self.begun.sync.id,
                fence: self.begun.fence,
                page: pulled,
                lines: self.journal.pending(),
            };
            // On a task of its own, so that it goes on while the plugin computes.
            let services = self.services.clone();
            let ingesting = tokio::spawn(async move { ingest(&services, batch).await });
            if is_last {
                let ingested = ingesting.await;
                self.usage = puller.session.usage();
                return self.ingested(ingested);
            }
            let (ingested, next) = tokio::join!(ingesting, puller.pull(next_cursor.as_deref()));
            self.usage = puller.session.usage();
            self.ingested(ingested)?;
            pulled = match next {
                Ok(page) => page,
                Err(trouble) => self.begin_anew(&mut puller, trouble).await?,
            };
        }
    }

    /// The first page, or the first after beginning anew.
    async fn pull(&mut self, puller: &mut Puller<'_>, cursor: Option<&str>) -> Result<Page, Stop> {
        match puller.pull(cursor).await {
            Ok(page) => Ok(page),
            Err(trouble) => self.begin_anew(puller, trouble).await,
        }
    }

    /// Where the trouble is a cursor that the provider forgot, the first page of all; once in a run.
    async fn begin_anew(&mut self, puller: &mut Puller<'_>, trouble: Trouble) -> Result<Page, Stop> {
        if trouble.next != Next::BeginAnew || self.has_begun_anew {
            return Err(trouble.into());
        }
        self.has_begun_anew = true;
        let (services, begun) = (self.services, self.begun);
        let text =
            format!("The provider does not know the cursor any more; beginning anew: {}", trouble.failure.message);
        self.journal.note(LogLevel::Warn, text, services.now());
        Ending { services, scope: self.scope, sync: &begun.sync, fence: begun.fence }.begin_anew().await?;
        Ok(puller.pull(None).await?)
    }

    fn ingested(
        &mut self,
        ingested: Result<Result<Ingested, IngestError>, tokio::task::JoinError>,
    ) -> Result<(), Stop> {
        let ingested = ingested.map_err(|error| IngestError::Internal(error.to_string()))??;
        self.pages = self.pages.saturating_add(1);
        self.journal.written(ingested.last_line);
        for warning in ingested.warnings {
            self.journal.note(LogLevel::Warn, warning, self.services.now());
        }
        tracing::debug!(run.id = %self.begun.fence.run, pages = self.pages, counts = ?ingested.counts, "page ingested");
        Ok(())
    }
}

/// A plugin at work on one stream of one connection.
struct Puller<'a> {
    session: PluginSession,
    connection: plugin_host::Connection,
    stream: &'a str,
}

impl Puller<'_> {
    async fn pull(&mut self, cursor: Option<&str>) -> Result<Page, Trouble> {
        Ok(self.session.pull(&self.connection, self.stream, cursor).await?)
    }
}

//! Runs a sync: pulls page after page through the plugin and ingests each, while the next ones are already on their way.
//! They are committed one after the other, each with its cursor.

use std::{sync::Arc, time::Duration};

use domain::{
    Scope, entropy, retry,
    run::{Blame, Counts, LogLevel},
};
use egress::Budget;
use ids::RunId;
use plugin_host::{Capabilities, Page, PluginLimits, PluginSession, Usage};
use store::{JobLease, RunFailure, RunFence, StoreError, SyncRow};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

use super::{
    SyncJob,
    begin::{Beginning, Begun, begin, take_up},
    end,
    ingest::{Done, Expected, preparing},
    journal::Journal,
    options::connection_for,
    plugin_http::{PluginHttp, TokenSource},
    trouble::{Next, Stop, Trouble},
};
use crate::{Actor, Services, credentials, plugin::access_of_run};

/// So many tries in a row without a page, then the run is given up.
const MOST_TRIES: u32 = 6;
/// Pages that were pulled and are not committed yet: one in the database and one behind it. With the one that is being
/// pulled this is what a run holds in memory.
const PAGES_UNDER_WAY: usize = 2;

/// What came of it.
#[derive(Debug)]
pub enum Ran {
    /// There was nothing to do, for this reason.
    Nothing(&'static str),
    /// The run succeeded, and its job is done with it.
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
    /// The run waits until the provider may be called again, which keeps failing or whose limit is used up, or until there is
    /// an instance of the plugin for it. That is no try of this run.
    Waits {
        /// The run.
        run: RunId,
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
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

/// Runs a sync, or goes on with a run that was broken off, for the job that is held under a lease: with success it leaves the
/// table in the transaction in which the run ends. `tries` counts tries in a row without progress, this one included.
/// Dropping the future at any point loses nothing that was committed and doubles nothing.
///
/// # Errors
/// [`RunSyncError`].
pub async fn run(
    services: &Services,
    scope: Scope,
    job: &SyncJob,
    lease: JobLease,
    tries: u32,
) -> Result<Ran, RunSyncError> {
    let begun = match begin(services, scope, job, lease).await? {
        Beginning::Run(begun) => begun,
        Beginning::Nothing(why) => return Ok(Ran::Nothing(why)),
    };
    let mut work = Work::new(services, &begun);
    let outcome = work.pages().await;
    let Work { mut journal, pages, usage, calls, .. } = work;
    let (held, run) = (&begun.held, begun.held.fence.run);
    let trouble = match outcome {
        Ok(counts) => return Ok(Ran::Succeeded { run, counts, usage }),
        Err(Stop::Store(error)) => return Err(error.into()),
        Err(Stop::Trouble(trouble)) => trouble,
    };
    let tries = if pages > 0 { 1 } else { tries };
    // What the provider cannot be asked now it did not refuse to this run.
    let held_back = calls.and_then(|budget| services.egress.held_back(&budget));
    match (trouble.next, held_back) {
        (Next::Retry(_), Some(wait)) => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = wait.saturating_add(retry::backoff(1, None, roll));
            end::wait(services, held, &trouble.failure.message, after.as_secs(), &mut journal).await?;
            Ok(Ran::Waits { run, after, reason: trouble.failure.message })
        }
        (Next::Wait, _) => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = retry::backoff(1, None, roll);
            end::wait(services, held, &trouble.failure.message, after.as_secs(), &mut journal).await?;
            Ok(Ran::Waits { run, after, reason: trouble.failure.message })
        }
        (Next::Retry(asked), None) if tries < MOST_TRIES => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            let after = retry::backoff(tries, asked, roll);
            end::wait(services, held, &trouble.failure.message, after.as_secs(), &mut journal).await?;
            Ok(Ran::Later { run, after, reason: trouble.failure.message, has_progressed: pages > 0 })
        }
        (next, _) => {
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
pub async fn give_up(
    services: &Services,
    scope: Scope,
    job: &SyncJob,
    lease: JobLease,
    reason: &str,
) -> Result<(), RunSyncError> {
    let Some(begun) = take_up(services, scope, job, lease).await? else { return Ok(()) };
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
    /// The job that it runs under.
    pub job: JobLease,
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
    /// What its pages are like.
    expected: Expected,
    usage: Usage,
    /// Whose budget its calls spend.
    calls: Option<Budget>,
}

impl<'a> Work<'a> {
    fn new(services: &'a Services, begun: &'a Begun) -> Self {
        let journal = Journal::after(begun.last_line);
        Self {
            services,
            begun,
            journal,
            pages: 0,
            has_begun_anew: false,
            expected: Expected::default(),
            usage: Usage::default(),
            calls: None,
        }
    }

    /// Everything from the credential to the last page. Gives what the whole run did.
    async fn pages(&mut self) -> Result<Counts, Stop> {
        let (services, held) = (self.services, &self.begun.held);
        let (scope, connection, stream) = (held.scope, held.sync.connection, &held.sync.stream);
        let fresh = credentials::fresh(services.ctx(scope, Actor::System), connection).await?;
        let access = access_of_run(services, scope, self.begun.version, connection, fresh.access).await?;
        let provider = Arc::clone(&access.provider);
        self.calls.clone_from(&access.budget);
        if let Some((host, rest)) = services.egress.rests(access.integration) {
            let text = format!("{host} keeps failing and is left alone for another {} s.", rest.as_secs());
            return Err(Trouble::new("provider_rests", text, Blame::Provider, Next::Retry(Some(rest))).into());
        }
        let Some(plugin) = &provider.plugin else {
            let text = "The provider has no plugin any more.";
            return Err(Trouble::new("no_plugin", text, Blame::Tenant, Next::GiveUp).into());
        };
        if provider.manifest.stream(stream).is_none() {
            let text = format!("The provider has no stream `{stream}` any more.");
            return Err(Trouble::new("no_stream", text, Blame::Tenant, Next::GiveUp).into());
        }
        self.say_how_it_begins(provider.version.as_ref().map(|version| version.number.as_str()));
        let capabilities = Capabilities {
            http: Box::new(
                PluginHttp::new(services.clone(), TokenSource::Stored { scope, connection }).by(Arc::clone(&access)),
            ),
            log: Box::new(self.journal.plugin()),
            clock: Arc::clone(&services.clock),
            entropy: Arc::clone(&services.entropy),
        };
        let contract = plugin.plugin().await.map_err(Trouble::from)?.contract();
        let session = plugin.session(capabilities, PluginLimits::default()).await.map_err(Trouble::from)?;
        let connection = connection_for(access.plugin_connection(), &held.sync, contract);
        self.pull_all(Puller { session, connection, stream }).await
    }

    fn say_how_it_begins(&mut self, version: Option<&str>) {
        let begun = self.begun;
        let how = match (begun.was_broken_off, begun.cursor.is_some()) {
            (true, _) => format!("Goes on after page {}.", begun.pages),
            (false, true) => "Begins where the last run ended.".to_owned(),
            (false, false) => "Begins at the beginning.".to_owned(),
        };
        let how = match version {
            Some(version) => format!("{how} The plugin's version is {version}."),
            None => how,
        };
        self.journal.note(LogLevel::Info, how, self.services.now());
    }

    /// Pulls page after page. While one is pulled, the one before it is prepared and the one before that is committed.
    async fn pull_all(&mut self, mut puller: Puller<'_>) -> Result<Counts, Stop> {
        let places = Arc::new(Semaphore::new(PAGES_UNDER_WAY));
        let mut before: Option<JoinHandle<Done>> = None;
        let mut pulled = puller.pull(self.begun.cursor.as_deref()).await;
        loop {
            self.usage = puller.session.usage();
            let page = match pulled {
                Ok(page) => page,
                Err(trouble) => {
                    // What was pulled before the trouble stands.
                    self.settle(before.take()).await?;
                    self.begin_anew(&mut puller, trouble).await?
                }
            };
            let (cursor, is_last) = (page.cursor.clone(), !page.more);
            // There is no place any more after a page that was not committed: that page says why.
            if let Ok(place) = Arc::clone(&places).acquire_owned().await {
                before = Some(self.ingest(before.take(), page, place, Arc::clone(&places)));
                if !is_last {
                    pulled = puller.pull(cursor.as_deref()).await;
                    continue;
                }
            }
            return self.settle(before.take()).await;
        }
    }

    /// Begins to ingest a page behind the one before it, on a task of its own, so that it goes on while the plugin
    /// computes.
    fn ingest(
        &mut self,
        before: Option<JoinHandle<Done>>,
        page: Page,
        place: OwnedSemaphorePermit,
        places: Arc<Semaphore>,
    ) -> JoinHandle<Done> {
        let (services, held) = (self.services.clone(), self.begun.held.clone());
        let expected = self.expected.clone();
        let preparing = preparing(page, &expected);
        let spare = self.journal.spare();
        let first = before.is_none().then(|| std::mem::replace(&mut self.journal, spare));
        tokio::spawn(async move {
            let _place = place;
            let done = match (before, first) {
                (Some(before), _) => before.await.unwrap_or_else(Done::lost),
                (None, journal) => Done { journal, pages: 0, outcome: Ok(Counts::default()) },
            };
            let done = done.then(&services, &held, preparing, &expected).await;
            if done.outcome.is_err() {
                places.close();
            }
            done
        })
    }

    /// Waits until all that was pulled is committed. Gives what the last page brought to the run's end.
    async fn settle(&mut self, last: Option<JoinHandle<Done>>) -> Result<Counts, Stop> {
        let Some(last) = last else { return Ok(Counts::default()) };
        let done = last.await.unwrap_or_else(Done::lost);
        if let Some(journal) = done.journal {
            self.journal = journal;
        }
        self.pages = self.pages.saturating_add(done.pages);
        Ok(done.outcome?)
    }

    /// Where the trouble is a cursor that the provider forgot, the first page of all; once in a run.
    async fn begin_anew(&mut self, puller: &mut Puller<'_>, trouble: Trouble) -> Result<Page, Stop> {
        if trouble.next != Next::BeginAnew || self.has_begun_anew {
            return Err(trouble.into());
        }
        self.has_begun_anew = true;
        let text =
            format!("The provider does not know the cursor any more; beginning anew: {}", trouble.failure.message);
        self.journal.note(LogLevel::Warn, text, self.services.now());
        end::begin_anew(self.services, &self.begun.held).await?;
        Ok(puller.pull(None).await?)
    }
}

/// A plugin at work on one stream of one connection.
struct Puller<'a> {
    session: PluginSession,
    connection: plugin_host::Connection,
    stream: &'a str,
}

impl Puller<'_> {
    /// The next page.
    async fn pull(&mut self, cursor: Option<&str>) -> Result<Page, Trouble> {
        Ok(self.session.pull(&self.connection, self.stream, cursor).await?)
    }
}

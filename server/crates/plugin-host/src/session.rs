//! One instance at work.

use std::sync::Arc;

use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, error::Elapsed, timeout},
};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use crate::{
    abi::Instance,
    capabilities::{Guest, cut},
    error::{Failure, PluginError},
    host::Pool,
    limits::{PluginLimits, Usage},
    ticker::Working,
    types::{Connection, Identity, Page, Route, Webhook},
};

/// An instance of a plugin for one run or one call. Use it for one connection only: what the plugin remembers in its
/// memory lives as long as the session. Dropping it, also in the middle of a call, gives everything back.
pub struct PluginSession {
    store: Store<Guest>,
    provider: Instance,
    pool: Arc<Pool>,
    _place: OwnedSemaphorePermit,
    /// Set while a call runs, so that it stays set when the call is given up half-way.
    over: bool,
    pages: u32,
    last: Usage,
    total: Usage,
}

impl std::fmt::Debug for PluginSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginSession").field("over", &self.over).field("total", &self.total).finish_non_exhaustive()
    }
}

/// A call that has begun.
struct Call {
    started: Instant,
    _working: Working,
}

impl PluginSession {
    pub(crate) fn new(
        store: Store<Guest>,
        provider: Instance,
        pool: Arc<Pool>,
        place: OwnedSemaphorePermit,
        total: Usage,
    ) -> Self {
        Self { store, provider, pool, _place: place, over: false, pages: 0, last: Usage::default(), total }
    }

    /// What the last call used.
    #[must_use]
    pub fn last_usage(&self) -> Usage {
        self.last
    }

    /// What the session used so far, making the instance included.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.total
    }

    /// Pulls one page of `stream`, from `cursor` on or from the beginning.
    ///
    /// # Errors
    /// As [`PluginError`] says; also if the page breaks its limits or stands where it stood.
    pub async fn pull(
        &mut self,
        connection: &Connection,
        stream: &str,
        cursor: Option<&str>,
    ) -> Result<Page, PluginError> {
        let limits = self.store.data().limits;
        if self.pages >= limits.pages {
            return Err(PluginError::EndlessPages { limit: limits.pages });
        }
        self.pages = self.pages.saturating_add(1);
        let call = self.begin()?;
        let future = self.provider.pull(&mut self.store, connection, stream, cursor);
        let outcome = timeout(limits.wall, future).await;
        let page = self.finish(call, outcome)?.map_err(PluginError::Failure)?;
        check(&page, &limits)?;
        if page.more && page.cursor.as_deref() == cursor {
            return Err(PluginError::Stuck);
        }
        Ok(page)
    }

    /// Performs an action; input and output are JSON as text. The output is not yet looked at.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn act(&mut self, connection: &Connection, action: &str, input: &str) -> Result<String, PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.act(&mut self.store, connection, action, input)).await;
        self.finish(call, outcome)?.map_err(PluginError::Failure)
    }

    /// Checks that the credential works.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn verify(&mut self, connection: &Connection) -> Result<(), PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.verify(&mut self.store, connection)).await;
        self.finish(call, outcome)?.map_err(PluginError::Failure)
    }

    /// Reads who is behind the connection; `None` leaves it to the manifest's identity call.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn identify(&mut self, connection: &Connection) -> Result<Option<Identity>, PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.identify(&mut self.store, connection)).await;
        let identity = self.finish(call, outcome)?.map_err(PluginError::Failure)?;
        if identity.as_ref().is_some_and(|i| unfit(&i.account, 512) || i.name.contains('\0')) {
            return Err(PluginError::BadOutput(
                "an account id that is empty, longer than 512 bytes or holds a NUL".into(),
            ));
        }
        Ok(identity)
    }

    /// Says which accounts a webhook concerns. The signature has been verified before.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn route_webhook(&mut self, webhook: Webhook) -> Result<Vec<Route>, PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.route_webhook(&mut self.store, webhook)).await;
        let routes = self.finish(call, outcome)?.map_err(PluginError::Failure)?;
        check_routes(&routes)?;
        Ok(routes)
    }

    /// Runs once after a connection was made.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn after_connect(&mut self, connection: &Connection) -> Result<(), PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.after_connect(&mut self.store, connection)).await;
        self.finish(call, outcome)?.map_err(PluginError::Failure)
    }

    /// Runs once before a connection is deleted.
    ///
    /// # Errors
    /// As [`PluginError`] says.
    pub async fn before_delete(&mut self, connection: &Connection) -> Result<(), PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.before_delete(&mut self.store, connection)).await;
        self.finish(call, outcome)?.map_err(PluginError::Failure)
    }

    /// Turns an HTTP answer that the proxy or an action met into a failure; `None` leaves it to the host.
    ///
    /// # Errors
    /// As [`PluginError`] says, without [`PluginError::Failure`]: that is the answer here.
    pub async fn classify_error(&mut self, status: u16, body: &[u8]) -> Result<Option<Failure>, PluginError> {
        let (call, wall) = (self.begin()?, self.store.data().limits.wall);
        let outcome = timeout(wall, self.provider.classify_error(&mut self.store, status, body)).await;
        self.finish(call, outcome)
    }

    /// Sets the meters to zero and the fuel to full.
    fn begin(&mut self) -> Result<Call, PluginError> {
        if self.over {
            return Err(PluginError::Over);
        }
        let guest = self.store.data_mut();
        guest.usage = Usage { calls: 1, ..Usage::default() };
        let fuel = guest.limits.fuel;
        self.store.set_fuel(fuel).map_err(|e| PluginError::Internal(e.into()))?;
        self.store.set_epoch_deadline(1);
        self.over = true;
        Ok(Call { started: Instant::now(), _working: self.pool.ticker.work() })
    }

    /// Reads the meters and says what went wrong, if anything. After a trap or a timeout the instance stays closed.
    fn finish<T>(&mut self, call: Call, outcome: Result<wasmtime::Result<T>, Elapsed>) -> Result<T, PluginError> {
        let left = self.store.get_fuel().unwrap_or_default();
        let guest = self.store.data();
        let limits = guest.limits;
        self.last = Usage {
            fuel: limits.fuel.saturating_sub(left),
            memory_peak: guest.memory.peak(),
            elapsed: call.started.elapsed(),
            ..guest.usage
        };
        self.total.add(&self.last);
        match outcome {
            Ok(Ok(value)) => {
                self.over = false;
                Ok(value)
            }
            Ok(Err(error)) => Err(explain(error, &limits, &self.pool)),
            Err(_) => Err(PluginError::TimedOut { limit: limits.wall }),
        }
    }
}

/// An id of the provider's that cannot be stored.
fn unfit(id: &str, bytes: usize) -> bool {
    id.is_empty() || id.len() > bytes || id.contains('\0')
}

/// Holds a page to its limits and to what can be stored.
fn check(page: &Page, limits: &PluginLimits) -> Result<(), PluginError> {
    let count = page.items.len().saturating_add(page.deleted.len());
    if count > limits.page_items {
        return Err(PluginError::OutputTooLarge {
            what: format!("{count} records in one page"),
            limit: limits.page_items,
        });
    }
    if page.items.iter().map(|item| &item.id).chain(&page.deleted).any(|id| unfit(id, 512)) {
        return Err(PluginError::BadOutput("a record id that is empty, longer than 512 bytes or holds a NUL".into()));
    }
    match &page.cursor {
        Some(cursor) if cursor.len() > limits.cursor_bytes => Err(PluginError::OutputTooLarge {
            what: format!("a cursor of {} bytes", cursor.len()),
            limit: limits.cursor_bytes,
        }),
        Some(cursor) if cursor.contains('\0') => Err(PluginError::BadOutput("a cursor that holds a NUL".into())),
        _ => Ok(()),
    }
}

/// Routes that one webhook may have, and ids of records that they may say are gone.
const ROUTES: usize = 1000;
const GONE: usize = 10_000;

/// Holds what a webhook leads to within bounds.
fn check_routes(routes: &[Route]) -> Result<(), PluginError> {
    if routes.len() > ROUTES {
        return Err(PluginError::OutputTooLarge {
            what: format!("{} routes for one webhook", routes.len()),
            limit: ROUTES,
        });
    }
    let gone = || routes.iter().flat_map(|route| &route.deleted).flat_map(|(_, ids)| ids);
    let count = gone().count();
    if count > GONE {
        return Err(PluginError::OutputTooLarge { what: format!("{count} deletions for one webhook"), limit: GONE });
    }
    if gone().chain(routes.iter().filter_map(|route| route.account.as_ref())).any(|id| unfit(id, 512)) {
        return Err(PluginError::BadOutput(
            "a record or account id that is empty, longer than 512 bytes or holds a NUL".into(),
        ));
    }
    Ok(())
}

/// From the engine's error to an outcome. What the host's own functions and the memory guard refuse comes through as
/// what they said; the rest is the guest's doing.
pub(crate) fn explain(error: wasmtime::Error, limits: &PluginLimits, pool: &Pool) -> PluginError {
    let error = match error.downcast::<PluginError>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    if error.is::<PoolConcurrencyLimitError>() {
        return PluginError::Busy { instances: pool.config.instances };
    }
    if let Some(Trap::OutOfFuel) = error.downcast_ref() {
        return PluginError::OutOfFuel { limit: limits.fuel };
    }
    let cause = error.root_cause().to_string();
    // The engine keeps the type of this error to itself; a test holds its words.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        let what = "more bytes at once".to_owned();
        return PluginError::OutputTooLarge { what, limit: limits.output_bytes };
    }
    let frames = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string).unwrap_or_default();
    let frames: Vec<&str> = frames
        .lines()
        .filter_map(|line| line.trim().split_once(" - ").map(|(_, function)| function.trim()))
        .take(8)
        .collect();
    let place = if frames.is_empty() { String::new() } else { format!(", in {}", frames.join(" < ")) };
    PluginError::Trapped { reason: cut(&format!("{cause}{place}"), 2000).replace('\0', "\u{fffd}") }
}

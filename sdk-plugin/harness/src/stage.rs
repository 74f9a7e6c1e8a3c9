//! One time through a fixture: a fresh instance, the limits of production, and a source of answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{clock::Clock, content::ContentHasher, entropy::Entropy};
use plugin_host::{
    Capabilities, Connection, HostHttp, LogBuffer, LogLine, Page, Plugin, PluginError, PluginLimits, PluginSession,
    Usage, Webhook,
};
use serde_json::Value;

use crate::{
    Call, Fixture, Mismatch,
    expectation::{Outcome, failure_value, identity_value, routes_value},
    fixture::body_bytes,
};

/// Where a plugin's answers come from.
pub(crate) trait Source: HostHttp + Clone + 'static {
    /// How many requests were answered, those before the beginning included.
    fn used(&self) -> usize;

    /// Whether something was asked that ends the story: there is no use in going on.
    fn is_over(&self) -> bool {
        false
    }
}

/// The most that one call used, out of what each call may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Largest {
    /// Time, waiting for answers included.
    pub elapsed: Duration,
    /// Instructions, about one unit each.
    pub fuel: u64,
    /// HTTP requests.
    pub http_calls: u32,
    /// Bytes given back.
    pub output_bytes: usize,
    /// Records and deletions of a page.
    pub records: usize,
    /// Bytes of a cursor.
    pub cursor_bytes: usize,
}

impl Largest {
    /// The larger of both, figure by figure.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed.max(other.elapsed),
            fuel: self.fuel.max(other.fuel),
            http_calls: self.http_calls.max(other.http_calls),
            output_bytes: self.output_bytes.max(other.output_bytes),
            records: self.records.max(other.records),
            cursor_bytes: self.cursor_bytes.max(other.cursor_bytes),
        }
    }

    fn of_call(usage: Usage, output_bytes: usize) -> Self {
        Self { elapsed: usage.elapsed, fuel: usage.fuel, http_calls: usage.http_calls, output_bytes, ..Self::default() }
    }

    fn of_page(usage: Usage, page: &Page) -> Self {
        let items: usize = page.items.iter().map(|item| item.id.len().saturating_add(item.body.len())).sum();
        let deleted: usize = page.deleted.iter().map(String::len).sum();
        let cursor_bytes = page.cursor.as_ref().map_or(0, String::len);
        Self {
            records: page.items.len().saturating_add(page.deleted.len()),
            cursor_bytes,
            ..Self::of_call(usage, items.saturating_add(deleted).saturating_add(cursor_bytes))
        }
    }
}

/// How to go through it.
pub(crate) struct Way {
    /// The host's clock, which stands still.
    pub(crate) now: DateTime<Utc>,
    /// Where a pull begins.
    pub(crate) cursor: Option<String>,
    /// After so many pages it is enough.
    pub(crate) most_pages: usize,
}

/// What came of it.
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    /// It was enough before the plugin said so.
    pub(crate) endless: bool,
    /// How many answers were used up after each page.
    pub(crate) used_after: Vec<usize>,
    pub(crate) usage: Usage,
    pub(crate) largest: Largest,
    pub(crate) log: Vec<LogLine>,
}

/// Where a fixture is played.
pub(crate) struct Stage<'a> {
    pub(crate) plugin: &'a Plugin,
    pub(crate) fixture: &'a Fixture,
}

/// A clock that stands still.
struct Standing(DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Randomness that counts up from zero, so that each time through is like the one before.
#[derive(Default)]
struct CountingUp(AtomicU8);

impl Entropy for CountingUp {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

impl Stage<'_> {
    /// The cursor that the fixture begins with.
    pub(crate) fn cursor(&self) -> Option<String> {
        match &self.fixture.call {
            Call::Pull { cursor: Some(Value::String(text)), .. } => Some(text.clone()),
            Call::Pull { cursor: Some(value), .. } => Some(value.to_string()),
            _ => None,
        }
    }

    /// Goes through it.
    ///
    /// # Errors
    /// The plugin cannot even be started. What its calls run into is part of what came of it.
    pub(crate) async fn play<S: Source>(&self, source: &S, way: Way) -> Result<Played, Mismatch> {
        let log = LogBuffer::default();
        let capabilities = Capabilities {
            http: Box::new(source.clone()),
            log: Box::new(log.clone()),
            clock: Arc::new(Standing(way.now)),
            entropy: Arc::new(CountingUp::default()),
        };
        let session = self.plugin.session(capabilities, PluginLimits::default()).await;
        let mut session = session.map_err(|e| Mismatch(e.to_string()))?;
        let mut played = Played {
            outcome: Outcome { pages: Vec::new(), output: Value::Null, failure: None },
            endless: false,
            used_after: Vec::new(),
            usage: Usage::default(),
            largest: Largest::default(),
            log: Vec::new(),
        };
        let result = match &self.fixture.call {
            Call::Pull { stream, .. } => self.pull(&mut session, stream, way, source, &mut played).await,
            _ => self.call(&mut session).await.map(|output| {
                let bytes = if output.is_null() { 0 } else { output.to_string().len() };
                played.largest = Largest::of_call(session.last_usage(), bytes);
                played.outcome.output = output;
            }),
        };
        if let Err(error) = result {
            played.largest = played.largest.or(Largest::of_call(session.last_usage(), 0));
            played.outcome.failure = Some(error);
        }
        played.usage = session.usage();
        played.log = log.take();
        Ok(played)
    }

    async fn pull<S: Source>(
        &self,
        session: &mut PluginSession,
        stream: &str,
        way: Way,
        source: &S,
        played: &mut Played,
    ) -> Result<(), PluginError> {
        let connection = self.connection();
        // What the server makes of each record before it stores it.
        let mut hasher = ContentHasher::default();
        let mut cursor = way.cursor;
        loop {
            let page = session.pull(&connection, stream, cursor.as_deref()).await?;
            for item in &page.items {
                if let Err(error) = hasher.canonical(&item.body) {
                    return Err(PluginError::BadOutput(format!("a record, {}, whose body {error}", item.id)));
                }
            }
            if source.is_over() {
                return Ok(());
            }
            let more = page.more;
            cursor.clone_from(&page.cursor);
            played.largest = played.largest.or(Largest::of_page(session.last_usage(), &page));
            played.outcome.pages.push(page);
            played.used_after.push(source.used());
            if !more {
                return Ok(());
            }
            if played.outcome.pages.len() >= way.most_pages {
                played.endless = true;
                return Ok(());
            }
        }
    }

    async fn call(&self, session: &mut PluginSession) -> Result<Value, PluginError> {
        let connection = self.connection();
        match &self.fixture.call {
            Call::Pull { .. } => Ok(Value::Null),
            Call::Act { action, input } => {
                let output = session.act(&connection, action, &input.to_string()).await?;
                serde_json::from_str(&output)
                    .map_err(|e| PluginError::BadOutput(format!("an output that is not JSON: {e}")))
            }
            Call::Verify {} => session.verify(&connection).await.map(|()| Value::Null),
            Call::Identify {} => session.identify(&connection).await.map(identity_value),
            Call::RouteWebhook(recorded) => {
                let webhook = Webhook {
                    connection: recorded.connection.clone(),
                    id: recorded.id.clone(),
                    event: recorded.event.clone(),
                    account: recorded.account.clone(),
                    query: recorded.query.clone().into_iter().collect(),
                    headers: recorded.headers.clone().into_iter().collect(),
                    body: body_bytes(&recorded.body),
                };
                session.route_webhook(webhook).await.map(routes_value)
            }
            Call::AfterConnect {} => session.after_connect(&connection).await.map(|()| Value::Null),
            Call::BeforeDelete {} => session.before_delete(&connection).await.map(|()| Value::Null),
            Call::ClassifyError { status, body } => {
                session.classify_error(*status, &body_bytes(body)).await.map(failure_value)
            }
        }
    }

    fn connection(&self) -> Connection {
        Connection {
            id: "conn_replayed".into(),
            account: self.fixture.account.clone(),
            variables: self.fixture.variables.clone().into_iter().collect(),
            config: self.fixture.config.to_string(),
            webhook_url: self.fixture.webhook_url.clone(),
            params: self.fixture.params.to_string(),
            since: self.fixture.since.and_then(|since| u64::try_from(since.timestamp_millis()).ok()),
        }
    }
}

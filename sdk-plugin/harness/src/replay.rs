//! Replaying.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{clock::Clock, entropy::Entropy};
use plugin_host::{
    Capabilities, Connection, HostConfig, LogBuffer, LogLine, Page, Plugin, PluginError, PluginHost, PluginLimits,
    PluginSession, Usage, Webhook,
};
use serde_json::Value;

use crate::{
    Call, Fixture, Mismatch, ProviderFolder,
    expectation::{Outcome, failure_value, identity_value, routes_value},
    fixture::body_bytes,
    provider::Reach,
    recorded::Recorded,
};

/// What a replay used and wrote.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The fixture's file name.
    pub name: String,
    /// What was used, in one session.
    pub usage: Usage,
    /// What the plugin wrote.
    pub log: Vec<LogLine>,
}

struct Standing(DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// The host asks for randomness only for its cache on disk, which is not used here.
struct Unused;

impl Entropy for Unused {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// Replays every fixture of a provider's folder. Blocks; for tests and tools.
///
/// # Errors
/// All that went wrong, one paragraph per fixture.
pub fn replay_folder(folder: &Path) -> Result<Vec<Replayed>, Mismatch> {
    let provider = ProviderFolder::open(folder)?;
    let component = provider.component()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Mismatch(format!("there is no async runtime: {e}")))?;
    runtime.block_on(async {
        let config = HostConfig { instances: 4, ..HostConfig::default() };
        let host = PluginHost::new(config, &Unused).map_err(|e| Mismatch(e.to_string()))?;
        let plugin = host.load(component).await.map_err(|e| Mismatch(e.to_string()))?;
        let (mut replayed, mut wrong) = (Vec::new(), Vec::new());
        for path in provider.fixtures()? {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let outcome = match Fixture::read(&path) {
                Ok(fixture) => replay(&provider, &plugin, &name, &fixture).await,
                Err(mismatch) => Err(mismatch),
            };
            match outcome {
                Ok(one) => replayed.push(one),
                Err(Mismatch(text)) => wrong.push(format!("{name}: {text}")),
            }
        }
        if wrong.is_empty() { Ok(replayed) } else { Err(Mismatch(wrong.join("\n\n"))) }
    })
}

/// Replays one fixture, and a pull again from each of its cursors.
///
/// # Errors
/// What was not as recorded or not as expected.
pub async fn replay(
    provider: &ProviderFolder,
    plugin: &Plugin,
    name: &str,
    fixture: &Fixture,
) -> Result<Replayed, Mismatch> {
    known(provider, &fixture.call)?;
    let stage = Stage { plugin, fixture, reach: provider.reach(&fixture.variables)? };
    let first = stage.run(0, stage.begin()).await?;
    fixture.expect.check(&first.outcome)?;
    // Whatever page was stored last before a crash, the rest must come again.
    for (at, used) in first.used_after.iter().enumerate() {
        let Some(page) = first.outcome.pages.get(at).filter(|page| page.more) else { continue };
        let again = stage.run(*used, page.cursor.clone()).await?;
        let rest = first.outcome.pages.get(at.saturating_add(1)..).unwrap_or_default();
        if again.outcome.pages != rest {
            return Err(Mismatch(format!(
                "resumed after page {}, it gives other pages than before",
                at.saturating_add(1)
            )));
        }
    }
    Ok(Replayed { name: name.to_owned(), usage: first.usage, log: first.log })
}

/// The manifest must promise what is called.
fn known(provider: &ProviderFolder, call: &Call) -> Result<(), Mismatch> {
    let manifest = &provider.manifest;
    match call {
        Call::Pull { stream, .. } if manifest.stream(stream).is_none() => {
            Err(Mismatch(format!("provider.toml has no stream `{stream}`; add [[streams]] name = \"{stream}\"")))
        }
        Call::Act { action, .. } if !manifest.actions.iter().any(|a| &a.name == action) => {
            Err(Mismatch(format!("provider.toml has no action `{action}`; add [[actions]] name = \"{action}\"")))
        }
        _ => Ok(()),
    }
}

/// Where a fixture is played.
struct Stage<'a> {
    plugin: &'a Plugin,
    fixture: &'a Fixture,
    reach: Reach,
}

/// One time through.
struct Run {
    outcome: Outcome,
    /// How many exchanges were used up after each page.
    used_after: Vec<usize>,
    usage: Usage,
    log: Vec<LogLine>,
}

impl Stage<'_> {
    fn begin(&self) -> Option<String> {
        match &self.fixture.call {
            Call::Pull { cursor: Some(Value::String(text)), .. } => Some(text.clone()),
            Call::Pull { cursor: Some(value), .. } => Some(value.to_string()),
            _ => None,
        }
    }

    async fn run(&self, begin: usize, cursor: Option<String>) -> Result<Run, Mismatch> {
        let recorded = Recorded::new(self.reach.clone(), self.fixture.exchanges.clone(), begin);
        let log = LogBuffer::default();
        let capabilities = Capabilities {
            http: Box::new(recorded.clone()),
            log: Box::new(log.clone()),
            clock: Arc::new(Standing(self.fixture.now)),
        };
        let session = self.plugin.session(capabilities, PluginLimits::default()).await;
        let mut session = session.map_err(|e| Mismatch(e.to_string()))?;
        let mut outcome = Outcome { pages: Vec::new(), output: Value::Null, failure: None };
        let mut used_after = Vec::new();
        let result = match &self.fixture.call {
            Call::Pull { stream, .. } => {
                self.pull(&mut session, stream, cursor, &recorded, &mut outcome.pages, &mut used_after).await
            }
            _ => self.call(&mut session).await.map(|output| outcome.output = output),
        };
        outcome.failure = result.err();
        if let Some(wrong) = recorded.wrong() {
            return Err(wrong);
        }
        if let Some(unasked) = recorded.unasked() {
            let after = outcome.failure.map(|e| format!("; the plugin failed before: {e}")).unwrap_or_default();
            return Err(Mismatch(format!("{unasked}{after}")));
        }
        Ok(Run { outcome, used_after, usage: session.usage(), log: log.take() })
    }

    async fn pull(
        &self,
        session: &mut PluginSession,
        stream: &str,
        mut cursor: Option<String>,
        recorded: &Recorded,
        pages: &mut Vec<Page>,
        used_after: &mut Vec<usize>,
    ) -> Result<(), PluginError> {
        let connection = self.connection();
        loop {
            let page = session.pull(&connection, stream, cursor.as_deref()).await?;
            for item in &page.items {
                if !serde_json::from_str::<Value>(&item.body).is_ok_and(|body| body.is_object()) {
                    return Err(PluginError::BadOutput(format!(
                        "a record, {}, whose body is not a JSON object",
                        item.id
                    )));
                }
            }
            let more = page.more;
            cursor.clone_from(&page.cursor);
            pages.push(page);
            used_after.push(recorded.used());
            if !more {
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
            Call::RouteWebhook { headers, body } => {
                let headers = headers.clone().into_iter().collect();
                let webhook = Webhook { headers, body: body_bytes(body) };
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
        }
    }
}

//! Replaying, and what a replay shows beyond the recorded story: that a pull can be begun again at each of its cursors,
//! and that the same answers give the same output.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use plugin_host::{HostConfig, LogLine, Page, Plugin, PluginHost, Usage};

use crate::{
    Call, Fixture, Mismatch, ProviderFolder,
    drawn::{Drawn, compiled_beside},
    provider::Reach,
    recorded::Recorded,
    schemas,
    stage::{Largest, Played, Stage, Way},
};

/// Pages that a replay may give beyond one for each recorded exchange: a page that needs no request is rare.
const SPARE_PAGES: usize = 1000;

/// What a replay used and wrote.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The fixture's file name.
    pub name: String,
    /// What was used, in one session.
    pub usage: Usage,
    /// The most that one call of it used.
    pub largest: Largest,
    /// How many cursors it was begun again at.
    pub resumed: usize,
    /// What the plugin wrote.
    pub log: Vec<LogLine>,
}

/// A folder's component in a host like the server's, and a runtime to call it from a thread that has none.
pub(crate) fn with_plugin<T>(
    provider: &ProviderFolder,
    work: impl AsyncFnOnce(&Plugin) -> Result<T, Mismatch>,
) -> Result<T, Mismatch> {
    let place = provider.component_file()?;
    let component = provider.component()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Mismatch(format!("there is no async runtime: {e}")))?;
    runtime.block_on(async {
        let plugin = load(component, &place).await?;
        work(&plugin).await
    })
}

/// A component in a host like the server's. One that lies where it is built is compiled to machine code once, and not each
/// time that it is tried.
pub(crate) async fn load(component: Vec<u8>, place: &Path) -> Result<Arc<Plugin>, Mismatch> {
    let drawn = Drawn::new();
    let cache_folder = drawn.is_some().then(|| compiled_beside(place)).flatten();
    let config = HostConfig { cache_folder, instances: 4, ..HostConfig::default() };
    let host = PluginHost::new(config, &drawn.unwrap_or_default()).map_err(|e| Mismatch(e.to_string()))?;
    host.load(component).await.map_err(|e| Mismatch(e.to_string()))
}

/// Replays every fixture of a provider's folder. Blocks; for tests and tools.
///
/// # Errors
/// All that went wrong, one paragraph per fixture.
pub fn replay_folder(folder: &Path) -> Result<Vec<Replayed>, Mismatch> {
    let provider = ProviderFolder::open(folder)?;
    with_plugin(&provider, async |plugin| {
        let (mut replayed, mut wrong) = (Vec::new(), Vec::new());
        for path in provider.fixtures()? {
            let name = file_name(&path);
            let outcome = match Fixture::read(&path) {
                Ok(fixture) => replay(&provider, plugin, &name, &fixture).await,
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

/// The file's name, as it is shown.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Replays one fixture, a pull again from each of its cursors, and all of it a second time.
///
/// # Errors
/// What was not as recorded, not as expected, not as before, and what to do.
pub async fn replay(
    provider: &ProviderFolder,
    plugin: &Plugin,
    name: &str,
    fixture: &Fixture,
) -> Result<Replayed, Mismatch> {
    known(provider, &fixture.call)?;
    let subject = subject(&fixture.call);
    let of_subject = |Mismatch(text): Mismatch| Mismatch(format!("{subject}: {text}"));
    schemas::check_input(provider, fixture).map_err(of_subject)?;
    let walk = Walk { stage: Stage { plugin, fixture }, reach: provider.reach(&fixture.variables)? };
    let first = walk.along(0, walk.stage.cursor(), fixture.now).await?;
    fixture.expect.check(&first.outcome).map_err(of_subject)?;
    schemas::check_output(provider, fixture, &first.outcome.output).map_err(of_subject)?;
    let resumed = walk.resumes(&first).await?;
    walk.repeats(&first).await?;
    walk.does_not_depend_on_the_clock(&first).await?;
    Ok(Replayed { name: name.to_owned(), usage: first.usage, largest: first.largest, resumed, log: first.log })
}

/// What a fixture is about, as findings name it.
pub(crate) fn subject(call: &Call) -> String {
    match call {
        Call::Pull { stream, .. } => format!("stream `{stream}`"),
        Call::Act { action, .. } => format!("action `{action}`"),
        Call::Verify {} => "verify".into(),
        Call::Identify {} => "identify".into(),
        Call::RouteWebhook(_) => "route_webhook".into(),
        Call::AfterConnect {} => "after_connect".into(),
        Call::BeforeDelete {} => "before_delete".into(),
        Call::ClassifyError { .. } => "classify_error".into(),
    }
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

/// The recorded way.
struct Walk<'a> {
    stage: Stage<'a>,
    reach: Reach,
}

impl Walk<'_> {
    fn place(&self, page: usize) -> String {
        let subject = subject(&self.stage.fixture.call);
        if matches!(self.stage.fixture.call, Call::Pull { .. }) { format!("{subject}, page {page}") } else { subject }
    }

    /// The whole of it, as recorded, after `begin` exchanges.
    async fn along(&self, begin: usize, cursor: Option<String>, now: DateTime<Utc>) -> Result<Played, Mismatch> {
        let (played, recorded) = self.play(begin, cursor, now).await?;
        let pages = played.outcome.pages.len();
        let next = pages.saturating_add(1);
        if let Some(Mismatch(text)) = recorded.wrong() {
            return Err(Mismatch(format!("{}: {text}", self.place(next))));
        }
        if played.endless {
            return Err(Mismatch(format!(
                "{}: after {pages} pages it says that there is more, long after the last recorded answer. End the last page with `Page::done`, or give it as it is",
                self.place(pages)
            )));
        }
        if let Some(Mismatch(unasked)) = recorded.unasked() {
            let why = match &played.outcome.failure {
                Some(error) => format!("; the plugin failed before: {error}"),
                None => ". It stops too early, or the exchange is not part of the story: `Page::more` while the provider says that there is more".into(),
            };
            let page = if played.outcome.failure.is_some() { next } else { pages.max(1) };
            return Err(Mismatch(format!("{}: {unasked}{why}", self.place(page))));
        }
        Ok(played)
    }

    async fn play(
        &self,
        begin: usize,
        cursor: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(Played, Recorded), Mismatch> {
        let exchanges = self.stage.fixture.exchanges.clone();
        let most_pages = exchanges.len().saturating_add(SPARE_PAGES);
        let recorded = Recorded::new(self.reach.clone(), exchanges, begin);
        let played = self.stage.play(&recorded, Way { now, cursor, most_pages }).await?;
        Ok((played, recorded))
    }

    /// Whatever page was stored last before a crash, the rest must come again. Gives how many were tried.
    async fn resumes(&self, first: &Played) -> Result<usize, Mismatch> {
        const ADVICE: &str =
            "What the plugin must remember belongs into the cursor: a run that crashed goes on in a new instance";
        let pages = &first.outcome.pages;
        let mut tried = 0_usize;
        for (at, used) in first.used_after.iter().enumerate() {
            let Some(page) = pages.get(at).filter(|page| page.more) else { continue };
            let number = at.saturating_add(1);
            let begun = || format!("{}: begun again at the cursor of this page", self.place(number));
            let again = self.along(*used, page.cursor.clone(), self.stage.fixture.now).await;
            let again = again.map_err(|Mismatch(text)| Mismatch(format!("{}: {text}. {ADVICE}", begun())))?;
            let rest = pages.get(number..).unwrap_or_default();
            if let Some(differs) = difference(rest, &again.outcome.pages) {
                return Err(Mismatch(format!("{}, it gives other pages than before: {differs}. {ADVICE}", begun())));
            }
            if said(&again) != said(first) {
                let (now, before) = (said(&again), said(first));
                return Err(Mismatch(format!("{}, it ends with {now}, not with {before}. {ADVICE}", begun())));
            }
            tried = tried.saturating_add(1);
        }
        Ok(tried)
    }

    /// Two runs over the same answers give the same bytes.
    async fn repeats(&self, first: &Played) -> Result<(), Mismatch> {
        let again = self.along(0, self.stage.cursor(), self.stage.fixture.now).await?;
        if let Some(differs) = difference(&first.outcome.pages, &again.outcome.pages) {
            return Err(Mismatch(format!("{}: run twice over the same answers, {differs}", self.place(1))));
        }
        if first.outcome.output != again.outcome.output || said(first) != said(&again) {
            return Err(Mismatch(format!(
                "{}: run twice over the same answers, it gives something else",
                self.place(1)
            )));
        }
        Ok(())
    }

    /// A day later the same answers make the same records, or every run would rewrite rows in which nothing changed. A
    /// plugin that asks for something else a day later cannot be judged by this recording.
    async fn does_not_depend_on_the_clock(&self, first: &Played) -> Result<(), Mismatch> {
        if first.outcome.failure.is_some() || first.outcome.pages.is_empty() {
            return Ok(());
        }
        // A date, a second and a millisecond further on, so that each of them shows.
        let later = self.stage.fixture.now.checked_add_signed(TimeDelta::milliseconds(86_401_001));
        let Some(later) = later else { return Ok(()) };
        let (again, recorded) = self.play(0, self.stage.cursor(), later).await?;
        if recorded.wrong().is_some() || recorded.unasked().is_some() || again.outcome.failure.is_some() {
            return Ok(());
        }
        for (at, (before, after)) in first.outcome.pages.iter().zip(&again.outcome.pages).enumerate() {
            let moved = before.items.iter().zip(&after.items).find(|(before, after)| before != after);
            if let Some((before, after)) = moved {
                return Err(Mismatch(format!(
                    "{}: the record `{}` depends on the clock: a day later the same answers make\n  {}\nof\n  {}\nEvery run would rewrite it. Leave the time of the run out of records; the host keeps it",
                    self.place(at.saturating_add(1)),
                    before.id,
                    shortened(&after.body),
                    shortened(&before.body)
                )));
            }
        }
        Ok(())
    }
}

/// How it ended.
fn said(played: &Played) -> String {
    played.outcome.failure.as_ref().map_or_else(|| "a last page".into(), |error| format!("a failure: {error}"))
}

/// The first difference between pages, in words.
fn difference(before: &[Page], after: &[Page]) -> Option<String> {
    for (at, (before, after)) in before.iter().zip(after).enumerate() {
        let number = at.saturating_add(1);
        if before == after {
            continue;
        }
        let record = before.items.iter().zip(&after.items).find(|(before, after)| before != after);
        return Some(match record {
            Some((before, after)) if before.id == after.id => {
                format!("in page {number} of these the record `{}` has another body", before.id)
            }
            Some((before, after)) => {
                format!("in page {number} of these there is `{}` in place of `{}`", after.id, before.id)
            }
            None if before.items.len() != after.items.len() => {
                format!("page {number} of these has {} records, not {}", after.items.len(), before.items.len())
            }
            None if before.cursor != after.cursor => format!("page {number} of these has another cursor"),
            None => format!("page {number} of these has other deletions or another end"),
        });
    }
    (before.len() != after.len()).then(|| format!("{} pages, not {}", after.len(), before.len()))
}

/// As much of a record as one reads.
fn shortened(body: &str) -> String {
    let short: String = body.chars().take(300).collect();
    if short.len() < body.len() { format!("{short}…") } else { short }
}

//! Errors of the provider on every stream: each status that an API answers sooner or later, in place of each recorded
//! answer. It must come out as a failure that blames the one who can do something about it; a plugin that takes it for
//! a page would store nonsense, or find everything deleted.

use std::collections::BTreeSet;

use plugin_host::{Blame, Failure, Plugin, PluginError};
use url::Url;

use crate::{
    Call, Fixture, Mismatch, ProviderFolder,
    expectation::blame_name,
    injected::{Body, Injected, Injection, RETRY_AFTER},
    provider::Reach,
    stage::{Played, Stage, Way},
};

/// The statuses that are tried.
pub(crate) const STATUSES: [u16; 9] = [401, 403, 404, 409, 429, 500, 502, 503, 504];

/// Pages that may come after the error before it counts as never stopping.
const SPARE_PAGES: usize = 20;

/// What came of the injections into one stream.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many answers were replaced.
    pub(crate) injected: usize,
    /// What is wrong, one per status.
    pub(crate) wrong: Vec<Mismatch>,
    /// Statuses that blame the plugin itself.
    pub(crate) blames_itself: BTreeSet<u16>,
    /// Statuses of single resources that were passed over.
    pub(crate) passed_over: BTreeSet<u16>,
}

/// How one error came out.
enum Verdict {
    Classified,
    BlamesItself,
    PassedOver,
    Wrong(String),
}

/// Tries all statuses on the stream: in place of each answer of each fixture that succeeds.
///
/// # Errors
/// The plugin cannot be started, or a fixture's variables do not fit.
pub(crate) async fn inject(
    provider: &ProviderFolder,
    plugin: &Plugin,
    stream: &str,
    stories: &[(String, Fixture)],
) -> Result<Findings, Mismatch> {
    let mut findings = Findings::default();
    let mut told = BTreeSet::new();
    let listings = listings(provider, stream, stories)?;
    for (name, fixture) in of_stream(stream, stories) {
        let stage = Stage { plugin, fixture };
        let reach = provider.reach(&fixture.variables)?;
        let whole = Injection { after: usize::MAX, status: 0, body: Body::Recorded };
        let (recorded, _) = play(&stage, &reach, whole).await?;
        for (after, exchange) in fixture.exchanges.iter().enumerate() {
            let Some(response) = &exchange.response else { continue };
            let is_listing = path(&reach, &exchange.request.url).is_some_and(|path| listings.contains(&path));
            // An answer without a record and an error that is passed over come to the same.
            let is_bare = response.body.as_array().is_some_and(Vec::is_empty);
            for status in STATUSES.into_iter().filter(|status| *status != response.status) {
                for body in [Body::Recorded, Body::Page] {
                    let (played, source) = play(&stage, &reach, Injection { after, status, body }).await?;
                    findings.injected = findings.injected.saturating_add(1);
                    let verdict = match source.outside() {
                        Some(Mismatch(outside)) => Verdict::Wrong(outside),
                        None => judge(status, body, &played, (!is_bare).then_some(&recorded), is_listing),
                    };
                    match verdict {
                        Verdict::Classified => {}
                        Verdict::BlamesItself => _ = findings.blames_itself.insert(status),
                        Verdict::PassedOver => _ = findings.passed_over.insert(status),
                        Verdict::Wrong(text) if told.insert(status) => {
                            let page = page_of(&recorded, after);
                            let request = format!("{} {}", exchange.request.method, exchange.request.url);
                            findings.wrong.push(Mismatch(format!(
                                "{name}: stream `{stream}`, page {page}: {status} in answer to {request} {text}"
                            )));
                        }
                        Verdict::Wrong(_) => {}
                    }
                }
            }
        }
    }
    Ok(findings)
}

/// The stream's fixtures that succeed, with their file names.
pub(crate) fn of_stream<'a>(
    stream: &'a str,
    stories: &'a [(String, Fixture)],
) -> impl Iterator<Item = (&'a str, &'a Fixture)> {
    stories.iter().filter_map(move |(name, fixture)| match &fixture.call {
        Call::Pull { stream: pulled, .. } if pulled == stream && fixture.expect.failure.is_none() => {
            Some((name.as_str(), fixture))
        }
        _ => None,
    })
}

/// The paths that runs of the stream begin with. An error there is never a single resource that is gone.
fn listings(
    provider: &ProviderFolder,
    stream: &str,
    stories: &[(String, Fixture)],
) -> Result<BTreeSet<String>, Mismatch> {
    let mut found = BTreeSet::new();
    for (_, fixture) in of_stream(stream, stories) {
        if let (Call::Pull { cursor: None, .. }, Some(first)) = (&fixture.call, fixture.exchanges.first()) {
            found.extend(path(&provider.reach(&fixture.variables)?, &first.request.url));
        }
    }
    Ok(found)
}

/// Host and path, without the query.
fn path(reach: &Reach, url: &str) -> Option<String> {
    let url: Url = reach.resolve(url).ok()?;
    Some(format!("{}{}", url.host_str().unwrap_or_default(), url.path()))
}

/// The page that the request after so many others belongs to.
fn page_of(recorded: &Played, after: usize) -> usize {
    recorded.used_after.iter().take_while(|used| **used <= after).count().saturating_add(1)
}

async fn play(stage: &Stage<'_>, reach: &Reach, injection: Injection) -> Result<(Played, Injected), Mismatch> {
    let fixture = stage.fixture;
    let source = Injected::new(reach.clone(), fixture.exchanges.clone(), injection);
    let most_pages = fixture.exchanges.len().saturating_add(SPARE_PAGES);
    let way = Way { now: fixture.now, cursor: stage.cursor(), most_pages };
    let played = stage.play(&source, way).await?;
    Ok((played, source))
}

/// Who may be blamed for a status. For 404 and 409 it depends on what was asked for, so anybody may.
fn to_blame(status: u16) -> &'static [Blame] {
    match status {
        401 => &[Blame::EndUser],
        403 => &[Blame::EndUser, Blame::Tenant, Blame::Provider],
        404 | 409 => &[Blame::EndUser, Blame::Tenant, Blame::Provider, Blame::Plugin, Blame::CursorExpired],
        _ => &[Blame::Provider],
    }
}

fn judge(status: u16, body: Body, played: &Played, recorded: Option<&Played>, is_listing: bool) -> Verdict {
    match &played.outcome.failure {
        Some(PluginError::Failure(failure)) => judge_failure(status, failure),
        Some(error) => Verdict::Wrong(format!(
            "breaks the plugin: {error}. Look at the status before the body is read: `Response::success` does"
        )),
        None if played.endless => Verdict::Wrong(
            "is no reason to stop: the plugin pulls on and on. Look at the status first: `Response::success` does"
                .into(),
        ),
        // One resource of many that is gone or not for this account may be passed over; the list of them may not.
        None if matches!(status, 403 | 404 | 409) && !is_listing => {
            let same = recorded.is_some_and(|recorded| played.outcome.pages == recorded.outcome.pages);
            let is_unnoticed = body == Body::Recorded && same;
            if is_unnoticed { Verdict::Wrong(taken_for_a_page()) } else { Verdict::PassedOver }
        }
        None => Verdict::Wrong(taken_for_a_page()),
    }
}

fn taken_for_a_page() -> String {
    "is taken for a page: the status is not looked at, or the error is swallowed. Look at the status before the body is read: `Response::success` does".into()
}

fn judge_failure(status: u16, failure: &Failure) -> Verdict {
    let allowed = to_blame(status);
    if !allowed.contains(&failure.blame) {
        let names: Vec<&str> = allowed.iter().map(|blame| blame_name(*blame)).collect();
        return Verdict::Wrong(format!(
            "blames {}, not {}: “{}”. Say it with `Failure::{}`, or let `Response::success` do it",
            blame_name(failure.blame),
            names.join(" or "),
            failure.message,
            names.first().unwrap_or(&"provider"),
        ));
    }
    let waits = failure.retry_after.is_some_and(|wait| wait.as_secs() >= RETRY_AFTER);
    if status == 429 && !waits {
        return Verdict::Wrong(format!(
            "says `retry-after: {RETRY_AFTER}`, and the failure does not pass it on. Add `.retry_after(answer.retry_after())` to it"
        ));
    }
    if failure.blame == Blame::Plugin { Verdict::BlamesItself } else { Verdict::Classified }
}

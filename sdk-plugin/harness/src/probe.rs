//! Holding a component against its manifest: whether it knows the streams and actions that the manifest promises.
//!
//! The contract has no list of streams, so they are tried, with a provider that cannot be reached. A component that
//! knows a stream asks its provider, or fails for a reason of its own; one that does not says that it has no such
//! stream, blames itself, and asks nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use chrono::DateTime;
use domain::manifest::{Manifest, Variables};
use plugin_host::{Blame, Connection, HostHttp, HttpFault, HttpRequest, HttpResponse, Plugin, PluginError};
use serde_json::json;

use crate::{
    Call, Fixture, Mismatch,
    stage::{Played, Source, Stage, Way},
    variables::examples,
};

/// A name that no plugin has.
const NOBODYS: &str = "no_such_name_in_any_plugin";

/// What the component does not know of what the manifest promises, in words for the author, and what is odd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probed {
    /// Streams and actions that the component does not know, and calls that break it.
    pub wrong: Vec<String>,
    /// What is right only if it is meant.
    pub notes: Vec<String>,
}

/// Tries all streams and actions of the manifest.
///
/// # Errors
/// The component cannot even be started.
pub async fn probe(manifest: &Manifest, plugin: &Plugin) -> Result<Probed, Mismatch> {
    let mut probed = Probed::default();
    // What cannot be made up is left out: a plugin then says that it lacks it, which is an answer too.
    let variables = examples(manifest, &BTreeMap::new()).unwrap_or_default();
    let pull = |name: &str| Call::Pull { stream: name.to_owned(), cursor: None };
    let act = |name: &str| Call::Act { action: name.to_owned(), input: json!({}) };
    let streams = manifest.streams.iter().map(|stream| (&stream.name, "stream", pull(&stream.name)));
    let actions = manifest.actions.iter().map(|action| (&action.name, "action", act(&action.name)));
    for (name, kind, call) in streams.chain(actions) {
        match tried(plugin, &variables, call).await? {
            Tried::Known => {}
            Tried::Unknown(said) => probed.wrong.push(format!(
                "provider.toml promises the {kind} `{name}`, which the component does not know: “{said}”. Write it, or take it out of provider.toml"
            )),
            Tried::Broken(error) => probed.wrong.push(format!(
                "the {kind} `{name}` breaks when the provider cannot be reached: {error}. Pass the failure of `send` on with `?`"
            )),
        }
    }
    for (kind, promised, call) in [
        ("stream", !manifest.streams.is_empty(), pull(NOBODYS)),
        ("action", !manifest.actions.is_empty(), act(NOBODYS)),
    ] {
        if promised && matches!(tried(plugin, &variables, call).await?, Tried::Known) {
            probed.notes.push(format!(
                "the component takes any name for a {kind}, so whether it knows those of provider.toml cannot be told. Answer unknown names with `Failure::plugin`"
            ));
        }
    }
    Ok(probed)
}

enum Tried {
    Known,
    Unknown(String),
    Broken(String),
}

async fn tried(plugin: &Plugin, variables: &Variables, call: Call) -> Result<Tried, Mismatch> {
    let nobody = Connection { variables: variables.clone().into_iter().collect(), ..Connection::default() };
    let fixture = Fixture::live(&nobody, DateTime::UNIX_EPOCH, call);
    let unreachable = Unreachable::default();
    let stage = Stage { plugin, fixture: &fixture };
    let way = Way { now: fixture.now, cursor: None, most_pages: 3 };
    let Played { outcome, .. } = stage.play(&unreachable, way).await?;
    Ok(match outcome.failure {
        Some(PluginError::Failure(failure)) if failure.blame == Blame::Plugin && unreachable.used() == 0 => {
            Tried::Unknown(failure.message)
        }
        // What is given for an empty input need not be an output.
        None | Some(PluginError::Failure(_) | PluginError::BadOutput(_)) => Tried::Known,
        Some(error) => Tried::Broken(error.to_string()),
    })
}

/// A provider that nobody reaches, and how often it was asked.
#[derive(Clone, Default)]
struct Unreachable(Arc<AtomicUsize>);

#[async_trait]
impl HostHttp for Unreachable {
    async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(HttpFault::Transport("this is a check: nothing is sent".into()))
    }
}

impl Source for Unreachable {
    fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

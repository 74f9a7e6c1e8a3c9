//! The examination that a plugin passes before it is given to others: all fixtures replayed, and what replays alone do
//! not show. `patchbay plugin test` and a plugin's own `cargo test` run the same.

use std::{collections::BTreeSet, path::Path};

use plugin_host::Plugin;

use crate::{
    Call, Fixture, Mismatch, ProviderFolder, Replayed,
    replay::{file_name, replay, with_plugin},
    statuses,
    table::table,
};

/// What an examination found.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// The fixtures that replay, with what they used.
    pub replayed: Vec<Replayed>,
    /// All that is wrong: fixture, stream, page, and what to do.
    pub wrong: Vec<Mismatch>,
    /// What is right only if it is meant.
    pub notes: Vec<String>,
    /// How many answers were replaced by errors.
    pub injected: usize,
    /// How many cursors pulls were begun again at.
    pub resumed: usize,
}

/// Examines a provider's folder: replays each fixture, begins each pull again at each of its cursors, runs each twice
/// and on another day, answers each request of each stream with each of nine errors, and looks whether every stream has
/// a fixture. Blocks; for tests and tools.
///
/// # Errors
/// The examination cannot even begin: no sound manifest, no component, no fixtures.
pub fn examine_folder(folder: &Path) -> Result<Examination, Mismatch> {
    let provider = ProviderFolder::open(folder)?;
    with_plugin(&provider, async |plugin| examine(&provider, plugin).await)
}

/// The same for a plugin that is loaded.
///
/// # Errors
/// There are no fixtures.
pub async fn examine(provider: &ProviderFolder, plugin: &Plugin) -> Result<Examination, Mismatch> {
    let (mut found, mut stories, mut calls) = (Examination::default(), Vec::new(), Vec::new());
    for path in provider.fixtures()? {
        let name = file_name(&path);
        let fixture = match Fixture::read(&path) {
            Ok(fixture) => fixture,
            Err(mismatch) => {
                found.wrong.push(mismatch);
                continue;
            }
        };
        calls.push(fixture.call.clone());
        match replay(provider, plugin, &name, &fixture).await {
            Ok(replayed) => {
                found.resumed = found.resumed.saturating_add(replayed.resumed);
                found.replayed.push(replayed);
                stories.push((name, fixture));
            }
            Err(Mismatch(text)) => found.wrong.push(Mismatch(format!("{name}: {text}"))),
        }
    }
    for stream in &provider.manifest.streams {
        let is_begun =
            |call: &Call| matches!(call, Call::Pull { stream: pulled, cursor: None } if *pulled == stream.name);
        if calls.iter().any(is_begun) {
            found.stream(provider, plugin, &stream.name, &stories).await?;
        } else {
            found.wrong.push(Mismatch(format!(
                "stream `{0}`: no fixture pulls it from the beginning, so nothing about it is known. Add fixtures/{0}.json with \"call\": {{ \"pull\": {{ \"stream\": \"{0}\" }} }}",
                stream.name
            )));
        }
    }
    for action in &provider.manifest.actions {
        let is_shown = |call: &Call| matches!(call, Call::Act { action: called, .. } if *called == action.name);
        if !calls.iter().any(is_shown) {
            found.notes.push(format!("action `{}` has no fixture", action.name));
        }
    }
    Ok(found)
}

impl Examination {
    /// The examination if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong, one paragraph each.
    pub fn passed(self) -> Result<Self, Mismatch> {
        if self.wrong.is_empty() {
            return Ok(self);
        }
        let wrong: Vec<String> = self.wrong.iter().map(ToString::to_string).collect();
        Err(Mismatch(wrong.join("\n\n")))
    }

    /// What each fixture used of each budget, as a table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        table(&self.replayed)
    }

    async fn stream(
        &mut self,
        provider: &ProviderFolder,
        plugin: &Plugin,
        stream: &str,
        stories: &[(String, Fixture)],
    ) -> Result<(), Mismatch> {
        let resumed = |(name, _): (&str, &Fixture)| self.replayed.iter().any(|one| one.name == name && one.resumed > 0);
        if !statuses::of_stream(stream, stories).any(resumed) {
            self.notes.push(format!(
                "stream `{stream}`: no fixture has two pages, so whether it resumes at a cursor and stops at the last page was not tried"
            ));
        }
        let findings = statuses::inject(provider, plugin, stream, stories).await?;
        self.injected = self.injected.saturating_add(findings.injected);
        self.wrong.extend(findings.wrong);
        let listed = |statuses: &BTreeSet<u16>| {
            let texts: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            texts.join(", ")
        };
        if !findings.blames_itself.is_empty() {
            self.notes.push(format!(
                "stream `{stream}`: {} blames the plugin, which is right for addresses that never change; blame the tenant where the address depends on the configuration",
                listed(&findings.blames_itself)
            ));
        }
        if !findings.passed_over.is_empty() {
            self.notes.push(format!(
                "stream `{stream}`: {} for a single resource is passed over, which is right if the others are to be synced without it",
                listed(&findings.passed_over)
            ));
        }
        Ok(())
    }
}

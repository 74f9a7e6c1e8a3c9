//! Reading a manifest: TOML first, then the rules that types alone do not say.

mod actions;
mod api;
mod auth;
mod calls;
mod failure;
mod holes;
mod names;
mod oauth2;
mod places;
mod read;
mod variables;
mod webhook;

use std::fmt;

use super::{Manifest, schema::CATEGORIES};
pub(super) use names::is_labels;
use places::Places;

/// Why a manifest is refused: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The file's name as given.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The field by its dotted path, `auth.steps[0].call.url`; empty where the file is not TOML at all.
    pub field: String,
    /// What is wrong and what to write.
    pub message: String,
    /// What was probably meant, where something known is close to what was written.
    pub suggestion: Option<String>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ManifestError {}

/// The most that a manifest may weigh, in bytes.
pub const MOST_BYTES: usize = 256 * 1024;

/// What is wrong with a field.
#[derive(Debug)]
struct Finding {
    field: String,
    message: String,
    suggestion: Option<String>,
}

impl Finding {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), suggestion: None }
    }

    fn suggest(mut self, suggestion: Option<&str>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    fn placed(self, file: &str, places: &Places<'_>) -> ManifestError {
        let line = places.line(&self.field);
        ManifestError { file: file.into(), line, field: self.field, message: self.message, suggestion: self.suggestion }
    }
}

/// Reads and checks. Gives the first error and the others, by line.
#[expect(clippy::result_large_err, reason = "made once per refused file, and taken apart at once by the two callers")]
pub(super) fn parse(file: &str, text: &str) -> Result<Manifest, (ManifestError, Vec<ManifestError>)> {
    if text.len() > MOST_BYTES {
        let error = ManifestError {
            file: file.into(),
            line: 1,
            field: String::new(),
            message: format!("a manifest has at most {MOST_BYTES} bytes, this one has {}", text.len()),
            suggestion: None,
        };
        return Err((error, Vec::new()));
    }
    let places = read::tables(file, text).map_err(|error| (error, Vec::new()))?;
    let manifest = read::manifest(&places).map_err(|finding| (finding.placed(file, &places), Vec::new()))?;
    let mut rules = Rules { manifest: &manifest, places: &places, found: Vec::new() };
    rules.all();
    let found = rules.found;
    let mut errors: Vec<ManifestError> = found.into_iter().map(|finding| finding.placed(file, &places)).collect();
    errors.sort_by_key(|error| error.line);
    errors.dedup();
    let mut errors = errors.into_iter();
    match errors.next() {
        Some(first) => Err((first, errors.collect())),
        None => Ok(manifest),
    }
}

/// The rules, and what they found.
struct Rules<'a> {
    manifest: &'a Manifest,
    places: &'a Places<'a>,
    found: Vec<Finding>,
}

impl Rules<'_> {
    fn all(&mut self) {
        self.head();
        self.variables();
        self.auth();
        self.api();
        self.failures();
        self.limits();
        self.pagination();
        self.webhook();
        self.code();
        self.actions();
    }

    fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.found.push(Finding::new(field, message));
    }

    /// What every provider says about itself.
    fn head(&mut self) {
        let manifest = self.manifest;
        if manifest.schema != 1 {
            self.refuse("schema", format!("this server reads schema 1, not {}", manifest.schema));
        }
        if !crate::slug::is_slug(&manifest.slug) {
            self.refuse("slug", "write lower-case letters, digits and dashes, at most 64");
        }
        if !names::is_shown(&manifest.name, 80) {
            self.refuse("name", "write what people call the provider, at most 80 characters");
        }
        if !CATEGORIES.contains(&manifest.category.as_str()) {
            let message = format!("`{}` is not one of {}", manifest.category, CATEGORIES.join(", "));
            let suggestion = closest(&manifest.category, CATEGORIES.iter().copied());
            self.found.push(Finding::new("category", message).suggest(suggestion));
        }
        if !names::is_link(&manifest.docs) {
            self.refuse("docs", "write the https address of the vendor's documentation");
        }
    }

    /// What code a plugin has, and what it is for.
    fn code(&mut self) {
        let manifest = self.manifest;
        if let Some(plugin) = &manifest.plugin
            && (plugin.component.contains(['/', '\\']) || !plugin.component.ends_with(".wasm"))
        {
            self.refuse("plugin.component", "write the name of a .wasm file beside the manifest");
        }
        if manifest.plugin.is_none() && !(manifest.streams.is_empty() && manifest.actions.is_empty()) {
            let field = if manifest.streams.is_empty() { "actions" } else { "streams" };
            self.refuse(field, "streams and actions need code: add [plugin] with component = \"plugin.wasm\"");
        }
        let streams = manifest.streams.iter().map(|stream| ("streams", &stream.name));
        let actions = manifest.actions.iter().map(|action| ("actions", &action.name));
        for (kind, named) in [("streams", streams.collect::<Vec<_>>()), ("actions", actions.collect())] {
            let mut seen = std::collections::BTreeSet::new();
            for (at, (_, name)) in named.into_iter().enumerate() {
                let field = format!("{kind}[{at}].name");
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                    let rule = "write lower-case letters, digits and underscores, at most 64";
                    self.refuse(field, format!("`{name}` is no name: {rule}"));
                } else if !seen.insert(name) {
                    self.refuse(field, format!("`{name}` stands there twice"));
                }
            }
        }
        for (at, stream) in manifest.streams.iter().enumerate() {
            if stream.every_minutes == 0 {
                self.refuse(format!("streams[{at}].every_minutes"), "write at least 1");
            }
            if stream.realtime && manifest.webhook.is_none() {
                self.refuse(format!("streams[{at}].realtime"), "needs [webhook]: without it no webhook is listened to");
            }
            if stream.backfill_days == Some(0) {
                self.refuse(
                    format!("streams[{at}].backfill_days"),
                    "write at least 1, or leave it out for all there is",
                );
            }
        }
    }
}

/// What is so close to a mistyped name that it was probably meant.
fn closest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Longer texts are no typing mistakes, and would take long to compare.
    if written.len() > 64 {
        return None;
    }
    let written = written.to_lowercase();
    let likeness = |name: &str| {
        let one_off = written.len() > 2 && strsim::damerau_levenshtein(&written, &name.to_lowercase()) <= 1;
        if one_off { 1.0 } else { strsim::jaro_winkler(&written, &name.to_lowercase()) }
    };
    known
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= 0.86)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests;

//! A pull that nothing comes of but words: what it gives, and how that differs from what is stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use plugin_host::{Connection, HostHttp, HttpFault, HttpRequest, HttpResponse, LogLine, Plugin, Usage};
use serde_json::Value;

use crate::{
    Call, Fixture, Mismatch,
    capture::Wanted,
    expectation::cursor_value,
    stage::{Largest, Source, Stage, Way},
};

/// What a pull gave.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// Records by id; of one that came twice, the last.
    pub records: BTreeMap<String, Value>,
    /// Ids that the provider says are gone.
    pub deleted: BTreeSet<String>,
    /// How many pages there were.
    pub pages: usize,
    /// There were more pages than were wanted.
    pub has_more: bool,
    /// Where the next pull would begin.
    pub cursor: Option<String>,
    /// Why it ended before the last page, and who is to blame.
    pub failure: Option<String>,
    /// The most that one call used.
    pub largest: Largest,
    /// What was used altogether.
    pub usage: Usage,
    /// What the plugin wrote.
    pub log: Vec<LogLine>,
}

/// A record that is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The record.
    pub body: Value,
    /// It is kept as deleted.
    pub is_deleted: bool,
}

/// What a run would do to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It would be stored.
    New,
    /// It would be stored again after it was deleted.
    Back,
    /// These fields would change: dotted path, old and new value.
    Changed(Vec<(String, String, String)>),
    /// Nothing would be written.
    Unchanged,
    /// It would be marked as deleted.
    Gone,
}

/// Pulls a stream for a connection. Nothing is written anywhere.
///
/// # Errors
/// The plugin cannot even be started. What it runs into is part of what is given.
pub async fn dry_run(
    plugin: &Plugin,
    connection: &Connection,
    http: Box<dyn HostHttp>,
    wanted: &Wanted,
) -> Result<Pulled, Mismatch> {
    let cursor = wanted.cursor.as_deref().map(cursor_value);
    let fixture = Fixture::live(connection, wanted.now, Call::Pull { stream: wanted.stream.clone(), cursor });
    let live = Live(Arc::new(tokio::sync::Mutex::new(http)));
    let way = Way { now: wanted.now, cursor: wanted.cursor.clone(), most_pages: wanted.most_pages };
    let played = Stage { plugin, fixture: &fixture }.play(&live, way).await?;
    let (mut records, mut deleted) = (BTreeMap::new(), BTreeSet::new());
    for page in &played.outcome.pages {
        for item in &page.items {
            deleted.remove(&item.id);
            records.insert(item.id.clone(), serde_json::from_str(&item.body).unwrap_or_default());
        }
        for id in &page.deleted {
            records.remove(id);
            deleted.insert(id.clone());
        }
    }
    let failure = played.outcome.failure.as_ref();
    Ok(Pulled {
        records,
        deleted,
        pages: played.outcome.pages.len(),
        has_more: played.endless,
        cursor: played.outcome.pages.last().and_then(|page| page.cursor.clone()),
        failure: failure.map(|error| format!("{error} (blames {})", crate::expectation::blame_name(error.blame()))),
        largest: played.largest,
        usage: played.usage,
        log: played.log,
    })
}

impl Pulled {
    /// What a run would do to each record that was pulled or said to be gone, given what is stored of them.
    #[must_use]
    pub fn changes(&self, stored: &BTreeMap<String, Stored>) -> BTreeMap<&str, Change> {
        let pulled = self.records.iter().map(|(id, body)| {
            let change = match stored.get(id) {
                None => Change::New,
                Some(stored) if stored.is_deleted => Change::Back,
                Some(stored) => {
                    let mut fields = Vec::new();
                    differing("", &stored.body, body, &mut fields);
                    if fields.is_empty() { Change::Unchanged } else { Change::Changed(fields) }
                }
            };
            (id.as_str(), change)
        });
        let is_there = |id: &&String| stored.get(*id).is_some_and(|stored| !stored.is_deleted);
        let gone = self.deleted.iter().filter(is_there).map(|id| (id.as_str(), Change::Gone));
        pulled.chain(gone).collect()
    }
}

/// Paths at which two values differ. Lists are compared as a whole.
fn differing(at: &str, before: &Value, after: &Value, found: &mut Vec<(String, String, String)>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => differing(&path, old, new, found),
                    (old, new) => found.push((path, shown(old), shown(new))),
                }
            }
        }
        _ if before == after => {}
        _ => found.push((at.to_owned(), shown(Some(before)), shown(Some(after)))),
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".into() };
    let text = value.to_string();
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// The host's HTTP as it is.
#[derive(Clone)]
struct Live(Arc<tokio::sync::Mutex<Box<dyn HostHttp>>>);

impl Source for Live {
    fn used(&self) -> usize {
        0
    }
}

#[async_trait]
impl HostHttp for Live {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        self.0.lock().await.fetch(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_record_is_told_apart() {
        let pulled = Pulled {
            records: [
                ("new", json!({ "a": 1 })),
                ("same", json!({ "b": 2, "a": 1 })),
                ("back", json!({})),
                ("other", json!({ "a": { "b": [1] }, "d": "x" })),
            ]
            .map(|(id, body)| (id.to_owned(), body))
            .into(),
            deleted: ["gone", "never", "was"].map(String::from).into(),
            pages: 1,
            has_more: false,
            cursor: None,
            failure: None,
            largest: Largest::default(),
            usage: Usage::default(),
            log: Vec::new(),
        };
        let stored = [
            ("same", json!({ "a": 1, "b": 2 }), false),
            ("back", json!({}), true),
            ("other", json!({ "a": { "b": [1, 2] }, "c": null }), false),
            ("gone", json!({}), false),
            ("was", json!({}), true),
        ]
        .map(|(id, body, is_deleted)| (id.to_owned(), Stored { body, is_deleted }))
        .into();
        let field = |path: &str, old: &str, new: &str| (path.to_owned(), old.to_owned(), new.to_owned());
        let changed = vec![field("a.b", "[1,2]", "[1]"), field("c", "null", "nothing"), field("d", "nothing", "\"x\"")];
        let expected = [
            ("back", Change::Back),
            ("gone", Change::Gone),
            ("new", Change::New),
            ("other", Change::Changed(changed)),
            ("same", Change::Unchanged),
        ];
        assert_eq!(pulled.changes(&stored), expected.into());
    }
}

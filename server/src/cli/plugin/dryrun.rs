//! `patchbay plugin dryrun`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use chrono::TimeDelta;
use domain::manifest::StreamMode;
use flows::{
    record::{self, ListError, Wanted},
    sync,
};
use patchbay_plugin_harness::dryrun::{Change, Pulled, Stored, dry_run};
use serde_json::Value;
use store::RecordFilter;

use super::{
    super::{CliError, print},
    counted,
    live::{Live, LiveArguments},
};
use crate::config::Config;

/// Stored records read at once.
const BATCH: u16 = 1000;
/// Syncs that a connection has at the most.
const MOST_SYNCS: i64 = 1000;
/// Characters that are shown of a record.
const SHOWN: usize = 160;

/// What is pulled, and how much of it is shown.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DryrunArguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Which of the stream's syncs, by the name of its variant: the plugin is told its parameters and how far back it goes,
    /// and what is pulled is held against its records. The one that every connection has unless given.
    #[arg(long)]
    variant: Option<String>,
    /// Records that are shown of those that would be written; all are counted.
    #[arg(long, default_value_t = 20)]
    show: usize,
}

pub(super) async fn dryrun(config: &Config, arguments: &DryrunArguments) -> Result<ExitCode, CliError> {
    let mut live = Live::find(config, &arguments.live).await?;
    be_the_sync(&mut live, arguments).await?;
    let pulled = dry_run(&live.plugin, &live.connection, live.http(), &live.wanted).await.map_err(CliError::refused)?;
    for line in &pulled.log {
        print(&format!("log: {}", line.message));
    }
    let (stored, unseen) = stored(&live, arguments, &pulled).await?;
    let changes = pulled.changes(&stored);
    let written = changes.iter().filter(|(_, change)| **change != Change::Unchanged);
    for (id, change) in written.take(arguments.show) {
        let body = pulled.records.get(*id).or_else(|| stored.get(*id).map(|stored| &stored.body));
        shown(id, change, body);
    }
    let count = |wanted: fn(&Change) -> bool| changes.values().filter(|change| wanted(change)).count();
    print(&format!(
        "{} in {}: {} new, {} changed, {} back, {} gone, {} unchanged",
        counted(changes.len(), "record"),
        counted(pulled.pages, "page"),
        count(|change| *change == Change::New),
        count(|change| matches!(change, Change::Changed(_))),
        count(|change| *change == Change::Back),
        count(|change| *change == Change::Gone),
        count(|change| *change == Change::Unchanged),
    ));
    if let Some(Unseen { count, first }) = unseen {
        print(&format!("{} stored and not pulled: a run would find them gone", counted(count, "record")));
        for (id, body) in &first {
            shown(id, &Change::Gone, Some(body));
        }
    }
    let cursor = pulled.cursor.as_deref().unwrap_or("the beginning");
    let more = if pulled.has_more { "there is more; it would go on at" } else { "the next run would begin at" };
    print(&format!("{more} {cursor}\nnothing was written"));
    match pulled.failure {
        Some(failure) => {
            Err(CliError::Refused(format!("it failed after {}: {failure}", counted(pulled.pages, "page"))))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Has the plugin told what a run of the sync would be told.
async fn be_the_sync(live: &mut Live, arguments: &DryrunArguments) -> Result<(), CliError> {
    let stream = &arguments.live.stream;
    let mut syncs =
        sync::list(live.ctx(), Some(arguments.live.connection), None, MOST_SYNCS).await.map_err(CliError::refused)?;
    syncs.retain(|sync| sync.stream == *stream);
    let name = arguments.variant.as_deref().unwrap_or_default();
    if let Some(sync) = syncs.iter().find(|sync| sync.variant == name) {
        live.connection = sync::connection_for(live.connection.clone(), sync, live.plugin.contract());
        return Ok(());
    }
    if let Some(variant) = &arguments.variant {
        let known: Vec<&str> =
            syncs.iter().map(|sync| sync.variant.as_str()).filter(|variant| !variant.is_empty()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(CliError::Refused(format!(
            "the connection has no variant `{variant}` of the stream `{stream}`; there are: {known}"
        )));
    }
    // It is new with this manifest: its first run would go back as far as that says.
    let days = live.provider.manifest.stream(stream).and_then(|stream| stream.backfill_days);
    let since = days.map(|days| live.wanted.now - TimeDelta::days(days.into()));
    live.connection.since = since.and_then(|since| u64::try_from(since.timestamp_millis()).ok());
    Ok(())
}

fn shown(id: &str, change: &Change, body: Option<&Value>) {
    let id = id.escape_debug();
    let body = match body {
        // Pruned, or never stored.
        None | Some(Value::Null) => String::new(),
        Some(body) => format!("\n    {}", cut(body)),
    };
    match change {
        Change::New => print(&format!("+ {id}{body}")),
        Change::Back => print(&format!("+ {id} (was deleted){body}")),
        Change::Gone => print(&format!("- {id}{body}")),
        Change::Unchanged => print(&format!("  {id}")),
        Change::Changed(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(path, old, new)| format!("    {path}: {old} → {new}")).collect();
            print(&format!("~ {id}\n{}", fields.join("\n")))
        }
    };
}

/// The beginning of a record, with nothing in it that a terminal would follow.
fn cut(body: &Value) -> String {
    let text = body.to_string();
    let mut shown: String =
        text.chars().take(SHOWN).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Records that are stored and were not pulled.
struct Unseen {
    count: usize,
    /// The first of them.
    first: Vec<(String, Value)>,
}

/// What is stored of the records that were pulled; and which others there are, where a run would find them gone: a walk
/// over a full stream from its beginning to its end.
async fn stored(
    live: &Live,
    arguments: &DryrunArguments,
    pulled: &Pulled,
) -> Result<(BTreeMap<String, Stored>, Option<Unseen>), CliError> {
    let (stream, connection) = (&arguments.live.stream, arguments.live.connection);
    let asked: BTreeSet<&String> = pulled.records.keys().chain(&pulled.deleted).collect();
    let (mut stored, mut others, mut cursor) =
        (BTreeMap::new(), Unseen { count: 0, first: Vec::new() }, None::<String>);
    loop {
        let wanted = Wanted {
            connection,
            stream,
            variant: arguments.variant.as_deref(),
            cursor: cursor.as_deref(),
            limit: BATCH,
            filter: RecordFilter::default(),
            fields: None,
        };
        let list = match record::list(live.ctx(), wanted).await {
            Ok(list) => list,
            // It never ran.
            Err(ListError::NotFound) => break,
            Err(error) => return Err(CliError::refused(error)),
        };
        for row in list.records {
            let is_deleted = row.deleted_at.is_some();
            if asked.contains(&row.id) {
                let body = read(row.data.as_deref());
                stored.insert(row.id, Stored { body, is_deleted });
            } else if !is_deleted {
                others.count = others.count.saturating_add(1);
                if others.first.len() < arguments.show {
                    others.first.push((row.id, read(row.data.as_deref())));
                }
            }
        }
        if !list.has_more {
            break;
        }
        cursor = Some(list.next.encode());
    }
    let is_full = live.provider.manifest.stream(stream).is_some_and(|stream| stream.mode == StreamMode::Full);
    let is_whole = arguments.live.cursor.is_none() && !pulled.has_more && pulled.failure.is_none();
    Ok((stored, (is_full && is_whole && others.count > 0).then_some(others)))
}

/// What was pruned is read as if it had been nothing.
fn read(data: Option<&str>) -> Value {
    data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default()
}

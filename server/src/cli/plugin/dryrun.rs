//! `patchbay plugin dryrun`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use domain::manifest::StreamMode;
use flows::record::{self, ListError, Wanted};
use patchbay_plugin_harness::dryrun::{Change, Pulled, Stored, dry_run};
use store::RecordFilter;

use super::{
    super::{CliError, print},
    counted,
    live::{Live, LiveArguments},
};
use crate::config::Config;

/// Stored records read at once.
const BATCH: u16 = 1000;

/// What is pulled, and how much of it is shown.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DryrunArguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Records that are shown of those that would be written; all are counted.
    #[arg(long, default_value_t = 20)]
    show: usize,
}

pub(super) async fn dryrun(config: &Config, arguments: &DryrunArguments) -> Result<ExitCode, CliError> {
    let live = Live::find(config, &arguments.live).await?;
    let pulled = dry_run(&live.plugin, &live.connection, live.http(), &live.wanted).await.map_err(CliError::refused)?;
    for line in &pulled.log {
        print(&format!("log: {}", line.message));
    }
    let (stored, unseen) = stored(&live, arguments, &pulled).await?;
    let changes = pulled.changes(&stored);
    let written = changes.iter().filter(|(_, change)| **change != Change::Unchanged);
    for (id, change) in written.take(arguments.show) {
        shown(id, change);
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
    if let Some(unseen) = unseen {
        print(&format!("{} stored and not pulled: a run would find them gone", counted(unseen, "record")));
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

fn shown(id: &str, change: &Change) {
    let id = id.escape_debug();
    match change {
        Change::New => print(&format!("+ {id}")),
        Change::Back => print(&format!("+ {id} (was deleted)")),
        Change::Gone => print(&format!("- {id}")),
        Change::Unchanged => print(&format!("  {id}")),
        Change::Changed(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(path, old, new)| format!("    {path}: {old} → {new}")).collect();
            print(&format!("~ {id}\n{}", fields.join("\n")))
        }
    };
}

/// What is stored of the records that were pulled; and how many others there are, where a run would find them gone: a
/// walk over a full stream from its beginning to its end.
async fn stored(
    live: &Live,
    arguments: &DryrunArguments,
    pulled: &Pulled,
) -> Result<(BTreeMap<String, Stored>, Option<usize>), CliError> {
    let (stream, connection) = (&arguments.live.stream, arguments.live.connection);
    let asked: BTreeSet<&String> = pulled.records.keys().chain(&pulled.deleted).collect();
    let (mut stored, mut others, mut cursor) = (BTreeMap::new(), 0_usize, None::<String>);
    loop {
        let wanted = Wanted {
            connection,
            stream,
            variant: None,
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
                // What was pruned is shown as if it had been nothing.
                let body = row.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
                stored.insert(row.id, Stored { body, is_deleted });
            } else if !is_deleted {
                others = others.saturating_add(1);
            }
        }
        if !list.has_more {
            break;
        }
        cursor = Some(list.next.encode());
    }
    let is_full = live.provider.manifest.stream(stream).is_some_and(|stream| stream.mode == StreamMode::Full);
    let is_whole = arguments.live.cursor.is_none() && !pulled.has_more && pulled.failure.is_none();
    Ok((stored, (is_full && is_whole && others > 0).then_some(others)))
}

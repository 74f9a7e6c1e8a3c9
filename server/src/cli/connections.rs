//! `patchbay connections`: bringing many along, and taking them away.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Subcommand, ValueEnum};
use flows::{
    Actor, Ctx,
    connection::{self, Format, MOST_TOGETHER, Row, Rows, Taking},
};
use futures_util::StreamExt as _;
use serde_json::json;
use store::ImportErrorRow;
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroizing;

use super::{
    CliError, print,
    progress::{Progress, say, table},
    tenancy::find_environment,
};
use crate::{boot, config::Config};

/// Rows between two marks of how far it has come.
const BATCH: usize = 100;
/// The largest file.
const MOST_BYTES: u64 = 512 << 20;
/// Different things that are wrong: so many are listed, with so many lines of each.
const MOST_KINDS: usize = 20;
const MOST_LINES: usize = 5;
/// Waits between tries of a row that its provider does not answer for.
const WAITS: [u64; 5] = [1, 2, 4, 8, 16];

/// What can be done with many connections.
#[derive(Subcommand)]
pub(super) enum ConnectionsCommand {
    /// Brings connections along, each tried at its provider. The same file makes nothing twice, and goes on where it broke
    /// off.
    Import {
        /// The file: JSON Lines with rows like the body of `POST /v1/connections`, or CSV with the columns end_user.id,
        /// end_user.name, external_id, fields.<name>, tokens.access_token, tokens.refresh_token, tokens.token_secret,
        /// tokens.expires_at, tokens.scopes and tags.<name>.
        file: PathBuf,
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The environment's slug.
        #[arg(long)]
        environment: String,
        /// The integration's slug or id.
        #[arg(long)]
        integration: String,
        /// How rows are written; by the file's name if absent.
        #[arg(long)]
        format: Option<FileFormat>,
        /// Stores nothing unless all rows are right; 10,000 rows at most, with tokens that still hold.
        #[arg(long)]
        all_or_nothing: bool,
        /// Replaces the credentials of connections that are there already, instead of leaving them as they are.
        #[arg(long)]
        replace: bool,
        /// Writes all that is wrong to this file, as JSON Lines.
        #[arg(long)]
        errors: Option<PathBuf>,
    },
    /// Writes connections with their credentials, encrypted to an age public key, as rows that an import takes.
    Export {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The environment's slug.
        #[arg(long)]
        environment: String,
        /// Of this integration alone, by slug or id.
        #[arg(long)]
        integration: Option<String>,
        /// Who can read it: an age public key, age1….
        #[arg(long)]
        recipient: String,
        /// Where to; standard output if absent.
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

/// How rows are written.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FileFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object on each line.
    Jsonl,
}

pub(super) async fn connections(config: &Config, command: &ConnectionsCommand) -> Result<ExitCode, CliError> {
    match command {
        ConnectionsCommand::Import { .. } => import(config, command).await,
        ConnectionsCommand::Export { .. } => export(config, command).await,
    }
}

/// What was wrong, by kind.
#[derive(Default)]
struct Wrong {
    kinds: BTreeMap<(String, String), (u64, Vec<i64>)>,
    file: Option<tokio::fs::File>,
}

impl Wrong {
    async fn note(&mut self, errors: Vec<ImportErrorRow>) -> Result<(), CliError> {
        for error in errors {
            if let Some(file) = &mut self.file {
                let line =
                    json!({ "row": error.row_number, "line": error.line, "field": error.field, "detail": error.words });
                file.write_all(format!("{line}\n").as_bytes()).await.map_err(CliError::refused)?;
            }
            let (count, lines) = self.kinds.entry((error.field, error.words)).or_default();
            *count += 1;
            if lines.len() < MOST_LINES {
                lines.push(error.line);
            }
        }
        Ok(())
    }

    /// A table of a bounded length.
    async fn tell(mut self) -> Result<(), CliError> {
        if let Some(file) = &mut self.file {
            file.flush().await.map_err(CliError::refused)?;
        }
        if self.kinds.is_empty() {
            return Ok(());
        }
        let mut kinds: Vec<_> = self.kinds.into_iter().collect();
        kinds.sort_by(|one, other| other.1.0.cmp(&one.1.0).then_with(|| one.0.cmp(&other.0)));
        let mut rows = vec![["ROWS", "LINES", "FIELD", "WHAT IS WRONG"].map(str::to_owned).to_vec()];
        for ((field, words), (count, lines)) in kinds.iter().take(MOST_KINDS) {
            let more = usize::try_from(*count).unwrap_or(usize::MAX) > lines.len();
            let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let lines = if more { format!("{lines}, …") } else { lines };
            let field = if field.is_empty() { "–".to_owned() } else { field.clone() };
            rows.push(vec![count.to_string(), lines, field, words.clone()]);
        }
        print(&table(&rows));
        if kinds.len() > MOST_KINDS {
            let rest: u64 = kinds.iter().skip(MOST_KINDS).map(|(_, (count, _))| count).sum();
            print(&format!(
                "and {rest} rows wrong in {} other ways; --errors FILE has them all",
                kinds.len() - MOST_KINDS
            ));
        }
        Ok(())
    }
}

async fn import(config: &Config, command: &ConnectionsCommand) -> Result<ExitCode, CliError> {
    let ConnectionsCommand::Import { file, tenant, environment, integration, format, all_or_nothing, replace, errors } =
        command
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let unreadable = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    let format = match (format, file.extension().and_then(|name| name.to_str())) {
        (Some(FileFormat::Csv), _) | (None, Some("csv")) => Format::Csv,
        (Some(FileFormat::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => Format::JsonLines,
        (None, _) => return Err(unreadable(&"say --format csv or --format jsonl")),
    };
    let size = tokio::fs::metadata(file).await.map_err(|error| unreadable(&error))?.len();
    if size > MOST_BYTES {
        return Err(unreadable(&format!("has more than {} MiB; split it", MOST_BYTES >> 20)));
    }
    let bytes = Zeroizing::new(tokio::fs::read(file).await.map_err(|error| unreadable(&error))?);
    let mut total = 0;
    for row in Rows::of(format, bytes.as_slice()).map_err(|error| unreadable(&error))? {
        row.map_err(|error| unreadable(&error))?;
        total += 1;
    }
    let mut wrong = Wrong::default();
    if let Some(path) = errors {
        let refuse = |error| CliError::Refused(format!("{}: {error}", path.display()));
        wrong.file = Some(tokio::fs::File::create(path).await.map_err(refuse)?);
    }
    let platform = boot::platform(config).await?;
    let scope = find_environment(&platform, tenant, environment).await?;
    let ctx = platform.services.ctx(scope, Actor::Operator);
    let digest = flows::sha256(&bytes);
    let opened = connection::open_import(ctx, integration, Some(&digest)).await.map_err(CliError::refused)?;
    if opened.next_row > 0 {
        say(&format!("goes on with {} at row {} of {total}", opened.id, opened.next_row + 1));
        let earlier = connection::get_import(ctx, opened.id, 1000).await.map_err(CliError::refused)?;
        wrong.note(earlier.errors).await?;
    }
    let taking = Taking { replace: *replace, all_or_nothing: *all_or_nothing, last: false };
    let batch = if *all_or_nothing { MOST_TOGETHER + 1 } else { BATCH };
    let mut rows = Rows::of(format, bytes.as_slice()).map_err(|error| unreadable(&error))?;
    let mut progress = Progress::to(total);
    let mut import = opened;
    let mut stopped = None;
    let (mut first, done) = (0_u64, u64::try_from(import.next_row).unwrap_or_default());
    progress.at(done, "");
    loop {
        let part: Vec<Row> = rows.by_ref().take(batch).collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
        let count = u64::try_from(part.len()).unwrap_or_default();
        if count == 0 {
            break;
        }
        if first + count > done {
            let taken = send(ctx, (&import, first), part, taking).await?;
            wrong.note(taken.errors).await?;
            import = taken.import;
            if taken.stopped.is_some() {
                stopped = taken.stopped;
                break;
            }
        }
        first += count;
        let more = format!("{} made, {} there already, {} wrong", import.made, import.present, import.wrong);
        progress.at(u64::try_from(import.next_row).unwrap_or_default(), &more);
    }
    progress.end();
    if stopped.is_none() {
        let last = Taking { last: true, ..taking };
        let end =
            connection::take_rows(ctx, import.id, u64::try_from(import.next_row).unwrap_or_default(), Vec::new(), last);
        import = end.await.map_err(CliError::refused)?.import;
    }
    print(&format!(
        "{total} rows: {} connections made, {} there already, {} wrong.",
        import.made, import.present, import.wrong
    ));
    let is_well = stopped.is_none() && import.wrong == 0;
    wrong.tell().await?;
    if let Some(reason) = stopped {
        let again = if *all_or_nothing { "" } else { " Run the same command again to go on." };
        return Err(CliError::Refused(format!("{reason}{again}")));
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Sends rows, again and again for a while where a provider does not answer.
async fn send(
    ctx: Ctx<'_>,
    (import, first): (&store::ImportRow, u64),
    rows: Vec<Row>,
    taking: Taking,
) -> Result<connection::Taken, CliError> {
    let mut rows = rows;
    let mut waits = WAITS.iter();
    let mut errors = Vec::new();
    loop {
        let again: Vec<Row> = rows.iter().map(Row::again).collect();
        let taken = connection::take_rows(ctx, import.id, first, rows, taking).await.map_err(CliError::refused)?;
        let is_nothing = taking.all_or_nothing;
        errors.extend(taken.errors);
        let wait = waits.next().filter(|_| taken.stopped.is_some() && !is_nothing);
        let Some(seconds) = wait else {
            return Ok(connection::Taken { errors, ..taken });
        };
        tokio::time::sleep(Duration::from_secs(*seconds)).await;
        rows = again;
    }
}

async fn export(config: &Config, command: &ConnectionsCommand) -> Result<ExitCode, CliError> {
    let ConnectionsCommand::Export { tenant, environment, integration, recipient, output } = command else {
        return Ok(ExitCode::SUCCESS);
    };
    if output.is_none() && std::io::stdout().is_terminal() {
        return Err(CliError::Refused("an encrypted file is nothing for a terminal: say --output FILE".into()));
    }
    let platform = boot::platform(config).await?;
    let scope = find_environment(&platform, tenant, environment).await?;
    let ctx = platform.services.ctx(scope, Actor::Operator);
    let export = connection::export(ctx, recipient, integration.as_deref()).await.map_err(CliError::refused)?;
    let mut export = std::pin::pin!(export);
    let Some(path) = output else {
        while let Some(bytes) = export.next().await {
            let bytes = bytes.map_err(CliError::refused)?;
            std::io::stdout().write_all(&bytes).map_err(CliError::refused)?;
        }
        std::io::stdout().flush().map_err(CliError::refused)?;
        return Ok(ExitCode::SUCCESS);
    };
    // Under another name until it is whole.
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let refuse = |error: std::io::Error| CliError::Refused(format!("{}: {error}", partial.display()));
    let mut file = tokio::fs::File::create(&partial).await.map_err(refuse)?;
    while let Some(bytes) = export.next().await {
        let written = match bytes {
            Ok(bytes) => file.write_all(&bytes).await.map_err(refuse),
            Err(error) => Err(CliError::refused(error)),
        };
        if let Err(error) = written {
            // What is there is encrypted, and of no use.
            let _ = tokio::fs::remove_file(&partial).await;
            return Err(error);
        }
    }
    file.sync_all().await.map_err(refuse)?;
    tokio::fs::rename(&partial, path).await.map_err(refuse)?;
    say(&format!("written to {}", path.display()));
    Ok(ExitCode::SUCCESS)
}

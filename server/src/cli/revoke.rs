//! `patchbay revoke`: the panic button. What is meant stops working at once; its providers are asked to let go by jobs, on
//! which this command works too, so that it needs no server that runs. It may be ended at any time, and goes on where it
//! was when it is run again.

use std::{collections::BTreeMap, io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;
use domain::{Scope, revocation::RevocationState};
use flows::{
    Actor, Ctx,
    connection::{self, REVOKE_QUEUE, Revokes, RunView},
    integration,
    tenant::list,
};
use store::{RevocationFilter, RevocationScope};

use super::{
    CliError, print,
    progress::{Progress, say, table},
    tenancy::find_tenant,
};
use crate::{
    boot::{self, Platform},
    config::Config,
    http::show,
    jobs::Worker,
};

/// How often it looks how far the run has come.
const LOOK: Duration = Duration::from_millis(250);
/// Why things failed: so many different reasons are listed.
const MOST_REASONS: usize = 20;

/// Which connections, and how.
#[derive(Args)]
pub(super) struct RevokeArguments {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The environment's slug; all of the tenant's if absent.
    #[arg(long)]
    environment: Option<String>,
    /// Connections to this provider alone.
    #[arg(long)]
    provider: Option<String>,
    /// Connections through this integration alone, by slug or id.
    #[arg(long)]
    integration: Option<String>,
    /// Connections made at or after this time alone, such as 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Connections made before this time alone.
    #[arg(long, value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Counts alone, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// Writes what became of each connection to this file, as JSON Lines.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Waits so many seconds for providers that do not answer; workers go on asking them in any case.
    #[arg(long, default_value_t = 300)]
    patience: u64,
}

/// A time, or a day's beginning in UTC.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|day| day.and_utc());
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    time.or_else(day).ok_or_else(|| "write a day like 2026-01-31 or a time like 2026-01-31T12:00:00Z".to_owned())
}

/// An environment, and what is meant in it.
struct Part {
    environment: String,
    scope: Scope,
    meant: RevocationScope,
}

impl Part {
    fn ctx<'p>(&self, platform: &'p Platform) -> Ctx<'p> {
        platform.services.ctx(self.scope, Actor::Operator)
    }
}

pub(super) async fn revoke(config: &Config, arguments: &RevokeArguments) -> Result<ExitCode, CliError> {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && since >= until
    {
        return Err(CliError::Refused("--since must be before --until".into()));
    }
    // Before anything is done: a report that cannot be written later would be lost.
    let mut report = match &arguments.report {
        None => None,
        Some(path) if arguments.dry_run => {
            return Err(CliError::Refused(format!("--dry-run has no report to write to {}", path.display())));
        }
        Some(path) => {
            let refuse = |error| CliError::Refused(format!("{}: {error}", path.display()));
            Some(tokio::fs::File::create(path).await.map_err(refuse)?)
        }
    };
    let platform = boot::platform(config).await?;
    let parts = parts(&platform, arguments).await?;
    let is_open = concerned(&platform, &parts).await?;
    if arguments.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !is_open {
        return Ok(print("There is nothing to revoke."));
    }
    if !arguments.yes {
        confirm(&arguments.tenant)?;
    }
    let worker = Worker::start_on(&platform.services, &platform.listener, REVOKE_QUEUE);
    let mut runs = Vec::new();
    for part in &parts {
        runs.push(connection::revoke_many(part.ctx(&platform), &part.meant).await.map_err(CliError::refused)?);
    }
    let runs = watch(&platform, &parts, runs, Duration::from_secs(arguments.patience)).await?;
    worker.drain(Duration::from_secs(20)).await;
    let is_well = tell(&platform, &parts, &runs, report.as_mut()).await?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

async fn parts(platform: &Platform, arguments: &RevokeArguments) -> Result<Vec<Part>, CliError> {
    let tenant = find_tenant(platform, &arguments.tenant).await?;
    let (_, environments) = list::tenant(&platform.services, tenant).await.map_err(CliError::refused)?;
    let mut parts = Vec::new();
    for row in environments {
        if arguments.environment.as_ref().is_some_and(|wanted| *wanted != row.slug) {
            continue;
        }
        let scope = Scope { tenant, environment: row.environment_id };
        let mut meant = RevocationScope {
            provider: arguments.provider.clone(),
            integration: None,
            since: arguments.since,
            until: arguments.until,
        };
        if let Some(name) = &arguments.integration {
            match integration::get(platform.services.ctx(scope, Actor::Operator), name).await {
                Ok(found) => meant.integration = Some(found.row.id),
                // Perhaps another environment has it.
                Err(integration::IntegrationError::NotFound) => continue,
                Err(error) => return Err(CliError::refused(error)),
            }
        }
        parts.push(Part { environment: row.slug, scope, meant });
    }
    match (parts.is_empty(), &arguments.environment, &arguments.integration) {
        (true, Some(environment), None) => Err(CliError::Refused(format!("no environment `{environment}`"))),
        (true, _, Some(integration)) => Err(CliError::Refused(format!("no integration `{integration}` there"))),
        (true, None, None) => Err(CliError::Refused("the tenant has no environment".into())),
        (false, ..) => Ok(parts),
    }
}

/// Prints what is meant. Gives whether there is anything to do: connections, or a run that is not finished.
async fn concerned(platform: &Platform, parts: &[Part]) -> Result<bool, CliError> {
    let mut rows = vec![["ENVIRONMENT", "PROVIDER", "CONNECTIONS", "CAN BE REVOKED THERE"].map(str::to_owned).to_vec()];
    let mut providers: BTreeMap<String, bool> = BTreeMap::new();
    let (mut total, mut is_open) = (0_u64, false);
    for part in parts {
        let ctx = part.ctx(platform);
        for one in connection::count_revocable(ctx, &part.meant).await.map_err(CliError::refused)? {
            total += one.connections;
            let word = match one.revokes {
                Some(Revokes::Yes) => "yes",
                Some(Revokes::No) => "no: credentials are wiped here",
                Some(Revokes::SomeServers) => "where the server says so",
                None => "unknown: it is not installed any more",
            };
            providers.insert(one.provider.clone(), matches!(one.revokes, Some(Revokes::Yes | Revokes::SomeServers)));
            rows.push(vec![part.environment.clone(), one.provider, one.connections.to_string(), word.to_owned()]);
        }
        if let Some(open) = connection::open_revocation_run(ctx, &part.meant).await.map_err(CliError::refused)? {
            is_open = true;
            let (settled, all) = (open.settled(), open.row.total);
            say(&format!("{}: the run {} is under way: {settled} of {all} are settled", part.environment, open.row.id));
        }
    }
    if total > 0 {
        print(&table(&rows));
    }
    let with = providers.values().filter(|revokes| **revokes).count();
    print(&format!(
        "{total} connections of {} providers; {with} of these providers can be asked to revoke.",
        providers.len()
    ));
    Ok(is_open || total > 0)
}

/// Asks for the tenant's name to be typed.
fn confirm(tenant: &str) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Refused("nobody can be asked here: add --yes".into()));
    }
    say(&format!("These connections stop working at once, for good. Type `{tenant}` to go on:"));
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed).map_err(CliError::refused)?;
    if typed.trim() == tenant { Ok(()) } else { Err(CliError::Refused("nothing was changed".into())) }
}

/// Waits until all are settled, or until only providers that do not answer are left and patience ends.
async fn watch(
    platform: &Platform,
    parts: &[Part],
    mut runs: Vec<RunView>,
    patience: Duration,
) -> Result<Vec<RunView>, CliError> {
    let total = |runs: &[RunView]| runs.iter().map(|run| u64::try_from(run.row.total).unwrap_or_default()).sum();
    let mut progress = Progress::to(total(&runs));
    let (mut settled_before, mut idle) = (0, Duration::ZERO);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        for (part, run) in parts.iter().zip(&mut runs) {
            *run = connection::revocation_run(part.ctx(platform), run.row.id).await.map_err(CliError::refused)?;
        }
        let count = |state| runs.iter().map(|run| run.count(state)).sum::<u64>();
        let settled = runs.iter().map(RunView::settled).sum();
        let more = format!(
            "{} revoked, {} not revocable, {} failed, {} pending",
            count(RevocationState::Revoked),
            count(RevocationState::Unsupported) + count(RevocationState::Nothing),
            count(RevocationState::Failed),
            count(RevocationState::Pending)
        );
        progress.at(settled, &more);
        idle = if settled == settled_before { idle + LOOK } else { Duration::ZERO };
        settled_before = settled;
        let is_done = runs.iter().all(|run| run.row.finished_at.is_some());
        if is_done || idle >= patience {
            progress.end();
            return Ok(runs);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = &mut interrupted => {
                progress.end();
                say("Interrupted. The connections work no longer; workers, or this command run again, ask on.");
                return Ok(runs);
            }
        }
    }
}

/// Prints the report, and writes it to its file. Gives whether nothing is left to do.
async fn tell(
    platform: &Platform,
    parts: &[Part],
    runs: &[RunView],
    mut file: Option<&mut tokio::fs::File>,
) -> Result<bool, CliError> {
    use tokio::io::AsyncWriteExt as _;
    let columns = ["ENVIRONMENT", "PROVIDER", "REVOKED", "NO CALL FOR IT", "NOTHING THERE", "FAILED", "PENDING"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    let mut reasons: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut is_well = true;
    for (part, run) in parts.iter().zip(runs) {
        let mut providers: Vec<&str> = run.tally.iter().map(|tally| tally.provider.as_str()).collect();
        providers.dedup();
        for provider in providers {
            let of = |state: RevocationState| {
                let mut found = run.tally.iter().filter(|one| one.provider == provider && one.state == state.as_str());
                found.next().map_or(0, |one| one.count).to_string()
            };
            rows.push(vec![
                part.environment.clone(),
                provider.to_owned(),
                of(RevocationState::Revoked),
                of(RevocationState::Unsupported),
                of(RevocationState::Nothing),
                of(RevocationState::Failed),
                of(RevocationState::Pending),
            ]);
        }
        let filter = RevocationFilter { run: Some(run.row.id), ..RevocationFilter::default() };
        let mut before = None;
        loop {
            let found = connection::revocations(part.ctx(platform), filter, before, 500).await;
            let found = found.map_err(CliError::refused)?;
            let is_last = found.len() <= 500;
            for row in found.into_iter().take(500) {
                before = Some(row.connection);
                if matches!(row.state, RevocationState::Failed | RevocationState::Pending) {
                    is_well = false;
                    *reasons.entry((row.provider.clone(), row.reason.clone())).or_default() += 1;
                }
                if let Some(file) = file.as_deref_mut() {
                    let mut line = serde_json::to_vec(&show::revocation(row)).map_err(CliError::refused)?;
                    line.push(b'\n');
                    file.write_all(&line).await.map_err(CliError::refused)?;
                }
            }
            if is_last {
                break;
            }
        }
    }
    if let Some(file) = file {
        file.flush().await.map_err(CliError::refused)?;
    }
    print(&table(&rows));
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((provider, reason), count) in reasons.iter().take(MOST_REASONS) {
        print(&format!("{count} of {provider}: {reason}"));
    }
    if reasons.len() > MOST_REASONS {
        print(&format!("and {} other reasons; --report FILE has them all", reasons.len() - MOST_REASONS));
    }
    Ok(is_well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_nonsense_is_told() {
        assert_eq!(moment("2026-01-31").unwrap(), moment("2026-01-31T00:00:00Z").unwrap());
        assert_eq!(moment("2026-01-31T02:00:00+02:00").unwrap(), moment("2026-01-31").unwrap());
        assert!(moment("yesterday").unwrap_err().contains("2026-01-31"));
    }
}

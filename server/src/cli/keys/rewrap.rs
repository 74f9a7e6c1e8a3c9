//! `patchbay keys rewrap`: begins the runs and shows how they go on. The work is done by workers; ending this ends nothing.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use domain::Scope;
use flows::{
    Actor,
    keys::{self, RewrapError},
    tenant::list,
};
use store::KeyRewrapRow;
use tokio::time::Instant;

use super::{Desk, Whose, complain};
use crate::cli::{CliError, print};

/// Between looks at a run.
const LOOK: Duration = Duration::from_millis(250);
/// If nothing moves for so long, that is said.
const STILL: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(in crate::cli) struct Rewrap {
    #[command(flatten)]
    whose: Whose,
    /// Only this environment; all of the tenant's if absent.
    #[arg(long)]
    environment: Option<String>,
    /// Pause what is under way. Without it, what is paused goes on.
    #[arg(long)]
    pause: bool,
    /// Begin, and do not wait for the end.
    #[arg(long, conflicts_with = "pause")]
    detach: bool,
}

pub(super) async fn rewrap(desk: &Desk, command: &Rewrap) -> Result<ExitCode, CliError> {
    let services = &desk.platform.services;
    let mut code = ExitCode::SUCCESS;
    let mut found = false;
    for tenant in desk.tenants(&command.whose).await? {
        let (_, environments) = list::tenant(services, tenant.tenant_id).await.map_err(CliError::refused)?;
        for environment in environments {
            if command.environment.as_ref().is_some_and(|wanted| *wanted != environment.slug) {
                continue;
            }
            found = true;
            let name = format!("{}/{}", tenant.slug, environment.slug);
            let scope = Scope { tenant: tenant.tenant_id, environment: environment.environment_id };
            if !one(desk, command, &name, scope).await? {
                code = ExitCode::FAILURE;
            }
        }
    }
    match &command.environment {
        Some(wanted) if !found => Err(CliError::Refused(format!("no environment `{wanted}`"))),
        _ => Ok(code),
    }
}

/// One environment. Gives whether all is well.
async fn one(desk: &Desk, command: &Rewrap, name: &str, scope: Scope) -> Result<bool, CliError> {
    let ctx = desk.platform.services.ctx(scope, Actor::Operator);
    if command.pause {
        let paused = keys::pause_rewrap(ctx).await.map_err(CliError::refused)?;
        print(&format!("{name}: {}", if paused { "paused" } else { "nothing is under way" }));
        return Ok(true);
    }
    let run = match keys::start_rewrap(ctx).await {
        Ok(Some(run)) => run,
        Ok(None) => {
            print(&format!("{name}: nothing was sealed yet"));
            return Ok(true);
        }
        Err(error @ (RewrapError::Keys(_) | RewrapError::Store(_))) => return Err(CliError::refused(error)),
    };
    if command.detach {
        print(&format!("{name}: begun, {} values", run.total));
        return Ok(true);
    }
    let run = follow(desk, name, scope, run).await?;
    print(&format!("{name}: {}", ended(&run)));
    Ok(run.state == "done" && run.failed == 0)
}

fn ended(run: &KeyRewrapRow) -> String {
    let failure = match &run.last_error {
        Some(error) if run.failed > 0 => format!("; {} do not open and stay as they are, such as {error}", run.failed),
        Some(error) if run.state == "paused" => format!("; {error}"),
        _ => String::new(),
    };
    format!("{}, {} values sealed anew{failure}", run.state, run.done)
}

/// Shows how a run goes on until it ends.
async fn follow(desk: &Desk, name: &str, scope: Scope, mut run: KeyRewrapRow) -> Result<KeyRewrapRow, CliError> {
    let ctx = desk.platform.services.ctx(scope, Actor::Operator);
    let began = Instant::now();
    let (at_first, mut moved_at, mut is_told) = (run.done, began, false);
    while run.state == "running" {
        show(name, &run, rate(&run, at_first, began));
        tokio::time::sleep(LOOK).await;
        let before = run.updated_at;
        let Some(now) = keys::rewrap_progress(ctx).await.map_err(CliError::refused)? else { break };
        run = now;
        if run.updated_at != before {
            moved_at = Instant::now();
        } else if moved_at.elapsed() > STILL && !is_told {
            is_told = true;
            complain(&format!("{name}: nothing moves; does a worker run (`patchbay serve` or `patchbay worker`)?"));
        }
    }
    clear();
    Ok(run)
}

/// Values a second since we look.
fn rate(run: &KeyRewrapRow, at_first: i64, began: Instant) -> i64 {
    let millis = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX).max(1);
    (run.done - at_first).saturating_mul(1000) / millis
}

/// A line that is written over on a terminal, and nothing elsewhere.
fn show(name: &str, run: &KeyRewrapRow, rate: i64) {
    const WIDTH: i64 = 30;
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return;
    }
    let total = run.total.max(run.done).max(1);
    let full = usize::try_from(run.done * WIDTH / total).unwrap_or_default();
    let rest = usize::try_from(WIDTH).unwrap_or_default().saturating_sub(full);
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(rest));
    // A terminal that is gone is no reason to stop.
    let _ = write!(terminal, "\r{name} [{bar}] {} of {}, {rate}/s \u{1b}[K", run.done, run.total);
    let _ = terminal.flush();
}

fn clear() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\u{1b}[K");
        let _ = terminal.flush();
    }
}

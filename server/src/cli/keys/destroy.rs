//! `patchbay keys destroy`.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Args;
use flows::{
    Actor,
    keys::{self, DestroyError},
};

use super::Desk;
use crate::cli::{CliError, print, tenancy::find_tenant};

#[derive(Args)]
pub(in crate::cli) struct Destroy {
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The tenant's slug once more. Asked for on a terminal if absent.
    #[arg(long, value_name = "SLUG")]
    confirm: Option<String>,
    /// Also if the tenant has API keys and connections in use.
    #[arg(long)]
    although_in_use: bool,
}

pub(super) async fn destroy(desk: &Desk, command: &Destroy) -> Result<ExitCode, CliError> {
    let services = &desk.platform.services;
    let slug = &command.tenant;
    let tenant = find_tenant(&desk.platform, slug).await?;
    let confirmation = match &command.confirm {
        Some(given) => given.clone(),
        None => ask(slug)?,
    };
    if confirmation.trim() != slug {
        return Err(CliError::Refused("nothing was destroyed: that is not the tenant's slug".into()));
    }
    let governance = desk.governance.as_ref();
    match keys::destroy(services, governance, tenant, command.although_in_use, Actor::Operator).await {
        Ok(done) => {
            let again = if done.again { " (it had been before)" } else { "" };
            print(&format!("{slug}: its key is destroyed{again}; nothing of it can be opened any more"));
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ DestroyError::InUse(_)) => Err(CliError::Refused(format!(
            "{slug}: nothing was destroyed: {error}. Revoke them first (`patchbay revoke`), or say --although-in-use"
        ))),
        Err(error) => Err(CliError::refused(error)),
    }
}

fn ask(slug: &str) -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Refused(format!("nothing was destroyed: confirm with --confirm {slug}")));
    }
    let mut terminal = std::io::stderr();
    let question = "Everything that is sealed for this tenant will be gone for ever, in backups too.\nType its slug: ";
    // A question that cannot be shown is answered by nobody, and then nothing is destroyed.
    let _ = terminal.write_all(question.as_bytes());
    let _ = terminal.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CliError::refused)?;
    Ok(answer)
}

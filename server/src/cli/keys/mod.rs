//! `patchbay keys`: governing what tenants' secrets are sealed with.

mod destroy;
mod retire;
mod rewrap;
mod status;

use std::{process::ExitCode, sync::Arc};

use clap::{Args, Subcommand};
use flows::{Actor, keys, tenant::list};
use store::TenantRow;
use vault::KeyGovernance;

use super::{CliError, print, tenancy::find_tenant};
use crate::{
    boot::{self, Platform},
    config::Config,
    system::SystemEntropy,
};

/// What can be done with keys.
#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Says which versions tenants' keys have, and what lies under which data key.
    Status {
        #[command(flatten)]
        whose: Whose,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Adds a version to tenants' keys; whatever is sealed from now on is sealed with new data keys.
    Rotate {
        #[command(flatten)]
        whose: Whose,
    },
    /// Has the servers' workers seal anew what lies under old data keys. May be paused, taken up again, and killed.
    Rewrap(rewrap::Rewrap),
    /// Refuses old versions from now on, if nothing lies under them: old backups can no longer be opened.
    Retire {
        #[command(flatten)]
        whose: Whose,
        /// Fail instead of waiting where servers may still hold data keys as they were a moment ago.
        #[arg(long)]
        no_wait: bool,
    },
    /// Destroys a tenant's key: nothing of the tenant can be opened any more, in backups neither. There is no way back.
    Destroy(destroy::Destroy),
}

/// Whose keys.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    /// The tenant's slug.
    #[arg(long)]
    tenant: Option<String>,
    /// All tenants, one after another.
    #[arg(long)]
    all: bool,
}

/// What the commands work with.
struct Desk {
    platform: Platform,
    governance: Arc<dyn KeyGovernance>,
}

/// Tenants read at once.
const PAGE: u32 = 100;

pub(super) async fn keys(config: &Config, command: &KeysCommand) -> Result<ExitCode, CliError> {
    let platform = boot::platform_without_providers(config).await?;
    let governance = boot::key_governance(&config.keys, Arc::new(SystemEntropy::default())).await?;
    let desk = Desk { platform, governance };
    match command {
        KeysCommand::Status { whose, json } => status::status(&desk, whose, *json).await,
        KeysCommand::Rotate { whose } => rotate(&desk, whose).await,
        KeysCommand::Rewrap(command) => rewrap::rewrap(&desk, command).await,
        KeysCommand::Retire { whose, no_wait } => retire::retire(&desk, whose, *no_wait).await,
        KeysCommand::Destroy(command) => destroy::destroy(&desk, command).await,
    }
}

impl Desk {
    /// The tenants that are meant. Those whose keys were destroyed are left out where all are.
    async fn tenants(&self, whose: &Whose) -> Result<Vec<TenantRow>, CliError> {
        let services = &self.platform.services;
        if let Some(slug) = &whose.tenant {
            let id = find_tenant(&self.platform, slug).await?;
            let (row, _) = list::tenant(services, id).await.map_err(CliError::refused)?;
            return Ok(vec![row]);
        }
        let mut tenants: Vec<TenantRow> = Vec::new();
        loop {
            let after = tenants.last().map(|row| row.tenant_id);
            let page = list::tenants(services, after, PAGE).await.map_err(CliError::refused)?;
            let has_more = page.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
            tenants.extend(page.into_iter().take(usize::try_from(PAGE).unwrap_or(usize::MAX)));
            if !has_more {
                break;
            }
        }
        let mut living = Vec::new();
        for row in tenants {
            if !keys::is_destroyed(services, row.tenant_id).await.map_err(CliError::refused)? {
                living.push(row);
            }
        }
        Ok(living)
    }
}

/// One tenant after another: what fails for one is told and does not keep the others from their turn.
async fn rotate(desk: &Desk, whose: &Whose) -> Result<ExitCode, CliError> {
    let mut code = ExitCode::SUCCESS;
    for tenant in desk.tenants(whose).await? {
        let services = &desk.platform.services;
        match keys::rotate(services, desk.governance.as_ref(), tenant.tenant_id, Actor::Operator).await {
            Ok(rotated) => {
                print(&format!(
                    "{}: version {}, {} new data keys, {} older ones wrapped anew",
                    tenant.slug, rotated.version, rotated.made, rotated.rewrapped
                ));
            }
            Err(error) => code = failed(&tenant, &error),
        }
    }
    Ok(code)
}

fn failed(tenant: &TenantRow, error: &dyn std::error::Error) -> ExitCode {
    complain(&format!("{}: {error}", tenant.slug));
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "the command line's errors and questions go to the terminal")]
fn complain(text: &str) {
    eprintln!("patchbay: {text}");
}

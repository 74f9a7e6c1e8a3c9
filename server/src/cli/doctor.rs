//! `patchbay doctor`: is everything there that the server needs, and what to do if not.

use std::{process::ExitCode, sync::Arc};

use plugin_host::PluginHost;

use super::{CliError, print};
use crate::{boot, config::Config, system::SystemEntropy};

/// Checks one thing after another and goes on after a failure, so that one run tells all.
pub(super) async fn doctor(config: &Config) -> Result<ExitCode, CliError> {
    let mut well = true;
    let mut report = |what: &str, outcome: Result<String, String>| match outcome {
        Ok(found) => {
            print(&format!("ok    {what}: {found}"));
        }
        Err(problem) => {
            well = false;
            print(&format!("FAIL  {what}: {problem}"));
        }
    };
    report("database", database(config).await);
    report("migrations", migrations(config).await);
    report("key service", key_service(config).await);
    report("plugins", plugins(config).await);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn database(config: &Config) -> Result<String, String> {
    let store = store::Store::new(&config.database.store()).map_err(|error| error.to_string())?;
    store.ping().await.map(|()| format!("answers as role {}", config.database.role)).map_err(|error| {
        format!("{error}. Start Postgres, check database.url, and run `patchbay migrate` if the role is missing")
    })
}

async fn migrations(config: &Config) -> Result<String, String> {
    let state = store::migration_state(&config.database.url).await.map_err(|error| error.to_string())?;
    if state.pending.is_empty() {
        Ok("none pending".into())
    } else {
        Err(format!("{} pending. Run `patchbay migrate`", state.pending.join(", ")))
    }
}

async fn key_service(config: &Config) -> Result<String, String> {
    let keys = boot::key_service(&config.keys, Arc::new(SystemEntropy::default())).await;
    let keys = keys.map_err(|error| error.to_string())?;
    match keys.health().await {
        vault::KeyHealth::Ready => Ok(format!("{} is ready", keys.kind())),
        vault::KeyHealth::Sealed => Err(format!("{} is sealed. Unseal it", keys.kind())),
        vault::KeyHealth::Unreachable { reason } => {
            Err(format!("{} cannot be reached: {reason}. Check keys.vault.address", keys.kind()))
        }
        vault::KeyHealth::Misconfigured { reason } => Err(format!("{}: {reason}", keys.kind())),
    }
}

async fn plugins(config: &Config) -> Result<String, String> {
    let host = PluginHost::new(config.plugins.host(), &SystemEntropy::default()).map_err(|error| error.to_string())?;
    let providers =
        flows::Providers::load(&config.plugins.dir, Arc::new(host)).await.map_err(|error| error.to_string())?;
    Ok(format!("{} providers in {}", providers.all_installed().count(), config.plugins.dir.display()))
}

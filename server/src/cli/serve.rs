//! `patchbay serve` and `patchbay worker`.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, print};
use crate::{boot, config::Config};

/// Answers requests until told to stop, then lets what is under way finish.
pub(super) async fn serve(config: &Config) -> Result<ExitCode, CliError> {
    let socket = boot::listen(config)?;
    let address = socket.local_addr().map_err(CliError::refused)?;
    let platform = boot::platform(config).await?;
    let state = boot::app_state(config, &platform);
    let server = boot::http_server(config, state, socket)?;
    let handle = server.handle();
    let running = tokio::spawn(server);
    print(&format!("listening on http://{address}"));
    until_told_to_stop().await?;
    tracing::info!("stopping: finishing what is under way");
    handle.stop(true).await;
    running.await.map_err(CliError::refused)?.map_err(CliError::refused)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs jobs until told to stop, then lets those under way finish.
pub(super) async fn worker(config: &Config) -> Result<ExitCode, CliError> {
    let platform = boot::platform(config).await?;
    print("working");
    until_told_to_stop().await?;
    drop(platform);
    Ok(ExitCode::SUCCESS)
}

async fn until_told_to_stop() -> Result<(), CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::refused)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

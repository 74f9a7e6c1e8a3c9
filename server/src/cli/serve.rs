//! `patchbay serve` and `patchbay worker`.

use std::{process::ExitCode, time::Duration};

use domain::refresh;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, print};
use crate::{boot, config::Config, jobs::Worker};

/// Answers requests until told to stop, then lets what is under way finish.
pub(super) async fn serve(config: &Config) -> Result<ExitCode, CliError> {
    let socket = boot::listen(config)?;
    let address = socket.local_addr().map_err(CliError::refused)?;
    let platform = boot::platform(config).await?;
    let state = boot::app_state(config, &platform);
    let server = boot::http_server(config, state.clone(), socket)?;
    let handle = server.handle();
    let running = tokio::spawn(server);
    let worker = config.worker.enabled.then(|| start_worker(config, &platform));
    print(&format!("listening on http://{address}"));
    until_told_to_stop().await?;
    tracing::info!("stopping: finishing what is under way");
    let drained = async {
        if let Some(worker) = worker {
            worker.drain(Duration::from_secs(config.server.drain_seconds)).await;
        }
    };
    tokio::join!(handle.stop(true), drained);
    running.await.map_err(CliError::refused)?.map_err(CliError::refused)?;
    finish_refreshes(&platform).await;
    state.write_key_uses().await;
    Ok(ExitCode::SUCCESS)
}

/// Runs jobs until told to stop, then lets those under way finish.
pub(super) async fn worker(config: &Config) -> Result<ExitCode, CliError> {
    let platform = boot::platform(config).await?;
    let worker = start_worker(config, &platform);
    print("working");
    until_told_to_stop().await?;
    tracing::info!("stopping: finishing what is under way");
    worker.drain(Duration::from_secs(config.server.drain_seconds)).await;
    finish_refreshes(&platform).await;
    Ok(ExitCode::SUCCESS)
}

fn start_worker(config: &Config, platform: &boot::Platform) -> Worker {
    Worker::start(&platform.services, &platform.listener, &config.worker)
}

/// Lets the refreshes under way end, whoever began them: an answer that is not committed may hold the only refresh token
/// that counts. One that takes longer is taken over by another node, which knows that it does not know.
async fn finish_refreshes(platform: &boot::Platform) {
    if tokio::time::timeout(refresh::ASKING, platform.services.connections.landed()).await.is_err() {
        tracing::warn!("stopped with a refresh under way");
    }
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

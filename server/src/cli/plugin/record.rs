//! `patchbay plugin record`.

use std::{fs, path::PathBuf, process::ExitCode};

use domain::clock::Clock as _;
use flows::{
    Actor, credentials,
    sync::plugin_http::{PluginHttp, TokenSource},
};
use ids::ConnectionId;
use patchbay_plugin_harness::{
    ProviderFolder,
    capture::{STRIPPED, Wanted, capture},
};
use plugin_host::PluginHost;

use super::super::{CliError, print, tenancy::find_environment};
use crate::{
    boot,
    config::Config,
    system::{SystemClock, SystemEntropy},
};

/// What is recorded.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RecordArguments {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The stream.
    #[arg(long)]
    stream: String,
    /// The connection whose account is asked.
    #[arg(long)]
    connection: ConnectionId,
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The environment's slug.
    #[arg(long)]
    environment: String,
    /// Where to begin, a cursor that a page gave; the beginning unless given.
    #[arg(long)]
    cursor: Option<String>,
    /// A walk of more pages is refused: a fixture is to be read.
    #[arg(long, default_value_t = 10)]
    most_pages: usize,
    /// The fixture's name, without `.json`; the stream's with `-recorded` unless given.
    #[arg(long)]
    name: Option<String>,
}

pub(super) async fn record(config: &Config, arguments: &RecordArguments) -> Result<ExitCode, CliError> {
    let provider = ProviderFolder::open(&arguments.folder).map_err(CliError::refused)?;
    let name = arguments.name.clone().unwrap_or_else(|| format!("{}-recorded", arguments.stream));
    if name.contains(['/', '\\']) {
        return Err(CliError::Refused("--name is a file's name, without a folder".into()));
    }
    if provider.manifest.stream(&arguments.stream).is_none() {
        return Err(CliError::Refused(format!("provider.toml has no stream `{}`", arguments.stream)));
    }
    let folder = arguments.folder.join("fixtures");
    let file = folder.join(format!("{name}.json"));
    let refused = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    if file.exists() {
        return Err(refused(&"is there already, and is not written over: remove it, or say --name"));
    }
    let component = provider.component().map_err(CliError::refused)?;
    let platform = boot::platform(config).await?;
    let scope = find_environment(&platform, &arguments.tenant, &arguments.environment).await?;
    let ctx = platform.services.ctx(scope, Actor::Operator);
    let fresh = credentials::fresh(ctx, arguments.connection).await.map_err(CliError::refused)?;
    let theirs = &fresh.access.provider.manifest.slug;
    if *theirs != provider.manifest.slug {
        let ours = &provider.manifest.slug;
        return Err(CliError::Refused(format!("the connection is one of `{theirs}`, and the plugin is for `{ours}`")));
    }
    let host = PluginHost::new(config.plugins.host(), &SystemEntropy::default()).map_err(CliError::refused)?;
    let plugin = host.load(component).await.map_err(CliError::refused)?;
    let token = TokenSource::Stored { scope, connection: arguments.connection };
    let wanted = Wanted {
        stream: arguments.stream.clone(),
        cursor: arguments.cursor.clone(),
        most_pages: arguments.most_pages,
        now: SystemClock.now(),
    };
    let http = Box::new(PluginHttp::new(platform.services.clone(), token));
    let connection = fresh.access.plugin_connection();
    let captured = capture(&provider, &plugin, &connection, http, &wanted).await.map_err(CliError::refused)?;
    fs::create_dir_all(&folder).map_err(|error| refused(&error))?;
    fs::write(&file, &captured.fixture).map_err(|error| refused(&error))?;
    print(&format!("{}: {} requests, {} pages", file.display(), captured.exchanges, captured.pages));
    for place in &captured.stripped {
        print(&format!("  {STRIPPED}: {place}"));
    }
    Ok(print("It replays. Look through it for names and addresses of people before you commit it."))
}

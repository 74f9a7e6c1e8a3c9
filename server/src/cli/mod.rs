//! The command line.

mod connections;
mod doctor;
mod keys;
mod plugin;
mod progress;
mod provider;
mod revoke;
mod serve;
mod tenancy;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    boot::BootError,
    config::{self, Config, ConfigError, LogFormat},
    log::Log,
};

/// Connects end users' accounts at third-party providers and keeps those connections alive.
#[derive(Parser)]
#[command(name = "patchbay", version)]
struct Arguments {
    /// A file with settings; `patchbay config` prints the defaults.
    #[arg(long, short, env = "PATCHBAY_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests, and runs jobs unless worker.enabled is off.
    Serve,
    /// Runs jobs alone.
    Worker,
    /// Applies pending migrations.
    Migrate,
    /// Checks database, migrations, key service and plugins, and says what to do.
    Doctor,
    /// Prints the OpenAPI document.
    Openapi,
    /// Prints the settings with their defaults; the manual.
    Config,
    /// Tenants.
    #[command(subcommand)]
    Tenant(tenancy::TenantCommand),
    /// Environments of a tenant.
    #[command(subcommand)]
    Environment(tenancy::EnvironmentCommand),
    /// API keys.
    #[command(subcommand)]
    Key(tenancy::KeyCommand),
    /// What tenants' secrets are sealed with: what lies under which key, rotation, retirement, destruction.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Members of a tenant's portal.
    #[command(subcommand)]
    Member(tenancy::MemberCommand),
    /// Many connections at once: import and export.
    #[command(subcommand)]
    Connections(connections::ConnectionsCommand),
    /// The panic button: stops connections at once, asks their providers to revoke what they gave, and wipes it here.
    Revoke(revoke::RevokeArguments),
    /// Plugins, from the first line to a component that a server takes.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Providers' manifests.
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Runs the command that the arguments name.
#[must_use]
#[expect(clippy::print_stderr, reason = "the command line's errors go to the terminal")]
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("patchbay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    match &arguments.command {
        Command::Config => return Ok(print(config::DEFAULTS)),
        Command::Openapi => {
            return Ok(print(&crate::http::openapi::document().to_pretty_json().map_err(CliError::refused)?));
        }
        Command::Key(command) if !command.is_online() => return tenancy::check_key(),
        Command::Provider(command) if !command.is_online() => return provider::provider(command),
        Command::Plugin(command) if !command.is_online() => return plugin::offline(command),
        _ => {}
    }
    let config = Config::load(arguments.config.as_deref())?;
    let _log = start_log(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Refused(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        match &arguments.command {
            Command::Serve => serve::serve(&config).await,
            Command::Worker => serve::worker(&config).await,
            Command::Migrate => migrate(&config).await,
            Command::Doctor => doctor::doctor(&config).await,
            Command::Tenant(command) => tenancy::tenant(&config, command).await,
            Command::Environment(command) => tenancy::environment(&config, command).await,
            Command::Key(command) => tenancy::key(&config, command).await,
            Command::Keys(command) => keys::keys(&config, command).await,
            Command::Member(command) => tenancy::member(&config, command).await,
            Command::Connections(command) => connections::connections(&config, command).await,
            Command::Revoke(arguments) => revoke::revoke(&config, arguments).await,
            Command::Plugin(command) => plugin::online(&config, command).await,
            Command::Provider(command) => provider::online(&config, command).await,
            Command::Config | Command::Openapi => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn migrate(config: &Config) -> Result<ExitCode, CliError> {
    let applied = store::migrate(&config.database.url).await.map_err(BootError::from)?;
    let text = if applied.is_empty() { "nothing to apply".into() } else { format!("applied {}", applied.join(", ")) };
    Ok(print(&text))
}

#[expect(clippy::print_stdout, reason = "the command line's answers go to the terminal")]
fn print(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

/// Logs go to standard error; standard output is for answers. What is given back writes the last lines when dropped.
fn start_log(config: &Config) -> Result<Log, CliError> {
    use tracing_subscriber::{EnvFilter, field::MakeExt as _, fmt::format};
    let log = Log::to_standard_error().map_err(|error| CliError::Refused(format!("cannot start to log: {error}")))?;
    let filter = EnvFilter::try_new(&config.log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.lines());
    let started = match config.log.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => {
            // As the usual ones, less what makes them colourful.
            let fields = format::debug_fn(|writer, field, value| match field.name() {
                "message" => write!(writer, "{value:?}"),
                name => write!(writer, "{name}={value:?}"),
            });
            builder.with_ansi(false).fmt_fields(fields.delimited(" ")).try_init()
        }
    };
    // A second start in one process, as tests do, keeps the first subscriber.
    drop(started);
    Ok(log)
}

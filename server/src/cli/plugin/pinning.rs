//! `patchbay plugin versions`, `approve`, `pin` and `rollback`.

use std::process::ExitCode;

use api_types::{
    Page,
    plugin::{PluginPin, PluginVersion, PluginVersionState},
};
use flows::plugin::in_words;
use http::Method;
use serde_json::json;

use super::{
    super::{CliError, print},
    remote::{FarServer, ServerArguments},
};
use crate::config::Config;

/// A plugin of a server.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionsArguments {
    /// The provider's slug.
    slug: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// A version of a plugin of a server.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionArguments {
    /// The provider's slug.
    slug: String,
    /// The version's number.
    version: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Back to which version.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollbackArguments {
    /// The provider's slug.
    slug: String,
    /// The version to go back to; the one that was in force before the present one unless given.
    #[arg(long)]
    to: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
}

pub(super) async fn versions(config: &Config, arguments: &VersionsArguments) -> Result<ExitCode, CliError> {
    let remote = FarServer::at(config, &arguments.server)?;
    let page: Page<PluginVersion> = remote.ask(Method::GET, &["plugins", &arguments.slug, "versions"], None).await?;
    for version in &page.data {
        let state = match version.state {
            PluginVersionState::Ready if version.is_pinned => "in force",
            PluginVersionState::Ready => "ready",
            PluginVersionState::NeedsApproval => "needs approval",
            PluginVersionState::Withdrawn => "withdrawn",
        };
        let day = version.created_at.format("%Y-%m-%d %H:%M");
        print(&format!("{:<16} {state:<15} {day}  {}", version.version, version.author));
        if version.state == PluginVersionState::NeedsApproval {
            for ask in &version.asks {
                print(&format!("{:<16}   asks for {}", "", in_words(ask)));
            }
        }
    }
    if page.next_cursor.is_some() {
        print("and older ones");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn approve(config: &Config, arguments: &VersionArguments) -> Result<ExitCode, CliError> {
    let remote = FarServer::at(config, &arguments.server)?;
    let (slug, number) = (&arguments.slug, &arguments.version);
    let version: PluginVersion =
        remote.ask(Method::POST, &["plugins", slug, "versions", number, "approve"], None).await?;
    let asks = version.asks.iter().map(in_words).collect::<Vec<_>>().join(", ");
    let asks = if asks.is_empty() { "nothing beyond the version before".to_owned() } else { asks };
    print(&format!("{slug} {number} may have {asks}"));
    Ok(print(&format!("next: patchbay plugin pin {slug} {number}")))
}

pub(super) async fn pin(config: &Config, arguments: &VersionArguments) -> Result<ExitCode, CliError> {
    let remote = FarServer::at(config, &arguments.server)?;
    put(&remote, &arguments.slug, &arguments.version).await
}

/// Puts a version in force, and says so.
pub(super) async fn put(remote: &FarServer, slug: &str, version: &str) -> Result<ExitCode, CliError> {
    let body = json!({ "version": version });
    let pin: PluginPin = remote.ask(Method::PUT, &["plugins", slug, "pin"], Some(body)).await?;
    Ok(said(&pin))
}

pub(super) async fn rollback(config: &Config, arguments: &RollbackArguments) -> Result<ExitCode, CliError> {
    let remote = FarServer::at(config, &arguments.server)?;
    let body = json!({ "to": arguments.to });
    let pin: PluginPin = remote.ask(Method::POST, &["plugins", &arguments.slug, "rollback"], Some(body)).await?;
    Ok(said(&pin))
}

fn said(pin: &PluginPin) -> ExitCode {
    let before = pin.replaced.as_ref().map(|version| format!("; {version} was before")).unwrap_or_default();
    print(&format!(
        "{} {} is in force{before}. Runs under way end on the version that they began with",
        pin.plugin, pin.version
    ))
}

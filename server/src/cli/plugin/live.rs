//! A plugin and a connection of a running installation, for the commands that ask a provider.

use std::path::PathBuf;

use domain::clock::Clock as _;
use flows::{
    Actor, Ctx, credentials,
    sync::plugin_http::{PluginHttp, TokenSource},
};
use ids::ConnectionId;
use patchbay_plugin_harness::{ProviderFolder, capture::Wanted};
use plugin_host::{Connection, HostHttp, Plugin, PluginHost};

use super::super::{CliError, tenancy::find_environment};
use crate::{
    boot::{self, Platform},
    config::Config,
    system::{SystemClock, SystemEntropy},
};

/// Whose account is asked for what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LiveArguments {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
    /// The stream.
    #[arg(long)]
    pub(super) stream: String,
    /// The connection whose account is asked.
    #[arg(long)]
    pub(super) connection: ConnectionId,
    /// The tenant's slug.
    #[arg(long)]
    tenant: String,
    /// The environment's slug.
    #[arg(long)]
    environment: String,
    /// Where to begin, a cursor that a page gave; the beginning unless given.
    #[arg(long)]
    pub(super) cursor: Option<String>,
    /// The most pages that are pulled.
    #[arg(long, default_value_t = 10)]
    most_pages: usize,
}

/// All that a pull needs.
pub(super) struct Live {
    platform: Platform,
    scope: domain::Scope,
    pub(super) provider: ProviderFolder,
    pub(super) plugin: std::sync::Arc<Plugin>,
    pub(super) connection: Connection,
    pub(super) wanted: Wanted,
    id: ConnectionId,
}

impl Live {
    /// Finds everything, and renews the credential if it is due.
    pub(super) async fn find(config: &Config, arguments: &LiveArguments) -> Result<Self, CliError> {
        let provider = ProviderFolder::open(&arguments.folder).map_err(CliError::refused)?;
        if provider.manifest.stream(&arguments.stream).is_none() {
            return Err(CliError::Refused(format!("provider.toml has no stream `{}`", arguments.stream)));
        }
        let component = provider.component().map_err(CliError::refused)?;
        let platform = boot::platform(config).await?;
        let scope = find_environment(&platform, &arguments.tenant, &arguments.environment).await?;
        let ctx = platform.services.ctx(scope, Actor::Operator);
        let fresh = credentials::fresh(ctx, arguments.connection).await.map_err(CliError::refused)?;
        let (theirs, ours) = (&fresh.access.provider.manifest.slug, &provider.manifest.slug);
        if theirs != ours {
            return Err(CliError::Refused(format!(
                "the connection is one of `{theirs}`, and the plugin is for `{ours}`"
            )));
        }
        let host = PluginHost::new(config.plugins.host(), &SystemEntropy::default()).map_err(CliError::refused)?;
        let plugin = host.load(component).await.map_err(CliError::refused)?;
        let wanted = Wanted {
            stream: arguments.stream.clone(),
            cursor: arguments.cursor.clone(),
            most_pages: arguments.most_pages,
            now: SystemClock.now(),
        };
        let connection = fresh.access.plugin_connection();
        Ok(Self { platform, scope, provider, plugin, connection, wanted, id: arguments.connection })
    }

    /// HTTP as runs have it: the credential is added outside the plugin, and the hosts are those of the installed
    /// manifest.
    pub(super) fn http(&self) -> Box<dyn HostHttp> {
        let token = TokenSource::Stored { scope: self.scope, connection: self.id };
        Box::new(PluginHttp::new(self.platform.services.clone(), token))
    }

    /// For reading what is stored.
    pub(super) fn ctx(&self) -> Ctx<'_> {
        self.platform.services.ctx(self.scope, Actor::Operator)
    }
}

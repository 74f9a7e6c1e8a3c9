//! Asks a plugin about a connection that is being made: whose account it is, and whether the credential works.

use plugin_host::{Identity, PluginError, PluginSession};

use super::plugin_http::{PluginHttp, TokenSource};
use crate::{
    Services,
    credentials::Fresh,
    plugin::{self, ProviderPlugin},
};

/// Who is behind the account, with the credential in hand; `None` if there is no plugin or it leaves that to the manifest.
/// Where nobody has tried the credential by then, the plugin does.
///
/// # Errors
/// The plugin could not tell, or the credential does not work.
pub(crate) async fn plugin_identity(
    services: &Services,
    fresh: &Fresh,
    is_tried: bool,
) -> Result<Option<Identity>, PluginError> {
    let Some(plugin) = &fresh.access.provider.plugin else { return Ok(None) };
    let mut session = session(services, fresh, plugin).await?;
    let connection = fresh.access.plugin_connection();
    let identity = session.identify(&connection).await?;
    if identity.is_none() && !is_tried {
        session.verify(&connection).await?;
    }
    Ok(identity)
}

/// Tries the credential in hand, where there is a plugin.
///
/// # Errors
/// It does not work.
pub(crate) async fn plugin_verification(services: &Services, fresh: &Fresh) -> Result<(), PluginError> {
    let Some(plugin) = &fresh.access.provider.plugin else { return Ok(()) };
    let mut session = session(services, fresh, plugin).await?;
    session.verify(&fresh.access.plugin_connection()).await
}

async fn session(services: &Services, fresh: &Fresh, plugin: &ProviderPlugin) -> Result<PluginSession, PluginError> {
    let source = TokenSource::Given(Box::new(fresh.clone()));
    plugin::session(services, plugin, PluginHttp::new(services.clone(), source)).await
}

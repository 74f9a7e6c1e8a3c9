//! Asks a plugin whose account a connection is, while the connection is being made.

use std::sync::Arc;

use plugin_host::{Capabilities, Identity, LogBuffer, PluginError, PluginLimits};

use super::plugin_http::{PluginHttp, TokenSource};
use crate::{
    Services,
    credentials::{ProviderAccess, Token},
};

/// Who is behind the account, with the token in hand; `None` if there is no plugin or it leaves that to the manifest.
///
/// # Errors
/// The plugin could not tell.
pub(crate) async fn plugin_identity(
    services: &Services,
    access: &Arc<ProviderAccess>,
    token: Option<Token>,
) -> Result<Option<Identity>, PluginError> {
    let Some(plugin) = &access.provider.plugin else { return Ok(None) };
    let source = TokenSource::Given { access: Arc::clone(access), token };
    let capabilities = Capabilities {
        http: Box::new(PluginHttp::new(services.clone(), source)),
        // There is no run yet whose log this could be.
        log: Box::new(LogBuffer::default()),
        clock: Arc::clone(&services.clock),
    };
    let mut session = plugin.session(capabilities, PluginLimits::default()).await?;
    session.identify(&access.plugin_connection()).await
}

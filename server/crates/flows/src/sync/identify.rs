//! Asks a plugin whose account a connection is, while the connection is being made.

use std::sync::Arc;

use plugin_host::{Capabilities, Identity, LogBuffer, PluginError, PluginLimits};

use super::plugin_http::{PluginHttp, TokenSource};
use crate::{Services, credentials::Fresh};

/// Who is behind the account, with the credential in hand; `None` if there is no plugin or it leaves that to the manifest.
///
/// # Errors
/// The plugin could not tell.
pub(crate) async fn plugin_identity(services: &Services, fresh: &Fresh) -> Result<Option<Identity>, PluginError> {
    let access = &fresh.access;
    let Some(plugin) = &access.provider.plugin else { return Ok(None) };
    let source = TokenSource::Given(Box::new(fresh.clone()));
    let capabilities = Capabilities {
        http: Box::new(PluginHttp::new(services.clone(), source)),
        // There is no run yet whose log this could be.
        log: Box::new(LogBuffer::default()),
        clock: Arc::clone(&services.clock),
        entropy: Arc::clone(&services.entropy),
    };
    let mut session = plugin.session(capabilities, PluginLimits::default()).await?;
    session.identify(&access.plugin_connection()).await
}

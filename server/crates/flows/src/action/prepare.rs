//! Everything that a call needs and that has no effect: the credential, an instance of the plugin, the key to seal with.

use std::sync::Arc;

use domain::manifest::ActionSpec;
use ids::{ActionRunId, ConnectionId};
use plugin_host::{Capabilities, PluginError, PluginLimits, PluginSession};
use vault::DataKeyRecord;

use super::watched::{Watch, Watched};
use crate::{
    Ctx, Place,
    credentials::{self, FreshError, ProviderAccess, SealError},
    sync::{
        journal::Journal,
        plugin_http::{PluginHttp, TokenSource},
    },
};

/// A call that could begin now.
pub(super) struct Prepared {
    pub run: ActionRunId,
    pub spec: ActionSpec,
    pub access: Arc<ProviderAccess>,
    pub session: PluginSession,
    pub watch: Watch,
    pub journal: Journal,
    /// With what the output is sealed; none where it is not kept.
    pub data_key: Option<DataKeyRecord>,
    /// The place of whoever waits for it; none where a worker performs it.
    pub place: Option<Place>,
}

/// Why a call cannot begin now. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The provider has no such action.
    #[error("the provider has no action of that name")]
    NoAction,
    /// There is no usable credential.
    #[error(transparent)]
    Credential(#[from] FreshError),
    /// No instance of the plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// What comes out could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Which call is to be prepared.
pub(super) struct Wanted<'a> {
    pub run: ActionRunId,
    pub connection: ConnectionId,
    pub action: &'a str,
    /// Whether what comes out is kept.
    pub is_kept: bool,
    /// The last line of its log.
    pub last_line: u32,
    /// The place of whoever waits for it; none where a worker performs it.
    pub place: Option<Place>,
}

pub(super) async fn prepare(ctx: Ctx<'_>, wanted: Wanted<'_>) -> Result<Prepared, PrepareError> {
    let services = ctx.services;
    let Wanted { run, connection, action, is_kept, last_line, place } = wanted;
    let access = credentials::fresh(ctx, connection).await?.access;
    let provider = Arc::clone(&access.provider);
    let (Some(plugin), Some(spec)) = (&provider.plugin, provider.manifest.action(action)) else {
        return Err(PrepareError::NoAction);
    };
    let data_key = if is_kept { Some(credentials::data_key(ctx).await?) } else { None };
    let (journal, watch) = (Journal::after(last_line), Watch::default());
    let source = TokenSource::Stored { scope: ctx.scope, connection };
    // By this version of the plugin, also if another comes into force meanwhile.
    let http = PluginHttp::new(services.clone(), source).by(Arc::clone(&access));
    let capabilities = Capabilities {
        http: Box::new(Watched::new(http, watch.clone())),
        log: Box::new(journal.plugin()),
        clock: Arc::clone(&services.clock),
        entropy: Arc::clone(&services.entropy),
    };
    let limits = PluginLimits { wall: spec.timeout(), ..PluginLimits::default() };
    let session = plugin.session(capabilities, limits).await?;
    let spec = spec.clone();
    Ok(Prepared { run, spec, access, session, watch, journal, data_key, place })
}

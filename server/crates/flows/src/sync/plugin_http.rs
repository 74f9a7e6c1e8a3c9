//! HTTP for plugins. The credential is added outside the guest, by egress, and what the provider reflects of it comes
//! back masked; hosts are those of the manifest's list; the connection's rate budget is spent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::Scope;
use egress::{DenyReason, EgressError, Redirects};
use http::{HeaderName, HeaderValue, Method};
use ids::ConnectionId;
use plugin_host::{HostHttp, HttpFault, HttpRequest, HttpResponse};

use crate::{
    Actor, Services,
    credentials::{self, Fresh, FreshError, ProviderAccess, Said},
};

/// Time for one request, waiting for the budget included.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longest wait for the rate budget; a longer one is the plugin's to hear of.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of an answer; the plugin host allows no more.
const LARGEST: u64 = 16 << 20;

/// Where the credential comes from.
pub enum TokenSource {
    /// The stored one, fresh for each request.
    Stored {
        /// Where the connection is.
        scope: Scope,
        /// Whose credential.
        connection: ConnectionId,
    },
    /// One in hand, for a connection that is being made.
    Given(Box<Fresh>),
}

/// The HTTP capability of one plugin session.
pub struct PluginHttp {
    services: Services,
    source: TokenSource,
    access: Option<Arc<ProviderAccess>>,
}

impl PluginHttp {
    /// HTTP with the credential of that source.
    #[must_use]
    pub fn new(services: Services, source: TokenSource) -> Self {
        Self { services, source, access: None }
    }

    /// The same by the version of the provider that a run began with, also after another has come into force.
    #[must_use]
    pub(crate) fn by(mut self, access: Arc<ProviderAccess>) -> Self {
        self.access = Some(access);
        self
    }

    fn as_it_began(&self, mut fresh: Fresh) -> Fresh {
        if let Some(access) = &self.access
            && access.provider.version != fresh.access.provider.version
        {
            fresh.access = Arc::clone(access);
        }
        fresh
    }

    async fn fresh(&self) -> Result<Fresh, HttpFault> {
        match &self.source {
            TokenSource::Stored { scope, connection } => {
                let ctx = self.services.ctx(*scope, Actor::System);
                let fresh = credentials::fresh(ctx, *connection).await.map_err(fault_of_credential)?;
                Ok(self.as_it_began(fresh))
            }
            TokenSource::Given(fresh) => Ok(fresh.as_ref().clone()),
        }
    }

    /// The next credential after what the provider said of one; `None` if there is no other to try with.
    async fn after(&self, fresh: &Fresh, said: Said) -> Result<Option<Fresh>, HttpFault> {
        let TokenSource::Stored { scope, connection } = &self.source else { return Ok(None) };
        let ctx = self.services.ctx(*scope, Actor::System);
        let next = credentials::after(ctx, *connection, fresh.generation, said).await.map_err(fault_of_credential)?;
        Ok(next.map(|next| self.as_it_began(next)))
    }

    async fn send(&self, fresh: &Fresh, request: &HttpRequest) -> Result<egress::Response, HttpFault> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpFault::Denied("The method is none.".into()))?;
        let url = fresh.access.url(&request.url).map_err(|error| HttpFault::Denied(error.to_string()))?;
        let mut outbound = fresh.access.request(method, url);
        for (name, value) in &request.headers {
            let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) =
                header.ok_or_else(|| HttpFault::Denied(format!("The header `{name}` is not well formed.")))?;
            outbound.headers.append(name, value);
        }
        if let Some(body) = &request.body {
            outbound = outbound.body(Bytes::copy_from_slice(body));
        }
        if let Some(credential) = fresh.credential().map_err(fault_of_credential)? {
            outbound.mask = Some(credential.masker());
            outbound = outbound.credential(credential);
        }
        outbound.deadline = Some(DEADLINE);
        outbound.max_wait = Some(PATIENCE);
        outbound.max_response = Some(LARGEST);
        outbound.redirects = Redirects::Follow(5);
        self.services.egress.send(outbound).await.map_err(fault_of_egress)
    }
}

#[async_trait]
impl HostHttp for PluginHttp {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let fresh = self.fresh().await?;
        let mut response = self.send(&fresh, &request).await?;
        let said = fresh.said(response.status, &response.body);
        if let Some(renewed) = self.after(&fresh, said).await? {
            response = self.send(&renewed, &request).await?;
        }
        let headers = response
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(HttpResponse { status: response.status.as_u16(), headers, body: response.body.into() })
    }
}

/// What a plugin hears when there is no credential. It learns nothing of why but whether the end user can help.
fn fault_of_credential(error: FreshError) -> HttpFault {
    match error {
        FreshError::NeedsReauth { .. } | FreshError::NotUsable { .. } | FreshError::NotFound => HttpFault::Unauthorized,
        FreshError::ProviderDown { retry_after, .. } => HttpFault::Throttled(retry_after),
        FreshError::Misconfigured { .. } => {
            HttpFault::Denied("The integration's configuration does not suffice.".into())
        }
        FreshError::Keys(_) | FreshError::Store(_) | FreshError::Internal(_) => {
            tracing::warn!(%error, "no credential for a plugin's request");
            HttpFault::Transport("The platform has no credential at hand just now.".into())
        }
    }
}

fn fault_of_egress(error: EgressError) -> HttpFault {
    match error {
        EgressError::Denied { ref host, reason: DenyReason::HostNotAllowed | DenyReason::PortNotAllowed } => {
            HttpFault::Denied(format!("{error}. Add `hosts = [\"{host}\"]` under [api] in provider.toml."))
        }
        EgressError::Denied { .. } | EgressError::Address { .. } => HttpFault::Denied(error.to_string()),
        EgressError::Timeout { .. } => HttpFault::Timeout,
        EgressError::TooLarge { .. } => HttpFault::TooLarge,
        EgressError::Throttled { retry_after }
        | EgressError::Busy { retry_after, .. }
        | EgressError::Resting { retry_after, .. } => HttpFault::Throttled(retry_after),
        EgressError::Redirect { .. }
        | EgressError::TooManyHeaders { .. }
        | EgressError::Encoded { .. }
        | EgressError::Transport { .. }
        | EgressError::Credential { .. }
        | EgressError::Unsigned { .. } => HttpFault::Transport(error.to_string()),
    }
}

//! What the portal asks for. The session is in a cookie; writes carry the header that other sites cannot send.

use std::sync::Arc;

use api_types::Page;
use api_types::connect::{CreateConnectSession, CreatedConnectSession};
use api_types::connection::Connection;
use api_types::event::{CreateEndpoint, CreatedEndpoint, Delivery, DeliveryAttempt, Endpoint};
use api_types::integration::{
    CreateIntegration, Integration, Provider, ProviderDetail, PutProvider, UpdateIntegration,
};
use api_types::operator::{ApiKey, CreateApiKey, CreatedApiKey, RotateApiKey};
use api_types::portal::{Me, SignIn};
use api_types::sync::{RecordPage, Run, RunLogLine, Sync};
use gloo_net::http::Method;
use ids::{ApiKeyId, ConnectionId, DeliveryId, EndpointId, EnvironmentId, IntegrationId, RunId, SyncId};

use crate::http::Call;
use crate::{ApiError, Query};

/// Entries per page of a list.
const LIMIT: u32 = 50;

/// Signs in; the server sets the cookie.
///
/// # Errors
/// `unauthenticated` if address and password do not go together.
pub async fn sign_in(credentials: &SignIn) -> Result<Me, ApiError> {
    let call = Call::new(Method::POST, "/portal/api/sign-in".to_owned());
    call.header("patchbay-csrf", "1".to_owned()).json(credentials).read().await
}

/// Signs out.
///
/// # Errors
/// As any call; see [`ApiError`].
pub async fn sign_out() -> Result<(), ApiError> {
    let call = Call::new(Method::POST, "/portal/api/sign-out".to_owned());
    call.header("patchbay-csrf", "1".to_owned()).done().await
}

/// Who is signed in.
///
/// # Errors
/// `unauthenticated` if nobody is.
pub async fn me() -> Result<Me, ApiError> {
    Call::new(Method::GET, "/portal/api/me".to_owned()).read().await
}

/// Calls within one environment. Every method's errors are those of [`ApiError`]; each names the endpoint it calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortalClient {
    environment: EnvironmentId,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $method:ident $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty = $path:expr $(, $body:ident)?;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// As any call; see [`ApiError`].
            pub async fn $name(&self $(, $arg: $kind)*) -> Result<$answer, ApiError> {
                self.call(Method::$method, $path)$(.json($body))?.read().await
            }
        )*
    };
}

impl PortalClient {
    /// For one environment.
    #[must_use]
    pub const fn new(environment: EnvironmentId) -> Self {
        Self { environment }
    }

    calls! {
        /// `GET /v1/providers`
        GET providers(cursor: Option<String>) -> Page<Provider> =
            Query::new("/v1/providers").with("limit", 100).maybe("cursor", cursor).into_text();
        /// `GET /v1/providers/{provider}`, the version in force or another one
        GET provider(slug: &str, version: Option<i32>) -> ProviderDetail =
            Query::new(&format!("/v1/providers/{slug}")).maybe("version", version).into_text();
        /// `PUT /v1/providers/{provider}`
        PUT put_provider(slug: &str, body: &PutProvider) -> ProviderDetail = format!("/v1/providers/{slug}"), body;
        /// `GET /v1/integrations`
        GET integrations(cursor: Option<String>) -> Page<Integration> = list("/v1/integrations").maybe("cursor", cursor).into_text();
        /// `GET /v1/integrations/{integration}`
        GET integration(id: IntegrationId) -> Integration = format!("/v1/integrations/{id}");
        /// `POST /v1/integrations`
        POST create_integration(body: &CreateIntegration) -> Integration = "/v1/integrations".to_owned(), body;
        /// `PATCH /v1/integrations/{integration}`
        PATCH update_integration(id: IntegrationId, body: &UpdateIntegration) -> Integration = format!("/v1/integrations/{id}"), body;
        /// `POST /v1/connect/sessions`
        POST create_connect_session(body: &CreateConnectSession) -> CreatedConnectSession = "/v1/connect/sessions".to_owned(), body;
        /// `GET /v1/connections`, filtered by integration (slug or id), end user, health and tag (`name=value`) unless empty
        GET connections(integration: Option<String>, end_user: Option<String>, health: Option<String>, tag: Option<String>, cursor: Option<String>) -> Page<Connection> =
            list("/v1/connections").maybe("integration", integration).maybe("end_user", end_user).maybe("health", health).maybe("tag", tag).maybe("cursor", cursor).into_text();
        /// `GET /v1/connections/{connection}`
        GET connection(id: ConnectionId) -> Connection = format!("/v1/connections/{id}");
        /// `GET /v1/syncs`
        GET syncs(connection: ConnectionId) -> Page<Sync> = list("/v1/syncs").with("connection", connection).into_text();
        /// `POST /v1/syncs/{sync}/trigger`
        POST trigger_sync(id: SyncId) -> Sync = format!("/v1/syncs/{id}/trigger");
        /// `POST /v1/syncs/{sync}/pause`
        POST pause_sync(id: SyncId) -> Sync = format!("/v1/syncs/{id}/pause");
        /// `POST /v1/syncs/{sync}/resume`
        POST resume_sync(id: SyncId) -> Sync = format!("/v1/syncs/{id}/resume");
        /// `GET /v1/runs`, of one connection or of all
        GET runs(connection: Option<ConnectionId>, cursor: Option<String>) -> Page<Run> =
            Query::new("/v1/runs").with("limit", 20).maybe("connection", connection).maybe("cursor", cursor).into_text();
        /// `GET /v1/runs/{run}/logs`
        GET run_logs(id: RunId, cursor: Option<String>) -> Page<RunLogLine> =
            Query::new(&format!("/v1/runs/{id}/logs")).with("limit", 100).maybe("cursor", cursor).into_text();
        /// `GET /v1/records`
        GET records(connection: ConnectionId, stream: &str, cursor: Option<String>) -> RecordPage =
            Query::new("/v1/records").with("connection", connection).with("stream", stream).with("limit", 25).maybe("cursor", cursor).into_text();
        /// `GET /v1/endpoints`
        GET endpoints(cursor: Option<String>) -> Page<Endpoint> = list("/v1/endpoints").maybe("cursor", cursor).into_text();
        /// `POST /v1/endpoints`
        POST create_endpoint(body: &CreateEndpoint) -> CreatedEndpoint = "/v1/endpoints".to_owned(), body;
        /// `POST /v1/endpoints/{endpoint}/test`
        POST test_endpoint(id: EndpointId) -> Delivery = format!("/v1/endpoints/{id}/test");
        /// `GET /v1/deliveries`, filtered by endpoint and state unless empty
        GET deliveries(endpoint: Option<String>, state: Option<String>, cursor: Option<String>) -> Page<Delivery> =
            list("/v1/deliveries").maybe("endpoint", endpoint).maybe("state", state).maybe("cursor", cursor).into_text();
        /// `GET /v1/deliveries/{delivery}/attempts`
        GET delivery_attempts(id: DeliveryId) -> Page<DeliveryAttempt> = list(&format!("/v1/deliveries/{id}/attempts")).into_text();
        /// `POST /v1/deliveries/{delivery}/replay`
        POST replay_delivery(id: DeliveryId) -> Delivery = format!("/v1/deliveries/{id}/replay");
        /// `GET /v1/api-keys`
        GET api_keys(cursor: Option<String>) -> Page<ApiKey> = list("/v1/api-keys").maybe("cursor", cursor).into_text();
        /// `POST /v1/api-keys`
        POST create_api_key(body: &CreateApiKey) -> CreatedApiKey = "/v1/api-keys".to_owned(), body;
        /// `POST /v1/api-keys/{key}/rotate`
        POST rotate_api_key(id: ApiKeyId, body: &RotateApiKey) -> CreatedApiKey = format!("/v1/api-keys/{id}/rotate"), body;
    }

    /// `GET /v1/providers`, page after page, to the end.
    ///
    /// # Errors
    /// As any call; see [`ApiError`].
    pub async fn all_providers(&self) -> Result<Arc<Vec<Provider>>, ApiError> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.providers(cursor).await?;
            all.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(Arc::new(all));
            }
        }
    }

    /// `DELETE /v1/providers/{provider}`
    ///
    /// # Errors
    /// `conflict` while integrations use it.
    pub async fn delete_provider(&self, slug: &str) -> Result<(), ApiError> {
        self.call(Method::DELETE, format!("/v1/providers/{slug}")).done().await
    }

    /// `DELETE /v1/integrations/{integration}`
    ///
    /// # Errors
    /// `conflict` while connections use it.
    pub async fn delete_integration(&self, id: IntegrationId) -> Result<(), ApiError> {
        self.call(Method::DELETE, format!("/v1/integrations/{id}")).done().await
    }

    /// `DELETE /v1/connections/{connection}`
    ///
    /// # Errors
    /// As any call; see [`ApiError`].
    pub async fn delete_connection(&self, id: ConnectionId) -> Result<(), ApiError> {
        self.call(Method::DELETE, format!("/v1/connections/{id}")).done().await
    }

    /// `DELETE /v1/endpoints/{endpoint}`
    ///
    /// # Errors
    /// As any call; see [`ApiError`].
    pub async fn delete_endpoint(&self, id: EndpointId) -> Result<(), ApiError> {
        self.call(Method::DELETE, format!("/v1/endpoints/{id}")).done().await
    }

    /// `DELETE /v1/api-keys/{key}`
    ///
    /// # Errors
    /// As any call; see [`ApiError`].
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), ApiError> {
        self.call(Method::DELETE, format!("/v1/api-keys/{id}")).done().await
    }

    fn call(&self, method: Method, path: String) -> Call {
        let write = method != Method::GET;
        let call = Call::new(method, path).header("patchbay-environment", self.environment.to_string());
        if write { call.header("patchbay-csrf", "1".to_owned()) } else { call }
    }
}

fn list(path: &str) -> Query {
    Query::new(path).with("limit", LIMIT)
}

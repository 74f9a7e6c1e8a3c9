//! The OAuth client that an integration is at its provider.

use std::time::Duration;

use auth::AuthorizationCodeClient;
use domain::{
    manifest::{AuthSpec, Manifest, OAuth2Code, Template, TemplateError, Variables},
    secret::Secret,
};
use egress::Reach;
use ids::IntegrationId;
use store::IntegrationRow;
use url::Url;
use vault::{Place, Sealed};

use super::{
    data_key::{SealError, open},
    provider_access::merged,
};
use crate::Ctx;

/// Longest wait for a token endpoint; slow ones take half a minute.
const TOKEN_DEADLINE: Duration = Duration::from_secs(45);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The integration's configuration does not suffice; the text says what to repair.
    #[error("{0}")]
    Misconfigured(String),
    /// Its secret cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<TemplateError> for ClientError {
    fn from(error: TemplateError) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

/// Where the provider sends end users of this integration back, exactly as it must be registered there. One per
/// integration, so that an answer meant for another is told apart (RFC 9700 §4.4).
pub(crate) fn redirect_uri(public_url: &Url, integration: IntegrationId) -> Url {
    let mut url = public_url.clone();
    url.set_path(&format!("/connect/callback/{integration}"));
    url
}

/// Where an integration's client secret lies.
pub(crate) const fn secret_place(integration: IntegrationId) -> Place {
    Place { table: "integrations", column: "client_secret", row: integration.uuid() }
}

/// The client of an integration, with the values of a connection (or of one about to be made) filled in.
pub(crate) async fn authorization_code_client(
    ctx: Ctx<'_>,
    manifest: &Manifest,
    integration: &IntegrationRow,
    connection: &Variables,
) -> Result<AuthorizationCodeClient, ClientError> {
    let AuthSpec::OAuth2Code(spec) = &manifest.auth else {
        return Err(ClientError::Misconfigured(format!("{} does not connect by OAuth", manifest.name)));
    };
    let client_id = integration.client_id.clone();
    let client_id = client_id.ok_or_else(|| ClientError::Misconfigured("the integration has no client_id".into()))?;
    let client_secret = match &integration.client_secret {
        None => None,
        Some(bytes) => {
            let sealed = Sealed::from_bytes(bytes.clone()).map_err(SealError::Keys)?;
            let opened = open(ctx, secret_place(integration.id), &sealed).await?;
            let text = std::str::from_utf8(&opened).map_err(|_| {
                ClientError::Misconfigured("the integration's client secret is not text; set it again".into())
            })?;
            Some(Secret::new(text))
        }
    };
    let values = merged(manifest, &integration.variables, connection);
    let url = |template: &Template| template.url(&manifest.variables, &values);
    let token_url = url(&spec.token_url)?;
    let revocation_url = spec.revocation_url.as_ref().map(url).transpose()?;
    let reach = Reach::hosts_of(std::iter::once(&token_url).chain(&revocation_url));
    Ok(AuthorizationCodeClient {
        authorization_url: url(&spec.authorization_url)?,
        token_url,
        revocation_url,
        client_id,
        client_secret,
        redirect_uri: redirect_uri(&ctx.services.settings.public_url, integration.id),
        scopes: integration.scopes.clone().unwrap_or_else(|| spec.scopes.clone()),
        scope_separator: spec.scope_separator.clone(),
        resource: Vec::new(),
        pkce: spec.pkce,
        client_auth: spec.client_auth,
        authorize_params: spec.authorize_params.clone(),
        token_params: spec.token_params.clone(),
        refresh_params: spec.refresh_params.clone(),
        response: spec.token_paths.clone(),
        reach,
        expected_issuer: issuer(spec, manifest, &values)?,
        deadline: TOKEN_DEADLINE,
        budget: None,
    })
}

/// The issuer's text. A URL without a path is written with a slash by the parser; issuers mostly are not, and they are
/// compared byte for byte.
fn issuer(spec: &OAuth2Code, manifest: &Manifest, values: &Variables) -> Result<Option<String>, TemplateError> {
    let Some(template) = &spec.issuer else { return Ok(None) };
    let url = template.url(&manifest.variables, values)?;
    let text = if template.source().ends_with('/') { url.as_str() } else { url.as_str().trim_end_matches('/') };
    Ok(Some(text.to_owned()))
}

//! The way in of an integration's accounts: its manifest with the values and secrets of the integration and of one
//! connection.

use auth::{Account, Outside, Secrets, secrets_from_bytes, secrets_to_bytes};
use domain::{
    manifest::{Manifest, TemplateError, Variables},
    secret::Secret,
};
use egress::Budget;
use ids::IntegrationId;
use store::IntegrationRow;
use url::Url;
use vault::{Place, Sealed};

use super::{
    data_key::{SealError, open, seal},
    provider_access::merged,
};
use crate::{Ctx, Services};

/// Why there is no way in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// The integration's configuration does not suffice; the text says what to repair.
    #[error("{0}")]
    Misconfigured(String),
    /// Its secrets cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<TemplateError> for AccountError {
    fn from(error: TemplateError) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

/// Where the provider sends end users of this integration back, exactly as it must be registered there. One per
/// integration, so that an answer meant for another is told apart (RFC 9700 §4.4).
pub(crate) fn redirect_uri(public_url: &Url, integration: IntegrationId) -> Url {
    page_of(public_url, "callback", integration)
}

/// Where installs arrive that begin at the vendor's marketplace; one per integration, likewise.
pub(crate) fn app_url(public_url: &Url, integration: IntegrationId) -> Url {
    page_of(public_url, "install", integration)
}

/// Where our client id metadata document for an integration lies, which is its client identifier at servers that take
/// such documents.
pub(crate) fn client_metadata_url(public_url: &Url, integration: IntegrationId) -> Url {
    page_of(public_url, "clients", integration)
}

fn page_of(public_url: &Url, kind: &str, integration: IntegrationId) -> Url {
    let mut url = public_url.clone();
    url.set_path(&format!("/connect/{kind}/{integration}"));
    url
}

/// Where an integration's client secret lies.
pub(crate) const fn client_secret_place(integration: IntegrationId) -> Place {
    Place { table: "integrations", column: "client_secret", row: integration.uuid() }
}

/// Where an integration's other secrets lie.
pub(crate) const fn secrets_place(integration: IntegrationId) -> Place {
    Place { table: "integrations", column: "secrets", row: integration.uuid() }
}

/// Seals an integration's secrets as one.
pub(crate) async fn seal_secrets(
    ctx: Ctx<'_>,
    integration: IntegrationId,
    secrets: &Secrets,
) -> Result<Option<Vec<u8>>, SealError> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let bytes = secrets_to_bytes(secrets);
    Ok(Some(seal(ctx, secrets_place(integration), &bytes).await?.into_bytes()))
}

/// Reads what [`seal_secrets`] wrote, unsealed.
pub(crate) fn read_secrets(bytes: &[u8]) -> Result<Secrets, AccountError> {
    let damaged = || AccountError::Misconfigured("the integration's secrets cannot be read; set them again".into());
    secrets_from_bytes(bytes).ok_or_else(damaged)
}

/// A client secret, unsealed.
pub(crate) fn read_client_secret(bytes: &[u8]) -> Result<Secret, AccountError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| AccountError::Misconfigured("the integration's client secret is not text; set it again".into()))?;
    Ok(Secret::new(text))
}

/// All secrets of an integration, `client_secret` among them.
pub(crate) async fn integration_secrets(ctx: Ctx<'_>, integration: &IntegrationRow) -> Result<Secrets, AccountError> {
    let mut secrets = Secrets::new();
    if let Some(bytes) = &integration.secrets {
        let sealed = Sealed::from_bytes(bytes.clone()).map_err(SealError::Keys)?;
        secrets = read_secrets(&open(ctx, secrets_place(integration.id), &sealed).await?)?;
    }
    if let Some(bytes) = &integration.client_secret {
        let sealed = Sealed::from_bytes(bytes.clone()).map_err(SealError::Keys)?;
        let opened = open(ctx, client_secret_place(integration.id), &sealed).await?;
        secrets.insert("client_secret".into(), read_client_secret(&opened)?);
    }
    Ok(secrets)
}

/// The way in, with the values and secret fields of a connection (or of one about to be made) filled in.
pub(crate) async fn account<'a>(
    ctx: Ctx<'_>,
    manifest: &'a Manifest,
    integration: &IntegrationRow,
    connection: &Variables,
    fields: &Secrets,
) -> Result<Account<'a>, AccountError> {
    let mut secrets = integration_secrets(ctx, integration).await?;
    secrets.extend(fields.iter().map(|(name, secret)| (name.clone(), secret.clone())));
    let public_url = &ctx.services.settings.public_url;
    Ok(Account {
        manifest,
        variables: merged(manifest, &integration.variables, connection),
        secrets,
        client_id: integration.client_id.clone(),
        redirect_uri: redirect_uri(public_url, integration.id),
        // Authorization servers fetch it by https alone; without, clients are registered.
        client_metadata_url: (public_url.scheme() == "https").then(|| client_metadata_url(public_url, integration.id)),
        scopes: integration.scopes.clone(),
    })
}

/// What exchanges with the outside need.
pub(crate) fn outside<'a>(services: &'a Services, budget: Option<&'a Budget>) -> Outside<'a> {
    Outside { egress: &services.egress, now: services.now(), entropy: services.entropy.as_ref(), budget }
}

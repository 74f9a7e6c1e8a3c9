//! Configuring a provider.

use auth::Secrets;
use domain::{
    manifest::{VariableLevel, Variables},
    secret::Secret,
};
use ids::IntegrationId;
use serde_json::json;
use store::{IntegrationRow, StoreError};

use super::{IntegrationError, IntegrationView, check, get::view};
use crate::{
    Ctx, audit,
    credentials::{client_secret_place, seal, seal_secrets},
};

/// An integration to configure.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// The provider's slug.
    pub provider: String,
    /// What the tenant's code calls it; the provider's slug if absent.
    pub slug: Option<String>,
    /// What end users read; the provider's name if absent.
    pub display_name: Option<String>,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// Values of the provider's integration-level secret variables.
    pub secrets: Secrets,
    /// What to ask for; the provider's defaults if absent.
    pub scopes: Option<Vec<String>>,
    /// Values of the provider's integration-level variables.
    pub variables: Variables,
    /// The tenant's page to which browsers go on that arrive from the vendor's marketplace.
    pub install_url: Option<String>,
}

/// Configures a provider in the environment.
///
/// # Errors
/// [`IntegrationError`].
pub async fn create(ctx: Ctx<'_>, mut new: NewIntegration) -> Result<IntegrationView, IntegrationError> {
    let services = ctx.services;
    let unknown = || IntegrationError::UnknownProvider { slug: new.provider.chars().take(64).collect() };
    let provider = services.provider(ctx.scope, &new.provider).await?.ok_or_else(unknown)?;
    let manifest = &provider.manifest;
    let slug = new.slug.unwrap_or_else(|| manifest.slug.clone());
    let display_name = new.display_name.map_or_else(|| manifest.name.clone(), |name| name.trim().to_owned());

    let mut wrong = check::Wrong::new();
    check::slug(&mut wrong, &slug);
    check::display_name(&mut wrong, &display_name);
    check::client(&mut wrong, manifest, new.client_id.as_deref(), new.client_secret.as_ref());
    check::secrets(&mut wrong, manifest, &mut new.secrets, &[]);
    check::install_url(&mut wrong, manifest, new.install_url.as_deref());
    check::scopes(&mut wrong, new.scopes.as_deref().unwrap_or_default());
    check::variables(&mut wrong, manifest, VariableLevel::Integration, &new.variables, "variables");
    if wrong.is_empty() {
        check::urls(&mut wrong, &services.egress, manifest, &new.variables);
    }
    if !wrong.is_empty() {
        return Err(IntegrationError::Fields(wrong));
    }

    let id = services.mint.id(IntegrationId::new);
    let client_secret = match &new.client_secret {
        None => None,
        Some(secret) => Some(seal(ctx, client_secret_place(id), secret.expose().as_bytes()).await?.into_bytes()),
    };
    let secrets = seal_secrets(ctx, id, &new.secrets).await?;
    let now = services.now();
    let row = IntegrationRow {
        id,
        slug: slug.clone(),
        provider: new.provider,
        display_name,
        client_id: new.client_id,
        client_secret,
        secrets,
        secret_names: new.secrets.into_keys().collect(),
        scopes: new.scopes,
        variables: new.variables,
        install_url: new.install_url,
        created_at: now,
        updated_at: now,
    };
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.integrations().insert(&row).await.map_err(|error| match error {
        StoreError::Conflict { .. } => IntegrationError::SlugTaken(slug),
        other => other.into(),
    })?;
    let detail = json!({ "slug": row.slug, "provider": row.provider });
    tx.audit(audit::row(services, ctx.actor, "integration.created", id, detail)).await?;
    tx.commit().await?;
    Ok(view(services, Some(manifest), row))
}

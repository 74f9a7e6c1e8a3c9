//! Integrations as tenants read them.

use domain::{Scope, manifest::Manifest};
use ids::IntegrationId;
use store::{IntegrationRow, StoreError, Tx};
use url::Url;

use super::IntegrationError;
use crate::{
    Ctx, Services,
    credentials::{app_url, redirect_uri},
};

/// An integration with what follows from its provider and this server.
#[derive(Debug, Clone)]
pub struct IntegrationView {
    /// The integration.
    pub row: IntegrationRow,
    /// What is asked for: its own list, or the provider's.
    pub scopes: Vec<String>,
    /// To be registered with the provider, exactly so.
    pub redirect_uri: Url,
    /// To be registered with the vendor's marketplace as the app's URL, where installs may begin there.
    pub app_url: Option<Url>,
}

/// The integration of that id or slug.
///
/// # Errors
/// [`IntegrationError::NotFound`].
pub async fn get(ctx: Ctx<'_>, name: &str) -> Result<IntegrationView, IntegrationError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = find(&mut tx, name).await?;
    let provider = ctx.services.providers.find(&mut tx, &row.provider).await?;
    tx.commit().await?;
    Ok(view(ctx.services, provider.as_ref().map(|provider| &provider.manifest), row))
}

/// Integrations in the order of their ids, after one of them; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn list(
    ctx: Ctx<'_>,
    after: Option<IntegrationId>,
    limit: u32,
) -> Result<Vec<IntegrationView>, IntegrationError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.integrations().list(after, i64::from(limit) + 1).await?;
    let own = ctx.services.providers.of_environment(&mut tx).await?;
    tx.commit().await?;
    let providers = &ctx.services.providers;
    Ok(rows
        .into_iter()
        .map(|row| {
            let provider = providers.among(&own, &row.provider);
            view(ctx.services, provider.as_ref().map(|provider| &provider.manifest), row)
        })
        .collect())
}

/// Ids and slugs cannot be mixed up: a slug has no underscore.
pub(crate) async fn find(tx: &mut Tx<Scope>, name: &str) -> Result<IntegrationRow, StoreError> {
    match name.parse::<IntegrationId>() {
        Ok(id) => tx.integrations().find(id).await,
        Err(_) => tx.integrations().find_by_slug(name).await,
    }
}

pub(super) fn view(services: &Services, manifest: Option<&Manifest>, row: IntegrationRow) -> IntegrationView {
    let defaults = |manifest: &Manifest| manifest.auth.scopes().map(<[String]>::to_vec).unwrap_or_default();
    let scopes = row.scopes.clone();
    IntegrationView {
        scopes: scopes.unwrap_or_else(|| manifest.map(defaults).unwrap_or_default()),
        redirect_uri: redirect_uri(&services.settings.public_url, row.id),
        app_url: manifest
            .and_then(|manifest| manifest.auth.install())
            .map(|_| app_url(&services.settings.public_url, row.id)),
        row,
    }
}

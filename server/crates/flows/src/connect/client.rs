//! What authorization servers read of us before they show a consent screen.

use domain::manifest::AuthSpec;
use ids::IntegrationId;
use serde_json::Value;
use store::StoreError;

use crate::{
    Services,
    credentials::{client_metadata_url, redirect_uri},
};

/// The client id metadata document of an integration; `None` if there is no such integration, or its provider takes none.
///
/// # Errors
/// The query failed.
pub async fn client_metadata(services: &Services, id: IntegrationId) -> Result<Option<Value>, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let scope = match tx.scope_of_integration(id).await {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    tx.commit().await?;
    let mut tx = services.store.begin(scope).await?;
    let integration = tx.integrations().find(id).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    if !provider.is_some_and(|provider| matches!(provider.manifest.auth, AuthSpec::Mcp(_))) {
        return Ok(None);
    }
    let mut tx = services.store.begin_tenant(scope.tenant).await?;
    let tenant = tx.tenant().await?;
    tx.commit().await?;
    let public_url = &services.settings.public_url;
    let redirects = [redirect_uri(public_url, id)];
    Ok(Some(auth::mcp::client_metadata(&client_metadata_url(public_url, id), &tenant.name, &redirects)))
}

//! Changing an integration.

use domain::{
    manifest::{VariableLevel, Variables},
    secret::Secret,
};
use serde_json::json;

use super::{
    IntegrationError, IntegrationView, check,
    get::{find, view},
};
use crate::{
    Ctx, audit,
    credentials::{seal, secret_place},
};

/// What to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// What end users read.
    pub display_name: Option<String>,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// What to ask for.
    pub scopes: Option<Vec<String>>,
    /// Values of the provider's integration-level variables, as a whole.
    pub variables: Option<Variables>,
}

/// Changes the integration of that id or slug.
///
/// # Errors
/// [`IntegrationError`].
pub async fn update(ctx: Ctx<'_>, name: &str, changes: Changes) -> Result<IntegrationView, IntegrationError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let id = find(&mut tx, name).await?.id;
    tx.commit().await?;
    // Sealed before the transaction: the key service may have to be asked.
    let sealed = match &changes.client_secret {
        None => None,
        Some(secret) => Some(seal(ctx, secret_place(id), secret.expose().as_bytes()).await?.into_bytes()),
    };

    let mut tx = services.store.begin(ctx.scope).await?;
    let mut row = tx.integrations().find(id).await?;
    let unknown = || IntegrationError::UnknownProvider { slug: row.provider.clone() };
    let provider = services.providers.get(&row.provider).ok_or_else(unknown)?;
    let manifest = &provider.manifest;
    let mut changed = Vec::new();
    let mut wrong = check::Wrong::new();
    if let Some(name) = changes.display_name {
        row.display_name = name.trim().to_owned();
        check::display_name(&mut wrong, &row.display_name);
        changed.push("display_name");
    }
    if changes.client_id.is_some() || changes.client_secret.is_some() {
        let kept = Secret::new("kept");
        let id = changes.client_id.as_deref().or(row.client_id.as_deref());
        let secret = changes.client_secret.as_ref().or(row.client_secret.is_some().then_some(&kept));
        check::client(&mut wrong, manifest, id, secret);
        if let Some(id) = changes.client_id {
            row.client_id = Some(id);
            changed.push("client_id");
        }
        if sealed.is_some() {
            row.client_secret = sealed;
            changed.push("client_secret");
        }
    }
    if let Some(scopes) = changes.scopes {
        check::scopes(&mut wrong, &scopes);
        row.scopes = Some(scopes);
        changed.push("scopes");
    }
    if let Some(variables) = changes.variables {
        check::variables(&mut wrong, manifest, VariableLevel::Integration, &variables, "variables");
        if wrong.is_empty() {
            check::urls(&mut wrong, &services.egress, manifest, &variables);
        }
        row.variables = variables;
        changed.push("variables");
    }
    if !wrong.is_empty() {
        return Err(IntegrationError::Fields(wrong));
    }
    row.updated_at = services.now();
    tx.integrations().update(&row).await?;
    tx.audit(audit::row(services, ctx.actor, "integration.updated", id, json!({ "changed": changed }))).await?;
    tx.commit().await?;
    Ok(view(services, row))
}

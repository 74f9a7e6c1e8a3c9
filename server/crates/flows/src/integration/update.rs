//! Changing an integration.

use auth::Secrets;
use domain::{
    manifest::{VariableLevel, Variables},
    secret::Secret,
};
use serde_json::json;
use store::IntegrationRow;

use super::{
    IntegrationError, IntegrationView, check,
    get::{find, view},
};
use crate::{
    Ctx, audit,
    credentials::{AccountError, client_secret_place, integration_secrets, seal, seal_secrets},
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
    /// Values of the provider's integration-level secret variables: those named are replaced, the others stay.
    pub secrets: Option<Secrets>,
    /// What to ask for.
    pub scopes: Option<Vec<String>>,
    /// Values of the provider's integration-level variables, as a whole.
    pub variables: Option<Variables>,
    /// The tenant's page to which browsers go on that arrive from the vendor's marketplace; an empty text takes it away.
    pub install_url: Option<String>,
}

/// Changes the integration of that id or slug.
///
/// # Errors
/// [`IntegrationError`].
pub async fn update(ctx: Ctx<'_>, name: &str, changes: Changes) -> Result<IntegrationView, IntegrationError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let before = find(&mut tx, name).await?;
    let id = before.id;
    tx.commit().await?;
    // Sealed before the transaction: the key service may have to be asked.
    let sealed = match &changes.client_secret {
        None => None,
        Some(secret) => Some(seal(ctx, client_secret_place(id), secret.expose().as_bytes()).await?.into_bytes()),
    };

    let sealed_secrets = match changes.secrets {
        None => None,
        Some(given) => Some(replaced(ctx, &before, given).await?),
    };

    let mut tx = services.store.begin(ctx.scope).await?;
    let mut row = tx.integrations().find(id).await?;
    let unknown = || IntegrationError::UnknownProvider { slug: row.provider.clone() };
    let provider = services.providers.find(&mut tx, &row.provider).await?.ok_or_else(unknown)?;
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
    if let Some((sealed, names)) = sealed_secrets {
        row.secrets = sealed;
        row.secret_names = names;
        changed.push("secrets");
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
    if let Some(url) = changes.install_url {
        row.install_url = Some(url).filter(|url| !url.is_empty());
        check::install_url(&mut wrong, manifest, row.install_url.as_deref());
        changed.push("install_url");
    }
    if !wrong.is_empty() {
        return Err(IntegrationError::Fields(wrong));
    }
    row.updated_at = services.now();
    tx.integrations().update(&row).await?;
    tx.audit(audit::row(services, ctx.actor, "integration.updated", id, json!({ "changed": changed }))).await?;
    tx.commit().await?;
    Ok(view(services, Some(manifest), row))
}

/// The secrets with those given replaced, sealed anew, and their names.
async fn replaced(
    ctx: Ctx<'_>,
    before: &IntegrationRow,
    mut given: Secrets,
) -> Result<(Option<Vec<u8>>, Vec<String>), IntegrationError> {
    let unknown = || IntegrationError::UnknownProvider { slug: before.provider.clone() };
    let provider = ctx.services.provider(ctx.scope, &before.provider).await?.ok_or_else(unknown)?;
    let mut wrong = check::Wrong::new();
    check::secrets(&mut wrong, &provider.manifest, &mut given, &before.secret_names);
    if !wrong.is_empty() {
        return Err(IntegrationError::Fields(wrong));
    }
    let mut secrets = match integration_secrets(ctx, before).await {
        Ok(secrets) => secrets,
        Err(AccountError::Seal(error)) => return Err(error.into()),
        // What cannot be read any more is set anew.
        Err(AccountError::Misconfigured(_)) => Secrets::new(),
    };
    secrets.remove("client_secret");
    secrets.extend(given);
    let names = secrets.keys().cloned().collect();
    Ok((seal_secrets(ctx, before.id, &secrets).await?, names))
}

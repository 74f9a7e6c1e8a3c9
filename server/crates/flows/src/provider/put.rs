//! Describing a provider, or describing it anew.

use domain::manifest::Manifest;
use ids::ProviderVersionId;
use serde_json::json;
use store::{ProviderVersionRow, StoreError};

use super::ProviderError;
use crate::{Ctx, audit};

/// A provider described.
#[derive(Debug)]
pub struct Description {
    /// Its manifest, TOML.
    pub manifest: String,
    /// The version that is replaced, 0 for none: refused if another is in force by now. `None` replaces any.
    pub expected_version: Option<i32>,
}

/// Describes a provider in the environment: the next version of that slug. Gives it.
///
/// # Errors
/// [`ProviderError`].
pub async fn put(ctx: Ctx<'_>, slug: &str, new: Description) -> Result<i32, ProviderError> {
    let services = ctx.services;
    let manifest =
        Manifest::parse("manifest", &new.manifest).map_err(|error| ProviderError::Refused(error.to_string()))?;
    let refuse = |what: &str| Err(ProviderError::Refused(what.to_owned()));
    if manifest.slug != slug {
        return refuse(&format!(
            "slug: write `{slug}`, the name in the path, or put it to /v1/providers/{}",
            manifest.slug
        ));
    }
    if manifest.plugin.is_some() {
        return refuse(
            "plugin: what has code is pushed as a plugin, with `patchbay plugin push`; leave out [plugin], streams and actions",
        );
    }
    let mut tx = services.store.begin(ctx.scope).await?;
    if let Some(row) = tx.plugin_versions().pinned(slug).await? {
        return Err(ProviderError::Pushed(row.version));
    }
    let current = tx.provider_versions().current(slug).await?.map_or(0, |row| row.version);
    if new.expected_version.is_some_and(|expected| expected != current) {
        return Err(ProviderError::Superseded(current));
    }
    let row = ProviderVersionRow {
        id: services.mint.id(ProviderVersionId::new),
        slug: slug.to_owned(),
        version: current + 1,
        manifest: new.manifest,
        author: ctx.actor.to_string(),
        created_at: services.now(),
    };
    match tx.provider_versions().insert(&row).await {
        Err(StoreError::Conflict { .. }) => return Err(ProviderError::Superseded(row.version)),
        done => done?,
    }
    let detail = json!({ "version": row.version });
    tx.audit(audit::row(services, ctx.actor, "provider.described", slug, detail)).await?;
    tx.commit().await?;
    Ok(row.version)
}

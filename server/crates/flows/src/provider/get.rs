//! One provider with its manifest.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use store::ProviderVersionRow;

use super::ProviderError;
use crate::{Ctx, Provider};

/// Where a provider comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is installed on this server.
    Installed,
    /// The tenant described it for this environment.
    Environment,
    /// The tenant pushed it to this environment, as a plugin.
    Pushed,
}

/// A provider, and what is known of it.
pub struct Detail {
    /// The provider; `None` for a described one that this server does not accept any more.
    pub provider: Option<Arc<Provider>>,
    /// Where it comes from.
    pub origin: Origin,
    /// The manifest as it was sent, for a described or a pushed one.
    pub manifest: Option<String>,
    /// The version in force of a pushed one.
    pub plugin_version: Option<String>,
    /// All versions of a described one, the newest first.
    pub versions: Vec<Version>,
}

/// A version of a described provider.
#[derive(Debug, Clone)]
pub struct Version {
    /// Counts from 1.
    pub version: i32,
    /// Who sent it.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// The provider of that slug, as it is in force; with `version`, that version of what is described, whatever stands before it.
///
/// # Errors
/// [`ProviderError::NotFound`].
pub async fn get(ctx: Ctx<'_>, slug: &str, version: Option<i32>) -> Result<Detail, ProviderError> {
    let providers = &ctx.services.providers;
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let history = tx.provider_versions().history(slug).await?;
    let pinned = tx.plugin_versions().pinned(slug).await?.filter(|_| version.is_none());
    tx.commit().await?;
    let versions = || {
        let shown = |row: &ProviderVersionRow| Version {
            version: row.version,
            author: row.author.clone(),
            created_at: row.created_at,
        };
        history.iter().map(shown).collect()
    };
    if let Some(row) = pinned {
        return Ok(Detail {
            provider: providers.pushed(ctx.scope, &row),
            origin: Origin::Pushed,
            manifest: Some(row.manifest),
            plugin_version: Some(row.version),
            versions: versions(),
        });
    }
    let wanted = match version {
        Some(version) => history.iter().find(|row| row.version == version),
        None => history.first(),
    };
    if let Some(row) = wanted {
        return Ok(Detail {
            provider: providers.described(row),
            origin: Origin::Environment,
            manifest: Some(row.manifest.clone()),
            plugin_version: None,
            versions: versions(),
        });
    }
    match providers.installed(slug).filter(|_| version.is_none()) {
        None => Err(ProviderError::NotFound),
        Some(provider) => Ok(Detail {
            provider: Some(Arc::clone(provider)),
            origin: Origin::Installed,
            manifest: None,
            plugin_version: None,
            versions: Vec::new(),
        }),
    }
}

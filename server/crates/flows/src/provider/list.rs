//! All providers that an environment may use.

use std::{collections::BTreeMap, sync::Arc};

use store::StoreError;

use super::Origin;
use crate::{Ctx, Provider};

/// Providers by slug, after one of them; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn list(ctx: Ctx<'_>, after: Option<&str>, limit: u32) -> Result<Vec<(Arc<Provider>, Origin)>, StoreError> {
    let providers = &ctx.services.providers;
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let described = tx.provider_versions().all_current().await?;
    tx.commit().await?;
    let mut all: BTreeMap<&str, (Arc<Provider>, Origin)> = providers
        .all_installed()
        .map(|provider| (provider.manifest.slug.as_str(), (Arc::clone(provider), Origin::Installed)))
        .collect();
    for row in &described {
        match providers.described(row) {
            Some(provider) => all.insert(&row.slug, (provider, Origin::Environment)),
            None => all.remove(row.slug.as_str()),
        };
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let after = after.unwrap_or_default();
    Ok(all.into_iter().filter(|(slug, _)| *slug > after).map(|(_, found)| found).take(wanted).collect())
}

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
    let own = providers.of_environment(&mut tx).await?;
    tx.commit().await?;
    let mut all: BTreeMap<&str, (Arc<Provider>, Origin)> = providers
        .all_installed()
        .map(|provider| (provider.manifest.slug.as_str(), (Arc::clone(provider), Origin::Installed)))
        .collect();
    for (slug, is_pushed) in own.slugs() {
        let origin = if is_pushed { Origin::Pushed } else { Origin::Environment };
        match providers.among(&own, slug) {
            Some(provider) => all.insert(slug, (provider, origin)),
            None => all.remove(slug),
        };
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let after = after.unwrap_or_default();
    Ok(all.into_iter().filter(|(slug, _)| *slug > after).map(|(_, found)| found).take(wanted).collect())
}

//! The connections of an environment.

use std::collections::HashMap;

use domain::reach::Tag;
use ids::{ConnectionId, IntegrationId};
use store::{ConnectionFilter, StoreError};

use super::ConnectionView;
use crate::Ctx;

/// Which ones.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Of the integration of that id or slug.
    pub integration: Option<String>,
    /// Of this end user, by the tenant's own id.
    pub end_user: Option<String>,
    /// In this state.
    pub health: Option<&'static str>,
    /// That bear this tag.
    pub tag: Option<Tag>,
}

/// Connections, newest first, before one of them; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn list(
    ctx: Ctx<'_>,
    filter: ListFilter,
    before: Option<ConnectionId>,
    limit: u32,
) -> Result<Vec<ConnectionView>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let integration = match &filter.integration {
        None => None,
        Some(name) => match name.parse::<IntegrationId>() {
            Ok(id) => Some(id),
            Err(_) => match tx.integrations().find_by_slug(name).await {
                Ok(row) => Some(row.id),
                // Of an integration that is not there, there are no connections.
                Err(StoreError::NotFound) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            },
        },
    };
    let filter = ConnectionFilter { integration, end_user: filter.end_user, health: filter.health, tag: filter.tag };
    let rows = tx.connections().list(&filter, before, i64::from(limit) + 1).await?;
    let ids: Vec<ConnectionId> = rows.iter().map(|(row, _)| row.id).collect();
    let runs = tx.runs().latest_of_connections(&ids).await?;
    let revocations = tx.revocations().of(&ids).await?;
    tx.commit().await?;
    let mut last: HashMap<ConnectionId, _> = runs.into_iter().map(|run| (run.connection, run)).collect();
    let mut asked: HashMap<ConnectionId, _> = revocations.into_iter().map(|one| (one.connection, one)).collect();
    let view = |(row, integration): (store::ConnectionRow, store::IntegrationRow)| ConnectionView {
        last_run: last.remove(&row.id),
        revocation: asked.remove(&row.id),
        rests: ctx.services.egress.rests(integration.id),
        row,
        integration: integration.slug,
        provider: integration.provider,
    };
    Ok(rows.into_iter().map(view).collect())
}

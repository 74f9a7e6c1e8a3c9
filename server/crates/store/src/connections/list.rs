//! Connections found by what they have in common.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::reach::Tag;
use ids::{ConnectionId, IntegrationId};

use super::{ConnectionColumns, ConnectionRow, Connections, mine};
use crate::{
    StoreError,
    integrations::{IntegrationColumns, IntegrationRow},
    schema::{connection_tags, connections, integrations},
};

/// Which connections to list.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFilter {
    /// Of this integration.
    pub integration: Option<IntegrationId>,
    /// Of this end user.
    pub end_user: Option<String>,
    /// In this state: the text form of [`domain::connection::Health`].
    pub health: Option<&'static str>,
    /// That bear this tag.
    pub tag: Option<Tag>,
}

/// Narrows a query over connections to those of a scope that a filter lets through. Not a function, since queries over
/// one table and over two have types of their own.
macro_rules! narrowed {
    ($query:expr, $scope:expr, $filter:expr) => {{
        let (scope, filter): (domain::Scope, &ConnectionFilter) = ($scope, $filter);
        let mut query = $query.filter(mine(scope)).into_boxed();
        if let Some(integration) = filter.integration {
            query = query.filter(connections::integration_id.eq(integration));
        }
        if let Some(end_user) = &filter.end_user {
            query = query.filter(connections::end_user_id.eq(end_user.clone()));
        }
        if let Some(health) = filter.health {
            query = query.filter(connections::health.eq(health));
        }
        if let Some(tag) = &filter.tag {
            let bearing = connection_tags::table
                .filter(connection_tags::tenant_id.eq(scope.tenant))
                .filter(connection_tags::environment_id.eq(scope.environment))
                .filter(connection_tags::name.eq(tag.name.clone()).and(connection_tags::value.eq(tag.value.clone())))
                .select(connection_tags::connection_id);
            query = query.filter(connections::connection_id.eq_any(bearing));
        }
        query
    }};
}

impl Connections<'_> {
    /// Connections with their integrations, newest first, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        filter: &ConnectionFilter,
        before: Option<ConnectionId>,
        limit: i64,
    ) -> Result<Vec<(ConnectionRow, IntegrationRow)>, StoreError> {
        let all = connections::table
            .inner_join(integrations::table.on(integrations::integration_id.eq(connections::integration_id)))
            .select((ConnectionColumns::as_select(), IntegrationColumns::as_select()))
            .order(connections::connection_id.desc())
            .limit(limit);
        let mut query = narrowed!(all, self.scope, filter);
        if let Some(before) = before {
            query = query.filter(connections::connection_id.lt(before));
        }
        let rows = query.load::<(ConnectionColumns, IntegrationColumns)>(self.connection).await?;
        rows.into_iter()
            .map(|(connection, integration)| Ok((connection.try_into()?, integration.try_into()?)))
            .collect()
    }

    /// The ids of those that match, the oldest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn matching(&mut self, filter: &ConnectionFilter, limit: i64) -> Result<Vec<ConnectionId>, StoreError> {
        let all = connections::table.select(connections::connection_id).order(connections::connection_id).limit(limit);
        Ok(narrowed!(all, self.scope, filter).load(self.connection).await?)
    }
}

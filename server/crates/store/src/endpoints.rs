//! Tenants' URLs that are told of events.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EndpointId, EnvironmentId, TenantId};

use crate::{StoreError, Tx, schema::endpoints};

/// An endpoint.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = endpoints, check_for_backend(diesel::pg::Pg))]
pub struct EndpointRow {
    /// Its id.
    pub endpoint_id: EndpointId,
    /// Where to post.
    pub url: String,
    /// The tenant's note.
    pub description: Option<String>,
    /// Which events; `None` for all.
    pub kinds: Option<Vec<String>>,
    /// Signing secret, sealed.
    pub secret: Vec<u8>,
    /// Since when it is told nothing.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// The endpoints of one environment.
pub struct Endpoints<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The endpoints of this environment.
    pub fn endpoints(&mut self) -> Endpoints<'_> {
        let scope = self.scope();
        Endpoints { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, endpoints);

impl Endpoints<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &EndpointRow) -> Result<(), StoreError> {
        diesel::insert_into(endpoints::table)
            .values((
                endpoints::endpoint_id.eq(row.endpoint_id),
                endpoints::tenant_id.eq(self.scope.tenant),
                endpoints::environment_id.eq(self.scope.environment),
                endpoints::url.eq(&row.url),
                endpoints::description.eq(&row.description),
                endpoints::kinds.eq(&row.kinds),
                endpoints::secret.eq(&row.secret),
                endpoints::created_at.eq(row.created_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: EndpointId) -> Result<EndpointRow, StoreError> {
        let query = endpoints::table.filter(mine(self.scope)).filter(endpoints::endpoint_id.eq(id));
        Ok(query.select(EndpointRow::as_select()).first(self.connection).await?)
    }

    /// How many there are.
    ///
    /// # Errors
    /// The query failed.
    pub async fn count(&mut self) -> Result<i64, StoreError> {
        Ok(endpoints::table.filter(mine(self.scope)).count().get_result(self.connection).await?)
    }

    /// Endpoints in the order of their ids, after one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(&mut self, after: Option<EndpointId>, limit: i64) -> Result<Vec<EndpointRow>, StoreError> {
        let mut query = endpoints::table
            .filter(mine(self.scope))
            .select(EndpointRow::as_select())
            .order(endpoints::endpoint_id)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(endpoints::endpoint_id.gt(after));
        }
        Ok(query.load(self.connection).await?)
    }

    /// Endpoints that are to be told of events of this kind.
    ///
    /// # Errors
    /// The query failed.
    pub async fn listening(&mut self, kind: &str) -> Result<Vec<EndpointId>, StoreError> {
        let rows: Vec<(EndpointId, Option<Vec<String>>)> = endpoints::table
            .filter(mine(self.scope))
            .filter(endpoints::disabled_at.is_null())
            .order(endpoints::endpoint_id)
            .select((endpoints::endpoint_id, endpoints::kinds))
            .load(self.connection)
            .await?;
        let wants =
            |kinds: &Option<Vec<String>>| kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|one| one == kind));
        Ok(rows.into_iter().filter(|(_, kinds)| wants(kinds)).map(|(id, _)| id).collect())
    }

    /// Tells it nothing any more. One that is disabled keeps its first reason.
    ///
    /// # Errors
    /// The update failed.
    pub async fn disable(&mut self, id: EndpointId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let enabled = endpoints::table
            .filter(mine(self.scope))
            .filter(endpoints::endpoint_id.eq(id).and(endpoints::disabled_at.is_null()));
        diesel::update(enabled)
            .set((endpoints::disabled_at.eq(now), endpoints::disabled_reason.eq(reason)))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Removes it with its deliveries.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete(&mut self, id: EndpointId) -> Result<(), StoreError> {
        let deleted = diesel::delete(endpoints::table.filter(mine(self.scope)).filter(endpoints::endpoint_id.eq(id)))
            .execute(self.connection)
            .await?;
        if deleted == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }
}

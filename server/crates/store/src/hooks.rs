//! Our URLs that providers send webhooks to.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectionId, EnvironmentId, HookId, IntegrationId, TenantId};

use crate::{StoreError, System, Tx, schema::hooks};

/// How often a refusal is written down at most: a stranger who knocks all the time must not keep the row busy.
const BETWEEN_REFUSALS: TimeDelta = TimeDelta::seconds(10);

/// A URL of ours.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = hooks, check_for_backend(diesel::pg::Pg))]
pub struct HookRow {
    /// Its id.
    #[diesel(column_name = hook_id)]
    pub id: HookId,
    /// The integration whose provider sends there.
    #[diesel(column_name = integration_id)]
    pub integration: IntegrationId,
    /// The connection that all that comes there is about.
    #[diesel(column_name = connection_id)]
    pub connection: Option<ConnectionId>,
    /// SHA-256 of what stands in the URL.
    pub token_hash: Vec<u8>,
    /// The same, sealed.
    pub token: Vec<u8>,
    /// What deliveries are verified with, sealed.
    pub secret: Option<Vec<u8>>,
    /// Whether the tenant's endpoints are told of each delivery.
    pub forwards: bool,
    /// When a delivery was last refused.
    pub refused_at: Option<DateTime<Utc>>,
    /// Why.
    pub refusal: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Whose URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOf {
    /// An integration's: what comes there says whom it is about.
    Integration(IntegrationId),
    /// A connection's.
    Connection(ConnectionId),
}

/// The URLs of one environment.
pub struct Hooks<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The URLs of this environment that providers send webhooks to.
    pub fn hooks(&mut self) -> Hooks<'_> {
        let scope = self.scope();
        Hooks { connection: self.connection(), scope }
    }
}

impl Tx<System> {
    /// Whose URL it is that bears a token of this hash; for whoever knocks there and says no more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn hook_of_token(&mut self, token_hash: &[u8]) -> Result<(Scope, HookRow), StoreError> {
        let (tenant, environment, row): (TenantId, EnvironmentId, HookRow) = hooks::table
            .filter(hooks::token_hash.eq(token_hash))
            .select((hooks::tenant_id, hooks::environment_id, HookRow::as_select()))
            .first(self.connection())
            .await?;
        Ok((Scope { tenant, environment }, row))
    }
}

crate::walls::of_environment!(fn mine, hooks);

impl Hooks<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the integration or connection has one.
    pub async fn insert(&mut self, row: &HookRow) -> Result<(), StoreError> {
        diesel::insert_into(hooks::table)
            .values((
                hooks::hook_id.eq(row.id),
                hooks::tenant_id.eq(self.scope.tenant),
                hooks::environment_id.eq(self.scope.environment),
                hooks::integration_id.eq(row.integration),
                hooks::connection_id.eq(row.connection),
                hooks::token_hash.eq(&row.token_hash),
                hooks::token.eq(&row.token),
                hooks::secret.eq(&row.secret),
                hooks::forwards.eq(row.forwards),
                hooks::created_at.eq(row.created_at),
                hooks::updated_at.eq(row.updated_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Writes its secret and its setting.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update(&mut self, row: &HookRow) -> Result<(), StoreError> {
        let one = hooks::table.filter(mine(self.scope)).filter(hooks::hook_id.eq(row.id));
        let changed = diesel::update(one)
            .set((
                hooks::secret.eq(&row.secret),
                hooks::forwards.eq(row.forwards),
                hooks::updated_at.eq(row.updated_at),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// The one of an integration or a connection.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, of: HookOf) -> Result<HookRow, StoreError> {
        let query = hooks::table.filter(mine(self.scope)).select(HookRow::as_select()).into_boxed();
        let query = match of {
            HookOf::Integration(id) => query.filter(hooks::integration_id.eq(id).and(hooks::connection_id.is_null())),
            HookOf::Connection(id) => query.filter(hooks::connection_id.eq(id)),
        };
        Ok(query.first(self.connection).await?)
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&mut self, id: HookId) -> Result<HookRow, StoreError> {
        let one = hooks::table.filter(mine(self.scope)).filter(hooks::hook_id.eq(id));
        Ok(one.select(HookRow::as_select()).first(self.connection).await?)
    }

    /// Removes it with what came there: nothing is listened to at its URL from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete(&mut self, id: HookId) -> Result<(), StoreError> {
        let one = hooks::table.filter(mine(self.scope)).filter(hooks::hook_id.eq(id));
        let deleted = diesel::delete(one).execute(self.connection).await?;
        if deleted == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Notes that a delivery was refused, if none was a moment ago.
    ///
    /// # Errors
    /// The update failed.
    pub async fn refused(&mut self, id: HookId, why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let one = hooks::table
            .filter(mine(self.scope))
            .filter(hooks::hook_id.eq(id))
            .filter(hooks::refused_at.is_null().or(hooks::refused_at.lt(now - BETWEEN_REFUSALS)));
        diesel::update(one).set((hooks::refused_at.eq(now), hooks::refusal.eq(why))).execute(self.connection).await?;
        Ok(())
    }
}

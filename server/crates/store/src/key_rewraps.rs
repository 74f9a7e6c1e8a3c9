//! Runs that seal an environment's values anew, one at a time for each environment; and what else is known of keys as a
//! whole: whether a tenant's were destroyed.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, TenantId};

use crate::{
    Notice, StoreError, System, Tx, listen,
    schema::{api_keys, connections, key_rewraps, tenants},
};

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = key_rewraps, check_for_backend(diesel::pg::Pg))]
pub struct KeyRewrapRow {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// `running`, `paused` or `done`.
    pub state: String,
    /// How many values lay under old data keys when it began.
    pub total: i64,
    /// How many of them were sealed anew.
    pub done: i64,
    /// How many did not open in the latest pass.
    pub failed: i64,
    /// Why the latest of them did not, and where it lies.
    pub last_error: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it last went on.
    pub updated_at: DateTime<Utc>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a step of a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewrapStep {
    /// So many more were sealed anew.
    pub done: u64,
    /// So many did not open in this pass so far.
    pub failed: u64,
    /// Why the latest of them did not.
    pub last_error: Option<String>,
}

/// The runs of one environment.
pub struct KeyRewraps<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The runs of this environment.
    pub fn key_rewraps(&mut self) -> KeyRewraps<'_> {
        let scope = self.scope();
        KeyRewraps { connection: self.connection(), scope }
    }
}

fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of(scope: Scope) -> _ {
    let (tenant, environment): (TenantId, EnvironmentId) = (scope.tenant, scope.environment);
    key_rewraps::table.filter(key_rewraps::tenant_id.eq(tenant)).filter(key_rewraps::environment_id.eq(environment))
}

impl KeyRewraps<'_> {
    /// The latest run, if there was one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn latest(&mut self) -> Result<Option<KeyRewrapRow>, StoreError> {
        let row = of(self.scope).select(KeyRewrapRow::as_select()).first(self.connection).await;
        Ok(row.optional()?)
    }

    /// Begins a run, or lets the one that is under way or paused go on.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn begin(&mut self, total: u64, now: DateTime<Utc>) -> Result<(), StoreError> {
        let went_on = diesel::update(of(self.scope).filter(key_rewraps::state.ne("done")))
            .set((key_rewraps::state.eq("running"), key_rewraps::updated_at.eq(now)))
            .execute(self.connection)
            .await?;
        if went_on > 0 {
            return Ok(());
        }
        // One that is done makes place for the next.
        diesel::delete(of(self.scope)).execute(self.connection).await?;
        diesel::insert_into(key_rewraps::table)
            .values((
                key_rewraps::environment_id.eq(self.scope.environment),
                key_rewraps::tenant_id.eq(self.scope.tenant),
                key_rewraps::state.eq("running"),
                key_rewraps::total.eq(bounded(total)),
                key_rewraps::done.eq(0_i64),
                key_rewraps::failed.eq(0_i64),
                key_rewraps::started_at.eq(now),
                key_rewraps::updated_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Pauses a run that is under way. Gives whether there was one.
    ///
    /// # Errors
    /// The update failed.
    pub async fn pause(&mut self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let paused = diesel::update(of(self.scope).filter(key_rewraps::state.eq("running")))
            .set((key_rewraps::state.eq("paused"), key_rewraps::updated_at.eq(now)))
            .execute(self.connection)
            .await?;
        Ok(paused > 0)
    }

    /// Notes a step. Gives whether the run shall go on: it was not paused meanwhile.
    ///
    /// # Errors
    /// The update failed.
    pub async fn step(&mut self, step: &RewrapStep, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let state: Option<String> = diesel::update(of(self.scope))
            .set((
                key_rewraps::done.eq(key_rewraps::done + bounded(step.done)),
                key_rewraps::failed.eq(bounded(step.failed)),
                key_rewraps::last_error.eq(&step.last_error),
                key_rewraps::updated_at.eq(now),
            ))
            .returning(key_rewraps::state)
            .get_result(self.connection)
            .await
            .optional()?;
        Ok(state.as_deref() == Some("running"))
    }

    /// Ends a run that was not paused meanwhile.
    ///
    /// # Errors
    /// The update failed.
    pub async fn finish(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(of(self.scope).filter(key_rewraps::state.eq("running")))
            .set((key_rewraps::state.eq("done"), key_rewraps::updated_at.eq(now), key_rewraps::finished_at.eq(now)))
            .execute(self.connection)
            .await?;
        Ok(())
    }
}

/// Begins what a destroyed tenant's notice says; its id follows.
const DESTROYED: &str = "keys_destroyed:";

/// The tenant whose key was destroyed, if that is what was heard.
#[must_use]
pub fn destroyed_tenant(notice: &Notice) -> Option<TenantId> {
    let Notice::Heard { payload, .. } = notice else { return None };
    payload.strip_prefix(DESTROYED)?.parse().ok().map(TenantId::from_uuid)
}

/// What is in use of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantUse {
    /// API keys that are taken.
    pub api_keys: i64,
    /// Connections that are not deleted or revoked.
    pub connections: i64,
}

impl Tx<System> {
    /// What is in use of a tenant.
    ///
    /// # Errors
    /// A query failed.
    pub async fn tenant_use(&mut self, tenant: TenantId, now: DateTime<Utc>) -> Result<TenantUse, StoreError> {
        let api_keys = api_keys::table
            .filter(api_keys::tenant_id.eq(tenant))
            .filter(api_keys::revoked_at.is_null())
            .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
            .count()
            .get_result(self.connection())
            .await?;
        let connections = connections::table
            .filter(connections::tenant_id.eq(tenant))
            .filter(connections::health.ne_all(["revoked", "deleting"]))
            .count()
            .get_result(self.connection())
            .await?;
        Ok(TenantUse { api_keys, connections })
    }

    /// Since when nothing of the tenant opens any more, if its key was destroyed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]: no such tenant.
    pub async fn keys_destroyed_at(&mut self, tenant: TenantId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = tenants::table.find(tenant).select(tenants::keys_destroyed_at);
        Ok(query.first(self.connection()).await?)
    }

    /// Notes that the tenant's key is destroyed, and tells every node to forget what it has unwrapped of it.
    ///
    /// # Errors
    /// The update failed.
    pub async fn mark_keys_destroyed(&mut self, tenant: TenantId, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(tenants::table.find(tenant).filter(tenants::keys_destroyed_at.is_null()))
            .set(tenants::keys_destroyed_at.eq(now))
            .execute(self.connection())
            .await?;
        self.tell_keys_destroyed(tenant).await
    }

    /// Tells every node, once this is committed, to forget what it has unwrapped of the tenant.
    ///
    /// # Errors
    /// The query failed.
    pub async fn tell_keys_destroyed(&mut self, tenant: TenantId) -> Result<(), StoreError> {
        diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(listen::CHANGED)
            .bind::<Text, _>(format!("{DESTROYED}{}", tenant.uuid()))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

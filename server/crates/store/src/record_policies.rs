//! How records of a stream are kept, and the keys that sealed ones lie under.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, IntegrationId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{record_keys, record_policies, record_upkeep, syncs},
    words::count,
};

/// How records of a stream are kept, for all connections of an integration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordPolicy {
    /// Days after which a deleted record is removed; `None` for never.
    pub keep_deleted_days: Option<u16>,
    /// Days after its latest change when a record's content is removed; `None` for never.
    pub keep_content_days: Option<u16>,
    /// Whether records are sealed.
    pub is_sealed: bool,
}

/// The policies and record keys of one environment.
pub struct RecordPolicies<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The policies and record keys of this environment.
    pub fn record_policies(&mut self) -> RecordPolicies<'_> {
        let scope = self.scope();
        RecordPolicies { connection: self.connection(), scope }
    }
}

type Days = (Option<i32>, Option<i32>, bool);

pub(crate) fn read((deleted, content, is_sealed): Days) -> Result<RecordPolicy, StoreError> {
    let days = |days: Option<i32>| days.map(|days| count("record_policies", days)).transpose();
    Ok(RecordPolicy { keep_deleted_days: days(deleted)?, keep_content_days: days(content)?, is_sealed })
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of(scope: Scope, integration: IntegrationId) -> _ {
    let (tenant, environment): (TenantId, EnvironmentId) = (scope.tenant, scope.environment);
    record_policies::tenant_id
        .eq(tenant)
        .and(record_policies::environment_id.eq(environment))
        .and(record_policies::integration_id.eq(integration))
}

impl RecordPolicies<'_> {
    /// The policy of a stream, as it was set; the default if it was not.
    ///
    /// # Errors
    /// The query failed.
    pub async fn find(&mut self, integration: IntegrationId, stream: &str) -> Result<RecordPolicy, StoreError> {
        let days: Option<Days> = record_policies::table
            .filter(of(self.scope, integration))
            .filter(record_policies::stream.eq(stream))
            .select((
                record_policies::keep_deleted_days,
                record_policies::keep_content_days,
                record_policies::is_sealed,
            ))
            .first(self.connection)
            .await
            .optional()?;
        days.map_or_else(|| Ok(RecordPolicy::default()), read)
    }

    /// Sets the policy of a stream. What lies there unsealed and shall be sealed is looked for from the beginning.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn set(
        &mut self,
        integration: IntegrationId,
        stream: &str,
        policy: RecordPolicy,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let what = (
            record_policies::keep_deleted_days.eq(policy.keep_deleted_days.map(i32::from)),
            record_policies::keep_content_days.eq(policy.keep_content_days.map(i32::from)),
            record_policies::is_sealed.eq(policy.is_sealed),
            record_policies::updated_at.eq(now),
        );
        diesel::insert_into(record_policies::table)
            .values((
                record_policies::integration_id.eq(integration),
                record_policies::stream.eq(stream),
                record_policies::tenant_id.eq(self.scope.tenant),
                record_policies::environment_id.eq(self.scope.environment),
                what,
            ))
            .on_conflict((record_policies::integration_id, record_policies::stream))
            .do_update()
            .set(what)
            .execute(self.connection)
            .await?;
        let streams = syncs::table.filter(syncs::stream.eq(stream)).select(syncs::sync_id);
        diesel::update(
            record_upkeep::table
                .filter(record_upkeep::tenant_id.eq(self.scope.tenant))
                .filter(record_upkeep::environment_id.eq(self.scope.environment))
                .filter(record_upkeep::sync_id.eq_any(streams)),
        )
        .set((record_upkeep::sealed_to.eq(0), record_upkeep::looked_at.eq(DateTime::UNIX_EPOCH)))
        .execute(self.connection)
        .await?;
        Ok(())
    }

    /// Keeps the sealed record key of a sync, if it has none.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn keep_key(&mut self, sync: SyncId, sealed: &[u8], now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::insert_into(record_keys::table)
            .values((
                record_keys::sync_id.eq(sync),
                record_keys::tenant_id.eq(self.scope.tenant),
                record_keys::environment_id.eq(self.scope.environment),
                record_keys::sealed.eq(sealed),
                record_keys::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The sealed record key of a sync, if it has one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn key(&mut self, sync: SyncId) -> Result<Option<Vec<u8>>, StoreError> {
        let found = record_keys::table
            .filter(record_keys::tenant_id.eq(self.scope.tenant))
            .filter(record_keys::environment_id.eq(self.scope.environment))
            .filter(record_keys::sync_id.eq(sync))
            .select(record_keys::sealed)
            .first(self.connection)
            .await
            .optional()?;
        Ok(found)
    }
}

//! The secret of each connection, and the lease under which it is refreshed: one refresher per generation, whatever
//! number of nodes ask, and a commit only over the generation and the lease that were read.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectionId, EnvironmentId, TenantId};

use crate::{StoreError, Tx, listen, schema::credentials};

/// A credential as it stands.
#[derive(Debug, Clone)]
pub struct CredentialRow {
    /// Counts refreshes and reconnects.
    pub generation: i64,
    /// The token set, sealed.
    pub sealed: Vec<u8>,
    /// Whether a refresh token is in it.
    pub refreshable: bool,
    /// When the access token ends, if the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, if the provider said so.
    pub scopes_granted: Option<Vec<String>>,
    /// What was asked for when the account was connected.
    pub scopes_asked: Option<Vec<String>>,
    /// Until when one refresher owns the refresh. One in the past: a refresh was begun, and nobody knows how it ended.
    pub lease_until: Option<DateTime<Utc>>,
    /// Failed refreshes in a row.
    pub refresh_failures: i32,
    /// After a failure: no refresh before this.
    pub refresh_not_before: Option<DateTime<Utc>>,
    /// When this generation was committed.
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials, check_for_backend(diesel::pg::Pg))]
pub(crate) struct CredentialColumns {
    generation: i64,
    sealed: Vec<u8>,
    refreshable: bool,
    expires_at: Option<DateTime<Utc>>,
    scopes_granted: Option<Vec<String>>,
    scopes_asked: Option<Vec<String>>,
    lease_until: Option<DateTime<Utc>>,
    refresh_failures: i32,
    refresh_not_before: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

impl From<CredentialColumns> for CredentialRow {
    fn from(row: CredentialColumns) -> Self {
        Self {
            generation: row.generation,
            sealed: row.sealed,
            refreshable: row.refreshable,
            expires_at: row.expires_at,
            scopes_granted: row.scopes_granted,
            scopes_asked: row.scopes_asked,
            lease_until: row.lease_until,
            refresh_failures: row.refresh_failures,
            refresh_not_before: row.refresh_not_before,
            updated_at: row.updated_at,
        }
    }
}

/// A new generation to store.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The token set, sealed.
    pub sealed: Vec<u8>,
    /// Whether a refresh token is in it.
    pub refreshable: bool,
    /// When the access token ends, if the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, if the provider said so.
    pub scopes_granted: Option<Vec<String>>,
}

/// The right to refresh one generation, until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The generation that it is for.
    pub generation: i64,
    /// Its fencing number.
    pub number: i64,
    /// Whether an earlier refresh of this generation was begun whose end nobody knows.
    pub after_unknown: bool,
}

/// The credentials of one environment.
pub struct Credentials<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The credentials of this environment.
    pub fn credentials(&mut self) -> Credentials<'_> {
        let scope = self.scope();
        Credentials { connection: self.connection(), scope }
    }
}

type Mine = diesel::dsl::And<
    diesel::dsl::And<
        diesel::dsl::Eq<credentials::tenant_id, TenantId>,
        diesel::dsl::Eq<credentials::environment_id, EnvironmentId>,
    >,
    diesel::dsl::Eq<credentials::connection_id, ConnectionId>,
>;

fn of(scope: Scope, id: ConnectionId) -> Mine {
    credentials::tenant_id
        .eq(scope.tenant)
        .and(credentials::environment_id.eq(scope.environment))
        .and(credentials::connection_id.eq(id))
}

impl Credentials<'_> {
    /// Stores what a connect or reconnect brought: the next generation, whatever was there. A refresh under way loses its
    /// lease. Gives the generation. `asked` are the scopes that were asked for.
    ///
    /// # Errors
    /// The query failed.
    pub async fn put(
        &mut self,
        id: ConnectionId,
        new: &NewCredential,
        asked: Option<&[String]>,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let generation = diesel::insert_into(credentials::table)
            .values((
                credentials::connection_id.eq(id),
                credentials::tenant_id.eq(self.scope.tenant),
                credentials::environment_id.eq(self.scope.environment),
                credentials::generation.eq(1),
                credentials::sealed.eq(&new.sealed),
                credentials::refreshable.eq(new.refreshable),
                credentials::expires_at.eq(new.expires_at),
                credentials::scopes_granted.eq(&new.scopes_granted),
                credentials::scopes_asked.eq(asked),
                credentials::updated_at.eq(now),
            ))
            .on_conflict(credentials::connection_id)
            .do_update()
            .set((
                credentials::generation.eq(credentials::generation + 1),
                credentials::sealed.eq(&new.sealed),
                credentials::refreshable.eq(new.refreshable),
                credentials::expires_at.eq(new.expires_at),
                credentials::scopes_granted.eq(&new.scopes_granted),
                credentials::scopes_asked.eq(asked),
                credentials::lease_number.eq(credentials::lease_number + 1),
                credentials::lease_until.eq(None::<DateTime<Utc>>),
                credentials::refresh_failures.eq(0),
                credentials::refresh_not_before.eq(None::<DateTime<Utc>>),
                credentials::updated_at.eq(now),
            ))
            .returning(credentials::generation)
            .get_result(self.connection)
            .await?;
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(generation)
    }

    /// Takes the lease to refresh a generation until `until`; `None` if someone else has it or the generation is over.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lease(
        &mut self,
        id: ConnectionId,
        generation: i64,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let found = credentials::table
            .filter(of(self.scope, id))
            .filter(credentials::generation.eq(generation))
            .filter(credentials::lease_until.is_null().or(credentials::lease_until.le(now)))
            .select((credentials::lease_number, credentials::lease_until))
            .for_update()
            .first::<(i64, Option<DateTime<Utc>>)>(self.connection)
            .await
            .optional()?;
        let Some((number, earlier)) = found else { return Ok(None) };
        diesel::update(credentials::table.filter(of(self.scope, id)))
            .set((credentials::lease_number.eq(number + 1), credentials::lease_until.eq(until)))
            .execute(self.connection)
            .await?;
        Ok(Some(Lease { generation, number: number + 1, after_unknown: earlier.is_some() }))
    }

    /// Commits a refresh: the next generation, unless the lease was lost meanwhile. Gives the generation.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if the generation or the lease is no longer the one that was read.
    pub async fn commit_refresh(
        &mut self,
        id: ConnectionId,
        lease: Lease,
        new: &NewCredential,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let owned = credentials::table
            .filter(of(self.scope, id))
            .filter(credentials::generation.eq(lease.generation).and(credentials::lease_number.eq(lease.number)));
        let changed = diesel::update(owned)
            .set((
                credentials::generation.eq(lease.generation + 1),
                credentials::sealed.eq(&new.sealed),
                credentials::refreshable.eq(new.refreshable),
                credentials::expires_at.eq(new.expires_at),
                credentials::scopes_granted.eq(&new.scopes_granted),
                credentials::lease_until.eq(None::<DateTime<Utc>>),
                credentials::refresh_failures.eq(0),
                credentials::refresh_not_before.eq(None::<DateTime<Utc>>),
                credentials::updated_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 {
            return Err(StoreError::Superseded("the refresh lease"));
        }
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(lease.generation + 1)
    }

    /// Gives the lease back after a refresh that failed. `unknown`: the provider may have acted on it all the same.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if the lease was lost meanwhile.
    pub async fn fail_refresh(
        &mut self,
        id: ConnectionId,
        lease: Lease,
        unknown: bool,
        not_before: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let owned = credentials::table
            .filter(of(self.scope, id))
            .filter(credentials::generation.eq(lease.generation).and(credentials::lease_number.eq(lease.number)));
        let changed = diesel::update(owned)
            .set((
                credentials::lease_until.eq((unknown || lease.after_unknown).then_some(now)),
                credentials::refresh_failures.eq(credentials::refresh_failures + 1),
                credentials::refresh_not_before.eq(not_before),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 {
            return Err(StoreError::Superseded("the refresh lease"));
        }
        listen::notify_changed(self.connection, id.uuid()).await
    }

    /// Says that the provider no longer takes the access token of this generation, so that the next who asks refreshes.
    /// Gives whether it still was the generation in use.
    ///
    /// # Errors
    /// The query failed.
    pub async fn expire(&mut self, id: ConnectionId, generation: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = diesel::update(
            credentials::table.filter(of(self.scope, id)).filter(credentials::generation.eq(generation)),
        )
        .set(credentials::expires_at.eq(now))
        .execute(self.connection)
        .await?;
        if changed > 0 {
            listen::notify_changed(self.connection, id.uuid()).await?;
        }
        Ok(changed > 0)
    }
}

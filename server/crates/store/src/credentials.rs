//! The secret of each connection, and where its refresh stands. What may follow what is decided by [`domain::refresh`], over
//! the locked row; here it is read and written.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*, sql_types::Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    refresh::{Age, Ending, Intent, Lease, NodeId, NotClaimed, Slot},
};
use ids::{ConnectionId, EnvironmentId, TenantId};

use crate::{StoreError, Tx, listen, presence, schema::credentials};

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
    /// Failed refreshes in a row.
    pub refresh_failures: i32,
    /// After a failure: no refresh before this.
    pub refresh_not_before: Option<DateTime<Utc>>,
    /// When this generation was committed.
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials, check_for_backend(Pg))]
pub(crate) struct CredentialColumns {
    generation: i64,
    sealed: Vec<u8>,
    refreshable: bool,
    expires_at: Option<DateTime<Utc>>,
    scopes_granted: Option<Vec<String>>,
    scopes_asked: Option<Vec<String>>,
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
    /// From when on it is to be refreshed although nobody asks for it.
    pub refresh_at: Option<DateTime<Utc>>,
}

/// What a refresh that brought nothing leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct FailedRefresh {
    /// How its request ended.
    pub ending: Ending,
    /// No refresh before this; `None` where only the end user can help.
    pub not_before: Option<DateTime<Utc>>,
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
        let first = Slot::first();
        let written = (
            credentials::sealed.eq(&new.sealed),
            credentials::refreshable.eq(new.refreshable),
            credentials::expires_at.eq(new.expires_at),
            credentials::scopes_granted.eq(&new.scopes_granted),
            credentials::scopes_asked.eq(asked),
            credentials::refresh_at.eq(new.refresh_at),
            credentials::updated_at.eq(now),
        );
        let inserted = diesel::insert_into(credentials::table)
            .values((
                credentials::connection_id.eq(id),
                credentials::tenant_id.eq(self.scope.tenant),
                credentials::environment_id.eq(self.scope.environment),
                Written::of(first, None),
                written,
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        let slot = if inserted > 0 {
            first
        } else {
            let slot = self.locked(id).await?.slot.replace();
            let unfailed =
                (credentials::refresh_failures.eq(0), credentials::refresh_not_before.eq(None::<DateTime<Utc>>));
            diesel::update(credentials::table.filter(of(self.scope, id)))
                .set((Written::of(slot, None), written, unfailed))
                .execute(self.connection)
                .await?;
            slot
        };
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(slot.generation)
    }

    /// Takes the lease to refresh a generation. The intent is written with it: commit before the provider is asked.
    ///
    /// # Errors
    /// The query failed.
    pub async fn claim(
        &mut self,
        id: ConnectionId,
        generation: i64,
        node: NodeId,
    ) -> Result<Result<Lease, NotClaimed>, StoreError> {
        let Locked { slot, lease_until, now } = match self.locked(id).await {
            Err(StoreError::NotFound) => return Ok(Err(NotClaimed::Newer)),
            locked => locked?,
        };
        let age = lease_until.map_or(Age::Young, |until| Age::of(until, now));
        let is_there = match slot.intent {
            Intent::UnderWay(holder) if age == Age::Over => presence::is_there(self.connection, holder).await?,
            _ => false,
        };
        let (slot, lease) = match slot.claim(generation, node, age, is_there) {
            Ok(claimed) => claimed,
            Err(refused) => return Ok(Err(refused)),
        };
        let whose = credentials::table.filter(of(self.scope, id));
        diesel::update(whose).set(Written::of(slot, Some(Age::end(now)))).execute(self.connection).await?;
        Ok(Ok(lease))
    }

    /// Stores what a refresh brought, as the next generation, which it gives.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if what is stored is newer.
    pub async fn commit_refresh(
        &mut self,
        id: ConnectionId,
        lease: Lease,
        new: &NewCredential,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let locked = self.locked(id).await?;
        let slot = locked.slot.commit(lease).ok_or(StoreError::Superseded("the refresh lease"))?;
        let written = (
            credentials::sealed.eq(&new.sealed),
            credentials::refreshable.eq(new.refreshable),
            credentials::expires_at.eq(new.expires_at),
            credentials::scopes_granted.eq(&new.scopes_granted),
            credentials::refresh_at.eq(new.refresh_at),
            credentials::refresh_failures.eq(0),
            credentials::refresh_not_before.eq(None::<DateTime<Utc>>),
            credentials::updated_at.eq(now),
        );
        let whose = credentials::table.filter(of(self.scope, id));
        diesel::update(whose).set((Written::of(slot, locked.lease_until), written)).execute(self.connection).await?;
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(slot.generation)
    }

    /// Ends a refresh that brought nothing. Gives whether that says anything about the credential that is stored.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if another refresh or a reconnect came after it.
    pub async fn fail_refresh(
        &mut self,
        id: ConnectionId,
        lease: Lease,
        failed: FailedRefresh,
    ) -> Result<bool, StoreError> {
        let locked = self.locked(id).await?;
        let ended = locked.slot.fail(lease, failed.ending);
        let (slot, is_of_stored) = ended.ok_or(StoreError::Superseded("the refresh lease"))?;
        if is_of_stored {
            let noted = (
                credentials::refresh_failures.eq(credentials::refresh_failures + 1),
                credentials::refresh_not_before.eq(failed.not_before),
                credentials::refresh_at.eq(failed.not_before),
            );
            let whose = credentials::table.filter(of(self.scope, id));
            diesel::update(whose).set((Written::of(slot, None), noted)).execute(self.connection).await?;
        } else {
            let whose = credentials::table.filter(of(self.scope, id));
            diesel::update(whose).set(Written::of(slot, None)).execute(self.connection).await?;
        }
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(is_of_stored)
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

    /// The row, locked until the transaction ends.
    async fn locked(&mut self, id: ConnectionId) -> Result<Locked, StoreError> {
        let (columns, now) = credentials::table
            .filter(of(self.scope, id))
            .select((SlotColumns::as_select(), diesel::dsl::now.into_sql::<Timestamptz>()))
            .for_update()
            .first::<(SlotColumns, DateTime<Utc>)>(self.connection)
            .await?;
        Ok(Locked { slot: columns.slot()?, lease_until: columns.lease_until, now })
    }
}

struct Locked {
    slot: Slot,
    lease_until: Option<DateTime<Utc>>,
    /// By the database's clock, when the transaction began.
    now: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials, check_for_backend(Pg))]
struct SlotColumns {
    generation: i64,
    fence: i64,
    answered: i64,
    refresh_state: String,
    lease_holder: Option<i64>,
    lease_until: Option<DateTime<Utc>>,
}

impl SlotColumns {
    fn slot(&self) -> Result<Slot, StoreError> {
        let intent = match (self.refresh_state.as_str(), self.lease_holder) {
            ("idle", _) => Intent::Idle,
            ("in_doubt", _) => Intent::InDoubt,
            ("under_way", Some(holder)) => Intent::UnderWay(NodeId(holder)),
            (other, holder) => {
                let what = format!("refresh_state {other} with lease_holder {holder:?}");
                return Err(StoreError::Corrupt { table: "credentials", what });
            }
        };
        Ok(Slot { generation: self.generation, fence: self.fence, answered: self.answered, intent })
    }
}

/// A slot as it is written.
#[derive(Clone, Copy, AsChangeset, Insertable)]
#[diesel(table_name = credentials, treat_none_as_null = true)]
struct Written {
    generation: i64,
    fence: i64,
    answered: i64,
    refresh_state: &'static str,
    lease_holder: Option<i64>,
    lease_until: Option<DateTime<Utc>>,
}

impl Written {
    /// The lease's end is written where one is under way.
    fn of(slot: Slot, until: Option<DateTime<Utc>>) -> Self {
        let (refresh_state, lease_holder) = match slot.intent {
            Intent::Idle => ("idle", None),
            Intent::UnderWay(NodeId(holder)) => ("under_way", Some(holder)),
            Intent::InDoubt => ("in_doubt", None),
        };
        let Slot { generation, fence, answered, .. } = slot;
        let lease_until = until.filter(|_| lease_holder.is_some());
        Self { generation, fence, answered, refresh_state, lease_holder, lease_until }
    }
}

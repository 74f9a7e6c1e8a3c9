//! End users' accounts at providers.

mod list;
mod many;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, connect::EndUser, connection::Health};
use ids::{ConnectionId, EnvironmentId, IntegrationId, RunId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    credentials::{CredentialColumns, CredentialRow},
    integrations::{IntegrationColumns, IntegrationRow},
    json, listen,
    schema::{connections, credentials, integrations, jobs, runs, syncs},
};

pub use list::ConnectionFilter;
pub use many::Told;

/// A connection.
#[derive(Debug, Clone)]
pub struct ConnectionRow {
    /// Its id.
    pub id: ConnectionId,
    /// Through what it was made.
    pub integration: IntegrationId,
    /// Whose it is, in the tenant's words.
    pub end_user: EndUser,
    /// The provider's stable id of the account.
    pub account: Option<String>,
    /// What people call the account.
    pub account_name: Option<String>,
    /// How it is.
    pub health: Health,
    /// Since when.
    pub health_changed_at: DateTime<Utc>,
    /// Values of the manifest's connection-level variables.
    pub variables: BTreeMap<String, String>,
    /// Configuration handed to the plugin.
    pub config: serde_json::Value,
    /// The tenant's own notes.
    pub metadata: serde_json::Value,
    /// The tenant's own labels.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ConnectionRow {
    /// It is in this state from now on, or still.
    pub fn turn(&mut self, health: Health, now: DateTime<Utc>) {
        if health != self.health {
            self.health = health;
            self.health_changed_at = now;
        }
        self.updated_at = now;
    }
}

/// A connection with what stands above and below it, as one reads it to call the provider.
#[derive(Debug, Clone)]
pub struct ConnectionContext {
    /// The connection.
    pub connection: ConnectionRow,
    /// Its integration.
    pub integration: IntegrationRow,
    /// Its secret; absent where the provider needs none, or none was given yet.
    pub credential: Option<CredentialRow>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = connections, check_for_backend(diesel::pg::Pg))]
struct ConnectionColumns {
    connection_id: ConnectionId,
    integration_id: IntegrationId,
    end_user_id: String,
    end_user_name: Option<String>,
    account: Option<String>,
    account_name: Option<String>,
    health: String,
    health_cause: Option<String>,
    health_changed_at: DateTime<Utc>,
    variables: serde_json::Value,
    config: serde_json::Value,
    metadata: serde_json::Value,
    tags: serde_json::Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<ConnectionColumns> for ConnectionRow {
    type Error = StoreError;

    fn try_from(row: ConnectionColumns) -> Result<Self, StoreError> {
        let health = Health::from_parts(&row.health, row.health_cause.as_deref())
            .map_err(|error| StoreError::Corrupt { table: "connections", what: error.to_string() })?;
        Ok(Self {
            id: row.connection_id,
            integration: row.integration_id,
            end_user: EndUser { id: row.end_user_id, name: row.end_user_name },
            account: row.account,
            account_name: row.account_name,
            health,
            health_changed_at: row.health_changed_at,
            variables: json::texts("connections", "variables", row.variables)?,
            config: row.config,
            metadata: row.metadata,
            tags: json::texts("connections", "tags", row.tags)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The connections of one environment.
pub struct Connections<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The connections of this environment.
    pub fn connections(&mut self) -> Connections<'_> {
        let scope = self.scope();
        Connections { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, connections);

impl Connections<'_> {
    /// Until the end of the transaction, nobody else may connect this end user through this integration: who looks for
    /// an existing connection and makes one if there is none must not do so twice at once.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lock_end_user(&mut self, integration: IntegrationId, end_user: &str) -> Result<(), StoreError> {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(format!("connect {} {end_user}", integration.uuid()))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Adds one.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &ConnectionRow) -> Result<(), StoreError> {
        diesel::insert_into(connections::table)
            .values((
                connections::connection_id.eq(row.id),
                connections::tenant_id.eq(self.scope.tenant),
                connections::environment_id.eq(self.scope.environment),
                connections::integration_id.eq(row.integration),
                connections::end_user_id.eq(&row.end_user.id),
                connections::end_user_name.eq(&row.end_user.name),
                connections::account.eq(&row.account),
                connections::account_name.eq(&row.account_name),
                (
                    connections::health.eq(row.health.as_str()),
                    connections::health_cause.eq(row.health.cause().map(|cause| cause.as_str())),
                    connections::health_reason.eq(row.health.reason()),
                    connections::health_changed_at.eq(row.health_changed_at),
                ),
                connections::variables.eq(json::object(&row.variables)),
                connections::config.eq(&row.config),
                connections::metadata.eq(&row.metadata),
                connections::tags.eq(json::object(&row.tags)),
                connections::created_at.eq(row.created_at),
                connections::updated_at.eq(row.updated_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Writes what a repair, a change of health or a tenant's change may change. Nodes that keep it in memory hear of it at commit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update(&mut self, row: &ConnectionRow) -> Result<(), StoreError> {
        let changed =
            diesel::update(connections::table.filter(mine(self.scope)).filter(connections::connection_id.eq(row.id)))
                .set((
                    connections::end_user_name.eq(&row.end_user.name),
                    connections::account.eq(&row.account),
                    connections::account_name.eq(&row.account_name),
                    connections::health.eq(row.health.as_str()),
                    connections::health_cause.eq(row.health.cause().map(|cause| cause.as_str())),
                    connections::health_reason.eq(row.health.reason()),
                    connections::health_changed_at.eq(row.health_changed_at),
                    connections::variables.eq(json::object(&row.variables)),
                    connections::metadata.eq(&row.metadata),
                    connections::tags.eq(json::object(&row.tags)),
                    connections::updated_at.eq(row.updated_at),
                ))
                .execute(self.connection)
                .await?;
        if changed == 0 {
            return Err(StoreError::NotFound);
        }
        listen::notify_changed(self.connection, row.id.uuid()).await
    }

    /// Removes one with everything that hangs off it: credential, syncs, runs, records, and jobs that wait for any of it.
    /// Gives `false`, having changed nothing, while a worker is just writing to one of its runs or syncs: waiting for it
    /// here could be waiting for one another.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it is gone already.
    pub async fn delete(&mut self, id: ConnectionId) -> Result<bool, StoreError> {
        let its_runs = runs::table
            .filter(runs::tenant_id.eq(self.scope.tenant).and(runs::environment_id.eq(self.scope.environment)))
            .filter(runs::connection_id.eq(id).and(runs::state.eq("running")))
            .select(runs::run_id);
        let running: Vec<RunId> = its_runs.load(self.connection).await?;
        let held: Vec<RunId> = its_runs.for_update().skip_locked().load(self.connection).await?;
        let its_syncs = syncs::table
            .filter(syncs::tenant_id.eq(self.scope.tenant).and(syncs::environment_id.eq(self.scope.environment)))
            .filter(syncs::connection_id.eq(id))
            .select(syncs::sync_id);
        let syncs: Vec<SyncId> = its_syncs.load(self.connection).await?;
        let free: Vec<SyncId> = its_syncs.for_update().skip_locked().load(self.connection).await?;
        if held.len() < running.len() || free.len() < syncs.len() {
            return Ok(false);
        }
        let keys: Vec<String> = syncs.iter().map(ToString::to_string).chain([id.to_string()]).collect();
        diesel::delete(
            jobs::table
                .filter(jobs::tenant_id.eq(self.scope.tenant).and(jobs::environment_id.eq(self.scope.environment)))
                .filter(jobs::state.eq("waiting").and(jobs::dedupe_key.eq_any(keys))),
        )
        .execute(self.connection)
        .await?;
        let one = connections::table.filter(mine(self.scope)).filter(connections::connection_id.eq(id));
        if diesel::delete(one).execute(self.connection).await? == 0 {
            return Err(StoreError::NotFound);
        }
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(true)
    }

    /// The one of that id, held against changes until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock(&mut self, id: ConnectionId) -> Result<ConnectionRow, StoreError> {
        connections::table
            .filter(mine(self.scope))
            .filter(connections::connection_id.eq(id))
            .select(ConnectionColumns::as_select())
            .for_no_key_update()
            .first(self.connection)
            .await?
            .try_into()
    }

    /// Holds the syncs of a connection against changes until the end of the transaction. Whoever changes a connection
    /// and its syncs takes the syncs first, as runs do.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lock_syncs(&mut self, id: ConnectionId) -> Result<(), StoreError> {
        syncs::table
            .filter(syncs::tenant_id.eq(self.scope.tenant).and(syncs::environment_id.eq(self.scope.environment)))
            .filter(syncs::connection_id.eq(id))
            .order(syncs::sync_id)
            .select(syncs::sync_id)
            .for_no_key_update()
            .load::<SyncId>(self.connection)
            .await?;
        Ok(())
    }

    /// The connection of this end user to this account, if there is one that is neither revoked nor being deleted; held
    /// against changes until the end of the transaction. The oldest where there are several.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lock_same_account(
        &mut self,
        integration: IntegrationId,
        end_user: &str,
        account: &str,
    ) -> Result<Option<ConnectionRow>, StoreError> {
        connections::table
            .filter(mine(self.scope))
            .filter(connections::integration_id.eq(integration))
            .filter(connections::end_user_id.eq(end_user))
            .filter(connections::account.eq(account))
            .filter(connections::health.ne_all(["revoked", "deleting"]))
            .select(ConnectionColumns::as_select())
            .order(connections::connection_id)
            .for_no_key_update()
            .first(self.connection)
            .await
            .optional()?
            .map(TryInto::try_into)
            .transpose()
    }

    /// The one of that id with its integration and its credential.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn context(&mut self, id: ConnectionId) -> Result<ConnectionContext, StoreError> {
        let (connection, integration, credential) = connections::table
            .inner_join(integrations::table.on(integrations::integration_id.eq(connections::integration_id)))
            .left_join(credentials::table.on(credentials::connection_id.eq(connections::connection_id)))
            .filter(mine(self.scope))
            .filter(connections::connection_id.eq(id))
            .select((
                ConnectionColumns::as_select(),
                IntegrationColumns::as_select(),
                Option::<CredentialColumns>::as_select(),
            ))
            .first::<(ConnectionColumns, IntegrationColumns, Option<CredentialColumns>)>(self.connection)
            .await?;
        Ok(ConnectionContext {
            connection: connection.try_into()?,
            integration: integration.try_into()?,
            credential: credential.map(Into::into),
        })
    }
}

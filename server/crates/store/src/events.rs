//! Events: written in the transaction in which they happened.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectionId, EnvironmentId, EventId, TenantId};

use crate::{StoreError, Tx, schema::events};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Its id.
    pub id: EventId,
    /// What happened, such as `sync.succeeded`.
    pub kind: &'a str,
    /// The connection it concerns.
    pub connection: Option<ConnectionId>,
    /// Ids and counts.
    pub data: &'a serde_json::Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// An event as it is put in.
#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(crate) struct EventColumns<'a> {
    event_id: EventId,
    tenant_id: TenantId,
    environment_id: EnvironmentId,
    kind: &'a str,
    connection_id: Option<ConnectionId>,
    data: &'a serde_json::Value,
    at: DateTime<Utc>,
}

impl<'a> EventColumns<'a> {
    pub(crate) fn of(event: &NewEvent<'a>, scope: Scope) -> Self {
        Self {
            event_id: event.id,
            tenant_id: scope.tenant,
            environment_id: scope.environment,
            kind: event.kind,
            connection_id: event.connection,
            data: event.data,
            at: event.at,
        }
    }
}

/// The events of one environment.
pub struct Events<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The events of this environment.
    pub fn events(&mut self) -> Events<'_> {
        let scope = self.scope();
        Events { connection: self.connection(), scope }
    }
}

impl Events<'_> {
    /// Adds an event. Who is to be told of it is the caller's to see to, in the same transaction.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, event: &NewEvent<'_>) -> Result<(), StoreError> {
        diesel::insert_into(events::table).values(EventColumns::of(event, self.scope)).execute(self.connection).await?;
        Ok(())
    }
}

//! Events: written in the transaction in which they happened.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectionId, EventId};

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
        diesel::insert_into(events::table)
            .values((
                events::event_id.eq(event.id),
                events::tenant_id.eq(self.scope.tenant),
                events::environment_id.eq(self.scope.environment),
                events::kind.eq(event.kind),
                events::connection_id.eq(event.connection),
                events::data.eq(event.data),
                events::at.eq(event.at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }
}

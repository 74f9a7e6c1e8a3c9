//! Many connections changed at once, with a statement for all of them instead of one for each.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::ConnectionId;

use super::{ConnectionColumns, ConnectionRow, Connections, mine};
use crate::{
    NewAudit, NewDelivery, NewEvent, NewJob, StoreError, Tx,
    audit::AuditColumns,
    deliveries::NewDeliveryColumns,
    events::EventColumns,
    jobs, json, listen,
    schema::{audit, connections, deliveries, events},
};

/// Rows to a statement: Postgres takes 65,535 parameters, and a delivery has nine.
const AT_ONCE: usize = 1_000;

/// What is written down of many events together.
#[derive(Debug, Default)]
pub struct Told<'a> {
    /// What happened.
    pub events: Vec<NewEvent<'a>>,
    /// Who is told of it.
    pub deliveries: Vec<NewDelivery>,
    /// The jobs that tell; their dedupe keys are new.
    pub jobs: Vec<NewJob>,
    /// Who did it.
    pub audit: Vec<NewAudit>,
}

impl Connections<'_> {
    /// Those of these that there are, held against changes until the end of the transaction. They are held in the order
    /// of their ids, so that of two who hold many neither waits for the other for ever.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lock_many(&mut self, ids: &[ConnectionId]) -> Result<Vec<ConnectionRow>, StoreError> {
        connections::table
            .filter(mine(self.scope))
            .filter(connections::connection_id.eq_any(ids))
            .select(ConnectionColumns::as_select())
            .order(connections::connection_id)
            .for_no_key_update()
            .load(self.connection)
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// Writes what a tenant notes on each: the end user's name, tags, metadata. Nodes that keep one in memory hear of it at
    /// commit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if one is gone.
    pub async fn note_many(&mut self, rows: &[ConnectionRow]) -> Result<(), StoreError> {
        const WRITE: &str = "
UPDATE connections SET end_user_name = noted.name, tags = noted.tags::jsonb, metadata = noted.metadata::jsonb, updated_at = noted.at
FROM unnest($1, $2, $3, $4, $5) AS noted (id, name, tags, metadata, at)
WHERE connections.connection_id = noted.id AND connections.tenant_id = $6 AND connections.environment_id = $7";
        const TELL: &str = "SELECT pg_notify($1, id::text) FROM unnest($2) AS id";
        let ids: Vec<ConnectionId> = rows.iter().map(|row| row.id).collect();
        let written = diesel::sql_query(WRITE)
            .bind::<Array<Uuid>, _>(&ids)
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.end_user.name.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| json::object(&row.tags).to_string()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.metadata.to_string()).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .execute(self.connection)
            .await?;
        if written < rows.len() {
            return Err(StoreError::NotFound);
        }
        diesel::sql_query(TELL)
            .bind::<Text, _>(listen::CHANGED)
            .bind::<Array<Uuid>, _>(ids)
            .execute(self.connection)
            .await?;
        Ok(())
    }
}

impl Tx<Scope> {
    /// Adds what [`crate::Events::insert`], [`crate::Deliveries::insert`], [`crate::Jobs::enqueue`] and [`Tx::audit`] add
    /// one by one. Workers are woken after the commit.
    ///
    /// # Errors
    /// An insert failed.
    pub async fn tell_many(&mut self, told: Told<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let scope = self.scope();
        for part in told.events.chunks(AT_ONCE) {
            let rows: Vec<EventColumns<'_>> = part.iter().map(|event| EventColumns::of(event, scope)).collect();
            diesel::insert_into(events::table).values(rows).execute(self.connection()).await?;
        }
        for part in told.deliveries.chunks(AT_ONCE) {
            let rows: Vec<NewDeliveryColumns> =
                part.iter().map(|new| NewDeliveryColumns::of(new, scope, now)).collect();
            diesel::insert_into(deliveries::table).values(rows).execute(self.connection()).await?;
        }
        for part in told.jobs.chunks(AT_ONCE) {
            jobs::insert_many(self, scope, part, now).await?;
        }
        for part in told.audit.chunks(AT_ONCE) {
            let (tenant, environment) = (scope.tenant, Some(scope.environment));
            let rows: Vec<AuditColumns<'_>> =
                part.iter().map(|row| AuditColumns::of(row, tenant, environment)).collect();
            diesel::insert_into(audit::table).values(rows).execute(self.connection()).await?;
        }
        Ok(())
    }
}

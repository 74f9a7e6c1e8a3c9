//! The telling of events to endpoints, and each try of it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, run::DeliveryState};
use ids::{ConnectionId, DeliveryAttemptId, DeliveryId, EndpointId, EnvironmentId, EventId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{deliveries, delivery_attempts, endpoints, events},
    words::{count, word},
};

mod add;

pub use add::NewDelivery;
pub(crate) use add::NewDeliveryColumns;

/// A telling, with what a list of them shows.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// What is told.
    pub event: EventId,
    /// What happened.
    pub kind: String,
    /// The connection it concerns.
    pub connection: Option<ConnectionId>,
    /// Who is told.
    pub endpoint: EndpointId,
    /// Where that is.
    pub url: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries since it was last begun.
    pub attempts: u32,
    /// When the next try is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// HTTP status of the last try.
    pub last_status: Option<u16>,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or parked.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Everything that a try needs.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The delivery.
    pub delivery: DeliveryRow,
    /// The event's ids and counts.
    pub data: serde_json::Value,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The endpoint's signing secret, sealed.
    pub secret: Vec<u8>,
    /// Since when the endpoint is told nothing.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A try, as recorded.
#[derive(Debug, Clone)]
pub struct DeliveryAttemptRow {
    /// Its id.
    pub id: DeliveryAttemptId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Milliseconds until the answer or the error.
    pub elapsed_ms: u32,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The first kilobyte of the answer.
    pub response: Option<String>,
}

/// What a try comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint took it.
    Delivered,
    /// It is tried again then.
    Again(DateTime<Utc>),
    /// It is given up and can be replayed.
    Parked,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(diesel::pg::Pg))]
struct DeliveryColumns {
    delivery_id: DeliveryId,
    event_id: EventId,
    connection_id: Option<ConnectionId>,
    endpoint_id: EndpointId,
    state: String,
    attempts: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    last_status: Option<i32>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = delivery_attempts, check_for_backend(diesel::pg::Pg))]
struct AttemptColumns {
    delivery_attempt_id: DeliveryAttemptId,
    at: DateTime<Utc>,
    status: Option<i32>,
    elapsed_ms: i32,
    error: Option<String>,
    response: Option<String>,
}

fn read(row: DeliveryColumns, kind: String, url: String) -> Result<DeliveryRow, StoreError> {
    Ok(DeliveryRow {
        id: row.delivery_id,
        event: row.event_id,
        kind,
        connection: row.connection_id,
        endpoint: row.endpoint_id,
        url,
        state: word("deliveries", &row.state, DeliveryState::parse)?,
        attempts: count("deliveries", row.attempts)?,
        next_attempt_at: row.next_attempt_at,
        last_status: row.last_status.map(|status| count("deliveries", status)).transpose()?,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// The deliveries of one environment.
pub struct Deliveries<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The deliveries of this environment.
    pub fn deliveries(&mut self) -> Deliveries<'_> {
        let scope = self.scope();
        Deliveries { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, deliveries);

#[diesel::dsl::auto_type(no_type_alias)]
fn with_event_and_endpoint() -> _ {
    deliveries::table
        .inner_join(events::table.on(events::event_id.eq(deliveries::event_id)))
        .inner_join(endpoints::table.on(endpoints::endpoint_id.eq(deliveries::endpoint_id)))
}

impl Deliveries<'_> {
    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: DeliveryId) -> Result<DeliveryRow, StoreError> {
        let (row, kind, url) = with_event_and_endpoint()
            .filter(mine(self.scope))
            .filter(deliveries::delivery_id.eq(id))
            .select((DeliveryColumns::as_select(), events::kind, endpoints::url))
            .first(self.connection)
            .await?;
        read(row, kind, url)
    }

    /// The one of that id with all that a try needs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn telling(&mut self, id: DeliveryId) -> Result<Telling, StoreError> {
        type Columns =
            (DeliveryColumns, String, String, serde_json::Value, DateTime<Utc>, Vec<u8>, Option<DateTime<Utc>>);
        let (row, kind, url, data, at, secret, disabled_at): Columns = with_event_and_endpoint()
            .filter(mine(self.scope))
            .filter(deliveries::delivery_id.eq(id))
            .select((
                DeliveryColumns::as_select(),
                events::kind,
                endpoints::url,
                events::data,
                events::at,
                endpoints::secret,
                endpoints::disabled_at,
            ))
            .first(self.connection)
            .await?;
        Ok(Telling { delivery: read(row, kind, url)?, data, at, secret, disabled_at })
    }

    /// When an older telling to the same endpoint about the same connection, that is still pending, is tried next.
    /// While there is one, a younger waits, so that an endpoint hears of a connection in order.
    ///
    /// # Errors
    /// The query failed.
    pub async fn held_up_until(&mut self, delivery: &DeliveryRow) -> Result<Option<DateTime<Utc>>, StoreError> {
        let Some(connection) = delivery.connection else { return Ok(None) };
        let oldest: Option<Option<DateTime<Utc>>> = deliveries::table
            .filter(mine(self.scope))
            .filter(deliveries::endpoint_id.eq(delivery.endpoint).and(deliveries::connection_id.eq(connection)))
            .filter(deliveries::state.eq("pending").and(deliveries::delivery_id.lt(delivery.id)))
            .order(deliveries::delivery_id)
            .select(deliveries::next_attempt_at)
            .first(self.connection)
            .await
            .optional()?;
        Ok(oldest.flatten())
    }

    /// Records a try and what it comes to. Gives false, and changes no state, if the delivery is not pending any more.
    ///
    /// # Errors
    /// The update failed.
    pub async fn record(
        &mut self,
        id: DeliveryId,
        attempt: &DeliveryAttemptRow,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let status = attempt.status.map(i32::from);
        diesel::insert_into(delivery_attempts::table)
            .values((
                delivery_attempts::delivery_attempt_id.eq(attempt.id),
                delivery_attempts::tenant_id.eq(self.scope.tenant),
                delivery_attempts::environment_id.eq(self.scope.environment),
                delivery_attempts::delivery_id.eq(id),
                delivery_attempts::at.eq(attempt.at),
                delivery_attempts::status.eq(status),
                delivery_attempts::elapsed_ms.eq(i32::try_from(attempt.elapsed_ms).unwrap_or(i32::MAX)),
                delivery_attempts::error.eq(&attempt.error),
                delivery_attempts::response.eq(&attempt.response),
            ))
            .execute(self.connection)
            .await?;
        let (state, next, finished) = match verdict {
            Verdict::Delivered => (DeliveryState::Delivered, None, Some(now)),
            Verdict::Again(at) => (DeliveryState::Pending, Some(at), None),
            Verdict::Parked => (DeliveryState::Parked, None, Some(now)),
        };
        let pending = deliveries::table
            .filter(mine(self.scope))
            .filter(deliveries::delivery_id.eq(id).and(deliveries::state.eq("pending")));
        let changed = diesel::update(pending)
            .set((
                deliveries::state.eq(state.as_str()),
                deliveries::attempts.eq(deliveries::attempts + 1),
                deliveries::next_attempt_at.eq(next),
                deliveries::last_status.eq(status),
                deliveries::finished_at.eq(finished),
            ))
            .execute(self.connection)
            .await?;
        Ok(changed > 0)
    }

    /// Gives a pending one up without another try.
    ///
    /// # Errors
    /// The update failed.
    pub async fn park(&mut self, id: DeliveryId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let pending = deliveries::table
            .filter(mine(self.scope))
            .filter(deliveries::delivery_id.eq(id).and(deliveries::state.eq("pending")));
        diesel::update(pending)
            .set((
                deliveries::state.eq(DeliveryState::Parked.as_str()),
                deliveries::next_attempt_at.eq(None::<DateTime<Utc>>),
                deliveries::finished_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Begins it anew, due now; earlier tries stay on record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn begin_again(&mut self, id: DeliveryId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = diesel::update(deliveries::table.filter(mine(self.scope)).filter(deliveries::delivery_id.eq(id)))
            .set((
                deliveries::state.eq(DeliveryState::Pending.as_str()),
                deliveries::attempts.eq(0),
                deliveries::next_attempt_at.eq(now),
                deliveries::finished_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Deliveries, the latest first, of one endpoint or state or of all, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        endpoint: Option<EndpointId>,
        state: Option<DeliveryState>,
        before: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let mut query = with_event_and_endpoint()
            .filter(mine(self.scope))
            .select((DeliveryColumns::as_select(), events::kind, endpoints::url))
            .order(deliveries::delivery_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(endpoint) = endpoint {
            query = query.filter(deliveries::endpoint_id.eq(endpoint));
        }
        if let Some(state) = state {
            query = query.filter(deliveries::state.eq(state.as_str()));
        }
        if let Some(before) = before {
            query = query.filter(deliveries::delivery_id.lt(before));
        }
        let rows: Vec<(DeliveryColumns, String, String)> = query.load(self.connection).await?;
        rows.into_iter().map(|(row, kind, url)| read(row, kind, url)).collect()
    }

    /// Tries of a delivery, the latest first, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn attempts(
        &mut self,
        id: DeliveryId,
        before: Option<DeliveryAttemptId>,
        limit: i64,
    ) -> Result<Vec<DeliveryAttemptRow>, StoreError> {
        let (tenant, environment) = (self.scope.tenant, self.scope.environment);
        let mut query = delivery_attempts::table
            .filter(delivery_attempts::tenant_id.eq(tenant).and(delivery_attempts::environment_id.eq(environment)))
            .filter(delivery_attempts::delivery_id.eq(id))
            .select(AttemptColumns::as_select())
            .order(delivery_attempts::delivery_attempt_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(before) = before {
            query = query.filter(delivery_attempts::delivery_attempt_id.lt(before));
        }
        let rows: Vec<AttemptColumns> = query.load(self.connection).await?;
        rows.into_iter()
            .map(|row| {
                Ok(DeliveryAttemptRow {
                    id: row.delivery_attempt_id,
                    at: row.at,
                    status: row.status.map(|status| count("delivery_attempts", status)).transpose()?,
                    elapsed_ms: count("delivery_attempts", row.elapsed_ms)?,
                    error: row.error,
                    response: row.response,
                })
            })
            .collect()
    }
}

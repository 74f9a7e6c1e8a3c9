//! Begins tellings, one or many.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::{Scope, run::DeliveryState};
use ids::{ConnectionId, DeliveryId, EndpointId, EnvironmentId, EventId, TenantId};

use super::Deliveries;
use crate::{StoreError, schema::deliveries};

/// A telling to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is told.
    pub event: EventId,
    /// Who is told.
    pub endpoint: EndpointId,
    /// The connection it concerns.
    pub connection: Option<ConnectionId>,
}

/// A telling as it is put in: pending, and due.
#[derive(Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub(crate) struct NewDeliveryColumns {
    delivery_id: DeliveryId,
    tenant_id: TenantId,
    environment_id: EnvironmentId,
    event_id: EventId,
    endpoint_id: EndpointId,
    connection_id: Option<ConnectionId>,
    state: &'static str,
    next_attempt_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl NewDeliveryColumns {
    pub(crate) fn of(new: &NewDelivery, scope: Scope, now: DateTime<Utc>) -> Self {
        Self {
            delivery_id: new.id,
            tenant_id: scope.tenant,
            environment_id: scope.environment,
            event_id: new.event,
            endpoint_id: new.endpoint,
            connection_id: new.connection,
            state: DeliveryState::Pending.as_str(),
            next_attempt_at: Some(now),
            created_at: now,
        }
    }
}

impl Deliveries<'_> {
    /// Begins a telling, due now.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, new: NewDelivery, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::insert_into(deliveries::table)
            .values(NewDeliveryColumns::of(&new, self.scope, now))
            .execute(self.connection)
            .await?;
        Ok(())
    }
}

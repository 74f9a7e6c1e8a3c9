//! `GET /v1/deliveries`

use actix_web::web;
use api_types::{
    Page,
    event::{Delivery, DeliveryState},
};
use domain::run::DeliveryState as Stored;
use flows::webhook;
use ids::EndpointId;
use serde::Deserialize;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, EventsRead},
    problem::Fail,
};

/// Which deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// To this endpoint.
    endpoint: Option<EndpointId>,
    /// In this state.
    state: Option<DeliveryState>,
}

/// Lists deliveries, the latest first.
#[utoipa::path(get, path = "/v1/deliveries", tag = "Events", params(Filter, Paging),
    responses((status = 200, body = Page<Delivery>)), security(("api_key" = ["events:read"])))]
pub async fn list_deliveries(
    caller: Caller<EventsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Delivery>>, Fail> {
    let limit = paging.limit()?;
    let state = filter.state.map(|state| match state {
        DeliveryState::Pending => Stored::Pending,
        DeliveryState::Delivered => Stored::Delivered,
        DeliveryState::Parked => Stored::Parked,
    });
    let rows = webhook::list(caller.ctx(), filter.endpoint, state, paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(super::show).collect::<Result<_, _>>()?;
    Ok(extract::page(shown, limit, |delivery| delivery.id))
}

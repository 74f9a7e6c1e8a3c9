//! `GET /v1/inbound-webhooks`

use actix_web::web;
use api_types::{Page, inbound::InboundWebhook};
use flows::inbound;
use ids::{ConnectionId, IntegrationId};
use serde::Deserialize;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, ConnectionsRead},
    problem::Fail,
};

/// Which webhooks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this integration, those to its connections' own URLs too.
    integration: Option<IntegrationId>,
    /// To the URL of this connection.
    connection: Option<ConnectionId>,
}

/// Lists the webhooks that providers sent in the last three days, the latest first, with what became of each.
#[utoipa::path(get, path = "/v1/inbound-webhooks", tag = "Connections", params(Filter, Paging),
    responses((status = 200, body = Page<InboundWebhook>)), security(("api_key" = ["connections:read"])))]
pub async fn list_inbound_webhooks(
    caller: Caller<ConnectionsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<InboundWebhook>>, Fail> {
    let limit = paging.limit()?;
    let (integration, connection) = (filter.integration, filter.connection);
    let rows = inbound::list(caller.ctx(), integration, connection, paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |webhook| webhook.id))
}

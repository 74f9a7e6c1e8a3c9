//! `GET /v1/operator/tenants`

use actix_web::web;
use api_types::{Page, operator::Tenant};
use flows::tenant;

use super::super::{
    extract::{Paging, Query},
    principal::Operator,
    problem::Fail,
    show,
};

/// Lists tenants, oldest first.
#[utoipa::path(get, path = "/v1/operator/tenants", tag = "Operator", params(Paging),
    responses((status = 200, body = Page<Tenant>)), security(("operator" = [])))]
pub async fn list_tenants(operator: Operator, Query(paging): Query<Paging>) -> Result<web::Json<Page<Tenant>>, Fail> {
    let limit = paging.limit()?;
    let rows = tenant::list::tenants(operator.services(), paging.after()?, limit).await?;
    let shown = rows.into_iter().map(show::tenant).collect();
    Ok(super::super::extract::page(shown, limit, |tenant| tenant.id))
}

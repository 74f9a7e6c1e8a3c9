//! `POST /v1/operator/tenants`

use actix_web::HttpResponse;
use api_types::operator::{CreateTenant, Tenant};
use flows::tenant;

use super::super::{extract::Json, principal::Operator, problem::Fail, show};

/// Creates a tenant, with its key in the key service.
#[utoipa::path(post, path = "/v1/operator/tenants", tag = "Operator", request_body = CreateTenant,
    responses((status = 201, body = Tenant)), security(("operator" = [])))]
pub async fn create_tenant(operator: Operator, Json(body): Json<CreateTenant>) -> Result<HttpResponse, Fail> {
    let row = tenant::create::create(operator.services(), &body.slug, &body.name).await?;
    Ok(HttpResponse::Created().json(show::tenant(row)))
}

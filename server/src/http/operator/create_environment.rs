//! `POST /v1/operator/tenants/{tenant}/environments`

use actix_web::{HttpResponse, web};
use api_types::operator::{CreateEnvironment, Environment};
use flows::tenant;

use super::super::{
    extract::{self, Json},
    principal::Operator,
    problem::Fail,
    show,
};

/// Creates an environment of a tenant.
#[utoipa::path(post, path = "/v1/operator/tenants/{tenant}/environments", tag = "Operator", request_body = CreateEnvironment,
    params(("tenant" = String, Path, description = "The tenant's id.")),
    responses((status = 201, body = Environment)), security(("operator" = [])))]
pub async fn create_environment(
    operator: Operator,
    path: web::Path<String>,
    Json(body): Json<CreateEnvironment>,
) -> Result<HttpResponse, Fail> {
    let tenant = extract::id(&path, "tenant")?;
    let row =
        tenant::create_environment::create_environment(operator.services(), tenant, &body.slug, &body.name).await?;
    Ok(HttpResponse::Created().json(show::environment(row)))
}

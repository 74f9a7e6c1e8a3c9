//! `POST /v1/operator/tenants/{tenant}/members`

use actix_web::{HttpResponse, web};
use api_types::operator::{CreateMember, Member};
use flows::tenant;

use super::super::{
    extract::{self, Json},
    principal::Operator,
    problem::Fail,
    show,
};

/// Adds a member to a tenant's portal.
#[utoipa::path(post, path = "/v1/operator/tenants/{tenant}/members", tag = "Operator", request_body = CreateMember,
    params(("tenant" = String, Path, description = "The tenant's id.")),
    responses((status = 201, body = Member)), security(("operator" = [])))]
pub async fn create_member(
    operator: Operator,
    path: web::Path<String>,
    Json(body): Json<CreateMember>,
) -> Result<HttpResponse, Fail> {
    let tenant = extract::id(&path, "tenant")?;
    let row = tenant::create_member::create_member(operator.services(), tenant, body).await?;
    Ok(HttpResponse::Created().json(show::member(row)))
}

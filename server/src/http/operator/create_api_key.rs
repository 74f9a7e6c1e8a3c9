//! `POST /v1/operator/tenants/{tenant}/environments/{environment}/api-keys`

use actix_web::{HttpResponse, web};
use api_types::operator::{CreateApiKey, CreatedApiKey};
use domain::{Scope, permission::Permissions};
use flows::{Actor, tenant::keys};

use super::super::{
    api_keys,
    extract::{self, Json},
    principal::Operator,
    problem::Fail,
    show,
};

/// Creates an API key of an environment. The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/operator/tenants/{tenant}/environments/{environment}/api-keys", tag = "Operator",
    request_body = CreateApiKey,
    params(("tenant" = String, Path, description = "The tenant's id."),
        ("environment" = String, Path, description = "The environment's id.")),
    responses((status = 201, body = CreatedApiKey)), security(("operator" = [])))]
pub async fn create_environment_api_key(
    operator: Operator,
    path: web::Path<(String, String)>,
    Json(body): Json<CreateApiKey>,
) -> Result<HttpResponse, Fail> {
    let (tenant, environment) = path.into_inner();
    let scope =
        Scope { tenant: extract::id(&tenant, "tenant")?, environment: extract::id(&environment, "environment")? };
    let ctx = operator.services().ctx(scope, Actor::Operator);
    let (row, secret) = keys::create(ctx, api_keys::wanted(body), Permissions::ALL).await?;
    let shown = CreatedApiKey { key: show::api_key(row), secret: secret.expose().to_owned() };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(shown))
}

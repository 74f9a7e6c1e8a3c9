//! `GET /v1/operator/tenants/{tenant}/environments/{environment}/revocations/{revocation}`

use actix_web::web;
use api_types::operator::RevocationRun;
use flows::{Actor, connection};

use super::{
    super::{extract, principal::Operator, problem::Fail},
    create_revocation_run::{scope, show},
};

/// A revocation of many, and what became of each so far, by provider and state.
#[utoipa::path(get, path = "/v1/operator/tenants/{tenant}/environments/{environment}/revocations/{revocation}",
    tag = "Operator",
    params(("tenant" = String, Path, description = "The tenant's id."),
        ("environment" = String, Path, description = "The environment's id."),
        ("revocation" = String, Path, description = "The run's id.")),
    responses((status = 200, body = RevocationRun)), security(("operator" = [])))]
pub async fn get_revocation_run(
    operator: Operator,
    path: web::Path<(String, String, String)>,
) -> Result<web::Json<RevocationRun>, Fail> {
    let scope = scope(&operator, &path.0, &path.1).await?;
    let ctx = operator.services().ctx(scope, Actor::Operator);
    Ok(web::Json(show(connection::revocation_run(ctx, extract::id(&path.2, "run")?).await?)))
}

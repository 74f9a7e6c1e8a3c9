//! `PATCH /v1/integrations/{integration}`

use actix_web::web;
use api_types::integration::{Integration, UpdateIntegration};
use domain::secret::Secret;
use flows::integration::{self, Changes};

use super::super::{
    extract::Json,
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Changes an integration; what is absent stays.
#[utoipa::path(patch, path = "/v1/integrations/{integration}", tag = "Integrations", request_body = UpdateIntegration,
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 200, body = Integration)), security(("api_key" = ["integrations:write"])))]
pub async fn update_integration(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<String>,
    Json(body): Json<UpdateIntegration>,
) -> Result<web::Json<Integration>, Fail> {
    let changes = Changes {
        display_name: body.display_name,
        client_id: body.client_id,
        client_secret: body.client_secret.map(Secret::new),
        scopes: body.scopes,
        variables: body.variables,
        install_url: body.install_url,
        secrets: body.secrets.map(super::secrets),
    };
    Ok(web::Json(super::show(integration::update(caller.ctx(), &path, changes).await?)))
}

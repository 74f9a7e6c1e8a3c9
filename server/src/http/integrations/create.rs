//! `POST /v1/integrations`

use actix_web::HttpResponse;
use api_types::integration::{CreateIntegration, Integration};
use domain::secret::Secret;
use flows::integration::{self, NewIntegration};

use super::super::{
    extract::Json,
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Configures a provider in this environment. Register `redirect_uri` of the answer with the provider.
#[utoipa::path(post, path = "/v1/integrations", tag = "Integrations", request_body = CreateIntegration,
    responses((status = 201, body = Integration)), security(("api_key" = ["integrations:write"])))]
pub async fn create_integration(
    caller: Caller<IntegrationsWrite>,
    Json(body): Json<CreateIntegration>,
) -> Result<HttpResponse, Fail> {
    let new = NewIntegration {
        provider: body.provider,
        slug: body.slug,
        display_name: body.display_name,
        client_id: body.client_id,
        client_secret: body.client_secret.map(Secret::new),
        scopes: body.scopes,
        variables: body.variables,
        install_url: body.install_url,
        secrets: super::secrets(body.secrets),
    };
    let view = integration::create(caller.whole()?, new).await?;
    Ok(HttpResponse::Created().json(super::show(view)))
}

//! `DELETE /v1/providers/{provider}`

use actix_web::{HttpResponse, web};
use flows::provider;

use super::super::{
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Removes a provider that was described for this environment, with all its versions. An installed one of the same slug
/// comes to light again.
#[utoipa::path(delete, path = "/v1/providers/{provider}", tag = "Providers",
    params(("provider" = String, Path, description = "The provider's slug.")),
    responses((status = 204)), security(("api_key" = ["integrations:write"])))]
pub async fn delete_provider(caller: Caller<IntegrationsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    provider::delete(caller.whole()?, &path).await?;
    Ok(HttpResponse::NoContent().finish())
}

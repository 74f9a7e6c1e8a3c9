//! `PUT /v1/providers/{provider}`

use actix_web::web;
use api_types::integration::{ProviderDetail, PutProvider};
use flows::provider::{self, Description};

use super::super::{
    extract::Json,
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Describes a provider for this environment, or describes it anew: each call makes the next version, which is in force at
/// once. It stands before an installed provider of the same slug. A manifest that is refused changes nothing; the answer
/// names line and field.
#[utoipa::path(put, path = "/v1/providers/{provider}", tag = "Providers", request_body = PutProvider,
    params(("provider" = String, Path, description = "The provider's slug, as the manifest has it.")),
    responses((status = 200, body = ProviderDetail)), security(("api_key" = ["integrations:write"])))]
pub async fn put_provider(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<String>,
    Json(body): Json<PutProvider>,
) -> Result<web::Json<ProviderDetail>, Fail> {
    let new = Description { manifest: body.manifest, expected_version: body.expected_version };
    provider::put(caller.whole()?, &path, new).await?;
    super::get::detail(caller.whole()?, &path, None).await
}

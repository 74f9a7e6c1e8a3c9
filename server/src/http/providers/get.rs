//! `GET /v1/providers/{provider}`

use actix_web::web;
use api_types::integration::{ProviderDetail, ProviderVersion};
use flows::{Ctx, provider};
use serde::Deserialize;

use super::super::{
    extract::Query,
    principal::{Caller, IntegrationsRead},
    problem::Fail,
};

/// Which version is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// A version of a described provider; the one in force if absent.
    version: Option<i32>,
}

/// One provider. Of one that was described for this environment, the manifest and its versions.
#[utoipa::path(get, path = "/v1/providers/{provider}", tag = "Providers",
    params(("provider" = String, Path, description = "The provider's slug."), Wanted),
    responses((status = 200, body = ProviderDetail)), security(("api_key" = ["integrations:read"])))]
pub async fn get_provider(
    caller: Caller<IntegrationsRead>,
    path: web::Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<web::Json<ProviderDetail>, Fail> {
    detail(caller.ctx(), &path, wanted.version).await
}

/// A provider as it is shown.
pub(super) async fn detail(ctx: Ctx<'_>, slug: &str, version: Option<i32>) -> Result<web::Json<ProviderDetail>, Fail> {
    let found = provider::get(ctx, slug, version).await?;
    Ok(web::Json(ProviderDetail {
        provider: found.provider.map(|provider| super::show(&provider.manifest, found.origin)),
        origin: super::origin(found.origin),
        manifest: found.manifest,
        plugin_version: found.plugin_version,
        versions: found
            .versions
            .into_iter()
            .map(|row| ProviderVersion { version: row.version, author: row.author, created_at: row.created_at })
            .collect(),
    }))
}

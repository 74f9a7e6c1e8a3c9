//! `GET /v1/providers`

use actix_web::web;
use api_types::{Page, integration::Provider};
use domain::manifest::{Manifest, VariableLevel};

use super::{
    super::{
        extract::{self, Paging, Query},
        principal::{Caller, IntegrationsRead},
        problem::Fail,
    },
    variables,
};

/// Lists the providers that this server knows, by slug. The cursor is a slug.
#[utoipa::path(get, path = "/v1/providers", tag = "Integrations", params(Paging),
    responses((status = 200, body = Page<Provider>)), security(("api_key" = ["integrations:read"])))]
pub async fn list_providers(
    caller: Caller<IntegrationsRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Provider>>, Fail> {
    let limit = paging.limit()?;
    let after: Option<String> = paging.after()?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let providers = caller.ctx().services.providers.iter();
    let manifests = providers.map(|provider| &provider.manifest);
    let after = after.unwrap_or_default();
    let shown = manifests.filter(|manifest| manifest.slug > after).take(wanted).map(show).collect();
    Ok(web::Json(extract::page::<Provider, Provider>(shown, limit, |provider| provider.slug.clone())))
}

fn show(manifest: &Manifest) -> Provider {
    Provider {
        slug: manifest.slug.clone(),
        name: manifest.name.clone(),
        category: manifest.category.clone(),
        docs: manifest.docs.clone(),
        auth_mode: manifest.auth.mode().to_owned(),
        client: manifest.auth.client().map(|need| need.as_str().to_owned()),
        default_scopes: manifest.auth.scopes().map(<[String]>::to_vec).unwrap_or_default(),
        integration_variables: variables(manifest, VariableLevel::Integration),
        connection_variables: variables(manifest, VariableLevel::Connection),
        streams: manifest.streams.iter().map(|stream| stream.name.clone()).collect(),
    }
}

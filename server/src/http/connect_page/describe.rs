//! `GET /connect/api/session`

use actix_web::web;
use api_types::connect::{ConnectChoice, ConnectPage, ConnectWay};
use domain::manifest::{AuthSpec, VariableLevel};
use flows::connect::{Choice, describe};

use super::{
    super::{connect_sessions, problem::Fail, providers},
    token::SessionToken,
};

/// What the connect page needs to show itself.
#[utoipa::path(get, path = "/connect/api/session", tag = "Connect page",
    responses((status = 200, body = ConnectPage)), security(("connect_session" = [])))]
pub async fn get_connect_page(caller: SessionToken) -> Result<web::Json<ConnectPage>, Fail> {
    let found = describe(caller.services(), &caller.token).await?;
    Ok(web::Json(ConnectPage {
        id: found.session.id,
        status: connect_sessions::status(found.status),
        tenant_name: found.tenant_name,
        end_user: connect_sessions::end_user(found.session.end_user),
        reconnect: found.session.reconnect.is_some(),
        choices: found.choices.into_iter().map(choice).collect(),
        allowed_origins: found.session.allowed_origins,
        return_url: found.session.return_url,
        language: found.session.language,
        expires_at: found.session.expires_at,
    }))
}

fn choice(choice: Choice) -> ConnectChoice {
    let manifest = &choice.provider.manifest;
    let mut fields = providers::variables(manifest, VariableLevel::Connection);
    fields.retain(|field| !choice.told.contains_key(&field.name));
    for field in &mut fields {
        // What the connection being repaired has already is offered again.
        if let Some(known) = choice.known.get(&field.name) {
            field.default = Some(known.clone());
        }
    }
    ConnectChoice {
        integration_id: choice.integration.id,
        slug: choice.integration.slug,
        name: choice.integration.display_name,
        category: manifest.category.clone(),
        way: match &manifest.auth {
            auth if flows::connect::is_direct(auth) => ConnectWay::Form,
            AuthSpec::OAuth2Device(_) => ConnectWay::Code,
            _ => ConnectWay::Page,
        },
        fields,
    }
}

//! The authorization server's endpoints: OAuth 2 authorization code with PKCE (RFC 6749, 7636), issuer identification
//! (RFC 9207), refresh-token rotation (RFC 9700, section 4.14.2), revocation (RFC 7009), metadata (RFC 8414).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Form, Query},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    grants::{ACCOUNTS, Refused, Request, SCOPES},
    options::Client,
    pages,
    state::State,
};

#[derive(Deserialize)]
pub(crate) struct AuthQuery {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Decision {
    transaction: String,
    account: Option<String>,
    decision: String,
}

#[derive(Deserialize)]
pub(crate) struct TokenForm {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    token: Option<String>,
}

/// `GET /auth`: checks the request and shows the consent page. What concerns the redirect itself is told to the person,
/// everything else to the client by redirect (RFC 6749, section 4.1.2.1).
pub(crate) async fn authorize(state: Data<State>, query: Query<AuthQuery>) -> HttpResponse {
    let query = query.into_inner();
    let Some(client) = query.client_id.as_ref().and_then(|id| state.grants().client(id).cloned()) else {
        return page(pages::refusal("This application is not known to Acme."), false);
    };
    let redirect_uri = query.redirect_uri.clone().unwrap_or_default();
    if !client.redirect_uris.contains(&redirect_uri) {
        return page(
            pages::refusal("The application asked to be called back at an address it has not registered."),
            false,
        );
    }
    match check(&query, &client, redirect_uri.clone()) {
        Ok(request) => {
            let scope = request.scope.clone();
            let now = state.now();
            let transaction = state.grants().ask(request, now);
            page(pages::consent(&client.name, &scope, &transaction), true)
        }
        Err((error, description)) => {
            let answer = [("error", error), ("error_description", description)];
            redirect(&state, &redirect_uri, query.state.as_deref(), &answer)
        }
    }
}

fn check(query: &AuthQuery, client: &Client, redirect_uri: String) -> Result<Request, (&'static str, &'static str)> {
    if query.response_type.as_deref() != Some("code") {
        return Err(("unsupported_response_type", "response_type must be code"));
    }
    if query.code_challenge_method.as_deref() != Some("S256") {
        return Err(("invalid_request", "PKCE is required, with code_challenge_method S256"));
    }
    let challenge = query.code_challenge.clone().filter(|challenge| challenge.len() == 43);
    let challenge = challenge.ok_or(("invalid_request", "code_challenge must be a SHA-256 in base64url"))?;
    let scope = query.scope.clone().filter(|scope| !scope.trim().is_empty()).unwrap_or_else(|| "profile".to_owned());
    if !scope.split_whitespace().all(|one| SCOPES.iter().any(|(name, _)| *name == one)) {
        return Err(("invalid_scope", "the scopes are profile, orders:read, orders:write and customers:read"));
    }
    Ok(Request { client_id: client.id.clone(), redirect_uri, state: query.state.clone(), scope, challenge })
}

/// `POST /auth/decision`: what the person answered on the consent page.
pub(crate) async fn decide(state: Data<State>, form: Form<Decision>) -> HttpResponse {
    let now = state.now();
    let Some(request) = state.grants().answered(&form.transaction, now) else {
        return page(
            pages::refusal("This page was answered before or has expired. Go back to the application and start again."),
            false,
        );
    };
    let (redirect_uri, passed_on) = (request.redirect_uri.clone(), request.state.clone());
    let account = form.account.as_deref().filter(|account| ACCOUNTS.iter().any(|(id, _)| id == account));
    match account {
        Some(account) if form.decision == "allow" => {
            let code = state.grants().code(request, account, now);
            redirect(&state, &redirect_uri, passed_on.as_deref(), &[("code", &code)])
        }
        _ => {
            let answer = [("error", "access_denied"), ("error_description", "The shop's owner said no.")];
            redirect(&state, &redirect_uri, passed_on.as_deref(), &answer)
        }
    }
}

/// `POST /token`
pub(crate) async fn token(http: HttpRequest, state: Data<State>, form: Form<TokenForm>) -> HttpResponse {
    let now = state.now();
    let mut grants = state.grants();
    let (client, secret) = match credentials(&http, &form) {
        Some(found) => found,
        None => return refuse(&Refused("invalid_client", "send client_id and client_secret, in the body or as Basic")),
    };
    let outcome = grants.authenticate(&client, &secret).and_then(|()| match form.grant_type.as_deref() {
        Some("authorization_code") => match (&form.code, &form.redirect_uri, &form.code_verifier) {
            (Some(code), Some(redirect_uri), Some(verifier)) => {
                grants.exchange(&client, code, redirect_uri, verifier, now)
            }
            _ => Err(Refused("invalid_request", "code, redirect_uri and code_verifier are required")),
        },
        Some("refresh_token") => match &form.refresh_token {
            Some(token) => grants.rotate(&client, token, now),
            None => Err(Refused("invalid_request", "refresh_token is required")),
        },
        _ => Err(Refused("unsupported_grant_type", "use authorization_code or refresh_token")),
    });
    match outcome {
        Ok(issued) => HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(issued),
        Err(refused) => refuse(&refused),
    }
}

/// `POST /token/revocation`: 200 whether or not the token was known (RFC 7009, section 2.2).
pub(crate) async fn revoke(http: HttpRequest, state: Data<State>, form: Form<TokenForm>) -> HttpResponse {
    let mut grants = state.grants();
    let Some((client, secret)) = credentials(&http, &form) else {
        return refuse(&Refused("invalid_client", "send client_id and client_secret, in the body or as Basic"));
    };
    if let Err(refused) = grants.authenticate(&client, &secret) {
        return refuse(&refused);
    }
    grants.revoke(&client, form.token.as_deref().unwrap_or_default());
    HttpResponse::Ok().finish()
}

/// `GET /.well-known/oauth-authorization-server`
pub(crate) async fn metadata(state: Data<State>) -> HttpResponse {
    let origin = &state.origin;
    HttpResponse::Ok().json(json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/auth"),
        "token_endpoint": format!("{origin}/token"),
        "userinfo_endpoint": format!("{origin}/me"),
        "revocation_endpoint": format!("{origin}/token/revocation"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": SCOPES.map(|(name, _)| name),
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Client id and secret from the Basic header (form-encoded within, RFC 6749, section 2.3.1) or from the body.
fn credentials(http: &HttpRequest, form: &TokenForm) -> Option<(String, String)> {
    let Some(value) = http.headers().get(header::AUTHORIZATION) else {
        return Some((form.client_id.clone()?, form.client_secret.clone()?));
    };
    let decoded = STANDARD.decode(value.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    let pair = format!("v={text}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn refuse(refused: &Refused) -> HttpResponse {
    let mut answer = match refused.0 {
        "invalid_client" => HttpResponse::Unauthorized(),
        _ => HttpResponse::BadRequest(),
    };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "error": refused.0, "error_description": refused.1 }))
}

fn redirect(state: &State, to: &str, passed_on: Option<&str>, answer: &[(&str, &str)]) -> HttpResponse {
    let Ok(mut url) = Url::parse(to) else {
        return page(pages::refusal("The application's callback address is not a URL."), false);
    };
    url.query_pairs_mut().extend_pairs(answer).extend_pairs(passed_on.map(|state| ("state", state)));
    url.query_pairs_mut().append_pair("iss", &state.origin);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url.as_str()))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// A page that may not be framed, so that nobody is tricked into a click.
fn page(html: String, good: bool) -> HttpResponse {
    let mut answer = if good { HttpResponse::Ok() } else { HttpResponse::BadRequest() };
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(html)
}

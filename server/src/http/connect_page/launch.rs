//! `POST /connect/launch`

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::OffsetDateTime},
    web,
};
use api_types::{ProblemCode, connect::LaunchForm};
use domain::{connect::Display, secret::Secret};
use flows::connect::{BrowserCookie, LaunchError, Launched, NewAttempt, SessionError, launch as begin};

use super::{
    super::{AppState, problem::Fail},
    callback,
    screens::{self, Page},
    token,
};

/// Begins an attempt: a form posted by the connect page, in a window of its own or in the same tab. The answer is a small
/// page that goes on to the provider; a redirect would be stopped by the form's own policy.
///
/// # Errors
/// A request from another origin, a form that is none, or a failure of ours. What the end user can do something about
/// has its own screen.
pub async fn launch(
    request: HttpRequest,
    state: web::Data<AppState>,
    form: Result<web::Form<LaunchForm>, actix_web::Error>,
) -> Result<HttpResponse, Fail> {
    own_origin(&state, &request)?;
    let Ok(web::Form(form)) = form else {
        return Err(Fail::new(
            ProblemCode::BadRequest,
            "Post the connect page's own form: token, integration_id, display, fields.",
        ));
    };
    token::take(&state, &form.token)?;
    let display = form.display.parse().ok().filter(|display| *display != Display::Device);
    let display = display.ok_or_else(|| Fail::field("display", "must be `popup` or `redirect`"))?;
    let fields = match form.fields.as_deref().filter(|text| !text.is_empty()) {
        None => BTreeMap::new(),
        Some(text) => {
            serde_json::from_str(text).map_err(|_| Fail::field("fields", "must be a JSON object of texts"))?
        }
    };
    let attempt = NewAttempt { token: Secret::new(form.token), integration: form.integration_id, display, fields };
    let cookie = |name: &str| request.cookie(name).map(|cookie| Secret::new(cookie.value()));
    let page = match begin(&state.services, attempt, cookie).await {
        Ok(Launched::Finished(done)) => return callback::answered(*done),
        Ok(Launched::ToProvider { url, cookie, integration_name }) => {
            let mut answer = screens::respond(Page::launch(&integration_name, url.as_str()));
            answer.add_cookie(&bound(&cookie)).map_err(|_| screens::unanswerable())?;
            return Ok(answer);
        }
        Ok(Launched::Connected { session, integration_name, return_to, .. }) => {
            let next = return_to.as_ref().map(|url| url.expose().to_owned());
            let next = next.unwrap_or_else(|| screens::hosted_page(session));
            Page::connected(&integration_name, None, display, Some(&next))
        }
        Err(LaunchError::Session(SessionError::Store(error)) | LaunchError::Store(error)) => return Err(error.into()),
        Err(LaunchError::Seal(error)) => return Err(error.into()),
        Err(LaunchError::Session(SessionError::Unknown | SessionError::Expired | SessionError::Revoked)) => {
            Page::session_over()
        }
        Err(LaunchError::Done) => Page::session_done(),
        Err(LaunchError::WrongBrowser) => Page::wrong_browser(),
        Err(LaunchError::InstallOver) => Page::install_over(),
        Err(LaunchError::NotOffered) => Page::not_offered(),
        Err(LaunchError::Fields(fields)) => Page::fields_wrong(&fields),
        Err(LaunchError::Refused(failure)) => Page::refused(&failure.detail),
        Err(LaunchError::Misconfigured(reason)) => {
            tracing::warn!(reason, "an attempt could not be begun");
            Page::misconfigured()
        }
    };
    Ok(screens::respond(page))
}

/// Refuses a form that another site's page posts. A page whose policy sends no referrer posts with the origin `null`;
/// then the browser itself says whether the page was ours.
fn own_origin(state: &AppState, request: &HttpRequest) -> Result<(), Fail> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let ours = state.services.settings.public_url.origin().ascii_serialization();
    let is_ours = match header("origin") {
        Some("null") | None => header("sec-fetch-site") == Some("same-origin"),
        Some(origin) => origin == ours,
    };
    if is_ours {
        Ok(())
    } else {
        Err(Fail::new(ProblemCode::ForbiddenOrigin, "The connect page's form is posted by the connect page alone."))
    }
}

/// The cookie that binds the attempt to this browser. `Lax`: it has to come along when the provider sends the end user back.
pub(super) fn bound(cookie: &BrowserCookie) -> Cookie<'static> {
    let expires = OffsetDateTime::from_unix_timestamp(cookie.expires_at.timestamp()).ok();
    let mut bound = Cookie::build(cookie.name.clone(), cookie.value.expose().to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    bound.set_expires(expires);
    bound
}

//! `GET /connect/callback/{integration}`

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    web,
};
use domain::{connect::Display, secret::Secret};
use flows::connect::{Completion, Screen, complete};
use ids::IntegrationId;

use super::{
    super::{AppState, problem::Fail},
    screens::{self, Page},
};

/// Where the provider sends the end user back. Every outcome has its own screen; in a window of its own the page tells
/// its opener that it is done and closes, in the same tab it goes on.
///
/// # Errors
/// A failure of ours; 429 for a sender of many callbacks that nobody began.
pub async fn callback(
    integration: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, Fail> {
    let Ok(integration) = integration.parse::<IntegrationId>() else {
        return Ok(screens::respond(Page::state_unknown()));
    };
    state.senders.callback(&request)?;
    let cookie = |name: &str| request.cookie(name).map(|cookie| Secret::new(cookie.value()));
    let done = complete(&state.services, integration, request.query_string(), cookie).await?;
    if matches!(done.screen, Screen::StateUnknown | Screen::StateReplayed | Screen::WrongBrowser) {
        state.senders.stray(&request);
    }
    answered(done)
}

/// The screen of an outcome, without the cookie that has done its work.
pub(super) fn answered(done: Completion) -> Result<HttpResponse, Fail> {
    let mut answer = screens::respond(page(&done));
    if let Some(name) = done.spent_cookie {
        let mut spent =
            Cookie::build(name, "").path("/").secure(true).http_only(true).same_site(SameSite::Lax).finish();
        spent.set_max_age(Duration::ZERO);
        answer.add_cookie(&spent).map_err(|_| screens::unanswerable())?;
    }
    Ok(answer)
}

fn page(done: &Completion) -> Page {
    let name = done.integration_name.as_deref().unwrap_or("the provider");
    let back = done.return_to.as_ref().map(|url| url.expose().to_owned());
    let again = done.session.map(screens::hosted_page);
    if done.screen == Screen::Connected {
        let display = done.display.unwrap_or(Display::Redirect);
        return Page::connected(name, done.account_name.as_deref(), display, back.or(again).as_deref());
    }
    let page = match done.screen {
        Screen::Connected => return Page::state_unknown(),
        Screen::ConsentDenied => Page::consent_denied(name),
        Screen::ProviderError => Page::provider_error(name),
        Screen::ProviderUnreachable => Page::provider_unreachable(name),
        Screen::Misconfigured => Page::misconfigured(),
        Screen::DifferentAccount => Page::different_account(name),
        Screen::StateReplayed => Page::state_replayed(),
        Screen::StateUnknown => Page::state_unknown(),
        Screen::AttemptExpired => Page::attempt_expired(),
        Screen::WrongBrowser => Page::wrong_browser(),
    };
    match done.display {
        Some(Display::Popup) => page.closing(),
        Some(Display::Redirect) => page.offering(again, back),
        Some(Display::Device) | None => page,
    }
}

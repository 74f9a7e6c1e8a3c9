//! `GET` and `POST /connect/install/{integration}`

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use api_types::ProblemCode;
use auth::install::{NotAnInstall, Params};
use flows::connect::{self, ArriveError, SentOn, Told};
use ids::IntegrationId;
use serde_json::Value;

use super::{
    super::{AppState, problem::Fail},
    launch::bound,
    screens::{self, Page},
};

/// The most that a vendor has to tell of an install, in bytes.
const LONGEST: usize = 64 * 1024;

/// Where a browser arrives that installs the tenant's app at the vendor's marketplace. It goes on to the tenant's page,
/// which signs its user in and opens a connect session with the install. Whatever is wrong has its own screen.
///
/// Senders are limited as those of callbacks are: what no signature vouches for counts, as a stray callback does.
///
/// # Errors
/// A failure of ours; 429 for a sender of too many.
pub async fn arrive(
    integration: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, Fail> {
    let Ok(integration) = integration.parse::<IntegrationId>() else {
        return Ok(screens::respond(Page::install_unknown()));
    };
    state.senders.callback(&request)?;
    let arrived = match Params::gather(pairs(request.query_string().as_bytes())) {
        Ok(params) => connect::arrive(&state.services, integration, params).await,
        Err(refused) => Err(ArriveError::Refused(refused)),
    };
    if !matches!(arrived, Ok(SentOn { is_signed: true, .. })) {
        state.senders.stray(&request);
    }
    let page = match arrived {
        Ok(SentOn { url, cookie, .. }) => {
            let mut answer = HttpResponse::SeeOther()
                .insert_header((header::LOCATION, url.as_str()))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::REFERRER_POLICY, "no-referrer"))
                .finish();
            if let Some(cookie) = cookie {
                answer.add_cookie(&bound(&cookie)).map_err(|_| screens::unanswerable())?;
            }
            return Ok(answer);
        }
        Err(ArriveError::Unknown) => Page::install_unknown(),
        Err(ArriveError::Misconfigured(reason)) => {
            tracing::warn!(integration.id = %integration, reason, "an install could not be kept");
            Page::misconfigured()
        }
        Err(ArriveError::Refused(_)) => Page::install_refused(),
        Err(ArriveError::Seal(error)) => return Err(error.into()),
        Err(ArriveError::Store(error)) => return Err(error.into()),
    };
    Ok(screens::respond(page))
}

/// Where a vendor tells of an install, with the parameters in the query, a form or a JSON object. The answer says that it
/// was taken in and nothing else: who told it learns nothing of it.
///
/// # Errors
/// A problem document where it is not taken in; 429 for a sender of too many that no signature vouches for.
pub async fn tell(
    integration: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Fail> {
    let integration = integration.parse::<IntegrationId>().map_err(|_| Fail::not_found("integration"))?;
    state.senders.callback(&request)?;
    if body.len() > LONGEST {
        return Err(Fail::new(ProblemCode::BodyTooLarge, format!("Send at most {LONGEST} bytes.")));
    }
    let mut told = pairs(request.query_string().as_bytes());
    match request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(kind_of) {
        _ if body.is_empty() => {}
        Some("application/json") => told.extend(members(&body)?),
        Some("application/x-www-form-urlencoded") => told.extend(pairs(&body)),
        _ => {
            let detail = "Send the parameters in the query, a form or a JSON object.";
            return Err(Fail::new(ProblemCode::UnsupportedMediaType, detail));
        }
    }
    let params = Params::gather(told).map_err(|refused| Fail::new(ProblemCode::BadRequest, refused.to_string()))?;
    let told = connect::told(&state.services, integration, params).await;
    if !matches!(told, Ok(Told { is_signed: true })) {
        state.senders.stray(&request);
    }
    match told {
        Ok(_) => Ok(HttpResponse::Accepted().finish()),
        Err(ArriveError::Unknown) => Err(Fail::not_found("integration")),
        Err(ArriveError::Misconfigured(reason)) => Err(Fail::new(ProblemCode::IntegrationMisconfigured, reason)),
        Err(ArriveError::Refused(refused @ (NotAnInstall::Signature | NotAnInstall::Stale))) => {
            Err(Fail::new(ProblemCode::Unauthenticated, refused.to_string()))
        }
        Err(ArriveError::Refused(refused)) => Err(Fail::new(ProblemCode::BadRequest, refused.to_string())),
        Err(ArriveError::Seal(error)) => Err(error.into()),
        Err(ArriveError::Store(error)) => Err(error.into()),
    }
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// A media type without its parameters.
fn kind_of(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// The texts, numbers and booleans of a JSON object; what is nested is no parameter.
fn members(body: &[u8]) -> Result<Vec<(String, String)>, Fail> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(Fail::new(ProblemCode::BadJson, "Send a JSON object."));
    };
    let plain = members.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Bool(yes) => Some((name, yes.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    Ok(plain.collect())
}

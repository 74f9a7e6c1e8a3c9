//! The canonical log line: one per request, with everything that is worth knowing about it.

use std::cell::RefCell;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use api_types::ProblemCode;
use ids::RequestId;

use super::{AppState, rate_limit};

/// What is gathered while a request is answered.
#[derive(Default)]
struct Notes {
    id: Option<RequestId>,
    actor: Option<flows::Actor>,
    tenant: Option<ids::TenantId>,
    problem: Option<ProblemCode>,
    cause: Option<String>,
    rate: Option<rate_limit::Standing>,
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// The current request's id, as problem documents name it.
pub(super) fn request_id() -> String {
    NOTES.try_with(|notes| notes.borrow().id.map(|id| id.to_string())).ok().flatten().unwrap_or_default()
}

pub(super) fn note_failure(code: ProblemCode, cause: Option<&str>) {
    let _: Result<(), _> = NOTES.try_with(|notes| {
        let mut notes = notes.borrow_mut();
        notes.problem = Some(code);
        notes.cause = cause.map(str::to_owned);
    });
}

pub(super) fn note_caller(actor: flows::Actor, tenant: Option<ids::TenantId>) {
    let _: Result<(), _> = NOTES.try_with(|notes| {
        let mut notes = notes.borrow_mut();
        notes.actor = Some(actor);
        notes.tenant = tenant;
    });
}

pub(super) fn note_rate(standing: rate_limit::Standing) {
    let _: Result<(), _> = NOTES.try_with(|notes| notes.borrow_mut().rate = Some(standing));
}

/// Middleware: names the request, answers, counts, and writes the line. Paths are logged as their route's pattern, so
/// that neither ids nor anything else of the end user's gets into logs by way of the URL.
pub async fn canonical_line(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return next.call(request).await;
    };
    let id = state.services.mint.id(RequestId::new);
    let started = std::time::Instant::now();
    let notes = RefCell::new(Notes { id: Some(id), ..Notes::default() });
    NOTES
        .scope(notes, async move {
            let mut response = match next.call(request).await {
                Ok(response) => response,
                // Only what failed before a handler was reached ends here; the body is made by the error itself.
                Err(error) => return Err(error),
            };
            if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
                response.headers_mut().insert(HeaderName::from_static("patchbay-request-id"), value);
            }
            let elapsed = started.elapsed();
            let status = response.status().as_u16();
            let method = response.request().method().clone();
            let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".into());
            let _: Result<(), _> = NOTES.try_with(|notes| {
                let notes = notes.borrow();
                if let Some(standing) = &notes.rate {
                    standing.write(response.headers_mut());
                }
                let millis = elapsed.as_secs_f64() * 1000.0;
                let actor = notes.actor.map(tracing::field::display);
                let tenant = notes.tenant.map(tracing::field::display);
                let problem = notes.problem.map(ProblemCode::as_str);
                if status >= 500 {
                    tracing::error!(target: "request", { request.id = %id, method = %method, route = route, status = status, elapsed_ms = millis, actor = actor, tenant.id = tenant, problem = problem, cause = notes.cause }, "answered");
                } else {
                    tracing::info!(target: "request", { request.id = %id, method = %method, route = route, status = status, elapsed_ms = millis, actor = actor, tenant.id = tenant, problem = problem, cause = notes.cause }, "answered");
                }
            });
            state.meters.request(&method, &route, status, elapsed);
            Ok(response)
        })
        .await
}

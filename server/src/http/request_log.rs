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
            let id = id.to_string();
            if let Ok(value) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(HeaderName::from_static("patchbay-request-id"), value);
            }
            let elapsed = started.elapsed();
            let status = response.status();
            let _: Result<(), _> = NOTES.try_with(|notes| {
                let notes = notes.borrow();
                if let Some(standing) = &notes.rate {
                    standing.write(response.headers_mut());
                }
                let (method, meters) = (response.request().method(), state.meters.of(response.request()));
                meters.count(method, status, elapsed);
                let millis = elapsed.as_secs_f64() * 1000.0;
                let actor = notes.actor.map(tracing::field::display);
                let tenant = notes.tenant.map(tracing::field::display);
                let problem = notes.problem.map(ProblemCode::as_str);
                // A level has to be a constant.
                macro_rules! write_line {
                    ($level:ident) => {
                        tracing::event!(target: "request", tracing::Level::$level, { request.id = id, method = %method, route = meters.pattern, status = status.as_u16(), elapsed_ms = millis, actor = actor, tenant.id = tenant, problem = problem, cause = notes.cause }, "answered")
                    };
                }
                if status.is_server_error() { write_line!(ERROR) } else { write_line!(INFO) }
            });
            Ok(response)
        })
        .await
}

//! Whether the server is alive, whether it can serve, and its counters.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::AppState;

/// `GET /healthz`: the process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /readyz`: database and key service answer; 503 with which one does not.
pub async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    let database = async {
        match tokio::time::timeout(Duration::from_secs(2), state.services.store.ping()).await {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "unavailable",
            Err(_) => "no answer in 2 s",
        }
    };
    let (database, keys) = futures_util::join!(database, state.services.keys.health());
    let ready = database == "ok" && keys == vault::KeyHealth::Ready;
    let key_service = match keys {
        vault::KeyHealth::Ready => "ok",
        vault::KeyHealth::Sealed => "sealed",
        vault::KeyHealth::Unreachable { .. } => "unreachable",
        vault::KeyHealth::Misconfigured { .. } => "misconfigured",
    };
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let status = if ready { "ready" } else { "not ready" };
    answer.json(json!({ "status": status, "database": database, "key_service": key_service }))
}

/// `GET /metrics`: Prometheus text form.
pub async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.meters.handle.render())
}

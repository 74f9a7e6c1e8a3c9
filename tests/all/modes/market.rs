//! A vendor with a marketplace, as far as a server sees it: a token endpoint that is strict about codes, addresses and
//! verifiers, and an API that says whose token it is.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data, Form},
};
use serde_json::json;

use super::install::challenge;

#[derive(Default)]
struct State {
    /// By code: the challenge that its verifier must have, if there is one, and the address that it was given out for.
    codes: BTreeMap<String, (Option<String>, String)>,
    exchanges: usize,
}

/// A running one.
pub(super) struct Market {
    origin: String,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

impl Market {
    /// Starts one without codes.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .route("/token", web::post().to(token))
                .route("/api/{shop}/me", web::get().to(me))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { origin, state, handle }
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Honours a code once.
    pub(super) fn expect(&self, code: &str, challenge: Option<&str>, redirect_uri: &str) {
        let rule = (challenge.map(str::to_owned), redirect_uri.to_owned());
        self.state.lock().unwrap().codes.insert(code.to_owned(), rule);
    }

    /// How many codes were brought, good or bad.
    pub(super) fn exchanges(&self) -> usize {
        self.state.lock().unwrap().exchanges
    }

    pub(super) async fn end(self) {
        self.handle.stop(false).await;
    }
}

async fn token(form: Form<BTreeMap<String, String>>, state: Data<Mutex<State>>) -> HttpResponse {
    let mut state = state.lock().unwrap();
    state.exchanges += 1;
    let given = |name: &str| form.get(name).cloned().unwrap_or_default();
    let kept = state.codes.remove(&given("code"));
    let is_good = kept.is_some_and(|(expected, redirect_uri)| {
        let verifier = form.get("code_verifier").map(|verifier| challenge(verifier));
        verifier == expected && redirect_uri == given("redirect_uri") && given("client_id") == "app"
    });
    if is_good {
        HttpResponse::Ok().json(json!({ "access_token": "token-of-the-market", "token_type": "bearer" }))
    } else {
        HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }))
    }
}

async fn me(shop: web::Path<String>, request: HttpRequest) -> HttpResponse {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if token != Some("Bearer token-of-the-market") {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().json(json!({ "id": "not-the-account", "name": format!("Shop of {shop}") }))
}

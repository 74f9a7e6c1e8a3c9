//! A provider as small as one can be: one key opens it, and one code. It is described by a tenant, in a manifest.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::{Value, json};

/// The key that opens it.
pub const KEY: &str = "lamp_right_4711";

/// A running one. It ends with this.
pub struct SmallProvider {
    origin: String,
    confirmed: Arc<AtomicBool>,
    handle: ServerHandle,
}

impl SmallProvider {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let confirmed = Arc::new(AtomicBool::new(false));
        let (shared, own) = (web::Data::from(Arc::clone(&confirmed)), web::Data::new(origin.clone()));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::clone(&shared))
                .app_data(web::Data::clone(&own))
                .route("/v1/me", web::get().to(me))
                .route("/device", web::post().to(device))
                .route("/token", web::post().to(token))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { origin, confirmed, handle }
    }

    /// The end user has typed the code in and said yes.
    pub fn confirm(&self) {
        self.confirmed.store(true, Ordering::Relaxed);
    }

    /// Described with a key.
    pub fn by_key(&self) -> String {
        format!(
            r#"schema = 1
slug = "lamp-desk"
name = "Lamp Desk"
category = "commerce"
docs = "https://developer.lampdesk.example"

[variables.api_key]
type = "secret"
label = "API key"
placeholder = "lamp_…"
help = "Settings, Developers."
help_url = "https://help.lampdesk.example/keys"

[variables.note]
type = "text"
label = "Your own note"
optional = true

[auth]
mode = "key"

[api]
base_url = "{}/v1"
credential = {{ headers = {{ authorization = "Bearer {{api_key}}" }} }}

[verification]
url = "/me"

[identity]
url = "/me"
account = "id"
name = "name"
"#,
            self.origin
        )
    }

    /// Described with a code that is typed in elsewhere.
    pub fn by_code(&self) -> String {
        let origin = &self.origin;
        format!(
            r#"schema = 1
slug = "lamp-tv"
name = "Lamp TV"
category = "media"
docs = "https://developer.lampdesk.example"

[auth]
mode = "oauth2_device"
device_authorization_url = "{origin}/device"
token_url = "{origin}/token"
client_auth = "none"

[api]
base_url = "{origin}/v1"

[identity]
url = "/me"
account = "id"
name = "name"
"#
        )
    }
}

impl Drop for SmallProvider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn me(request: HttpRequest) -> HttpResponse {
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if [KEY, "granted"].iter().any(|right| given == format!("Bearer {right}")) {
        HttpResponse::Ok().json(json!({ "id": "desk_7", "name": "Harbour Tea Company" }))
    } else {
        HttpResponse::Unauthorized().json(problem("invalid_key", "This key opens no shop"))
    }
}

async fn device(origin: web::Data<String>) -> HttpResponse {
    let page = format!("{}/activate", origin.as_str());
    HttpResponse::Ok().json(json!({
        "device_code": "of-the-device", "user_code": "BDWP-HQPK", "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code=BDWP-HQPK"), "expires_in": 900, "interval": 1,
    }))
}

async fn token(confirmed: web::Data<AtomicBool>) -> HttpResponse {
    if confirmed.load(Ordering::Relaxed) {
        HttpResponse::Ok().json(json!({ "access_token": "granted", "token_type": "Bearer" }))
    } else {
        HttpResponse::BadRequest().json(json!({ "error": "authorization_pending" }))
    }
}

fn problem(code: &str, description: &str) -> Value {
    json!({ "error": code, "error_description": description })
}

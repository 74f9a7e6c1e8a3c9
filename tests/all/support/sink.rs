//! A tenant's webhook endpoint whose answers change when the test says so. Signatures are verified by what the Standard
//! Webhooks specification says, written out here, not by the library that made them.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::{PATIENCE, until};

/// What was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body, which the signature is over.
    pub body: Bytes,
    /// When it came.
    pub at: SystemTime,
    /// What it was answered.
    pub answered: u16,
}

impl Posted {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The event's type.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether the signature is right and its time within five minutes, as the Standard Webhooks specification asks.
    pub fn verify(&self, secret: &str) -> Result<(), String> {
        let sent: u64 = self.header("webhook-timestamp").parse().map_err(|_| "the timestamp is no number")?;
        let now = self.at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        if now.abs_diff(sent) > 300 {
            return Err(format!("sent at {sent}, received at {now}"));
        }
        self.verify_signature(secret)
    }

    /// Whether the signature is right: HMAC-SHA256 under the secret's bytes over `id.timestamp.body`, in base64, one of
    /// those listed.
    pub fn verify_signature(&self, secret: &str) -> Result<(), String> {
        let key = secret.strip_prefix("whsec_").ok_or("the secret has no prefix")?;
        let key = STANDARD.decode(key).map_err(|error| error.to_string())?;
        if !(24..=64).contains(&key.len()) {
            return Err(format!("a secret of {} bytes", key.len()));
        }
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(&self.body);
        let expected = STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed));
        let given = self.header("webhook-signature");
        if given.split(' ').any(|one| one.strip_prefix("v1,") == Some(expected.as_str())) {
            Ok(())
        } else {
            Err(format!("none of `{given}` is the signature"))
        }
    }
}

#[derive(Debug)]
struct State {
    reply: u16,
    posted: Vec<Posted>,
}

/// A running endpoint. It ends with this.
pub struct Sink {
    url: String,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

impl Sink {
    /// Starts one that answers 204.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { reply: 204, posted: Vec::new() }));
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::clone(&shared)).route("/webhooks", web::post().to(receive))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, handle }
    }

    /// Where to post.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers with this status from now on.
    pub fn answer_with(&self, status: u16) {
        self.state.lock().unwrap().reply = status;
    }

    /// What was posted so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.state.lock().unwrap().posted.clone()
    }

    /// Waits until this many of that type were answered with a success, and gives them.
    pub async fn wait_for(&self, kind: &str, times: usize) -> Vec<Posted> {
        let what = format!("{times} × {kind} arrive at the tenant's endpoint");
        until(&what, PATIENCE, async || {
            let mut posted = self.posted();
            posted.retain(|one| one.answered < 300 && one.kind() == kind);
            (posted.len() >= times).then_some(posted)
        })
        .await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // The command to stop leaves when `stop` is called; the future only waits for the end.
        drop(self.handle.stop(false));
    }
}

async fn receive(request: HttpRequest, body: Bytes, state: web::Data<Mutex<State>>) -> HttpResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).unwrap();
        headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let mut state = state.lock().unwrap();
    let reply = state.reply;
    state.posted.push(Posted { headers, body, at: SystemTime::now(), answered: reply });
    HttpResponse::build(reply.try_into().unwrap()).finish()
}

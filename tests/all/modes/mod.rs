//! Ways in, each against a server that nobody here wrote, through the API and the connect page: a tenant describes the
//! provider, an end user connects, a call goes through the proxy. What the protocols ask in detail is tested beside the
//! crate that speaks them.

mod ghost;
mod install;
mod market;
pub(crate) mod mcp;
pub(crate) mod oidc;

use http::Method;
use serde_json::{Value, json};

use crate::support::*;

/// Describes a provider as a tenant does, and makes an integration of it.
async fn integrate(world: &World, slug: &str, rest: &str, wish: Value) -> Value {
    let head = format!("schema = 1\nslug = \"{slug}\"\nname = \"Tests\"\ncategory = \"identity\"\n");
    let manifest = format!("{head}docs = \"https://docs.example\"\n{rest}");
    let path = format!("/v1/providers/{slug}");
    world.key().request(Method::PUT, &path).json(&json!({ "manifest": manifest })).send().await.ok();
    let mut whole = json!({ "provider": slug });
    whole.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
    world.key().post("/v1/integrations", &whole).await.ok()
}

/// Goes over the page of an authorization server, as Ada, who agrees; gives the connection's id.
async fn connect(world: &World, integration: &Value, authority: &str) -> String {
    let (session, browser) = ConnectBrowser::open(&world.key(), world.origin(), "merchant-17").await;
    let (token, id) = (session["token"].as_str().unwrap(), integration["id"].as_str().unwrap());
    let launched = browser.launch(world.origin(), token, id, "redirect").await;
    let authorization = leads_to(&launched, authority);
    let callback = Consent::default().at_oidc(&authorization, "ada", true).await;
    let answer = browser.get(callback.as_str()).await;
    assert!(answer.status < 400, "{answer}");
    connected(world, &session).await
}

/// The connection that a session brings, once there is one.
async fn connected(world: &World, session: &Value) -> String {
    let path = format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap());
    until("the session is connected", PATIENCE, async || {
        let session = world.key().get(&path).await.ok();
        session["connection_id"].as_str().filter(|_| session["status"] == "connected").map(str::to_owned)
    })
    .await
}

/// A call through the proxy.
async fn call(world: &World, connection: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let key = world.key();
    let request = key.request(method, &format!("/v1/proxy/{path}")).header("patchbay-connection", connection);
    let request = request.header("accept", "application/json, text/event-stream");
    match body {
        Some(body) => request.json(body).send().await,
        None => request.send().await,
    }
}

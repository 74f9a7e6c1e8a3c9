//! What plugins are called for beside runs and actions: `verify`, `after_connect` and `before_delete`. The demo provider's
//! plugin registers a connection's own address for webhooks there, and takes it back.

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::{Value, json};

use super::{
    connected::Connected,
    connections::mint,
    plugins::{pin, with_author},
};
use crate::support::{PATIENCE, World, captured, push, until};

const SHOP: &str = "shop_north";

/// Has the provider answer the next calls about webhooks with that status.
fn refuse(world: &World, status: u16, times: u32) {
    let fault = Fault::Status { status, retry_after: None, body: None };
    world.acme().misbehave(Misbehaviour { path: "/v1/webhooks".into(), skip: 0, times, fault });
}

/// How often the provider was asked something.
fn asked(world: &World, call: &str) -> u64 {
    world.acme().calls().get(call).copied().unwrap_or_default()
}

/// Makes a connection's own address for webhooks, or sets what is given.
async fn address(world: &World, connection: &str, settings: Value) -> String {
    let path = format!("/v1/connections/{connection}/webhook");
    let made = world.key().request(Method::PUT, &path).json(&settings).send().await.ok();
    made["url"].as_str().unwrap().to_owned()
}

/// Waits until `after_connect` is done for all connections, and is not to be tried again.
async fn called(world: &World) {
    until("after_connect is done", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'plugin_after_connect'").await == "0").then_some(())
    })
    .await;
}

/// Deletes a connection and waits until it is gone.
async fn delete(world: &World, connection: &str) {
    let path = format!("/v1/connections/{connection}");
    world.key().delete(&path).await.ok();
    until("the connection is gone", PATIENCE, async || (world.key().get(&path).await.status == 404).then_some(()))
        .await;
}

/// What the audit log says of calls that did not succeed.
async fn failures(world: &World) -> Vec<String> {
    let sql = "SELECT action || ': ' || (detail->>'reason') FROM audit WHERE action IN \
               ('connection.after_connect_failed', 'connection.before_delete_failed') ORDER BY at";
    let rows = world.sql(sql).await;
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_after_connect_registers_the_connections_own_address_and_before_delete_takes_it_back() {
    let Connected { world, connection, .. } = Connected::set().await;
    called(&world).await;
    assert_eq!(asked(&world, "POST /v1/webhooks"), 0, "without an address there is nothing to register");
    let url = address(&world, &connection, json!({})).await;
    until("the address is registered", PATIENCE, async || {
        (world.acme().subscribed(SHOP) == [url.clone()]).then_some(())
    })
    .await;
    called(&world).await;
    // What does not make another address is not told.
    assert_eq!(address(&world, &connection, json!({ "secret": "what it is signed with" })).await, url);
    called(&world).await;
    assert_eq!(asked(&world, "POST /v1/webhooks"), 1);

    // Whoever connects again has it called again, which finds all done.
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    assert_eq!(world.connect_acme(&integration, "merchant-1", SHOP).await, connection);
    called(&world).await;
    assert_eq!(asked(&world, "POST /v1/webhooks"), 2);
    assert_eq!(world.acme().subscribed(SHOP), std::slice::from_ref(&url));

    // A token that was revoked before could not have taken it back.
    delete(&world, &connection).await;
    assert_eq!(world.acme().subscribed(SHOP), [""; 0]);
    assert_eq!(failures(&world).await, [""; 0]);
    assert!(!captured().contains(url.rsplit('/').next().unwrap()), "whoever knows the address can knock there");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_after_connect_is_tried_again_while_the_provider_is_down() {
    let Connected { world, connection, .. } = Connected::set().await;
    called(&world).await;
    refuse(&world, 503, 1);
    let url = address(&world, &connection, json!({})).await;
    until("the address is registered", PATIENCE, async || {
        (world.acme().subscribed(SHOP) == [url.clone()]).then_some(())
    })
    .await;
    called(&world).await;
    assert_eq!(asked(&world, "POST /v1/webhooks"), 2);
    assert_eq!(failures(&world).await, [""; 0], "it came to a good end");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_whom_after_connect_blames_decides_what_becomes_of_the_connection() {
    let Connected { world, connection, .. } = Connected::set().await;
    called(&world).await;
    let path = format!("/v1/connections/{connection}");
    let state = async || world.key().get(&path).await.ok()["health"]["state"].clone();

    // For what the plugin was not written: noted, not tried again, and the connection works.
    refuse(&world, 422, 1);
    address(&world, &connection, json!({})).await;
    called(&world).await;
    let noted = failures(&world).await;
    assert!(noted.len() == 1 && noted[0].starts_with("connection.after_connect_failed: "), "{noted:?}");
    assert!(noted[0].contains("422"), "{noted:?}");
    assert_eq!((state().await, asked(&world, "POST /v1/webhooks")), (json!("active"), 1));

    // The grant does not suffice: as for a run that hears it, the end user has to connect again. Another address is
    // another thing to register.
    assert_eq!(world.key().delete(&format!("{path}/webhook")).await.status, 204);
    refuse(&world, 403, 1);
    address(&world, &connection, json!({})).await;
    called(&world).await;
    assert_eq!(state().await, "needs_reauth");
    assert_eq!(failures(&world).await.len(), 2);

    // Connecting again has it called again.
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    assert_eq!(world.connect_acme(&integration, "merchant-1", SHOP).await, connection);
    called(&world).await;
    assert_eq!((state().await, world.acme().subscribed(SHOP).len()), (json!("active"), 1));
    world.synced(&connection).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_a_before_delete_that_fails_does_not_hold_the_deletion_up() {
    let Connected { world, connection, .. } = Connected::set().await;
    let url = address(&world, &connection, json!({})).await;
    called(&world).await;
    refuse(&world, 500, 1);
    delete(&world, &connection).await;
    assert_eq!(world.acme().subscribed(SHOP), [url], "nobody took it back");
    let noted = failures(&world).await;
    assert!(noted.len() == 1 && noted[0].starts_with("connection.before_delete_failed: "), "{noted:?}");
    assert!(noted[0].contains("500"), "{noted:?}");
    let revoked = "SELECT data->'revocation'->>'state' FROM events WHERE kind = 'connection.deleted'";
    assert_eq!(world.one(revoked).await, "revoked");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_before_delete_is_called_once_however_often_the_provider_is_asked_to_let_go() {
    let Connected { world, connection, .. } = Connected::set().await;
    address(&world, &connection, json!({})).await;
    called(&world).await;
    let away = Fault::Status { status: 503, retry_after: Some("1".into()), body: None };
    world.acme().misbehave(Misbehaviour { path: "/token/revocation".into(), skip: 0, times: 2, fault: away });
    let path = format!("/v1/connections/{connection}");
    let deleted = world.key().delete(&path).await;
    assert_eq!(deleted.status, 202, "it is retried: {deleted}");
    assert_eq!(world.acme().subscribed(SHOP), [""; 0], "taken back while the grant stands");
    until("the retry has worked", PATIENCE, async || {
        world.clock().advance(chrono::TimeDelta::seconds(10));
        (world.key().get(&path).await.status == 404).then_some(())
    })
    .await;
    assert!(asked(&world, "POST /token/revocation") >= 3, "{:?}", world.acme().calls());
    assert_eq!(asked(&world, "GET /v1/webhooks"), 1);
    assert_eq!(failures(&world).await, [""; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_3_verify_decides_whether_a_credential_works_that_the_manifest_has_no_call_for() {
    let (world, author) = with_author().await;
    world.acme_integration().await;
    let key = world.key();
    let identity = "[identity]\nurl = \"{auth}/me\"\naccount = \"sub\"\nname = \"name\"\n";
    let package = author.acme("nameless", "1.0.0", |manifest| manifest.replace(identity, "")).await;
    push(&key, &package).await.ok();
    pin(&key, "nameless", "1.0.0").await.ok();
    let origin = world.acme().origin();
    let wish = json!({
        "provider": "nameless", "client_id": "lamplight", "client_secret": "acme-client-secret-of-the-tests",
        "variables": { "auth": origin, "api": origin },
    });
    key.post("/v1/integrations", &wish).await.ok();
    let bring = |token: &Value| {
        let end_user = json!({ "id": "merchant-1" });
        json!({ "integration": "nameless", "end_user": end_user, "tokens": { "access_token": token } })
    };
    let refused = key.post("/v1/connections", &bring(&json!("no-such-token"))).await;
    refused.problem(422, "credential_refused");
    assert_eq!(asked(&world, "GET /me"), 0, "the manifest has no call for it");
    assert_eq!(asked(&world, "GET /v1/orders"), 1, "the plugin has");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    let made = key.post("/v1/connections", &bring(&mint(&world, SHOP)["access_token"])).await;
    assert_eq!(made.status, 201, "{made}");
    let made = made.json();
    assert_eq!((&made["account"], &made["health"]["state"]), (&Value::Null, &json!("active")));
    world.synced(made["id"].as_str().unwrap()).await;
    world.end().await;
}

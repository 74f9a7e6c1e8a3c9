//! Webhooks that providers send: `/v1/…/webhook`, `/v1/inbound-webhooks`, and where they come in.

use aws_lc_rs::hmac;
use domain::clock::Clock as _;
use http::Method;
use serde_json::{Value, json};

use super::connected::Connected;
use crate::support::*;

const SECRET: &str = "what acme signs with, 0123456789";

/// A URL of ours as the provider knows it.
struct Hook<'w> {
    world: &'w World,
    url: String,
    secret: &'static str,
}

impl<'w> Hook<'w> {
    /// Makes the URL of an integration or a connection, by its path, and sets what it is verified with.
    async fn at(world: &'w World, path: &str, settings: Value) -> Self {
        let made = put(world, path, &settings).await.ok();
        Self { world, url: made["url"].as_str().unwrap().to_owned(), secret: SECRET }
    }

    fn now(&self) -> i64 {
        self.world.clock().now().timestamp()
    }

    fn signature(&self, at: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        format!("t={at},v1={}", hex::encode(hmac::sign(&key, format!("{at}.{body}").as_bytes())))
    }

    async fn send(&self, signature: &str, body: &str) -> Answer {
        let caller = self.world.anonymous();
        let request = caller.request(Method::POST, &self.url).header("x-acme-signature", signature);
        request.header("content-type", "application/json").body(body.to_owned()).send().await
    }

    /// Sends it as the provider does.
    async fn tell(&self, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(&self.signature(self.now(), &body), &body).await
    }
}

async fn put(world: &World, path: &str, settings: &Value) -> Answer {
    world.key().request(Method::PUT, path).json(settings).send().await
}

/// What the inbox says of the latest webhook, once it is processed.
async fn latest(world: &World) -> Value {
    until("the latest webhook is processed", PATIENCE, async || {
        let listed = world.key().get("/v1/inbound-webhooks?limit=1").await.ok();
        let one = listed["data"][0].clone();
        (one["state"].is_string() && one["state"] != "waiting").then_some(one)
    })
    .await
}

/// Runs that webhooks brought about, the latest first, once none is under way.
async fn runs(world: &World) -> Vec<Value> {
    until("all runs have ended", PATIENCE, async || {
        let waiting = world.one("SELECT count(*) FROM jobs WHERE queue IN ('sync_run', 'inbound_webhook')").await;
        let listed = world.key().get("/v1/runs?limit=100").await.ok();
        let runs = listed["data"].as_array().unwrap();
        let told: Vec<Value> = runs.iter().filter(|run| run["trigger"] == "webhook").cloned().collect();
        (waiting == "0").then_some(told)
    })
    .await
}

/// Tells that an order is gone. Gives what the inbox says of that.
async fn told_of(hook: &Hook<'_>, order: &Value) -> Value {
    let told = json!({ "account": "shop_north", "type": "order.deleted", "order_id": order["id"] });
    hook.tell(&told).await.ok();
    latest(hook.world).await
}

fn of_integration(connection: &Value) -> String {
    format!("/v1/integrations/{}/webhook", connection["id"].as_str().unwrap())
}

/// A provider of the tenant's own whose webhooks are described like this: the path of an integration's URL.
async fn described(world: &World, webhook: &str) -> String {
    let manifest = format!("{}{webhook}", crate::tenancy::scene::DESCRIBED);
    put(world, "/v1/providers/described", &json!({ "manifest": manifest })).await.ok();
    let wish = json!({ "provider": "described", "client_id": "c", "client_secret": "s" });
    of_integration(&world.key().post("/v1/integrations", &wish).await.ok())
}

/// A handshake's answer: the text, as nothing but a text.
#[track_caller]
fn sent_back(answer: &Answer, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (200, text), "{answer}");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{answer}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn put_integration_webhook_makes_a_url_that_get_integration_webhook_shows_and_delete_integration_webhook_ends() {
    let world = World::start(Options::default()).await;
    let path = of_integration(&world.acme_integration().await);
    world.key().get(&path).await.problem(404, "not_found");
    world.key().delete(&path).await.problem(404, "not_found");
    let made = put(&world, &path, &json!({})).await.ok();
    assert_eq!((&made["has_secret"], &made["forward"]), (&json!(false), &json!(false)), "{made}");
    let url = made["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{}/inbound/", world.origin())), "{url}");
    let token = url.rsplit('/').next().unwrap();
    assert_eq!(token.len(), 43, "32 random bytes: {url}");

    // Until there is a secret nothing is believed, and the URL says so.
    let hook = Hook { world: &world, url: url.clone(), secret: SECRET };
    let refused = hook.tell(&json!({ "account": "shop_north", "type": "order.made" })).await;
    refused.problem(409, "integration_misconfigured");
    let shown = world.key().get(&path).await.ok();
    assert!(shown["refusal"].as_str().unwrap().contains("no secret") && shown["refused_at"].is_string(), "{shown}");
    for secret in ["", " ", &"x".repeat(5000)] {
        let problem = put(&world, &path, &json!({ "secret": secret })).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, "secret");
    }
    let set = put(&world, &path, &json!({ "secret": SECRET })).await.ok();
    assert_eq!((set["url"].as_str(), &set["has_secret"]), (Some(url.as_str()), &json!(true)), "{set}");
    assert_eq!(world.anonymous().get(&url).await.status, 200, "some providers look first");
    hook.tell(&json!({ "account": "nobody", "type": "order.made" })).await.ok();
    latest(&world).await;
    let dump = world.database().dump().await;
    assert!(!dump.contains(SECRET) && !dump.contains(token), "sealed in the database");
    assert!(!captured().contains(SECRET) && !captured().contains(token), "and in no log line");

    assert_eq!(world.key().delete(&path).await.status, 204);
    hook.tell(&json!({ "account": "shop_north", "type": "order.made" })).await.problem(404, "not_found");
    world.anonymous().get(&url).await.problem(404, "not_found");
    let another = put(&world, &path, &json!({})).await.ok();
    assert!(another["url"] != url.as_str() && another["has_secret"] == false, "{another}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_integration_webhook_wants_a_manifest_that_says_how_webhooks_are_verified() {
    let world = World::start(Options::default()).await;
    let path = described(&world, "").await;
    put(&world, &path, &json!({})).await.problem(409, "conflict");
    let nobody = "/v1/integrations/int_00000000000000000000000000/webhook";
    put(&world, nobody, &json!({})).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_list_inbound_webhooks_shows_what_was_verified_and_what_ran_because_of_it() {
    let Connected { world, .. } = Connected::set().await;
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let hook = Hook::at(&world, &of_integration(&integration), json!({ "secret": SECRET })).await;
    let told = json!({ "account": "shop_north", "type": "order.updated", "n": 1 });
    let (body, now) = (told.to_string(), hook.now());
    let right = hook.signature(now, &body);

    // What is not the provider's, or not of now, is refused, and nothing is written but that.
    let before = world.one("SELECT count(*) FROM inbound_deliveries").await;
    for (signature, sent) in [
        (String::new(), body.as_str()),
        ("v1=00".to_owned(), &body),
        (right.replace("v1=", "v1=0"), &body),
        (right.clone(), "{}"),
        (hook.signature(now - 301, &body), &body),
        (hook.signature(now + 400, &body), &body),
    ] {
        hook.send(&signature, sent).await.problem(401, "unauthenticated");
    }
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries").await, before);
    let large = "x".repeat(flows::inbound::MOST_BYTES + 1);
    hook.send(&right, &large).await.problem(413, "body_too_large");

    // The right one has the stream pulled that it tells of, and no other.
    hook.send(&right, &body).await.ok();
    let shown = latest(&world).await;
    assert_eq!((&shown["state"], &shown["syncs"]), (&json!("routed"), &json!(1)), "{shown}");
    assert_eq!((&shown["event"], &shown["account"]), (&json!("order.updated"), &json!("shop_north")), "{shown}");
    assert_eq!(shown["integration_id"], integration["id"]);
    let ran = runs(&world).await;
    assert_eq!(ran.len(), 1, "{ran:?}");
    assert_eq!((&ran[0]["stream"], &ran[0]["state"]), (&json!("orders"), &json!("succeeded")));
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries WHERE kept IS NOT NULL").await, "0");

    // A replay is acknowledged and has no effect.
    hook.send(&right, &body).await.ok();
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries").await, "1");
    assert_eq!(runs(&world).await.len(), 1);

    // What concerns nobody here, or nothing that is synced, is said to.
    for (told, why) in [
        (json!({ "account": "shop_of_others", "type": "order.updated" }), "account"),
        (json!({ "account": "shop_north", "type": "refund.made" }), "nothing that is synced"),
        (json!({ "type": "order.updated" }), "account"),
        (json!(["order"]), "nothing that is synced"),
    ] {
        hook.tell(&told).await.ok();
        let shown = latest(&world).await;
        assert!(shown["reason"].as_str().unwrap().contains(why), "{told}: {shown}");
        assert_eq!(shown["state"], "ignored");
    }
    assert_eq!(runs(&world).await.len(), 1);
    let ids = super::edge::walk(&world.key(), "/v1/inbound-webhooks?limit=2", |one| one["id"].to_string()).await;
    assert_eq!(ids.len(), 5);
    let elsewhere = "/v1/inbound-webhooks?connection=conn_00000000000000000000000000";
    assert_eq!(world.key().get(elsewhere).await.ok()["data"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_many_webhooks_bring_about_few_runs_and_a_deletion_arrives() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let hook = Hook::at(&world, &of_integration(&integration), json!({ "secret": SECRET })).await;
    for n in 0..40 {
        let told = json!({ "account": "shop_north", "type": "order.updated", "n": n });
        hook.tell(&told).await.ok();
    }
    let ran = runs(&world).await;
    assert!((1..=8).contains(&ran.len()), "40 webhooks, {} runs", ran.len());
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries WHERE state = 'routed' AND syncs = 1").await, "40");

    // The provider does not list it any more, and an incremental pull hears nothing of that.
    let records = world.records(&connection, "orders").await;
    let gone = records[0]["id"].as_str().unwrap();
    hook.tell(&json!({ "account": "shop_north", "type": "order.deleted", "order_id": gone })).await.ok();
    until("the record is gone", PATIENCE, async || {
        let records = world.records(&connection, "orders").await;
        let record = records.iter().find(|record| record["id"] == gone).cloned().unwrap();
        record["deleted_at"].is_string().then_some(())
    })
    .await;
    let ran = runs(&world).await;
    assert_eq!(ran[0]["counts"]["deleted"], 1, "its run says so: {}", ran[0]);
    let left = "SELECT count(*) || ' ' || max(cardinality(gone)) FROM syncs WHERE stream = 'orders'";
    assert_eq!(world.one(left).await, "1 0");

    // A paused sync runs once it is resumed, and knows then what is gone.
    let post = async |verb: &str| world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await.ok();
    post("pause").await;
    let gone = records[1]["id"].as_str().unwrap();
    let told = json!({ "account": "shop_north", "type": "order.deleted", "order_id": gone });
    hook.tell(&told).await.ok();
    latest(&world).await;
    let before = runs(&world).await.len();
    post("resume").await;
    until("it is gone too", PATIENCE, async || {
        let deleted = "SELECT count(*) FROM records WHERE deleted_at IS NOT NULL";
        (world.one(deleted).await == "2").then_some(())
    })
    .await;
    assert_eq!(runs(&world).await.len(), before, "resuming had it run, and nothing before");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_a_deletion_that_is_told_while_the_end_user_must_connect_again_arrives_after_that() {
    let Connected { world, connection, .. } = Connected::set().await;
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let hook = Hook::at(&world, &of_integration(&integration), json!({ "secret": SECRET })).await;
    let own = Hook::at(&world, &format!("/v1/connections/{connection}/webhook"), json!({})).await;
    let records = world.records(&connection, "orders").await;
    let turn = async |health: &str| {
        world.sql(&format!("UPDATE connections SET health = {health}")).await;
        world.forget_credentials();
    };
    until("the connection's own address is registered", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'plugin_after_connect'").await == "0").then_some(())
    })
    .await;
    // One that was given up does not come back.
    turn("'revoked'").await;
    for hook in [&hook, &own] {
        let shown = told_of(hook, &records[0]).await;
        assert_eq!((&shown["state"], &shown["syncs"]), (&json!("ignored"), &json!(0)), "{shown}");
    }
    for (health, at) in [("'paused'", 1), ("'needs_reauth', health_cause = 'revoked'", 3)] {
        turn(health).await;
        for (hook, record) in [(&hook, &records[at]), (&own, &records[at + 1])] {
            let shown = told_of(hook, record).await;
            assert_eq!((&shown["state"], &shown["syncs"]), (&json!("routed"), &json!(1)), "{health}: {shown}");
        }
    }
    assert_eq!(runs(&world).await.len(), 0, "no run that could not do anything");
    let deleted = "SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM records WHERE deleted_at IS NOT NULL";
    assert_eq!(world.one(deleted).await, "");

    // A sync that was paused meanwhile waits for its resumption, which the repair does not put off.
    let syncs = world.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
    let orders = syncs["data"].as_array().unwrap().iter().find(|sync| sync["stream"] == "orders").unwrap();
    let post = async |verb: &str| {
        let path = format!("/v1/syncs/{}/{verb}", orders["id"].as_str().unwrap());
        world.key().post(&path, &Value::Null).await.ok()
    };
    post("pause").await;
    assert_eq!(world.connect_acme(&integration, "merchant-1", "shop_north").await, connection);
    assert_eq!(runs(&world).await.len(), 0);
    assert_eq!(world.one(deleted).await, "", "paused");
    post("resume").await;
    let mut gone: Vec<&str> = records[1..5].iter().map(|record| record["id"].as_str().unwrap()).collect();
    gone.sort_unstable();
    until("they are gone", PATIENCE, async || (world.one(deleted).await == gone.join(" ")).then_some(())).await;
    assert_eq!(runs(&world).await.len(), 0, "resuming had it run");
    let left = "SELECT max(cardinality(gone)) FROM syncs";
    assert_eq!(world.one(left).await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_a_run_that_a_pause_swallows_is_made_up_for_when_the_sync_is_resumed() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let world = connected.world;
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let hook = Hook::at(&world, &of_integration(&integration), json!({ "secret": SECRET })).await;
    let post = async |verb: &str| world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await.ok();
    // The run waits for its time after the last one, and in between the sync is paused.
    world.sql("UPDATE runs SET started_at = now() + interval '5 minutes'").await;
    hook.tell(&json!({ "account": "shop_north", "type": "order.updated" })).await.ok();
    assert_eq!(latest(&world).await["state"], "routed");
    let waits = "SELECT count(*) FROM jobs WHERE queue = 'sync_run' AND state = 'waiting' AND run_at > now()";
    assert_eq!(world.one(waits).await, "1");
    post("pause").await;
    world.sql("UPDATE jobs SET run_at = now() WHERE queue = 'sync_run'").await;
    assert_eq!(runs(&world).await.len(), 0, "the job is gone, and nothing ran");
    post("resume").await;
    until("resuming has it run", PATIENCE, async || {
        let listed = world.key().get(&format!("/v1/runs?sync={sync}")).await.ok();
        let runs = listed["data"].as_array().unwrap();
        runs.iter().any(|run| run["trigger"] == "api" && run["state"] == "succeeded").then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_connection_webhook_get_connection_webhook_and_delete_connection_webhook() {
    let Connected { world, connection, .. } = Connected::set().await;
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let path = format!("/v1/connections/{connection}/webhook");
    world.key().get(&path).await.problem(404, "not_found");
    let own = Hook::at(&world, &path, json!({})).await;
    assert_eq!(world.key().get(&path).await.ok()["url"], own.url.as_str());
    own.tell(&json!({ "type": "order.updated" })).await.problem(409, "integration_misconfigured");
    // Without a secret of its own, the integration's verifies.
    let shared = Hook::at(&world, &of_integration(&integration), json!({ "secret": SECRET })).await;
    assert_ne!(own.url, shared.url);
    own.tell(&json!({ "type": "order.updated", "n": 1 })).await.ok();
    let shown = latest(&world).await;
    assert_eq!((&shown["state"], &shown["connection_id"]), (&json!("routed"), &json!(connection)), "{shown}");
    let others = json!({ "account": "shop_of_others", "type": "order.updated", "n": 2 });
    own.tell(&others).await.ok();
    assert_eq!(latest(&world).await["state"], "ignored", "it is about another account than the connection's");
    put(&world, &path, &json!({ "secret": "another one, of this account alone" })).await.ok();
    own.tell(&json!({ "type": "order.updated", "n": 3 })).await.problem(401, "unauthenticated");
    let own = Hook { secret: "another one, of this account alone", ..own };
    own.tell(&json!({ "type": "order.updated", "n": 3 })).await.ok();
    assert_eq!(world.key().delete(&path).await.status, 204);
    own.tell(&json!({ "type": "order.updated", "n": 4 })).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_get_inbound_webhook_has_the_delivery_as_it_came_where_the_tenant_wants_to_be_told() {
    let Connected { world, connection, .. } = Connected::set().await;
    let sink = Sink::start().await;
    let wish = json!({ "url": sink.url(), "events": ["webhook.received"] });
    world.key().post("/v1/endpoints", &wish).await.ok();
    let integration = world.key().get("/v1/integrations/acme").await.ok();
    let path = of_integration(&integration);
    let hook = Hook::at(&world, &path, json!({ "secret": SECRET })).await;
    let told = |n: u32| json!({ "account": "shop_north", "type": "order.updated", "n": n });
    hook.tell(&told(1)).await.ok();
    let silent = latest(&world).await;
    let read = async |id: &Value| world.key().get(&format!("/v1/inbound-webhooks/{}", id.as_str().unwrap())).await.ok();
    assert_eq!(read(&silent["id"]).await["delivery"], Value::Null, "nothing is kept that nobody asked for");

    put(&world, &path, &json!({ "forward": true })).await.ok();
    let hook = Hook { url: format!("{}?from=a%20shop", hook.url), ..hook };
    hook.tell(&told(2)).await.ok();
    let posted = sink.wait_for("webhook.received", 1).await;
    let data = posted[0].json()["data"].clone();
    assert_eq!((&data["connection_ids"], &data["event"]), (&json!([connection]), &json!("order.updated")), "{data}");
    let shown = read(&data["inbound_id"]).await;
    assert_eq!(shown["webhook"]["state"], "routed");
    let delivery = &shown["delivery"];
    assert_eq!(delivery["query"], "from=a%20shop");
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body = STANDARD.decode(delivery["body"].as_str().unwrap()).unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), told(2).to_string());
    let headers = delivery["headers"].as_array().unwrap();
    assert!(headers.iter().any(|header| header["name"] == "x-acme-signature"), "{headers:?}");
    let key = world.key_with(&["connections:read"]).await;
    let id = data["inbound_id"].as_str().unwrap();
    key.get(&format!("/v1/inbound-webhooks/{id}")).await.problem(403, "missing_scope");
    assert_eq!(sink.posted().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_a_signed_handshake_is_verified_and_its_challenge_alone_is_sent_back() {
    let world = World::start(Options::default()).await;
    // As Slack's manifest has it.
    let manifest = include_str!("../../../plugins/slack/provider.toml");
    let (_, webhook) = manifest.split_once("[webhook]\n").unwrap();
    let (webhook, _) = webhook.split_once("[plugin]\n").unwrap();
    let path = described(&world, &format!("[webhook]\n{webhook}")).await;
    let made = put(&world, &path, &json!({})).await.ok();
    let url = made["url"].as_str().unwrap();
    let signed = |at: i64, body: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        format!("v0={}", hex::encode(hmac::sign(&key, format!("v0:{at}:{body}").as_bytes())))
    };
    let send = async |at: i64, signature: &str, body: &str| {
        let (caller, at) = (world.anonymous(), at.to_string());
        let request = caller.request(Method::POST, url).header("x-slack-signature", signature);
        let request = request.header("x-slack-request-timestamp", &at).header("content-type", "application/json");
        request.body(body.to_owned()).send().await
    };
    let asked =
        |challenge: &str| json!({ "token": "old", "challenge": challenge, "type": "url_verification" }).to_string();
    let challenge = "3eZbrw1aBmCqxzLQ_2-dk.7";
    let (body, now) = (asked(challenge), world.clock().now().timestamp());
    let right = signed(now, &body);

    // Until there is a secret nothing is believed.
    let early = send(now, &right, &body).await;
    early.problem(409, "integration_misconfigured");
    assert!(!early.text().contains(challenge), "{early}");
    put(&world, &path, &json!({ "secret": SECRET })).await.ok();
    sent_back(&send(now, &right, &body).await, challenge);
    for (at, signature) in [
        (now, "v0=00".to_owned()),
        (now, signed(now, "{}")),
        (now + 1, right.clone()),
        (now - 301, signed(now - 301, &body)),
    ] {
        let refused = send(at, &signature, &body).await;
        refused.problem(401, "unauthenticated");
        assert!(!refused.text().contains(challenge), "{refused}");
    }

    // Nothing that anybody could take for more than a text, whoever signed it. What was refused a moment ago is forgotten,
    // or the URL would go on saying that.
    world.sql("UPDATE hooks SET refused_at = NULL, refusal = NULL").await;
    let long = "x".repeat(2048);
    for hostile in ["<script>alert(1)</script>", long.as_str(), "a\r\nset-cookie: b=c", "a\u{1b}[2J"] {
        let body = asked(hostile);
        let refused = send(now, &signed(now, &body), &body).await;
        refused.problem(400, "bad_request");
        let told = refused.text();
        assert!(["script", "xxxx", "cookie", "[2J"].iter().all(|part| !told.contains(part)), "{refused}");
    }
    let shown = world.key().get(&path).await.ok();
    assert!(shown["refusal"].as_str().unwrap().contains("handshake"), "{shown}");
    let left = "SELECT (SELECT count(*) FROM inbound_deliveries) + \
                (SELECT count(*) FROM jobs WHERE queue = 'inbound_webhook')";
    assert_eq!(world.one(left).await, "0", "nothing is kept, and nothing waits");

    // Deliveries go as ever.
    let body = json!({ "type": "event_callback", "team_id": "T1", "event": { "type": "team_join" } }).to_string();
    let delivered = send(now, &signed(now, &body), &body).await;
    assert_eq!((delivered.status, delivered.text().as_str()), (200, ""), "{delivered}");
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries").await, "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_3_a_handshake_that_comes_unsigned_is_answered_before_there_is_a_secret() {
    let world = World::start(Options::default()).await;
    let webhook = "[webhook]\nscheme = \"hmac\"\nheader = \"x-sign\"\nhash = \"sha256\"\n\
        [webhook.handshake]\nanswer = \"query.hub.token\"\nunsigned = true\n";
    let path = described(&world, webhook).await;
    let made = put(&world, &path, &json!({})).await.ok();
    let url = made["url"].as_str().unwrap();
    let send = async |method: Method, query: &str| {
        let caller = world.anonymous();
        caller.request(method, &format!("{url}{query}")).send().await
    };
    for method in [Method::GET, Method::POST] {
        let answered = send(method.clone(), "?hub.mode=subscribe&hub.token=Validation%3A+a-1").await;
        sent_back(&answered, "Validation: a-1");
        let refused = send(method, "?hub.token=%3Cscript%3E").await;
        refused.problem(400, "bad_request");
        assert!(!refused.text().contains("script"), "{refused}");
    }
    let looked = send(Method::GET, "").await;
    assert_eq!((looked.status, looked.text().as_str()), (200, ""), "{looked}");
    send(Method::POST, "").await.problem(409, "integration_misconfigured");
    put(&world, &path, &json!({ "secret": SECRET })).await.ok();
    send(Method::POST, "").await.problem(401, "unauthenticated");
    sent_back(&send(Method::POST, "?hub.token=7").await, "7");
    world.anonymous().get(&format!("{}/inbound/nobody?hub.token=7", world.origin())).await.problem(404, "not_found");
    assert_eq!(world.one("SELECT count(*) FROM inbound_deliveries").await, "0");
    world.end().await;
}

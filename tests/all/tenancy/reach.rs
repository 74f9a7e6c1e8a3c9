//! Keys that reach a part of their environment (product.md G2): every operation of the API with such a key, against a
//! thing outside and against one inside; and the wall in the database behind it.

use serde_json::{Value, json};

use super::scene::{Operation, Rows, Scene, operations, text};
use crate::support::{Answer, TenantKey};

/// A key bound in one way.
struct Bound {
    how: &'static str,
    secret: String,
}

/// Operations that show what every tenant may see, or what is nobody's: the providers that there are.
const OPEN: &[&str] = &["get /v1/providers", "get /v1/providers/{provider}"];

/// What whoever sees an integration sees of it.
const OF_INTEGRATIONS: &[&str] =
    &["get /v1/integrations/{integration}", "get /v1/integrations/{integration}/streams/{stream}/policy"];

impl Bound {
    async fn make(scene: &Scene, how: &'static str, only: Value) -> Self {
        let wish = json!({ "name": how, "scopes": ["*"], "only": only });
        let secret = text(&scene.world.key().post("/v1/api-keys", &wish).await.ok()["secret"]);
        Self { how, secret }
    }

    async fn send(&self, scene: &Scene, operation: &Operation) -> Answer {
        if operation.name() == "post /v1/connect/sessions" {
            // Named by what is outside: without a name, all that the key reaches is meant.
            let body = json!({ "end_user": { "id": "merchant-3" }, "integrations": [scene.ids["integration"]] });
            return TenantKey::at(scene.world.origin(), &self.secret).post("/v1/connect/sessions", &body).await;
        }
        scene.send(operation, &[("authorization", &format!("Bearer {}", self.secret))]).await
    }

    fn caller(&self, scene: &Scene) -> TenantKey {
        TenantKey::at(scene.world.origin(), &self.secret)
    }
}

/// A connection through another integration, with other tags; and the integration's id.
async fn elsewhere(scene: &Scene) -> (String, String) {
    let world = &scene.world;
    let market = world.one("SELECT integration_id FROM integrations WHERE slug = 'described'").await;
    let uuid = world
        .one(&format!(
            "INSERT INTO connections SELECT (jsonb_populate_record(c, jsonb_build_object('connection_id', gen_random_uuid(), \
             'integration_id', '{market}', 'end_user_id', 'merchant-9', 'tags', jsonb_build_object('team', 'north')))).* \
             FROM connections c RETURNING connection_id"
        ))
        .await;
    let connection = ids::ConnectionId::from_uuid(uuid.parse().unwrap()).to_string();
    (connection, ids::IntegrationId::from_uuid(market.parse().unwrap()).to_string())
}

async fn tag(scene: &Scene) {
    let path = format!("/v1/connections/{}", scene.ids["connection"]);
    scene.world.key().patch(&path, &json!({ "tags": { "team": "south", "tier": "gold" } })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn g_2_what_a_key_does_not_reach_is_as_if_it_were_another_tenants() {
    let scene = Scene::set().await;
    tag(&scene).await;
    let (connection, integration) = elsewhere(&scene).await;
    let keys = [
        Bound::make(&scene, "by integration", json!({ "integrations": [integration] })).await,
        Bound::make(&scene, "by connection", json!({ "connections": [connection] })).await,
        Bound::make(&scene, "by tag", json!({ "tags": ["team=north"] })).await,
        Bound::make(
            &scene,
            "by all",
            json!({ "integrations": [integration], "connections": [connection], "tags": ["team=north"] }),
        )
        .await,
        Bound::make(&scene, "by what never meets", json!({ "integrations": ["acme"], "tags": ["team=north"] })).await,
    ];
    // In memory, as it is most of the time: what lies there is shared by all keys.
    scene.world.key().get(&format!("/v1/connections/{}/credential", scene.ids["connection"])).await.ok();
    let before = scene.fingerprint(Rows::OfTheTenant).await;
    let mut refused = 0;
    for operation in operations().iter().filter(|operation| operation.scheme == "api_key") {
        if OPEN.contains(&operation.name().as_str()) {
            continue;
        }
        for key in &keys {
            let answer = key.send(&scene, operation).await;
            let who = format!("{}, {}", key.how, operation.name());
            // The integrations are not narrowed by tags: who may make connections of a tag may do so through any, and sees
            // how long each keeps what it pulls.
            let sees_integrations = ["by tag", "by what never meets"].contains(&key.how)
                && OF_INTEGRATIONS.contains(&operation.name().as_str());
            if operation.method == http::Method::GET && !operation.names_a_thing() {
                assert!([200, 403].contains(&answer.status), "{who}: {answer}");
                for what in
                    ["connection", "sync", "run", "action_run", "delivery", "session", "key", "endpoint", "install"]
                {
                    assert!(!answer.text().contains(&scene.ids[what]), "{who} was shown the {what}: {answer}");
                }
            } else if !sees_integrations {
                assert!([403, 404, 422].contains(&answer.status), "{who}: {answer}");
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{who}: {answer}");
                refused += 1;
            }
        }
        assert_eq!(scene.fingerprint(Rows::OfTheTenant).await, before, "{} had an effect", operation.name());
    }
    assert!(refused > 100, "{refused} were refused");
    for (key, seen) in keys.iter().zip([1, 1, 1, 1, 0]) {
        let listed = key.caller(&scene).get("/v1/connections").await.ok();
        assert_eq!(listed["data"].as_array().unwrap().len(), seen, "{}: {listed}", key.how);
    }
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g_2_what_a_key_reaches_it_may_read_call_and_change() {
    let scene = Scene::set().await;
    tag(&scene).await;
    elsewhere(&scene).await;
    let ids = &scene.ids;
    let keys = [
        Bound::make(&scene, "by integration", json!({ "integrations": ["acme"] })).await,
        Bound::make(&scene, "by connection", json!({ "connections": [ids["connection"]] })).await,
        Bound::make(&scene, "by tag", json!({ "tags": ["team=west", "team=south"] })).await,
        Bound::make(
            &scene,
            "by all",
            json!({ "integrations": ["acme"], "connections": [ids["connection"]], "tags": ["tier=gold"] }),
        )
        .await,
    ];
    for key in &keys {
        let caller = key.caller(&scene);
        let connection = format!("/v1/connections/{}", ids["connection"]);
        for path in [
            connection.clone(),
            format!("{connection}/credential"),
            format!("/v1/integrations/{}", ids["integration"]),
            format!("/v1/runs/{}", ids["run"]),
            format!("/v1/runs/{}/logs", ids["run"]),
            format!("/v1/records?connection={}&stream={}", ids["connection"], ids["stream"]),
        ] {
            let answer = caller.get(&path).await;
            assert_eq!(answer.status, 200, "{}: {answer}", key.how);
        }
        for list in ["/v1/connections", "/v1/syncs", "/v1/runs"] {
            let listed = caller.get(list).await.ok();
            let all = listed["data"].as_array().unwrap();
            assert!(!all.is_empty(), "{}: {list}", key.how);
            assert!(
                all.iter().all(|one| one["id"] == ids["connection"] || one["connection_id"] == ids["connection"]),
                "{}: {listed}",
                key.how
            );
        }
        let call = caller.request(http::Method::GET, "/v1/proxy/v1/orders?limit=1");
        call.header("patchbay-connection", &ids["connection"]).send().await.ok();
        let noted = caller.patch(&connection, &json!({ "metadata_merge": { "by": key.how } })).await.ok();
        assert_eq!(noted["metadata"]["by"], key.how);
        caller.post(&format!("/v1/syncs/{}/pause", ids["sync"]), &json!({})).await.ok();
        caller.post(&format!("/v1/syncs/{}/resume", ids["sync"]), &json!({})).await.ok();
        let repair = json!({ "end_user": { "id": "merchant-1" }, "connection_id": ids["connection"] });
        let session = caller.post("/v1/connect/sessions", &repair).await.ok();
        caller.get(&format!("/v1/connect/sessions/{}", text(&session["id"]))).await.ok();
        assert_eq!(caller.delete(&format!("/v1/connect/sessions/{}", text(&session["id"]))).await.status, 204);
    }
    // What is made anew lies inside or is not made.
    let (by_integration, by_connection, by_tag) =
        (keys[0].caller(&scene), keys[1].caller(&scene), keys[2].caller(&scene));
    let plain = json!({ "end_user": { "id": "merchant-5" } });
    let session = by_integration.post("/v1/connect/sessions", &plain).await.ok();
    let (token, id) = (text(&session["token"]), text(&session["id"]));
    let page = crate::support::ConnectBrowser::at(scene.world.origin(), &token).get("/connect/api/session").await.ok();
    assert_eq!(page["choices"].as_array().unwrap().len(), 1, "the others are not offered: {page}");
    by_integration.get(&format!("/v1/connect/sessions/{id}")).await.ok();
    keys[3].caller(&scene).get(&format!("/v1/connect/sessions/{id}")).await.problem(404, "not_found");
    let refused = by_connection.post("/v1/connect/sessions", &plain).await.problem(422, "invalid_fields");
    assert_eq!(refused.fields[0].field, "connection_id");
    let refused = by_tag.post("/v1/connect/sessions", &plain).await.problem(422, "invalid_fields");
    assert_eq!(refused.fields[0].field, "tags");
    let tagged = json!({ "end_user": { "id": "merchant-5" }, "tags": { "team": "west" } });
    by_tag.post("/v1/connect/sessions", &tagged).await.ok();
    // Nor does it put out of its reach, or another's, what it has.
    let path = format!("/v1/connections/{}", ids["connection"]);
    for change in
        [json!({ "tags": {} }), json!({ "tags_merge": { "team": null } }), json!({ "tags_merge": { "team": "north" } })]
    {
        let refused = by_tag.patch(&path, &change).await.problem(422, "invalid_fields");
        assert_eq!(refused.fields[0].field, "tags", "{change}");
    }
    let moved =
        json!({ "end_user": { "id": "merchant-1" }, "connection_id": ids["connection"], "tags": { "team": "north" } });
    by_tag.post("/v1/connect/sessions", &moved).await.problem(422, "invalid_fields");
    // To configure an integration is for keys that reach it as a whole.
    let path = format!("/v1/integrations/{}", ids["integration"]);
    by_integration.patch(&path, &json!({ "display_name": "Renamed" })).await.ok();
    by_tag.patch(&path, &json!({ "display_name": "Again" })).await.problem(403, "missing_scope");
    by_integration.post("/v1/integrations", &json!({ "provider": "acme" })).await.problem(403, "missing_scope");
    // When a tag is taken away, the keys that reach by it lose the connection at once, also where it lies in memory.
    let credential = format!("/v1/connections/{}/credential", ids["connection"]);
    by_tag.get(&credential).await.ok();
    scene.world.key().patch(&format!("/v1/connections/{}", ids["connection"]), &json!({ "tags": {} })).await.ok();
    by_tag.get(&credential).await.problem(404, "not_found");
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g_2_a_bound_key_is_made_of_things_that_exist_and_scopes_that_fit() {
    let scene = Scene::set().await;
    let key = scene.world.key();
    let named = |scopes: Value, only: Value| json!({ "name": "bound", "scopes": scopes, "only": only });
    let nobody = ids::ConnectionId::from_uuid(uuid::Uuid::from_u128(1)).to_string();
    for (field, wish) in [
        ("only", named(json!(["proxy"]), json!({}))),
        ("only.integrations", named(json!(["proxy"]), json!({ "integrations": ["nothing"] }))),
        ("only.connections", named(json!(["proxy"]), json!({ "connections": [nobody] }))),
        ("only.tags", named(json!(["proxy"]), json!({ "tags": ["team"] }))),
        ("only.tags", named(json!(["proxy"]), json!({ "tags": vec!["a=b"; 101] }))),
        ("scopes", named(json!(["events:read"]), json!({ "tags": ["a=b"] }))),
        ("scopes", named(json!(["keys:write"]), json!({ "integrations": ["acme"] }))),
        ("scopes", named(json!(["integrations:write"]), json!({ "tags": ["a=b"] }))),
    ] {
        let answer = key.post("/v1/api-keys", &wish).await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, field, "{answer}");
    }
    let made = key
        .post("/v1/api-keys", &named(json!(["*"]), json!({ "integrations": ["acme"], "tags": ["a=it's"] })))
        .await
        .ok();
    assert_eq!(
        made["key"]["only"],
        json!({ "integrations": [scene.ids["integration"]], "connections": [], "tags": ["a=it's"] })
    );
    // A quote in a tag is a quote.
    let bound = TenantKey::at(scene.world.origin(), &text(&made["secret"]));
    assert_eq!(bound.get("/v1/connections").await.ok()["data"], json!([]));
    // An integration that is taken away leaves the key reaching nothing, and not everything.
    let market = key
        .post(
            "/v1/integrations",
            &json!({ "provider": "described", "slug": "short", "client_id": "c", "client_secret": "s" }),
        )
        .await
        .ok();
    let made = key.post("/v1/api-keys", &named(json!(["*"]), json!({ "integrations": ["short"] }))).await.ok();
    let bound = TenantKey::at(scene.world.origin(), &text(&made["secret"]));
    assert_eq!(bound.get("/v1/integrations").await.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(key.delete(&format!("/v1/integrations/{}", text(&market["id"]))).await.status, 204);
    for list in ["/v1/integrations", "/v1/connections", "/v1/syncs", "/v1/runs"] {
        assert_eq!(bound.get(list).await.ok()["data"], json!([]), "{list}");
    }
    scene.world.end().await;
}

/// Tables of an environment that have no wall against bound keys, each with its reason.
const WITHOUT: &[(&str, &str)] = &[
    ("audit", "written by everybody; nobody bound reads it"),
    ("data_keys", "wrapped; what they open lies behind the wall"),
    ("deliveries", "written with every event; read with events:read, which no bound key has"),
    ("delivery_attempts", "as the deliveries"),
    ("endpoints", "read to tell them of events; shown with events:read, which no bound key has"),
    ("environments", "belongs to the tenant"),
    ("events", "written by everybody; shown to nobody"),
    ("jobs", "written by everybody; shown to nobody"),
    ("key_rewraps", "the operator's; shown to no key"),
];

#[tokio::test(flavor = "multi_thread")]
async fn g_2_a_transaction_of_a_bound_key_that_names_no_reach_sees_nothing() {
    let scene = Scene::set().await;
    let world = &scene.world;
    let (tenant, environment) = (scene.uuid("tenant").await, scene.uuid("environment").await);
    let bound = "SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE NOT p.polpermissive AND 'patchbay_bound'::regrole = ANY (p.polroles)";
    let walled: Vec<String> = world.sql(bound).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
    for (table, columns) in super::scene::tables(world).await {
        if !columns.contains(&"environment_id".to_owned()) {
            continue;
        }
        let excepted = WITHOUT.iter().any(|(name, _)| *name == table);
        assert_eq!(
            walled.contains(&table),
            !excepted,
            "{table}: CALL patchbay_reach_by_connection, or say here why not"
        );
        // Read by whoever reads an integration; written by nobody who is bound.
        if excepted || ["provider_versions", "plugin_versions", "plugin_pins"].contains(&table.as_str()) {
            continue;
        }
        let sql = format!(
            "BEGIN; SET LOCAL ROLE patchbay_bound; SET LOCAL patchbay.tenant = '{tenant}'; \
             SET LOCAL patchbay.environment = '{environment}'; SELECT count(*) FROM {table}"
        );
        assert_eq!(world.one(&sql).await, "0", "{table}");
    }
    let role = "SELECT rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole FROM pg_roles WHERE rolname = 'patchbay_bound'";
    assert_eq!(world.one(role).await, "f");
    scene.world.end().await;
}

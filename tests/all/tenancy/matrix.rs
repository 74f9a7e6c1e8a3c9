//! Every operation of the OpenAPI document × everybody who may not call it, or may not call it with this thing.

use serde_json::json;

use super::scene::{Operation, Rows, Scene, operations};
use crate::support::Answer;

/// Operations that anybody may call, each with its reason: none.
const EXCEPTIONS: &[&str] = &[];

/// A denial: one of the three statuses, as a problem document, and not a word about what there is.
#[track_caller]
fn assert_denied(answer: &Answer, who: &str, allowed: &[u16]) {
    assert!(allowed.contains(&answer.status), "{who}: {answer}");
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{who}: {answer}");
    assert_eq!(problem["status"], answer.status, "{who}: {answer}");
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {token}"))]
}

fn lent<'a>(claims: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    claims.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_nobody_without_a_valid_key_gets_anything_and_nothing_happens() {
    let scene = Scene::set().await;
    let world = &scene.world;
    // Made before the looking begins: a key that ends and one that is taken back.
    let expired = world
        .key()
        .post("/v1/api-keys", &json!({ "name": "ends", "scopes": ["*"], "expires_at": "2999-01-01T00:00:00Z" }))
        .await
        .ok();
    world.sql("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE name = 'ends'").await;
    let revoked = world.key().post("/v1/api-keys", &json!({ "name": "withdrawn", "scopes": ["*"] })).await.ok();
    let revoked_path = format!("/v1/api-keys/{}", revoked["key"]["id"].as_str().unwrap());
    world.key().delete(&revoked_path).await.ok();
    let good = &world.tenant().secret;
    let mut mistyped = good.clone();
    mistyped.replace_range(20..21, if &good[20..21] == "x" { "y" } else { "x" });
    let nobody: Vec<(&str, Vec<(&str, String)>)> = vec![
        ("no key", vec![]),
        ("an empty key", bearer("")),
        ("a mistyped key", bearer(&mistyped)),
        ("half a key", bearer(&good[..30])),
        ("a key that never was", bearer("pbk_0000000000000000000000000000000000000000000000")),
        ("something with control in it", bearer("pbk_\u{e9}\u{e9}")),
        ("the key by Basic", vec![("authorization", format!("Basic {good}"))]),
        ("an expired key", bearer(expired["secret"].as_str().unwrap())),
        ("a revoked key", bearer(revoked["secret"].as_str().unwrap())),
        ("the key in a cookie", vec![("cookie", format!("__Host-patchbay-portal={good}"))]),
        ("somebody else's operator token", bearer("operator-token-of-the-tests-9876543210")),
    ];
    let before = scene.fingerprint(Rows::All).await;
    let mut checked = 0;
    for operation in operations().iter().filter(|operation| !EXCEPTIONS.contains(&operation.id.as_str())) {
        for (who, claims) in &nobody {
            let answer = scene.send(operation, &lent(claims)).await;
            // A write with a cookie is first asked where it comes from.
            let allowed: &[u16] = if *who == "the key in a cookie" { &[401, 403] } else { &[401] };
            assert_denied(&answer, who, allowed);
            checked += 1;
        }
        assert_eq!(scene.fingerprint(Rows::All).await, before, "{} had an effect", operation.name());
    }
    assert!(checked > 11 * 20, "{checked} were checked");
    // The scene would have let the right key in.
    assert_eq!(world.key().get("/v1/connections").await.ok()["data"].as_array().unwrap().len(), 1);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_a_key_without_the_scope_is_refused_and_nothing_happens() {
    let scene = Scene::set().await;
    let mut keys = std::collections::BTreeMap::new();
    for (_, scope) in domain::permission::Permission::ALL {
        keys.insert(*scope, scene.key_without(scope).await);
    }
    let before = scene.fingerprint(Rows::All).await;
    for operation in operations().iter().filter(|operation| operation.scheme == "api_key") {
        let scope = operation.scope.as_deref().unwrap();
        let answer = scene.send(operation, &lent(&bearer(&keys[scope]))).await;
        let problem = answer.problem(403, "missing_scope");
        assert!(problem.detail.contains(&format!("`{scope}`")), "it names the scope that is missing: {answer}");
        assert_eq!(scene.fingerprint(Rows::All).await, before, "{} had an effect", operation.name());
    }
    scene.world.end().await;
}

/// What a neighbour gets for the tenant's thing, or, where no thing is named, that nothing of the tenant's is shown.
async fn neighbour_gets_nothing(scene: &Scene, operation: &Operation, who: &str, claims: &[(&str, &str)]) {
    let answer = scene.send(operation, claims).await;
    if operation.names_a_thing() || operation.scheme != "api_key" {
        assert_denied(&answer, who, &[401, 403, 404]);
    } else {
        assert!(answer.status < 500, "{who}: {answer}");
        let text = answer.text();
        for (what, id) in
            scene.ids.iter().filter(|(what, _)| !["stream", "provider", "plugin", "version", "action"].contains(what))
        {
            // A neighbour environment of the same tenant may see whose it is.
            assert!(!text.contains(id.as_str()) || *what == "tenant", "{who} was shown the {what}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_another_tenants_key_and_another_environments_key_reach_nothing() {
    let scene = Scene::set().await;
    let neighbours = [
        ("another tenant's key", scene.stranger.secret.clone()),
        ("another environment's key", scene.other_key.clone()),
    ];
    let before = scene.fingerprint(Rows::OfTheTenant).await;
    for operation in &operations() {
        for (who, key) in &neighbours {
            neighbour_gets_nothing(&scene, operation, who, &lent(&bearer(key))).await;
            assert_eq!(scene.fingerprint(Rows::OfTheTenant).await, before, "{who}: {} had an effect", operation.name());
        }
    }
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_things_of_others_are_refused_in_bodies_and_queries_too() {
    let scene = Scene::set().await;
    let (integration, connection) = (&scene.ids["integration"], &scene.ids["connection"]);
    let before = scene.fingerprint(Rows::OfTheTenant).await;
    for key in [&scene.stranger.secret, &scene.other_key] {
        let caller = crate::support::TenantKey::at(scene.world.origin(), key);
        for body in [
            json!({ "end_user": { "id": "x" }, "integrations": [integration] }),
            json!({ "end_user": { "id": "x" }, "integrations": ["acme"] }),
            json!({ "end_user": { "id": "x" }, "connection_id": connection }),
            json!({ "end_user": { "id": "x" }, "install": scene.ids["install"] }),
        ] {
            let answer = caller.post("/v1/connect/sessions", &body).await;
            assert_denied(&answer, "a neighbour", &[404, 422]);
        }
        for query in ["connection", "sync", "run", "endpoint", "integration"] {
            for list in ["/v1/syncs", "/v1/runs", "/v1/deliveries", "/v1/connections"] {
                let answer = caller.get(&format!("{list}?{query}={}", scene.ids[query])).await;
                let shown = answer.status == 200 && answer.json()["data"] != json!([]);
                assert!(!shown && answer.status < 500, "{answer}");
            }
        }
    }
    assert_eq!(scene.fingerprint(Rows::OfTheTenant).await, before);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_1_the_portal_reaches_no_other_tenant_and_no_credential() {
    let scene = Scene::set().await;
    let world = &scene.world;
    let (_, mine) = world.member("auditor").await;
    let tenant = scene.stranger.tenant["id"].as_str().unwrap();
    let wish =
        json!({ "email": "spy@neighbour.example", "name": "Spy", "password": world.password(), "role": "owner" });
    world.operator().post(&format!("/v1/operator/tenants/{tenant}/members"), &wish).await.ok();
    let own = scene.stranger.environment["id"].as_str().unwrap();
    let cookie = |portal: &crate::support::Portal| {
        let (key, value) = portal.cookies().into_iter().next().unwrap();
        format!("{}={value}", key.split(' ').next_back().unwrap())
    };
    let origin = world.origin();
    let spy = cookie(&crate::support::Portal::sign_in(origin, "spy@neighbour.example", world.password(), own).await);
    let auditor = cookie(&crate::support::Portal::sign_in(origin, &mine, world.password(), own).await);
    let ours = scene.ids["environment"].as_str();
    let before = scene.fingerprint(Rows::OfTheTenant).await;
    for operation in operations().iter().filter(|operation| operation.scheme == "api_key") {
        let claims = |cookie: &str, environment: &str| {
            vec![
                ("cookie", cookie.to_owned()),
                ("patchbay-environment", environment.to_owned()),
                ("patchbay-csrf", "1".to_owned()),
                ("origin", origin.to_owned()),
            ]
        };
        let answer = scene.send(operation, &lent(&claims(&spy, ours))).await;
        assert_denied(&answer, "a member of another tenant, in our environment", &[403, 404]);
        neighbour_gets_nothing(
            &scene,
            operation,
            "a member of another tenant, in their own",
            &lent(&claims(&spy, own)),
        )
        .await;
        if operation.scope.as_deref().is_some_and(|scope| !scope.ends_with(":read"))
            || operation.scope.as_deref() == Some("credentials:read")
        {
            let answer = scene.send(operation, &lent(&claims(&auditor, ours))).await;
            answer.problem(403, "missing_scope");
        }
        if operation.writes() {
            let mut forged = claims(&auditor, ours);
            forged.retain(|(name, _)| *name != "patchbay-csrf");
            scene.send(operation, &lent(&forged)).await.problem(403, "forbidden_origin");
        }
        let after = scene.fingerprint(Rows::OfTheTenant).await;
        assert_eq!(after, before, "{} had an effect", operation.name());
    }
    scene.world.end().await;
}

//! The ten rows of ARCHITECTURE.md's walk, one by one, as seen by the tenant, in the database and at the other servers.
//! Keys are Vault's, the authorization server is `oidc-provider`.

use acme::{Fault, Kind, Misbehaviour};
use api_types::{
    event::EventKind,
    sync::{Run, RunState},
};
use serde_json::{Value, json};
use url::Url;

use crate::support::*;

const MERCHANT: &str = "merchant-17";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_job_ten_rows() {
    // Jobs run from row 5 on, so that what row 4 commits can be looked at undisturbed.
    let mut world = World::start(Options { keys: KeysOf::SharedVault, worker: false, ..Options::default() }).await;
    let key = world.key();
    let sink = Sink::start().await;
    let endpoint = key.post("/v1/endpoints", &json!({ "url": sink.url(), "description": "backend" })).await.ok();
    let integration = world.oidc_integration().await;
    let integration_id = integration["id"].as_str().unwrap();
    assert_eq!(integration["has_client_secret"], true);
    assert!(integration.get("client_secret").is_none(), "a secret is never given back");

    // Row 1: the tenant's backend opens a connect session; its token is stored hashed and lives 30 minutes.
    let (session, browser) = ConnectBrowser::open(&key, world.origin(), MERCHANT).await;
    let session_id = session["id"].as_str().unwrap();
    let token = session["token"].as_str().unwrap();
    assert!(token.starts_with("cst_"));
    let stored = world
        .sql("SELECT encode(token_hash, 'hex'), expires_at - created_at, state, s::text FROM connect_sessions s")
        .await;
    let [Some(hash), Some(lifetime), Some(state), Some(row)] = stored[0].as_slice() else { panic!("{stored:?}") };
    assert_eq!(*hash, sha256_hex(token));
    assert_eq!((lifetime.as_str(), state.as_str()), ("00:30:00", "open"));
    assert!(!row.contains(token), "the token itself is stored");
    let link: Url = session["link"].as_str().unwrap().parse().unwrap();
    assert_eq!(link.fragment(), Some(token), "the token is where neither servers nor referrers see it");
    assert_eq!(link.path(), format!("/connect/{session_id}"));

    // Row 2: the widget loads the hosted page with the session's token.
    let page = world.anonymous().get(link.path()).await;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("cache-control").is_some_and(|value| value.contains("no-store")));
    let csp = page.header("content-security-policy").expect("the page has a content security policy");
    assert!(
        csp.contains(&format!("frame-ancestors {}", world.origin())),
        "framed by the session's origins alone: {csp}"
    );
    let described = browser.get("/connect/api/session").await.ok();
    assert_eq!(described["tenant_name"], "Lamplight Commerce");
    assert_eq!(described["end_user"]["id"], MERCHANT);
    assert_eq!(described["choices"][0]["integration_id"], integration_id);
    world.anonymous().get("/connect/api/session").await.problem(401, "unauthenticated");

    // Row 3: the end user picks a provider. The attempt keeps the state's hash and the verifier sealed, for ten minutes.
    let launched = browser.launch(world.origin(), token, integration_id, "redirect").await;
    let authorization = leads_to(&launched, Oidc::shared().await.origin());
    let parameter = |name: &str| {
        let found = authorization.query_pairs().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name} in {authorization}")).1.into_owned()
    };
    assert_eq!(parameter("code_challenge_method"), "S256");
    assert_eq!(parameter("code_challenge").len(), 43);
    assert_eq!(parameter("redirect_uri"), integration["redirect_uri"]);
    assert!(browser.cookies().iter().any(|(name, _)| name.contains("__Host-")), "the attempt is bound to the browser");
    let attempts = world
        .sql("SELECT state, encode(state_hash, 'hex'), kept IS NOT NULL, expires_at - created_at FROM connect_attempts")
        .await;
    let expected = ["pending", &sha256_hex(&parameter("state")), "t", "00:10:00"].map(|text| Some(text.to_owned()));
    assert_eq!(attempts, [expected.to_vec()]);

    // Row 4: the provider redirects back. Another browser gets nowhere and changes nothing.
    let callback = Consent::default().at_oidc(&authorization, "ada", true).await;
    let stolen = world.anonymous().get(callback.as_str()).await;
    assert_eq!(stolen.screen(), "wrong-browser", "{stolen}");
    assert_eq!(world.one("SELECT state FROM connect_attempts").await, "pending");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    // 4a to 4d: the right one makes the connection.
    let back = browser.get(callback.as_str()).await;
    assert!(back.status < 400, "{back}");
    assert_eq!(back.header("referrer-policy"), Some("no-referrer"));
    let session = key.get(&format!("/v1/connect/sessions/{session_id}")).await.ok();
    assert_eq!(session["status"], "connected", "{session}");
    let connection_id = session["connection_id"].as_str().unwrap().to_owned();
    let connection = key.get(&format!("/v1/connections/{connection_id}")).await.ok();
    assert_eq!(connection["health"]["state"], "active");
    assert_eq!((&connection["account"], &connection["account_name"]), (&json!("ada"), &json!("Ada’s Lamp Shop")));
    assert_eq!(connection["end_user"]["id"], MERCHANT);
    assert_eq!(world.one("SELECT state FROM connect_attempts").await, "connected");
    assert_eq!(world.one("SELECT kept IS NULL FROM connect_attempts").await, "t", "a used verifier is forgotten");
    // 4c: connection, credential, syncs, first jobs and event are one transaction: they carry the same number of it.
    let transactions = world
        .sql(
            "SELECT DISTINCT xmin::text FROM (
                SELECT xmin FROM connections UNION ALL SELECT xmin FROM credentials UNION ALL SELECT xmin FROM syncs
                UNION ALL SELECT xmin FROM jobs WHERE queue = 'sync_run' UNION ALL SELECT xmin FROM events) AS rows",
        )
        .await;
    assert_eq!(transactions.len(), 1, "several transactions: {transactions:?}");
    assert_eq!(world.one("SELECT count(*) FROM syncs").await, "2");
    assert_eq!(world.one("SELECT count(*) FROM jobs WHERE queue = 'sync_run' AND state = 'waiting'").await, "2");
    assert_eq!(world.one("SELECT string_agg(kind, ' ') FROM events").await, "connection.created");
    let credential = key.get(&format!("/v1/connections/{connection_id}/credential")).await.ok();
    let first_token = credential["access_token"].as_str().unwrap().to_owned();
    assert!(!world.database().dump().await.contains(&first_token), "an access token is in the database");
    let wrapped = world.one("SELECT wrapped FROM data_keys WHERE retired_at IS NULL").await;
    assert!(wrapped.starts_with("vault:v1:"), "the data key is not wrapped by Vault but {wrapped}");

    // Row 5: a worker claims the job with a lease. The provider is slow, so that it can be seen at work.
    world.acme().misbehave(Misbehaviour {
        path: "/v1/orders".into(),
        skip: 0,
        times: 1,
        fault: Fault::Slow { ms: 1_500 },
    });
    // Row 6 needs a token that is about to end: half a minute of an hour is left.
    let about_to_end =
        "UPDATE credentials SET expires_at = now() + interval '30 s', updated_at = now() - interval '1 h'";
    world.sql(about_to_end).await;
    world.forget_credentials();
    world.start_jobs();
    until("a worker is at the orders", PATIENCE, async || {
        let held = world
            .sql(
                "SELECT 1 FROM jobs j, runs r JOIN syncs s USING (sync_id)
                 WHERE s.stream = 'orders' AND r.state = 'running' AND r.fence = 1
                   AND j.queue = 'sync_run' AND j.state = 'running' AND j.lease_until > now() AND j.lease_number > 0
                   AND j.worker IS NOT NULL AND j.attempt = 1",
            )
            .await;
        (!held.is_empty()).then_some(())
    })
    .await;

    // Row 6: a fresh token was needed, and both streams got the same one.
    let runs = world.synced(&connection_id).await;
    assert_eq!(world.one("SELECT generation FROM credentials").await, "2", "one refresh for both streams");
    let credential = key.get(&format!("/v1/connections/{connection_id}/credential")).await.ok();
    assert_ne!(credential["access_token"], first_token, "the token was not renewed");

    // Row 7: the plugin pulled pages, and the host added the credential that the provider asks for.
    let calls = world.acme().calls();
    let (orders, customers) = (world.acme().ids("ada", Kind::Orders), world.acme().ids("ada", Kind::Customers));
    assert!(!orders.is_empty() && !customers.is_empty());
    let runs: Vec<Run> = runs.into_iter().map(|run| serde_json::from_value(run).unwrap()).collect();
    for (stream, path) in [("orders", "GET /v1/orders"), ("customers", "GET /v1/customers")] {
        let run = runs.iter().find(|run| run.stream == stream).unwrap();
        assert_eq!(u64::from(run.counts.pages), calls[path], "{stream}: each page was asked for once");
    }

    // Row 8: records and cursor. What the API gives is exactly what the provider has.
    for (stream, expected) in [("orders", &orders), ("customers", &customers)] {
        let mut ids: Vec<String> = Vec::new();
        for record in world.records(&connection_id, stream).await {
            assert!(record["deleted_at"].is_null() && record["data"].is_object(), "{record}");
            ids.push(record["id"].as_str().unwrap().to_owned());
        }
        ids.sort();
        assert_eq!(&ids, expected, "{stream}");
    }
    assert_eq!(world.one("SELECT cursor IS NOT NULL FROM syncs WHERE stream = 'orders'").await, "t");

    // Row 9: the runs ended, with true counts, and each with an event.
    for (stream, expected) in [("orders", orders.len()), ("customers", customers.len())] {
        let run = runs.iter().find(|run| run.stream == stream).unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        assert_eq!(run.trigger, "connect");
        let counts = (run.counts.added, run.counts.updated, run.counts.deleted, run.counts.unchanged);
        assert_eq!(counts, (u64::try_from(expected).unwrap(), 0, 0, 0), "{stream}");
    }
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'sync.succeeded'").await, "2");

    // Row 10: one signed POST for each event, each attempt recorded.
    let secret = endpoint["secret"].as_str().unwrap();
    let created = sink.wait_for("connection.created", 1).await;
    let succeeded = sink.wait_for("sync.succeeded", 2).await;
    assert_eq!(created[0].json()["data"]["connection_id"], connection_id);
    for posted in created.iter().chain(&succeeded) {
        posted.verify(secret).unwrap();
        assert!(posted.verify(&another(secret)).is_err(), "any secret verifies");
        let event: api_types::event::Event = serde_json::from_slice(&posted.body).unwrap();
        assert!([EventKind::ConnectionCreated, EventKind::SyncSucceeded].contains(&event.kind));
    }
    let endpoint_id = endpoint["endpoint"]["id"].as_str().unwrap();
    let delivered = until("all three are recorded as delivered", PATIENCE, async || {
        let page = key.get(&format!("/v1/deliveries?endpoint={endpoint_id}&state=delivered")).await.ok();
        page["data"].as_array().filter(|data| data.len() == 3).cloned()
    })
    .await;
    for delivery in delivered {
        let path = format!("/v1/deliveries/{}/attempts", delivery["id"].as_str().unwrap());
        let attempts: Value = key.get(&path).await.ok();
        assert_eq!(attempts["data"].as_array().unwrap().len(), 1, "{attempts}");
        assert_eq!(attempts["data"][0]["status"], 204);
    }
    world.end().await;
}

fn sha256_hex(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

/// Another secret of the same form.
fn another(secret: &str) -> String {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let mut key = engine.decode(secret.trim_start_matches("whsec_")).unwrap();
    key[0] ^= 1;
    format!("whsec_{}", engine.encode(key))
}

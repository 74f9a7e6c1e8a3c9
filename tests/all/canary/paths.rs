//! The ways that secrets take through the system, one by one.

use std::{future::Future, pin::Pin};

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{hunt::Hunt, memory, modes};
use crate::{modes::oidc, support::*};

type Walk = for<'h> fn(&'h Hunt) -> Pin<Box<dyn Future<Output = ()> + 'h>>;

macro_rules! paths {
    ($($name:literal => $($walk:ident)::+;)*) => {
        /// Every way on which a secret passes through us. A new one is a line here.
        pub const PATHS: &[(&str, Walk)] = &[$(($name, |hunt| Box::pin($($walk)::+(hunt)))),*];
    };
}

paths! {
    "API keys: made, rotated, refused" => api_keys;
    "a member's password, right and wrong, and the portal's cookie" => passwords;
    "an integration's client secret and secret variables, made, changed and refused" => integrations;
    "a code flow: session, state, verifier, code, tokens, reads, calls, refreshes, failures, the end" => code_flow;
    "a key typed into the form, wrong and right, at a provider that says it back" => typed_in;
    "tokens brought along, good ones and such as are refused with an echo" => brought_along;
    "a client secret that the token endpoint says back" => echoed_by_token_endpoint;
    "DPoP and a client's private key, at a server that nobody here wrote" => bound_tokens;
    "every mode's form, verification, refresh, call and revocation, simulated" => modes::every_mode;
    "what lies in a plugin's memory after its run" => plugin_memory;
    "a server of its own whose every library logs at the finest level" => at_trace_level;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

async fn api_keys(hunt: &Hunt) {
    let world = &hunt.world;
    hunt.plant("the tenant's API key", &world.tenant().secret, &["POST /v1/operator/tenants/"]);
    hunt.plant("the operator's token", OPERATOR_TOKEN, &[]);
    let key = world.key();
    let made = key.post("/v1/api-keys", &json!({ "name": "spare", "scopes": ["connections:read"] })).await.ok();
    let rotate = format!("/v1/api-keys/{}/rotate", text(&made["key"]["id"]));
    let rotated = key.post(&rotate, &json!({})).await.ok();
    for secret in [&made["secret"], &rotated["secret"]] {
        let secret = text(secret);
        hunt.plant("an API key", &secret, &["POST /v1/api-keys"]);
        let caller = TenantKey::at(world.origin(), &secret);
        caller.get("/v1/connections").await.ok();
        caller.get("/v1/api-keys").await.problem(403, "missing_scope");
        // In wrong places too.
        for path in [format!("/v1/connections/{secret}"), format!("/v1/nothing?key={secret}"), format!("/{secret}")] {
            assert!(caller.get(&path).await.status >= 400);
        }
    }
    assert_eq!(key.delete(rotate.trim_end_matches("/rotate")).await.status, 204);
    let caller = TenantKey::at(world.origin(), rotated["secret"].as_str().unwrap());
    until("the key is refused", PATIENCE, async || (caller.get("/v1/connections").await.status == 401).then_some(()))
        .await;
}

async fn passwords(hunt: &Hunt) {
    let world = &hunt.world;
    hunt.plant("a member's password", world.password(), &[]);
    let (portal, email) = world.member("owner").await;
    let (_, cookie) = portal.cookies().into_iter().next().unwrap();
    hunt.plant("the portal's cookie", &cookie, &["POST /portal/api/sign-in"]);
    portal.get("/v1/connections").await.ok();
    let wrong = "a wrong passphrase 8374652";
    hunt.plant("a wrong password", wrong, &[]);
    let body = json!({ "email": email, "password": wrong });
    let stranger = world.anonymous();
    let refused = stranger.request(Method::POST, "/portal/api/sign-in").header("origin", world.origin());
    let refused = refused.header("patchbay-csrf", "1").json(&body).send().await;
    assert!(refused.status >= 400, "{refused}");
    let short = json!({ "email": "x@lamplight.example", "name": "X", "password": "short 73645", "role": "king" });
    let tenant = text(&world.tenant().tenant["id"]);
    let members = format!("/v1/operator/tenants/{tenant}/members");
    let refused = world.operator().post(&members, &short).await;
    assert!(refused.status >= 400, "{refused}");
    hunt.plant("a password that is too short", "short 73645", &[]);
}

/// A provider with a key of its own kind, described by the tenant, at that origin.
fn keyed(slug: &str, origin: &str) -> String {
    format!(
        "schema = 1\nslug = \"{slug}\"\nname = \"Keyed\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n\
         [variables.partner_key]\ntype = \"secret\"\nat = \"integration\"\nlabel = \"Partner key\"\n\
         [auth]\nmode = \"key\"\n[api]\nbase_url = \"{origin}\"\n\
         credential = {{ headers = {{ Authorization = \"Bearer {{api_key}}\", X-Partner = \"{{partner_key}}\" }} }}\n\
         [identity]\nurl = \"/me\"\naccount = \"sub\"\nname = \"name\"\n"
    )
}

async fn describe(world: &World, slug: &str, manifest: &str) {
    let path = format!("/v1/providers/{slug}");
    world.key().request(Method::PUT, &path).json(&json!({ "manifest": manifest })).send().await.ok();
}

async fn integrations(hunt: &Hunt) {
    let (world, key) = (&hunt.world, hunt.world.key());
    describe(world, "keyed-a", &keyed("keyed-a", world.acme().origin())).await;
    let (first, second) = ("partner-key-91827364-first", "partner-key-91827364-second");
    hunt.plant("an integration's secret", first, &[]);
    hunt.plant("an integration's new secret", second, &[]);
    let made =
        key.post("/v1/integrations", &json!({ "provider": "keyed-a", "secrets": { "partner_key": first } })).await.ok();
    let path = format!("/v1/integrations/{}", text(&made["id"]));
    key.patch(&path, &json!({ "secrets": { "partner_key": second } })).await.ok();
    for wrong in [json!({ "secrets": { "partnerkey": second } }), json!({ "variables": { "partner_key": first } })] {
        let refused = key.patch(&path, &wrong).await;
        assert!(refused.status >= 400, "{refused}");
    }
    let client = "client-secret-5544332211-first";
    hunt.plant("a client secret", client, &[]);
    let acme = json!({ "auth": world.acme().origin(), "api": world.acme().origin() });
    let wish =
        json!({ "provider": "acme", "slug": "other", "client_id": "c", "client_secret": client, "variables": acme });
    let made = key.post("/v1/integrations", &wish).await.ok();
    let path = format!("/v1/integrations/{}", text(&made["id"]));
    key.get(&path).await.ok();
    let refused = key.post("/v1/integrations", &wish).await;
    assert_eq!(refused.status, 409, "{refused}");
    let refused = key.patch(&path, &json!({ "client_secret": { "value": client } })).await;
    assert_eq!(refused.status, 422, "{refused}");
    assert_eq!(key.delete(&path).await.status, 204);
}

async fn code_flow(hunt: &Hunt) {
    let (world, key) = (&hunt.world, hunt.world.key());
    hunt.plant("the integration's client secret", "acme-client-secret-of-the-tests", &[]);
    let integration = world.acme_integration().await;
    let (session, browser) = ConnectBrowser::open(&key, world.origin(), "merchant-17").await;
    let token = text(&session["token"]);
    hunt.plant("a connect session's token", &token, &["POST /v1/connect/sessions"]);
    browser.get("/connect/api/session").await.ok();
    let launched = browser.launch(world.origin(), &token, integration["id"].as_str().unwrap(), "redirect").await;
    let authorization = leads_to(&launched, world.acme().origin());
    let of = |url: &url::Url, wanted: &str| {
        url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap()
    };
    hunt.plant("a state", &of(&authorization, "state"), &["POST /connect/launch"]);
    let callback = Consent::default().at_acme(&authorization, "shop_north", "allow").await;
    hunt.plant("an authorization code", &of(&callback, "code"), &[]);
    assert_eq!(browser.get(callback.as_str()).await.screen(), "callback-connected");
    // Once more, with what was used: refused, audited, and not repeated to anybody.
    assert!(browser.get(callback.as_str()).await.status < 500);
    let session = key.get(&format!("/v1/connect/sessions/{}", text(&session["id"]))).await.ok();
    let connection = text(&session["connection_id"]);
    world.synced(&connection).await;
    let credential = format!("/v1/connections/{connection}/credential");
    let read = async || text(&key.get(&credential).await.ok()["access_token"]);
    let hands_out = ["GET /v1/connections/", "GET /v1/proxy/echo"];
    hunt.plant("an access token", &read().await, &hands_out);
    let ask = async |path: &str| key.request(Method::GET, path).header("patchbay-connection", &connection).send().await;
    assert_eq!(ask("/v1/proxy/echo").await.status, 200);
    let expire = async || {
        world.sql("UPDATE credentials SET expires_at = now() - interval '1 s', updated_at = now() - interval '1 h', refresh_not_before = NULL").await;
        world.forget_credentials();
    };
    for fault in [Fault::WrongJson, Fault::Cut, Fault::Status { status: 500, retry_after: None, body: None }] {
        world.acme().misbehave(Misbehaviour { path: "/token".into(), skip: 0, times: 1, fault });
        expire().await;
        ask(&credential).await;
    }
    world.acme().control(acme::Command::Reset).unwrap();
    expire().await;
    until("it is refreshed", PATIENCE, async || {
        world.clock().advance(chrono::TimeDelta::seconds(30));
        (key.get(&credential).await.status == 200).then_some(())
    })
    .await;
    hunt.plant("a refreshed access token", &read().await, &hands_out);
    assert!(ask("/v1/proxy/http://169.254.169.254/latest").await.status >= 400);
    let stranger = world.anonymous();
    let bearer = format!("Bearer {}", read().await);
    let refused = stranger.request(Method::GET, "/v1/connections").header("authorization", &bearer).send().await;
    assert_eq!(refused.status, 401, "{refused}");
    key.delete(&format!("/v1/connections/{connection}")).await;
}

/// A provider that says everything back that it is sent, as an error of that status; but who shows the right key, if there
/// is one, is told who they are.
async fn parrot(status: u16, right: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(Ok(read @ 1..)) =
                tokio::time::timeout(std::time::Duration::from_millis(300), stream.read(&mut piece)).await
            {
                seen.extend_from_slice(&piece[..read]);
                let head = seen.windows(4).position(|four| four == b"\r\n\r\n");
                let has_body = String::from_utf8_lossy(&seen).to_lowercase().contains("content-length: ");
                if head.is_some() && (!has_body || !seen.ends_with(b"\r\n\r\n")) {
                    break;
                }
            }
            let seen = String::from_utf8_lossy(&seen).into_owned();
            let is_right = !right.is_empty() && seen.contains(right);
            let body = if is_right {
                json!({ "sub": "acc-1", "name": "Parrot" })
            } else {
                json!({ "error": "invalid_request", "error_description": format!("I was sent {seen}"), "message": seen })
            };
            let (status, body) = (if is_right { 200 } else { status }, body.to_string());
            let answer = format!(
                "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    origin
}

async fn typed_in(hunt: &Hunt) {
    const RIGHT: &str = "typed-in-key-7766554433-right";
    const WRONG: &str = "typed-in-key-7766554433-wrong";
    let (world, key) = (&hunt.world, hunt.world.key());
    for (number, status) in [400, 401, 403, 422, 500].into_iter().enumerate() {
        let slug = format!("parrot-{number}");
        let origin = parrot(status, RIGHT).await;
        describe(world, &slug, &keyed(&slug, &origin)).await;
        let partner = format!("partner-key-{number}-5647382910");
        hunt.plant("an integration's secret that calls carry", &partner, &[]);
        let integration = key
            .post("/v1/integrations", &json!({ "provider": slug, "secrets": { "partner_key": partner } }))
            .await
            .ok();
        let (session, browser) = ConnectBrowser::open(&key, world.origin(), "merchant-18").await;
        let entry = |secret: &str| json!({ "integration_id": integration["id"], "fields": { "api_key": secret } });
        hunt.plant("a wrong key, typed in", WRONG, &[]);
        let refused = browser.post("/connect/api/entry", &entry(WRONG)).await;
        assert!(refused.status >= 400, "{refused}");
        let refused = browser
            .post("/connect/api/entry", &json!({ "integration_id": integration["id"], "fields": { "apikey": WRONG } }))
            .await;
        assert!(refused.status >= 400, "{refused}");
        hunt.plant("a right key, typed in", RIGHT, &["GET /v1/connections/", "GET /v1/proxy/"]);
        let entered = browser.post("/connect/api/entry", &entry(RIGHT)).await.ok();
        let connection = text(&entered["connection_id"]);
        key.get(&format!("/v1/connections/{connection}/credential")).await.ok();
        let call = key.request(Method::GET, "/v1/proxy/things").header("patchbay-connection", &connection);
        call.send().await.ok();
        drop(session);
    }
}

async fn brought_along(hunt: &Hunt) {
    let (world, key) = (&hunt.world, hunt.world.key());
    let origin = parrot(401, "").await;
    let manifest = format!(
        "schema = 1\nslug = \"parrot-oauth\"\nname = \"Parrot\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [auth]\nmode = \"oauth2_code\"\nauthorization_url = \"{origin}/authorize\"\ntoken_url = \"{origin}/token\"\n\
         [api]\nbase_url = \"{origin}\"\n[identity]\nurl = \"/me\"\naccount = \"sub\"\n"
    );
    describe(world, "parrot-oauth", &manifest).await;
    let client = "client-secret-1029384756-parrot";
    hunt.plant("a client secret", client, &[]);
    let wish = json!({ "provider": "parrot-oauth", "client_id": "c", "client_secret": client });
    key.post("/v1/integrations", &wish).await.ok();
    let bring = |integration: &str, tokens: Value| json!({ "integration": integration, "end_user": { "id": "merchant-19" }, "tokens": tokens });
    let (access, refresh) = ("brought-access-token-8675309", "brought-refresh-token-8675309");
    hunt.plant("an access token, brought along", access, &["GET /v1/connections/"]);
    hunt.plant("a refresh token, brought along", refresh, &[]);
    for tokens in [
        json!({ "access_token": access, "refresh_token": refresh }),
        json!({ "refresh_token": refresh }),
        json!({ "access_token": access, "refresh_token": refresh, "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "accesstoken": access }),
        json!({ "access_token": [access] }),
        json!(access),
    ] {
        let refused = key.post("/v1/connections", &bring("parrot-oauth", tokens)).await;
        assert!(refused.status >= 400, "{refused}");
    }
    let refused =
        key.post("/v1/connections", &json!({ "integration": "parrot-oauth", "fields": { "x": access } })).await;
    assert!(refused.status >= 400, "{refused}");
}

async fn echoed_by_token_endpoint(hunt: &Hunt) {
    let (world, key) = (&hunt.world, hunt.world.key());
    for (number, auth) in ["body", "basic"].into_iter().enumerate() {
        for (status, tail) in [(400, "bad"), (500, "down")] {
            let origin = parrot(status, "").await;
            let slug = format!("echo-{auth}-{status}");
            let manifest = format!(
                "schema = 1\nslug = \"{slug}\"\nname = \"Echo\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
                 [auth]\nmode = \"oauth2_client_credentials\"\ntoken_url = \"{origin}/token\"\nclient_auth = \"{auth}\"\n\
                 client = \"connection\"\n[api]\nbase_url = \"{origin}\"\n"
            );
            describe(world, &slug, &manifest).await;
            let integration = key.post("/v1/integrations", &json!({ "provider": slug })).await.ok();
            let secret = format!("brought-client-secret-{number}-{tail}-66554433");
            hunt.plant("a client secret that the end user brings", &secret, &[]);
            let (_, browser) = ConnectBrowser::open(&key, world.origin(), "merchant-20").await;
            let fields = json!({ "client_id": "the-client", "client_secret": secret });
            let entry = json!({ "integration_id": integration["id"], "fields": fields });
            let refused = browser.post("/connect/api/entry", &entry).await;
            assert!(refused.status >= 400, "{refused}");
        }
    }
}

async fn bound_tokens(hunt: &Hunt) {
    let world = &hunt.world;
    let (private, connection) = oidc::bound(world).await;
    hunt.plant("a client's private key", &private, &[]);
    let path = format!("/v1/connections/{connection}");
    let token = text(&world.key().get(&format!("{path}/credential")).await.ok()["access_token"]);
    hunt.plant("an access token bound by DPoP", &token, &["GET /v1/connections/"]);
    world.key().delete(&path).await;
}

async fn plugin_memory(hunt: &Hunt) {
    let folder = memory::folder("canary-memory");
    let world = World::start(Options { plugins: Some(folder), ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-21", "shop_north").await;
    world.synced(&connection).await;
    let credential = world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok();
    hunt.plant("the access token of a plugin's run", &text(&credential["access_token"]), &[]);
    hunt.plant("the API key of a plugin's tenant", &world.tenant().secret, &[]);
    let lines = world.sql("SELECT message FROM run_logs ORDER BY run_id, line").await;
    let memory: String = lines.into_iter().map(|line| line[0].clone().unwrap() + "\n").collect();
    assert!(memory.len() > 128 * 1024 && memory.contains("GET/echo"), "{} bytes of memory", memory.len());
    assert!(memory.to_lowercase().contains("authorization"), "the provider's echo lies in it");
    hunt.look_at("a plugin's memory", memory);
    world.end().await;
}

async fn at_trace_level(hunt: &Hunt) {
    let world = &hunt.world;
    let secret = "traced-client-secret-0192837465";
    let key = "traced-api-key-of-a-shop-564738291";
    let log = root().join("target/tests/canary-trace.log");
    let errors = std::fs::File::create(&log).unwrap();
    let mut server = traced(world);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let origin = format!("http://127.0.0.1:{port}");
    server.env("PATCHBAY_SERVER__BIND", format!("127.0.0.1:{port}")).env("PATCHBAY_SERVER__PUBLIC_URL", &origin);
    let mut server = spawn(server, errors.into()).unwrap();
    server.wait_for_line("listening on ", PATIENCE);
    let caller = TenantKey::at(&origin, &world.tenant().secret);
    let at = parrot(401, key).await;
    let described = json!({ "manifest": keyed("traced", &at) });
    caller.request(Method::PUT, "/v1/providers/traced").json(&described).send().await.ok();
    let wish = json!({ "provider": "traced", "secrets": { "partner_key": secret } });
    caller.post("/v1/integrations", &wish).await.ok();
    let bring = json!({ "integration": "traced", "end_user": { "id": "merchant-22" }, "fields": { "api_key": key } });
    let connection = text(&caller.post("/v1/connections", &bring).await.ok()["id"]);
    caller.get(&format!("/v1/connections/{connection}/credential")).await.ok();
    let call = caller.request(Method::GET, "/v1/proxy/things?page=2").header("patchbay-connection", &connection);
    call.send().await.ok();
    hunt.plant("an integration's secret at a traced server", secret, &[]);
    hunt.plant("a key at a traced server", key, &["GET /v1/connections/", "GET /v1/proxy/"]);
    server.kill();
    let traced = std::fs::read_to_string(&log).unwrap();
    assert!(
        traced.contains("TRACE") || traced.contains("\"level\":\"trace\""),
        "it does not trace: {} bytes",
        traced.len()
    );
    hunt.look_at("the log of a server at the finest level", traced);
}

/// The server's own binary over this world's database, with everything logged that anybody logs.
fn traced(world: &World) -> std::process::Command {
    let config = world.config();
    let vault = &config.keys.vault;
    // A compiler that traces writes gigabytes, and none of it is about secrets.
    let no_plugins = root().join("target/tests/canary-no-plugins");
    std::fs::create_dir_all(&no_plugins).unwrap();
    let mut command = std::process::Command::new(patchbay_binary());
    command
        .arg("serve")
        .env("PATCHBAY_LOG__LEVEL", "trace")
        .env("PATCHBAY_DATABASE__URL", &config.database.url)
        .env("PATCHBAY_DATABASE__MIGRATE_AT_START", "false")
        .env("PATCHBAY_WORKER__ENABLED", "false")
        .env("PATCHBAY_KEYS__KIND", "vault")
        .env("PATCHBAY_KEYS__VAULT__ADDRESS", vault.address.as_str())
        .env("PATCHBAY_KEYS__VAULT__ROLE_ID", &vault.role_id)
        .env("PATCHBAY_KEYS__VAULT__SECRET_ID", vault.secret_id.expose())
        .env("PATCHBAY_PLUGINS__DIR", no_plugins)
        .env("PATCHBAY_PLUGINS__CACHE_DIR", "")
        .env("PATCHBAY_EGRESS__ALLOW_RANGES", r#"["127.0.0.0/8"]"#)
        .env("PATCHBAY_EGRESS__ALLOW_HTTP", "true");
    command
}

/// Plants a secret in every place that is looked through, each time in another form: the hunt has to find it in all.
pub async fn leaks(hunt: &Hunt, secret: &str) {
    let (world, key) = (&hunt.world, hunt.world.key());
    tracing::info!(leak = ?secret.as_bytes(), "a line with a secret in it");
    metrics::counter!("canary_leak", "leak" => secret.to_owned()).increment(1);
    let integration = world.acme_integration().await;
    // The end user's id is told in answers, events and rows.
    let connection = world.connect_acme(&integration, secret, "shop_north").await;
    world.synced(&connection).await;
    hunt.sink.wait_for("connection.created", 1).await;
    key.patch(&format!("/v1/connections/{connection}"), &json!({ "metadata": { "note": hex::encode(secret) } }))
        .await
        .ok();
    hunt.look_at(
        "a run's log",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("u:{secret}")),
    );
}

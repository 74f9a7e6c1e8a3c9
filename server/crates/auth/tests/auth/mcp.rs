//! Servers of the protocol that nobody here wrote, see `tests/mcp`, and hostile ones.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use chrono::TimeDelta;
use domain::{manifest::Manifest, secret::Secret};
use egress::{Egress, Reach, Request};
use http::{
    HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use patchbay_auth::{
    Account, Beginning, Begun, Failure, Material, Misconfigured, Outside, Revocation,
    callback::{self, Callback},
    mcp::client_metadata,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    browser::Browser,
    children::Child,
    fixture::{self, Around, account, manifest_at, now},
    server::{Received, Server, Step, answer},
};

/// The address of our metadata document; the servers find it at an origin of this machine.
const DOCUMENT: &str = "https://documents.test/client.json";
const REDIRECT: &str = "https://connect.example/callback/1";

struct Real {
    _process: Child,
    said: Value,
}

/// The servers from npm, one process for all tests here.
async fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    let start = || {
        let (process, said) = crate::node::start_node("mcp", &[("DOCUMENTS", &documents())]);
        Real { _process: process, said: serde_json::from_str(&said).unwrap() }
    };
    tokio::task::spawn_blocking(move || REAL.get_or_init(start)).await.unwrap()
}

/// Serves our metadata document as long as this process lives; gives the origin.
fn documents() -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let document = client_metadata(&DOCUMENT.parse().unwrap(), "Tests", &[REDIRECT.parse().unwrap()]);
            let server = Server::start(move |_| fixture::json(200, &[], &document.to_string())).await;
            tell.send(server.url("/").to_string()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

impl Real {
    fn described(&self, which: &str, more: &str) -> Manifest {
        described(self.said[which]["server"].as_str().unwrap(), more)
    }

    fn issuer(&self, which: &str) -> &str {
        self.said[which]["issuer"].as_str().unwrap()
    }
}

fn described(server: &str, more: &str) -> Manifest {
    let rest = format!("[auth]\nmode = \"mcp\"\nserver_url = \"{server}\"\n{more}\n[api]\nbase_url = \"@/\"\n");
    manifest_at(Url::parse(server).unwrap().origin().ascii_serialization().as_str(), &rest)
}

/// An account without a client of its own.
fn stranger(manifest: &Manifest) -> Account<'_> {
    Account { client_id: None, ..account(manifest, &[]) }
}

async fn begin(account: &Account<'_>, out: Outside<'_>) -> Result<Begun, Failure> {
    match account.begin(out).await? {
        Beginning::Browser(begun) => Ok(begun),
        _ => panic!("it begins in the browser"),
    }
}

fn asked(begun: &Begun) -> BTreeMap<String, String> {
    begun.url.query_pairs().into_owned().collect()
}

fn read(to: &Url) -> Callback {
    assert_eq!(to.as_str().split('?').next(), Some(REDIRECT));
    callback::parse(to.query().unwrap()).unwrap()
}

/// Who the server thinks that the bearer of these is; `Err` with the status where it does not let them in.
async fn whoami(egress: &Egress, manifest: &Manifest, material: &Material) -> Result<String, u16> {
    let server = match &manifest.auth {
        domain::manifest::AuthSpec::Mcp(spec) => spec.server_url.source().parse().unwrap(),
        _ => panic!("no server of the protocol"),
    };
    let token = material.tokens.as_ref().unwrap().access_token.expose();
    let call =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}});
    let request = Request::new(Method::POST, server, Reach::Any)
        .header(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())
        .header(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(call.to_string());
    let answer = egress.send(request).await.unwrap();
    if !answer.status.is_success() {
        return Err(answer.status.as_u16());
    }
    let said: Value = serde_json::from_slice(&answer.body).unwrap();
    Ok(said["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned())
}

#[tokio::test]
async fn a_10_the_sdks_own_server_lets_a_client_in_that_registers() {
    let real = real().await;
    let (manifest, around, egress) = (real.described("sdk", ""), Around::new(), fixture::egress());
    let mut account = stranger(&manifest);
    // It takes no metadata documents, so this one is of no use there.
    account.client_metadata_url = Some(DOCUMENT.parse().unwrap());
    let begun = begin(&account, around.out()).await.unwrap();
    let sent = asked(&begun);
    assert_eq!(sent["resource"], real.said["sdk"]["server"].as_str().unwrap());
    assert_eq!((sent["scope"].as_str(), sent["code_challenge_method"].as_str()), ("mcp:tools", "S256"));
    assert_ne!(sent["client_id"], DOCUMENT);
    let back = Browser::new(&egress).leave(&begun.url).await;
    let material = account.finish(around.out(), &begun.kept, &read(&back)).await.unwrap();
    let material = Material::from_bytes(&material.to_bytes()).unwrap();
    assert_eq!(whoami(&egress, &manifest, &material).await.as_deref(), Ok(sent["client_id"].as_str()));
    assert_eq!(material.tokens.as_ref().unwrap().scopes_granted, Some(vec!["mcp:tools".into()]));
    // Its example gives no refresh token and cannot revoke.
    assert!(!account.is_renewable(&material));
    assert_eq!(account.revoke(around.out(), &material).await.unwrap(), Revocation::Unsupported);
    let forged = Material::of(patchbay_auth::TokenSet::bare(Secret::new("forged")));
    assert_eq!(whoami(&egress, &manifest, &forged).await, Err(401));
}

#[tokio::test]
async fn a_10_known_by_the_address_of_the_metadata_document() {
    let real = real().await;
    let (manifest, around, egress) = (real.described("oidc", ""), Around::new(), fixture::egress());
    let mut account = stranger(&manifest);
    account.client_metadata_url = Some(DOCUMENT.parse().unwrap());
    let begun = begin(&account, around.out()).await.unwrap();
    let sent = asked(&begun);
    assert_eq!((sent["client_id"].as_str(), sent["scope"].as_str()), (DOCUMENT, "mcp:tools offline_access"));
    let back = read(&Browser::new(&egress).leave(&begun.url).await);
    assert_eq!(back.iss.as_deref(), Some(real.issuer("oidc")));
    // Somebody else's answer, or one that hides whose it is, goes nowhere (RFC 9207).
    for iss in [None, Some(""), Some("https://evil.example"), Some(&*format!("{}/", real.issuer("oidc")))] {
        let wrong = Callback { iss: iss.map(Into::into), ..back.clone() };
        assert!(matches!(account.check_issuer(&begun.kept, &wrong), Err(Failure::IssuerMismatch)), "{iss:?}");
        let refused = account.finish(around.out(), &begun.kept, &wrong).await.unwrap_err();
        assert!(matches!(refused, Failure::IssuerMismatch), "{iss:?}: {refused:?}");
    }
    let material = account.finish(around.out(), &begun.kept, &back).await.expect("the code was not spent on the way");
    assert_eq!(whoami(&egress, &manifest, &material).await.as_deref(), Ok(DOCUMENT));
    assert!(account.is_renewable(&material));

    let material = Material::from_bytes(&material.to_bytes()).unwrap();
    let renewed = account.renew(around.out(), &material).await.unwrap();
    let (old, new) = (material.tokens.as_ref().unwrap(), renewed.tokens.as_ref().unwrap());
    assert_ne!(old.access_token, new.access_token);
    assert_ne!(old.refresh_token, new.refresh_token, "it rotates");
    assert_eq!(whoami(&egress, &manifest, &renewed).await.as_deref(), Ok(DOCUMENT), "the resource was repeated");
    assert_eq!(account.revoke(around.out(), &renewed).await.unwrap(), Revocation::Done);
    assert_eq!(whoami(&egress, &manifest, &renewed).await, Err(401));
    let over = account.renew(around.out(), &renewed).await.unwrap_err();
    assert!(over.needs_reconnect(), "{over:?}");
}

#[tokio::test]
async fn a_10_registered_on_the_way_and_refreshed_with_what_that_gave() {
    let real = real().await;
    let (manifest, around, egress) = (real.described("oidc", ""), Around::new(), fixture::egress());
    let mut account = stranger(&manifest);
    let begun = begin(&account, around.out()).await.unwrap();
    let back = read(&Browser::new(&egress).leave(&begun.url).await);
    let material = account.finish(around.out(), &begun.kept, &back).await.unwrap();
    let id = asked(&begun)["client_id"].clone();
    assert_eq!(whoami(&egress, &manifest, &material).await.as_deref(), Ok(id.as_str()));
    let renewed = account.renew(around.out(), &Material::from_bytes(&material.to_bytes()).unwrap()).await.unwrap();
    assert_eq!(whoami(&egress, &manifest, &renewed).await.as_deref(), Ok(id.as_str()));
    let another = begin(&account, around.out()).await.unwrap();
    assert_ne!(asked(&another)["client_id"], id, "a registration belongs to its flow");

    // The manifest now names another authorization server, or another server: what was granted is of no use there.
    let pinned = real.described("oidc", "issuer = \"https://elsewhere.example\"");
    let refused = stranger(&pinned).renew(around.out(), &renewed).await.unwrap_err();
    assert!(matches!(refused, Failure::ClientMisconfigured(_)), "{refused:?}");
    let refused = begin(&stranger(&pinned), around.out()).await.unwrap_err();
    assert!(matches!(refused, Failure::ClientMisconfigured(_)), "{refused:?}");
    let moved = real.described("sdk", "");
    let refused = stranger(&moved).renew(around.out(), &renewed).await.unwrap_err();
    assert!(matches!(refused, Failure::ClientMisconfigured(_)), "{refused:?}");
}

/// A server that lies in the way `change` says: it gets a path and the honest answer, and gives another.
async fn liar(change: impl Fn(&Received, &str, Value) -> Vec<Step> + Send + Sync + 'static) -> Server {
    let origin = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&origin);
    let server = Server::start(move |request| {
        let origin = known.lock().unwrap().clone();
        let honest = match request.target.as_str() {
            "/mcp" => {
                let at = format!("Bearer resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\"");
                return answer(401, &[("www-authenticate", &at)], "");
            }
            "/.well-known/oauth-protected-resource/mcp" => {
                json!({"resource": format!("{origin}/mcp"), "authorization_servers": [&origin]})
            }
            "/.well-known/oauth-authorization-server" => json!({
                "issuer": &origin,
                "authorization_endpoint": format!("{origin}/authorize"),
                "token_endpoint": format!("{origin}/token"),
                "registration_endpoint": format!("{origin}/register"),
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            }),
            "/register" => {
                json!({"client_id": "c-1", "client_secret": "canary-of-c-1", "client_secret_expires_at": 1_800_000_060})
            }
            "/token" => json!({"access_token": "at", "refresh_token": "rt"}),
            _ => return answer(404, &[], "<html>"),
        };
        change(request, &origin, honest)
    })
    .await;
    *origin.lock().unwrap() = server.url("/").as_str().trim_end_matches('/').to_owned();
    server
}

fn honest(value: &Value) -> Vec<Step> {
    fixture::json(200, &[], &value.to_string())
}

#[tokio::test]
async fn a_10_the_secret_of_a_registration_is_shown_as_the_server_takes_it_and_ends() {
    let server = liar(|_, _, value| honest(&value)).await;
    let (manifest, around) = (described(server.url("/mcp").as_str(), "scopes = [\"a\", \"b\"]"), Around::new());
    let mut account = stranger(&manifest);
    let begun = begin(&account, around.out()).await.unwrap();
    assert_eq!(asked(&begun)["scope"], "a b", "the manifest's, where nobody says more");
    let registered: Value = serde_json::from_slice(&server.received().last().unwrap().body).unwrap();
    assert_eq!(registered["application_type"], "web");
    assert_eq!(registered["redirect_uris"], json!([REDIRECT]));
    assert_eq!(registered["token_endpoint_auth_method"], "client_secret_basic");
    let back = callback::parse(&format!("code=c&state={}", begun.state.expose())).unwrap();
    let material = account.finish(around.out(), &begun.kept, &back).await.unwrap();
    let exchange = server.received().last().unwrap().clone();
    assert!(exchange.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(fixture::form(&exchange)["resource"], server.url("/mcp").as_str());
    account.renew(around.out(), &material).await.unwrap();
    let before = server.received().len();
    let later = Outside { now: now() + TimeDelta::seconds(60), ..around.out() };
    assert!(matches!(account.renew(later, &material).await, Err(Failure::Expired)), "the client itself is over");
    assert_eq!(server.received().len(), before);
    // A callback that names an issuer has to name the right one, announced or not, also when it only brings an error.
    for query in ["code=c&iss=https%3A%2F%2Fevil.example", "error=server_error&iss=https%3A%2F%2Fevil.example"] {
        let back = callback::parse(&format!("{query}&state={}", begun.state.expose())).unwrap();
        assert!(matches!(account.check_issuer(&begun.kept, &back), Err(Failure::IssuerMismatch)), "{query}");
        let refused = account.finish(around.out(), &begun.kept, &back).await.unwrap_err();
        assert!(matches!(refused, Failure::IssuerMismatch), "{query}: {refused:?}");
    }
    assert!(!format!("{material:?} {begun:?}").contains("canary"));
}

#[tokio::test]
async fn oa_10_documents_that_lie_lead_nowhere() {
    type Lie = fn(&Received, &str, Value) -> Vec<Step>;
    fn with(request: &Received, end: &str, mut value: Value, name: &str, lie: Value) -> Vec<Step> {
        if request.target.ends_with(end) {
            value[name] = lie;
        }
        honest(&value)
    }
    const RESOURCE: &str = "resource/mcp";
    const AUTHORITY: &str = "authorization-server";
    let lies: [(&str, Lie); 13] = [
        ("another resource", |r, _, v| with(r, RESOURCE, v, "resource", "https://evil.example/mcp".into())),
        ("no resource", |r, _, v| with(r, RESOURCE, v, "resource", Value::Null)),
        ("no authority", |r, _, v| with(r, RESOURCE, v, "authorization_servers", json!([]))),
        ("odd authority", |r, _, v| with(r, RESOURCE, v, "authorization_servers", json!(["not an address"]))),
        ("another issuer", |r, o, v| with(r, AUTHORITY, v, "issuer", format!("{o}/").into())),
        ("another case", |r, o, v| with(r, AUTHORITY, v, "issuer", o.to_uppercase().into())),
        ("no issuer", |r, _, v| with(r, AUTHORITY, v, "issuer", Value::Null)),
        ("no PKCE", |r, _, v| with(r, AUTHORITY, v, "code_challenge_methods_supported", Value::Null)),
        ("plain PKCE", |r, _, v| with(r, AUTHORITY, v, "code_challenge_methods_supported", json!(["plain"]))),
        ("a script", |r, _, v| with(r, AUTHORITY, v, "authorization_endpoint", "javascript:alert(1)".into())),
        ("an inner address", |r, _, v| with(r, AUTHORITY, v, "token_endpoint", "https://169.254.169.254/".into())),
        ("no token endpoint", |r, _, v| with(r, AUTHORITY, v, "token_endpoint", Value::Null)),
        ("no way in", |r, _, v| with(r, AUTHORITY, v, "registration_endpoint", Value::Null)),
    ];
    for (what, lie) in lies {
        let server = liar(lie).await;
        let manifest = described(server.url("/mcp").as_str(), "");
        let refused = begin(&stranger(&manifest), Around::new().out()).await.unwrap_err();
        assert!(matches!(refused, Failure::ClientMisconfigured(_)), "{what}: {refused:?}");
        assert!(!server.received().iter().any(|request| request.target == "/register"), "{what}");
    }
}

#[tokio::test]
async fn oa_10_documents_are_bounded_and_found_where_they_may_lie() {
    let huge = liar(|request, _, value| {
        let padding =
            if request.target.ends_with("authorization-server") { " ".repeat(200 << 10) } else { String::new() };
        fixture::json(200, &[], &format!("{value}{padding}"))
    })
    .await;
    let manifest = described(huge.url("/mcp").as_str(), "");
    let refused = begin(&stranger(&manifest), Around::new().out()).await.unwrap_err();
    assert!(matches!(refused, Failure::ProviderDown { .. }), "{refused:?}");

    // Without a challenge the document is looked for at the path, then at the root; a page for people is none.
    let quiet = Server::start(|request| {
        let origin = format!("http://{}", request.header("host").unwrap());
        let body = match request.target.as_str() {
            "/mcp" => return answer(400, &[], "what?"),
            "/.well-known/oauth-protected-resource/mcp" => return answer(200, &[], "<html>"),
            "/.well-known/oauth-protected-resource" => json!({"resource": origin, "authorization_servers": [format!("{origin}/t/1")], "scopes_supported": ["s"]}),
            "/t/1/.well-known/openid-configuration" => json!({
                "issuer": format!("{origin}/t/1"), "authorization_endpoint": format!("{origin}/a"),
                "token_endpoint": format!("{origin}/k"), "code_challenge_methods_supported": ["plain", "S256"],
                "client_id_metadata_document_supported": true,
            }),
            _ => return answer(404, &[], ""),
        };
        honest(&body)
    })
    .await;
    let manifest = described(quiet.url("/mcp").as_str(), "scopes = [\"m\"]");
    let mut account = stranger(&manifest);
    account.client_metadata_url = Some(DOCUMENT.parse().unwrap());
    let begun = begin(&account, Around::new().out()).await.unwrap();
    let sent = asked(&begun);
    assert_eq!((sent["scope"].as_str(), sent["client_id"].as_str()), ("s", DOCUMENT));
    assert_eq!(sent["resource"], quiet.url("/").as_str().trim_end_matches('/'));
    account.scopes = Some(vec!["mine".into()]);
    assert_eq!(asked(&begin(&account, Around::new().out()).await.unwrap())["scope"], "mine");

    for status in [429, 500, 503] {
        let down = liar(move |_, _, _| answer(status, &[("retry-after", "3")], "")).await;
        let manifest = described(down.url("/mcp").as_str(), "");
        let failure = begin(&stranger(&manifest), Around::new().out()).await.unwrap_err();
        assert!(matches!(failure, Failure::Throttled { .. } | Failure::ProviderDown { .. }), "{status}: {failure:?}");
    }
}

#[tokio::test]
async fn oa_10_a_registered_secret_is_shown_to_its_issuer_alone() {
    let server = liar(|_, _, value| honest(&value)).await;
    let (url, around) = (server.url("/mcp"), Around::new());
    let origin = server.url("/").as_str().trim_end_matches('/').to_owned();
    let secret = [("client_secret", "canary-secret")];
    for more in ["", "issuer = \"https://elsewhere.example\""] {
        let manifest = described(url.as_str(), more);
        let refused = begin(&account(&manifest, &secret), around.out()).await.unwrap_err();
        assert!(matches!(refused, Failure::ClientMisconfigured(Misconfigured::Request(_))), "{more}: {refused:?}");
    }
    let manifest = described(url.as_str(), &format!("issuer = \"{origin}\""));
    let mut account = account(&manifest, &secret);
    let begun = begin(&account, around.out()).await.unwrap();
    assert_eq!(asked(&begun)["client_id"], "client:1");
    let back = callback::parse(&format!("code=c&state={}", begun.state.expose())).unwrap();
    let material = account.finish(around.out(), &begun.kept, &back).await.unwrap();
    assert!(!String::from_utf8_lossy(&material.to_bytes()).contains("canary"), "it stays with the integration");
    let sent = server.received();
    assert!(!sent.iter().any(|request| request.target == "/register"));
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "client%3A1:canary-secret");
    assert_eq!(sent.last().unwrap().header("authorization"), Some(format!("Basic {basic}").as_str()));
}

#[tokio::test]
async fn oa_10_a_registration_that_is_refused_says_why() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_redirect_uri"}"#, "client_misconfigured"),
        (400, r#"{"error":"invalid_client_metadata"}"#, "client_misconfigured"),
        (403, "<html>", "refused"),
        (201, "{}", "client_misconfigured"),
        (201, "<html>", "client_misconfigured"),
        (201, r#"{"client_id":"c","token_endpoint_auth_method":"tls_client_auth"}"#, "client_misconfigured"),
        (503, "", "provider_down"),
    ] {
        let server =
            liar(
                move |request, _, value| {
                    if request.target == "/register" { fixture::json(status, &[], body) } else { honest(&value) }
                },
            )
            .await;
        let manifest = described(server.url("/mcp").as_str(), "");
        let failure = begin(&stranger(&manifest), Around::new().out()).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
    }
}

#[test]
fn a_10_our_metadata_document() {
    let url = DOCUMENT.parse().unwrap();
    let document = client_metadata(&url, "Lamplight", &[REDIRECT.parse().unwrap()]);
    assert_eq!(document["client_id"], DOCUMENT);
    assert_eq!((&document["client_name"], &document["redirect_uris"]), (&"Lamplight".into(), &json!([REDIRECT])));
    assert_eq!(document["token_endpoint_auth_method"], "none");
    assert!(document.get("client_secret").is_none());
}

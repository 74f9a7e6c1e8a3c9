//! Against a certified OpenID provider that nobody here wrote, see `tests/oidc`: client credentials, device codes,
//! `private_key_jwt`, revocation, introspection, DPoP with the server's nonces.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{entropy::Entropy, manifest::Manifest, secret::Secret};
use egress::{Egress, EgressConfig, Reach, Request};
use http::{HeaderValue, Method, header::CONTENT_TYPE};
use patchbay_auth::{Account, Beginning, Failure, Material, Outside, Polled, Revocation, callback};
use serde_json::{Value, json};
use url::Url;

use crate::{browser::Browser, children::Child, fixture::manifest_at};

const REDIRECT: &str = "https://connect.example/callback/1";

struct Oidc {
    _process: Child,
    origin: String,
}

async fn oidc() -> &'static Oidc {
    static OIDC: OnceLock<Oidc> = OnceLock::new();
    let start = || {
        let (process, origin) = crate::node::start_node("oidc", &[]);
        Oidc { _process: process, origin }
    };
    tokio::task::spawn_blocking(move || OIDC.get_or_init(start)).await.unwrap()
}

/// The system's clock and randomness: the server looks at its own clock, and at whether a proof was seen before.
struct Real;

impl domain::clock::Clock for Real {
    #[expect(clippy::disallowed_methods, reason = "the other side looks at the system's clock too")]
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        SystemTime::now().into()
    }
}

impl Entropy for Real {
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).unwrap();
    }
}

struct World {
    oidc: &'static Oidc,
    egress: Egress,
}

impl World {
    async fn new() -> Self {
        let config = EgressConfig {
            allow_ranges: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: true,
            ..EgressConfig::default()
        };
        let egress = Egress::new(config, Arc::new(Real)).unwrap().with_entropy(Arc::new(Real));
        Self { oidc: oidc().await, egress }
    }

    fn out(&self) -> Outside<'_> {
        Outside { egress: &self.egress, now: domain::clock::Clock::now(&Real), entropy: &Real, budget: None }
    }

    /// A manifest of that mode, with all of the server's endpoints.
    fn manifest(&self, mode: &str, more: &str) -> Manifest {
        let endpoints = match mode {
            "oauth2_code" => "authorization_url = \"@/auth\"\nissuer = \"@\"",
            "oauth2_device" => "device_authorization_url = \"@/device/auth\"",
            _ => "",
        };
        let key = "[variables.client_key]\ntype = \"secret\"\nat = \"integration\"\nlabel = \"Private key\"\n";
        let variables = if more.contains("private_key_jwt") { key } else { "" };
        let rest = format!(
            "{variables}[auth]\nmode = \"{mode}\"\ntoken_url = \"@/token\"\nrevocation_url = \"@/token/revocation\"\n\
             introspection_url = \"@/token/introspection\"\n{endpoints}\n{more}\n[api]\nbase_url = \"@/\"\n"
        );
        manifest_at(&self.oidc.origin, &rest)
    }

    /// Registers a client (RFC 7591), as a tenant does at a provider.
    async fn register(&self, wish: Value) -> Value {
        let mut whole = json!({
            "redirect_uris": [REDIRECT],
            "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        whole.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let url = format!("{}/reg", self.oidc.origin).parse().unwrap();
        let request = Request::new(Method::POST, url, Reach::Any)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(whole.to_string());
        let answer = self.egress.send(request).await.unwrap();
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Signs in as Ada and agrees, wherever that starts; gives the first address that is elsewhere.
    async fn agree(&self, browser: &Browser<'_>, from: &Url) -> Url {
        let mut at = from.clone();
        for _ in 0..12 {
            let answer = browser.request(Method::GET, &at, None).await;
            let answer = match answer.headers.contains_key("location") {
                true => answer,
                false => {
                    let page = String::from_utf8_lossy(&answer.body).into_owned();
                    let step = if page.contains("id=\"login\"") { "login" } else { "allow" };
                    assert!(page.contains(&format!("id=\"{step}\"")), "{page}");
                    let to = at.join(&format!("{}/{step}", at.path())).unwrap();
                    browser.request(Method::POST, &to, Some("account=ada".into())).await
                }
            };
            let to = at.join(answer.headers["location"].to_str().unwrap()).unwrap();
            if to.origin() != from.origin() {
                return to;
            }
            at = to;
        }
        panic!("{from} goes in circles");
    }

    /// A whole code flow.
    async fn connect(&self, account: &mut Account<'_>) -> Material {
        let Beginning::Browser(begun) = account.begin(self.out()).await.unwrap() else { panic!("in the browser") };
        let back = self.agree(&Browser::new(&self.egress), &begun.url).await;
        let back = callback::parse(back.query().unwrap()).unwrap();
        account.check_issuer(&begun.kept, &back).unwrap();
        let material = account.finish(self.out(), &begun.kept, &back).await.unwrap();
        Material::from_bytes(&material.to_bytes()).unwrap()
    }

    /// The server's own API, with the connection's credential.
    async fn userinfo(&self, account: &Account<'_>, material: &Material) -> Result<Value, u16> {
        let url = format!("{}/me", self.oidc.origin).parse().unwrap();
        let credential = account.credential(material).unwrap().unwrap();
        let answer = self.egress.send(Request::new(Method::GET, url, Reach::Any).credential(credential)).await.unwrap();
        if answer.status.is_success() {
            return Ok(serde_json::from_slice(&answer.body).unwrap());
        }
        Err(answer.status.as_u16())
    }
}

fn account<'a>(manifest: &'a Manifest, client: &Value, secrets: &[(&str, &str)]) -> Account<'a> {
    let own = client["client_secret"].as_str().map(|secret| ("client_secret", secret));
    let secrets = own.iter().chain(secrets).map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
    Account {
        manifest,
        variables: domain::manifest::Variables::new(),
        secrets: secrets.collect(),
        client_id: Some(client["client_id"].as_str().unwrap().to_owned()),
        redirect_uri: REDIRECT.parse().unwrap(),
        client_metadata_url: None,
        scopes: None,
    }
}

const STAY: &str =
    "scopes = [\"openid\", \"profile\", \"offline_access\"]\nauthorize_params = { prompt = \"consent\" }\n";

#[tokio::test]
async fn a_1_code_introspection_and_revocation() {
    let world = World::new().await;
    let client = world.register(json!({"token_endpoint_auth_method": "client_secret_basic"})).await;
    let manifest = world.manifest("oauth2_code", &format!("{STAY}client_auth = \"basic\""));
    let mut account = account(&manifest, &client, &[]);
    let material = world.connect(&mut account).await;
    assert_eq!(world.userinfo(&account, &material).await.unwrap()["name"], "Ada’s Lamp Shop");
    let known = account.introspect(world.out(), &material).await.unwrap().unwrap();
    assert!(known.is_active, "{known:?}");
    // Whole seconds there, and the time that an exchange takes.
    let apart = known.expires_at.unwrap() - material.tokens.as_ref().unwrap().expires_at.unwrap();
    assert!(apart.num_seconds().abs() <= 5, "{apart}");
    assert!(known.scopes.unwrap().contains(&"profile".to_owned()));
    let renewed = account.renew(world.out(), &material).await.unwrap();
    assert_eq!(account.revoke(world.out(), &renewed).await.unwrap(), Revocation::Done);
    assert!(!account.introspect(world.out(), &renewed).await.unwrap().unwrap().is_active);
    assert_eq!(world.userinfo(&account, &renewed).await, Err(401));
    assert!(matches!(account.renew(world.out(), &renewed).await, Err(Failure::Revoked { .. })));
    assert_eq!(account.revoke(world.out(), &renewed).await.unwrap(), Revocation::Done, "gone already is gone");
}

#[tokio::test]
async fn a_1_private_key_jwt_with_keys_of_each_kind() {
    let world = World::new().await;
    let ec = rcgen::KeyPair::generate().unwrap();
    let (x, y) = ec.public_key_raw()[1..].split_at(32);
    let ec_public =
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
    let ed = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let ed_public = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(ed.public_key_raw())});
    for (key, public, algorithm) in [(ec, ec_public, "ES256"), (ed, ed_public, "EdDSA")] {
        let client = world
            .register(json!({
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": algorithm,
                "jwks": {"keys": [public]},
            }))
            .await;
        let manifest = world.manifest("oauth2_code", &format!("{STAY}client_auth = \"private_key_jwt\""));
        let pem = key.serialize_pem();
        let mut account = account(&manifest, &client, &[("client_key", &pem)]);
        account.secrets.remove("client_secret");
        let material = world.connect(&mut account).await;
        let renewed = account.renew(world.out(), &material).await.unwrap();
        assert!(account.introspect(world.out(), &renewed).await.unwrap().unwrap().is_active);
        assert_eq!(account.revoke(world.out(), &renewed).await.unwrap(), Revocation::Done);
        let strange = rcgen::KeyPair::generate().unwrap().serialize_pem();
        account.secrets.insert("client_key".into(), Secret::new(strange));
        let refused = account.renew(world.out(), &material).await.unwrap_err();
        assert!(matches!(refused, Failure::ClientMisconfigured(_)), "{algorithm}: {refused:?}");
    }
}

#[tokio::test]
async fn a_2_client_credentials_of_the_integration_and_of_the_connection() {
    let world = World::new().await;
    let client =
        world.register(json!({"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []})).await;
    let manifest = world.manifest("oauth2_client_credentials", "client_auth = \"basic\"");
    let mut one = account(&manifest, &client, &[]);
    let material = one.enter(world.out()).await.unwrap();
    assert!(one.introspect(world.out(), &material).await.unwrap().unwrap().is_active);
    let renewed = one.renew(world.out(), &material).await.unwrap();
    assert_ne!(material.tokens.as_ref().unwrap().access_token, renewed.tokens.as_ref().unwrap().access_token);
    assert_eq!(one.revoke(world.out(), &renewed).await.unwrap(), Revocation::Done);

    let manifest = world.manifest("oauth2_client_credentials", "client_auth = \"basic\"\nclient = \"connection\"");
    let id = client["client_id"].as_str().unwrap();
    let mut own = account(&manifest, &client, &[("client_id", id)]);
    own.client_id = None;
    let material = own.enter(world.out()).await.unwrap();
    assert_eq!(material.fields["client_id"].expose(), id, "kept with the connection");
    assert!(own.introspect(world.out(), &material).await.unwrap().unwrap().is_active);
    own.secrets.insert("client_secret".into(), Secret::new("wrong"));
    assert!(matches!(own.renew(world.out(), &material).await, Err(Failure::ClientMisconfigured(_))));
}

#[tokio::test]
async fn a_3_a_device_code_is_answered_in_a_browser() {
    let world = World::new().await;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let client = world
        .register(json!({
            "grant_types": [grant, "refresh_token"],
            "response_types": [],
            "redirect_uris": [],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }))
        .await;
    let manifest = world.manifest("oauth2_device", &format!("{STAY}client_auth = \"none\""));
    let mut account = account(&manifest, &client, &[]);
    account.secrets.clear();
    let Beginning::Device(begun) = account.begin(world.out()).await.unwrap() else { panic!("a device code") };
    assert!(matches!(account.poll(world.out(), &begun.kept).await, Ok(Polled::Wait(_))));

    let browser = Browser::new(&world.egress);
    let page = browser.request(Method::GET, begun.verification_url_complete.as_ref().unwrap(), None).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let hidden = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name}: {page}"));
        rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    let form = [("xsrf", hidden("xsrf")), ("user_code", begun.user_code.clone()), ("confirm", "yes".into())];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut at = begun.verification_url.clone();
    let mut answer = browser.request(Method::POST, &at, Some(form)).await;
    // Sign-in, consent, and back to a page that says that the device may go on.
    for _ in 0..12 {
        let to = match answer.headers.get("location") {
            Some(location) => at.join(location.to_str().unwrap()).unwrap(),
            None => {
                let page = String::from_utf8_lossy(&answer.body).into_owned();
                let step = ["login", "allow"].into_iter().find(|step| page.contains(&format!("id=\"{step}\"")));
                let Some(step) = step else { break };
                let to = at.join(&format!("{}/{step}", at.path())).unwrap();
                answer = browser.request(Method::POST, &to, Some("account=ada".into())).await;
                continue;
            }
        };
        at = to;
        answer = browser.request(Method::GET, &at, None).await;
    }
    let Ok(Polled::Granted(material)) = account.poll(world.out(), &begun.kept).await else { panic!("granted") };
    assert_eq!(world.userinfo(&account, &material).await.unwrap()["sub"], "ada");
    let renewed = account.renew(world.out(), &material).await.unwrap();
    assert_eq!(world.userinfo(&account, &renewed).await.unwrap()["sub"], "ada");
    let again = account.poll(world.out(), &begun.kept).await.unwrap_err();
    assert!(again.needs_reconnect(), "a code is good once: {again:?}");
}

#[tokio::test]
async fn oa_6_tokens_bound_to_the_connections_key() {
    let world = World::new().await;
    let client = world
        .register(json!({"dpop_bound_access_tokens": true, "token_endpoint_auth_method": "client_secret_basic"}))
        .await;
    let manifest = world.manifest("oauth2_code", &format!("{STAY}client_auth = \"basic\"\ndpop = true"));
    let mut account = account(&manifest, &client, &[]);
    let material = world.connect(&mut account).await;
    let tokens = material.tokens.as_ref().unwrap();
    assert_eq!(tokens.token_type, "DPoP");
    assert_eq!(world.userinfo(&account, &material).await.unwrap()["sub"], "ada", "with the API's own nonce");
    let renewed = account.renew(world.out(), &material).await.unwrap();
    assert_eq!(world.userinfo(&account, &renewed).await.unwrap()["sub"], "ada");
    // Whoever stole the token alone, or has a key of their own, is not let in.
    let mut stolen = renewed.clone();
    stolen.tokens.as_mut().unwrap().extra.remove("patchbay_dpop_key");
    assert_eq!(world.userinfo(&account, &stolen).await, Err(401));
    let other = world.connect(&mut account).await;
    let key = other.tokens.as_ref().unwrap().extra["patchbay_dpop_key"].clone();
    assert_ne!(key, renewed.tokens.as_ref().unwrap().extra["patchbay_dpop_key"]);
    stolen.tokens.as_mut().unwrap().extra.insert("patchbay_dpop_key".into(), key);
    assert_eq!(world.userinfo(&account, &stolen).await, Err(401));
}

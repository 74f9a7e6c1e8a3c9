//! Against a certified OpenID provider.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{call, connect, connected, integrate};
use crate::support::*;

/// A manifest of that mode, with the server's endpoints.
fn manifest(origin: &str, mode: &str, more: &str) -> String {
    let begins = match mode {
        "oauth2_code" => format!("authorization_url = \"{origin}/auth\"\nissuer = \"{origin}\""),
        "oauth2_device" => format!("device_authorization_url = \"{origin}/device/auth\""),
        _ => String::new(),
    };
    let variables = if more.contains("private_key_jwt") {
        "[variables.client_key]\ntype = \"secret\"\nat = \"integration\"\nlabel = \"Private key\"\nmultiline = true\n"
    } else {
        ""
    };
    format!(
        "{variables}[auth]\nmode = \"{mode}\"\ntoken_url = \"{origin}/token\"\n\
         revocation_url = \"{origin}/token/revocation\"\n{begins}\n{more}\n[api]\nbase_url = \"{origin}\"\n"
    )
}

const STAY: &str =
    "scopes = [\"openid\", \"profile\", \"offline_access\"]\nauthorize_params = { prompt = \"consent\" }\n";

/// Registers a client (RFC 7591); what is not said is that of a client with a code flow.
async fn register(oidc: &Oidc, wish: Value) -> Value {
    let mut whole = json!({
        "redirect_uris": ["http://127.0.0.1:1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
    });
    whole.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
    Anonymous::at(oidc.origin()).post("/reg", &whole).await.ok()
}

/// Types the code in, signs in as Ada and agrees.
async fn answer_code(code: &Value) {
    let browser = Caller::new("http://127.0.0.1").with_cookies();
    let text = |name: &str| code[name].as_str().unwrap();
    let page = browser.get(text("verification_url_complete")).await.text();
    let (_, rest) = page.split_once("name=\"xsrf\"").unwrap_or_else(|| panic!("{page}"));
    let xsrf = rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0;
    let form = [("xsrf", xsrf), ("user_code", text("user_code")), ("confirm", "yes")];
    let mut at: Url = text("verification_url").parse().unwrap();
    let mut answer = browser.request(Method::POST, at.as_str()).form(&form).send().await;
    // Sign-in, consent, and back to a page that says that the device may go on.
    for _ in 0..12 {
        if let Some(location) = answer.header("location") {
            at = at.join(location).unwrap();
            answer = browser.get(at.as_str()).await;
            continue;
        }
        let page = answer.text();
        let Some(step) = ["login", "allow"].into_iter().find(|step| page.contains(&format!("id=\"{step}\""))) else {
            return;
        };
        let to = at.join(&format!("{}/{step}", at.path())).unwrap();
        answer = browser.request(Method::POST, to.as_str()).form(&[("account", "ada")]).send().await;
    }
    panic!("the provider goes in circles at {at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_3_a_device_code_connects() {
    let (world, oidc) = (World::start(Options::default()).await, Oidc::shared().await);
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let wish = json!({
        "grant_types": [grant, "refresh_token"], "response_types": [], "redirect_uris": [],
        "token_endpoint_auth_method": "none",
    });
    let client = register(oidc, wish).await;
    let rest = manifest(oidc.origin(), "oauth2_device", &format!("{STAY}client_auth = \"none\""));
    let integration = integrate(&world, "by-code", &rest, json!({ "client_id": client["client_id"] })).await;
    let (session, browser) = ConnectBrowser::open(&world.key(), world.origin(), "merchant-17").await;
    let shown = json!({ "integration_id": integration["id"], "fields": {} });
    let code = browser.post("/connect/api/code", &shown).await.ok();
    answer_code(&code).await;
    let connection = connected(&world, &session).await;
    let me = call(&world, &connection, Method::GET, "me", None).await.ok();
    assert_eq!(me["name"], "Ada’s Lamp Shop");
    world.end().await;
}

/// Connects by a client with a private key, to tokens that are bound to a key of the connection, and calls; gives the
/// client's key in PEM and the connection.
pub(crate) async fn bound(world: &World) -> (String, String) {
    let oidc = Oidc::shared().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    let public = json!({
        "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    let more = format!("{STAY}client_auth = \"private_key_jwt\"\ndpop = true");
    let rest = manifest(oidc.origin(), "oauth2_code", &more);
    let wish = json!({ "client_id": "not known yet", "secrets": { "client_key": key.serialize_pem() } });
    let integration = integrate(world, "bound", &rest, wish).await;
    let wish = json!({
        "redirect_uris": [integration["redirect_uri"]],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": { "keys": [public] },
        "dpop_bound_access_tokens": true,
    });
    let client = register(oidc, wish).await;
    let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
    world.key().patch(&path, &json!({ "client_id": client["client_id"] })).await.ok();
    let connection = connect(world, &integration, oidc.origin()).await;
    for _ in 0..2 {
        let me = call(world, &connection, Method::GET, "me", None).await.ok();
        assert_eq!(me["sub"], "ada");
    }
    (key.serialize_pem(), connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_6_private_key_jwt_and_dpop_from_the_button_to_the_proxy() {
    let world = World::start(Options::default()).await;
    let (_, connection) = bound(&world).await;
    let gone = world.key().delete(&format!("/v1/connections/{connection}")).await;
    assert!(gone.status < 300, "{gone}");
    call(&world, &connection, Method::GET, "me", None).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_2_each_end_user_brings_a_client() {
    let (world, oidc) = (World::start(Options::default()).await, Oidc::shared().await);
    let wish = json!({ "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [] });
    let client = register(oidc, wish).await;
    let more = "client_auth = \"basic\"\nclient = \"connection\"";
    let rest = manifest(oidc.origin(), "oauth2_client_credentials", more);
    let integration = integrate(&world, "own-client", &rest, json!({})).await;
    let (session, browser) = ConnectBrowser::open(&world.key(), world.origin(), "merchant-17").await;
    let entry = |secret: &Value| {
        let fields = json!({ "client_id": client["client_id"], "client_secret": secret });
        json!({ "integration_id": integration["id"], "fields": fields })
    };
    let wrong = browser.post("/connect/api/entry", &entry(&"wrong".into())).await;
    // It is the end user's own, so the end user is told, and nobody is sent to repair an integration.
    let wrong = wrong.problem(422, "credential_refused");
    assert!(wrong.detail.contains("what was entered does not let us in"), "{wrong:?}");
    let entered = browser.post("/connect/api/entry", &entry(&client["client_secret"])).await.ok();
    let connection = connected(&world, &session).await;
    assert_eq!(entered["connection_id"], connection.as_str());
    // Nobody's account: what the server says of end users it says to none of these. That it says so to this token is enough.
    let answer = call(&world, &connection, Method::GET, "me", None).await;
    assert!(answer.status == 401 || answer.status == 403, "{answer}");
    world.end().await;
}

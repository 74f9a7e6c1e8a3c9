//! A tenant with one connection, made the way an end user makes it: through the connect flow, against the provider's
//! consent page.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use url::Url;

use crate::{
    Outcome,
    client::{get, post_form, post_json, text},
    random,
    stack::Stack,
};

/// The OAuth client that the tenant has at the provider.
pub const CLIENT_ID: &str = "bench";
/// Whose shop is connected.
pub const SHOP: &str = "shop_north";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was set up.
pub struct Tenant {
    origin: String,
    /// The environment's API key.
    pub key: String,
    /// The connection.
    pub connection: String,
}

impl Tenant {
    /// Sets up the tenant and connects the shop.
    pub fn set_up(stack: &Stack<'_>) -> Outcome<Self> {
        let origin = stack.origin.clone();
        let ask = |path: &str, token: &str, body: &Value| {
            let answer = post_json(format!("{origin}{path}"), body).bearer(token).send()?;
            answer.json().map_err(|why| format!("POST {path} {why}"))
        };
        let operator = &stack.operator;
        let tenant = ask("/v1/operator/tenants", operator, &json!({ "slug": "bench", "name": "Bench" }))?;
        let tenants = format!("/v1/operator/tenants/{}", text(&tenant, "/id")?);
        let environment = json!({ "slug": "bench", "name": "Bench" });
        let environment = ask(&format!("{tenants}/environments"), operator, &environment)?;
        let keys = format!("{tenants}/environments/{}/api-keys", text(&environment, "/id")?);
        let key = text(&ask(&keys, operator, &json!({ "name": "bench", "scopes": ["*"] }))?, "/secret")?;
        let secret = random();
        let integration = json!({
            "provider": "acme",
            "client_id": CLIENT_ID,
            "client_secret": secret,
            "variables": { "auth": stack.acme, "api": stack.acme },
        });
        let integration = ask("/v1/integrations", &key, &integration)?;
        let client = json!({
            "do": "register_client",
            "id": CLIENT_ID,
            "secret": secret,
            "redirect_uris": [text(&integration, "/redirect_uri")?],
            "name": "Bench",
        });
        post_json(format!("{}/control", stack.acme), &client).send()?.json()?;
        let mut tenant = Self { origin, key, connection: String::new() };
        tenant.connection = tenant.connect(&stack.acme)?;
        Ok(tenant)
    }

    /// Walks the connect flow; gives the connection's id.
    fn connect(&self, acme: &str) -> Outcome<String> {
        let session = json!({ "end_user": { "id": "bench" }, "allowed_origins": [self.origin] });
        let session = self.post("/v1/connect/sessions", &session)?;
        let token = text(&session, "/token")?;
        let page = get(format!("{}/connect/api/session", self.origin)).bearer(&token).send()?.json()?;
        let integration = text(&page, "/choices/0/integration_id")?;
        let fields =
            [("token", token.as_str()), ("integration_id", &integration), ("display", "redirect"), ("fields", "{}")];
        let launch = post_form(format!("{}/connect/launch", self.origin), &fields);
        let launched = launch.header("origin", self.origin.as_str()).send()?;
        let consent = get(leads_to(&launched.body, launched.header("location"), acme)?.as_str()).send()?;
        let transaction = consent
            .body
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(transaction, _)| transaction.to_owned())
            .ok_or_else(|| format!("the provider shows no consent page but {}: {}", consent.status, consent.body))?;
        let answer = [("transaction", transaction.as_str()), ("account", SHOP), ("decision", "allow")];
        let decided = post_form(format!("{acme}/auth/decision"), &answer).send()?;
        let back = decided.header("location").ok_or("the provider does not redirect back")?;
        get(back).header("cookie", launched.cookies()).send()?;
        let path = format!("/v1/connect/sessions/{}", text(&session, "/id")?);
        self.until("the shop is connected", || Ok(text(&self.read(&path)?, "/connection_id").ok()))
    }

    /// The header line that opens the API.
    pub fn header(&self) -> String {
        format!("Authorization: Bearer {}", self.key)
    }

    /// Reads from the API.
    pub fn read(&self, path: &str) -> Outcome<Value> {
        let answer = get(format!("{}{path}", self.origin)).bearer(&self.key).send()?;
        answer.json().map_err(|why| format!("GET {path} {why}"))
    }

    /// Posts to the API.
    pub fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        let answer = post_json(format!("{}{path}", self.origin), body).bearer(&self.key).send()?;
        answer.json().map_err(|why| format!("POST {path} {why}"))
    }

    /// Asks every tenth of a second until there is an answer.
    pub fn until<T>(&self, what: &str, ask: impl Fn() -> Outcome<Option<T>>) -> Outcome<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = ask()? {
                return Ok(found);
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("waited {PATIENCE:?} in vain until {what}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Where an answer leads: by its `Location`, or by the first link to `origin` in its page.
fn leads_to(page: &str, location: Option<&str>, origin: &str) -> Outcome<Url> {
    let found = match location {
        Some(location) => location.to_owned(),
        None => {
            let at = page.find(origin).ok_or_else(|| format!("nothing leads to {origin}: {page}"))?;
            let rest = page.get(at..).unwrap_or_default();
            let end = rest.find(['"', '\'', '<', ' ', ')']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default().replace("&amp;", "&").replace("\\u0026", "&")
        }
    };
    Url::parse(&found).map_err(|error| format!("{found}: {error}"))
}

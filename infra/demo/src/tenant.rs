//! What a tenant sets up once: its environment, the integration, an endpoint, somebody who may sign in.

use acme::{Acme, Client, Command};
use serde_json::{Value, json};

use crate::client::{get, post_json, text};

/// The OAuth client that the tenant has at Acme.
const CLIENT_ID: &str = "acme-demo";

/// Who may sign in to the portal.
pub const EMAIL: &str = "demo@example.com";

/// What was set up.
pub struct Tenant {
    /// The server's origin.
    pub origin: String,
    /// The environment's API key.
    pub key: String,
    /// The member's password.
    pub password: String,
    /// The signing secret of the webhook endpoint.
    pub webhook_secret: String,
}

impl Tenant {
    /// Sets everything up through the operator's and the tenant's API.
    pub fn set_up(origin: &str, operator: &str, password: String, acme: &Acme, sink: &str) -> Result<Self, String> {
        let ask = |path: &str, token: &str, body: &Value| {
            let answer = post_json(format!("{origin}{path}"), body).bearer(token).send()?;
            answer.json().map_err(|why| format!("POST {path} {why}"))
        };
        let tenant =
            ask("/v1/operator/tenants", operator, &json!({ "slug": "lamplight", "name": "Lamplight Commerce" }))?;
        let tenants = format!("/v1/operator/tenants/{}", text(&tenant, "/id")?);
        let environment = json!({ "slug": "dev", "name": "Development" });
        let environment = ask(&format!("{tenants}/environments"), operator, &environment)?;
        let keys = format!("{tenants}/environments/{}/api-keys", text(&environment, "/id")?);
        let key = ask(&keys, operator, &json!({ "name": "demo", "scopes": ["*"] }))?;
        let key = text(&key, "/secret")?;
        let member = json!({ "email": EMAIL, "name": "Demo", "password": password, "role": "owner" });
        ask(&format!("{tenants}/members"), operator, &member)?;

        let client_secret = format!("{}-secret", crate::random());
        let integration = json!({
            "provider": "acme",
            "client_id": CLIENT_ID,
            "client_secret": client_secret,
            "variables": { "auth": acme.origin(), "api": acme.origin() },
        });
        let integration = ask("/v1/integrations", &key, &integration)?;
        acme.control(Command::RegisterClient(Client {
            id: CLIENT_ID.to_owned(),
            secret: client_secret,
            redirect_uris: vec![text(&integration, "/redirect_uri")?],
            name: "Lamplight Commerce".to_owned(),
        }))?;
        let endpoint = ask("/v1/endpoints", &key, &json!({ "url": sink, "description": "the demo's own" }))?;
        let webhook_secret = text(&endpoint, "/secret")?;
        Ok(Self { origin: origin.to_owned(), key, password, webhook_secret })
    }

    /// Reads from the API.
    pub fn read(&self, path: &str) -> Result<Value, String> {
        let answer = get(format!("{}{path}", self.origin)).bearer(&self.key).send()?;
        answer.json().map_err(|why| format!("GET {path} {why}"))
    }

    /// Opens a connect session for an end user.
    pub fn open_session(&self, end_user: &str) -> Result<Value, String> {
        let body = json!({ "end_user": { "id": end_user, "name": "Ada Okafor" }, "allowed_origins": [self.origin] });
        let answer = post_json(format!("{}/v1/connect/sessions", self.origin), &body).bearer(&self.key).send()?;
        answer.json().map_err(|why| format!("POST /v1/connect/sessions {why}"))
    }
}

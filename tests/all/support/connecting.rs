//! What an end user's browser does on the way to a connection, without a browser: the same requests, cookies and forms.

use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{Answer, ConnectBrowser, TenantKey, callers::Caller};

impl ConnectBrowser {
    /// Opens a session for an end user and is its browser.
    pub async fn open(key: &TenantKey, origin: &str, end_user: &str) -> (Value, Self) {
        let wish = json!({ "end_user": { "id": end_user, "name": "Ada Okafor" }, "allowed_origins": [origin] });
        let session = key.post("/v1/connect/sessions", &wish).await.ok();
        let browser = Self::at(origin, session["token"].as_str().unwrap());
        (session, browser)
    }

    /// Presses the button of an integration, as the page does: a form to `/connect/launch`.
    pub async fn launch(&self, origin: &str, token: &str, integration: &str, display: &str) -> Answer {
        let fields = [("token", token), ("integration_id", integration), ("display", display), ("fields", "{}")];
        self.request(Method::POST, "/connect/launch").header("origin", origin).form(&fields).send().await
    }
}

/// The link in a page that answers `/connect/launch`, or its `Location`.
pub fn leads_to(answer: &Answer, provider: &str) -> Url {
    if let Some(location) = answer.header("location") {
        return location.parse().unwrap();
    }
    let page = answer.text();
    let at = page.find(provider).unwrap_or_else(|| panic!("nothing leads to {provider}: {answer}"));
    let rest = &page[at..];
    let end = rest.find(['"', '\'', '<', ' ', ')']).unwrap_or(rest.len());
    rest[..end].replace("&amp;", "&").replace("\\u0026", "&").replace("\\/", "/").parse().unwrap()
}

/// An end user at the provider.
pub struct Consent {
    browser: Caller,
}

impl Default for Consent {
    fn default() -> Self {
        Self { browser: Caller::new("http://127.0.0.1").with_cookies() }
    }
}

impl Consent {
    /// Answers Acme's own consent page; gives the callback that it redirects to.
    pub async fn at_acme(&self, authorization: &Url, shop: &str, decision: &str) -> Url {
        let page = self.browser.get(authorization.as_str()).await;
        let text = page.text();
        let transaction = text
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .unwrap_or_else(|| panic!("no consent page: {page}"))
            .0;
        self.answer_acme(&authorization.origin().ascii_serialization(), transaction, shop, decision).await
    }

    /// The same for a consent page that was opened elsewhere, by its transaction.
    pub async fn answer_acme(&self, acme: &str, transaction: &str, shop: &str, decision: &str) -> Url {
        let fields = [("transaction", transaction), ("account", shop), ("decision", decision)];
        let url = format!("{acme}/auth/decision");
        let answer = self.browser.request(Method::POST, &url).form(&fields).send().await;
        answer.header("location").unwrap_or_else(|| panic!("no way back: {answer}")).parse().unwrap()
    }

    /// Signs in at the OpenID provider and answers its consent page; gives the callback that it redirects to.
    pub async fn at_oidc(&self, authorization: &Url, account: &str, allow: bool) -> Url {
        let mut next = authorization.clone();
        // Every page and redirect on the way; a dozen is more than there are.
        for _ in 0..12 {
            let answer = self.browser.get(next.as_str()).await;
            if let Some(location) = answer.header("location") {
                let to = next.join(location).unwrap();
                if to.origin() != authorization.origin() {
                    return to;
                }
                next = to;
                continue;
            }
            let page = answer.text();
            let step = if page.contains("id=\"login\"") {
                "login"
            } else if page.contains("id=\"allow\"") {
                if allow { "allow" } else { "cancel" }
            } else {
                panic!("neither sign-in nor consent: {answer}")
            };
            let form = format!("{}/{step}", next.path());
            let url = next.join(&form).unwrap();
            let fields: &[(&str, &str)] = if step == "login" { &[("account", account)] } else { &[] };
            let done = self.browser.request(Method::POST, url.as_str()).form(fields).send().await;
            let location = done.header("location").unwrap_or_else(|| panic!("no way on: {done}"));
            next = next.join(location).unwrap();
        }
        panic!("the OpenID provider goes in circles at {next}")
    }
}

//! Who calls the server: one type for each kind of caller.

use std::{collections::BTreeMap, ops::Deref, sync::Mutex, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::Answer;

/// Somebody with an HTTP client. Redirects are shown, not followed.
#[derive(Debug)]
pub struct Caller {
    client: reqwest::Client,
    origin: String,
    headers: HeaderMap,
    cookies: Option<Mutex<BTreeMap<String, String>>>,
}

impl Caller {
    /// Somebody without any claim.
    pub fn new(origin: &str) -> Self {
        // Never speaks TLS; reading the system's certificates for each caller would be most of what a test computes.
        let client = reqwest::Client::builder()
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()
            .unwrap();
        Self { client, origin: origin.to_owned(), headers: HeaderMap::new(), cookies: None }
    }

    /// Sends this header always.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Keeps cookies as a browser does.
    pub fn with_cookies(mut self) -> Self {
        self.cookies = Some(Mutex::default());
        self
    }

    /// Begins a request to a path of the server, or to another server by its URL.
    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        let absolute = path.starts_with("http://") || path.starts_with("https://");
        let url = if absolute { path.to_owned() } else { format!("{}{path}", self.origin) };
        let asked = format!("{method} {url}");
        // What is said to one server is not said to another.
        let headers = if url.starts_with(&self.origin) { self.headers.clone() } else { HeaderMap::new() };
        let builder = self.client.request(method, &url).headers(headers);
        Request { caller: self, url, asked, builder }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send().await
    }

    /// `POST` of JSON
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path).json(body).send().await
    }

    /// `PATCH` of JSON
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PATCH, path).json(body).send().await
    }

    /// The cookies kept for a server.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let Some(cookies) = &self.cookies else { return Vec::new() };
        cookies.lock().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Cookies belong to a host and, to keep two servers on one machine apart, to a port.
    fn jar_key(url: &str, name: &str) -> String {
        let url: url::Url = url.parse().unwrap();
        format!("{} {name}", url.origin().ascii_serialization())
    }
}

/// A request that is being put together.
pub struct Request<'c> {
    caller: &'c Caller,
    url: String,
    asked: String,
    builder: reqwest::RequestBuilder,
}

impl Request<'_> {
    /// Adds a header, or replaces the caller's own.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        self.builder = self.builder.headers(headers);
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A form, as a page sends it.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Any body.
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.builder = self.builder.body(body);
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let asked = self.asked.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"))
    }

    /// The same where no answer is a possible outcome.
    pub async fn try_send(mut self) -> Result<Answer, reqwest::Error> {
        if let Some(cookies) = &self.caller.cookies {
            let prefix = Caller::jar_key(&self.url, "");
            let cookies = cookies.lock().unwrap();
            let own = cookies.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?, value)));
            let header = own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            if !header.is_empty() {
                self.builder = self.builder.header("cookie", header);
            }
        }
        let response = self.builder.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        let answer = Answer { asked: self.asked, status, headers, body };
        super::heard::hear(&answer);
        if let Some(cookies) = &self.caller.cookies {
            for (name, value) in answer.cookies() {
                let key = Caller::jar_key(&self.url, &name);
                // A server takes a cookie back by emptying it.
                if value.is_empty() {
                    cookies.lock().unwrap().remove(&key);
                } else {
                    cookies.lock().unwrap().insert(key, value);
                }
            }
        }
        Ok(answer)
    }
}

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Caller);

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }
    )*};
}

callers! {
    /// Somebody without any key.
    Anonymous,
    /// The operator.
    Operator,
    /// A tenant's backend.
    TenantKey,
    /// The end user's browser on the connect page, with a session's token and cookies of its own.
    ConnectBrowser,
    /// A member's browser on the portal, signed in.
    Portal,
}

impl Anonymous {
    /// One.
    pub fn at(origin: &str) -> Self {
        Self(Caller::new(origin))
    }
}

impl Operator {
    /// By the operator's token.
    pub fn at(origin: &str, token: &str) -> Self {
        Self(Caller::new(origin).with_header("authorization", &format!("Bearer {token}")))
    }
}

impl TenantKey {
    /// By an API key.
    pub fn at(origin: &str, key: &str) -> Self {
        Self(Caller::new(origin).with_header("authorization", &format!("Bearer {key}")))
    }
}

impl ConnectBrowser {
    /// By a connect session's token.
    pub fn at(origin: &str, token: &str) -> Self {
        Self(Caller::new(origin).with_header("authorization", &format!("Bearer {token}")).with_cookies())
    }
}

impl Portal {
    /// Signs in.
    pub async fn sign_in(origin: &str, email: &str, password: &str, environment: &str) -> Self {
        let caller = Caller::new(origin)
            .with_cookies()
            .with_header("origin", origin)
            .with_header("patchbay-csrf", "1")
            .with_header("patchbay-environment", environment);
        let body = serde_json::json!({ "email": email, "password": password });
        caller.post("/portal/api/sign-in", &body).await.ok();
        Self(caller)
    }
}

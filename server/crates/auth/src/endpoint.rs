//! A request to the token endpoint and those beside it: the client's authentication, the provider's dialect, the proof of
//! possession, and the answer in the provider's words but without what was sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    manifest::{ClientAuth, FailureMeaning, FailureOf, TokenBody},
    secret::Secret,
};
use egress::{Credential, Identity, Masker, Request, Response};
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::{
    account::Outside,
    answer::{self, Refusal, TokenAnswer},
    client::{OAuth2Client, missing},
    dpop,
    failure::{Failure, Misconfigured},
    path, refused, signals,
    tokens::TokenSet,
};

/// No honest token answer is longer, in bytes.
const LONGEST_ANSWER: u64 = 256 << 10;
/// The name that RFC 7523 §2.2 gives to JWTs by which clients show who they are.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A parameter of a request.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    /// The protocol's name for it; empty for what is not sent.
    name: String,
    value: Secret,
    /// Whether an answer that repeats it is to be masked.
    is_secret: bool,
}

impl Param {
    /// One that anybody may see.
    pub(crate) fn open(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Secret::new(value), is_secret: false }
    }

    /// One that must not come back in an error.
    pub(crate) fn secret(name: &str, value: &Secret) -> Self {
        Self { name: name.to_owned(), value: value.clone(), is_secret: true }
    }

    /// What is not sent, and must not come back all the same.
    pub(crate) fn hidden(value: &Secret) -> Self {
        Self::secret("", value)
    }
}

/// An answer, and what must not be repeated from it.
pub(crate) struct Posted {
    pub(crate) response: Response,
    masker: Masker,
}

impl Posted {
    /// The answer as JSON without what was sent; `None` where it is none.
    pub(crate) fn masked_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.masker.mask(self.response.body.clone())).ok()
    }

    /// What it means that there is an error status and no token was to be expected.
    pub(crate) fn failure(&self) -> Failure {
        match self.masked_json().and_then(|body| path::text(&body, "error")) {
            Some(code) => {
                let refusal = Refusal { code: refused::shown(&code), description: None };
                refused::sort(self.response.status, self.response.retry_after, refusal)
            }
            None => by_status(&self.response, None),
        }
    }
}

impl OAuth2Client {
    /// A request that brings tokens. They carry the key that they are bound to.
    pub(crate) async fn token_request(
        &self,
        out: Outside<'_>,
        url: &Url,
        mut params: Vec<Param>,
        extra: &BTreeMap<String, Secret>,
        key: Option<&dpop::Key>,
    ) -> Result<TokenSet, Failure> {
        self.check_extra(extra.keys())?;
        params.retain(|param| !self.is_replaced(&param.name, extra));
        params.extend(self.resource.iter().map(|resource| Param::open("resource", resource)));
        let posted = self.post(out, url, &params, extra, key).await?;
        let tokens = self.read(&posted, out.now)?;
        Ok(match key {
            Some(key) => key.kept_in(tokens),
            None => tokens,
        })
    }

    fn read(&self, posted: &Posted, now: DateTime<Utc>) -> Result<TokenSet, Failure> {
        let response = &posted.response;
        if let Some(failure) = self.by_rules(posted) {
            return Err(failure);
        }
        let parse = |body: &[u8]| answer::parse(body, &self.response, &self.scope_separator, now);
        match parse(&response.body) {
            Ok(TokenAnswer::Tokens(tokens)) if response.status.is_success() => Ok(self.with_usual_ends(*tokens, now)),
            // Tokens with an error status: whatever they are, they are not for use.
            Ok(TokenAnswer::Tokens(_)) => Err(by_status(response, None)),
            Ok(TokenAnswer::Refused(_)) => {
                // Read once more with our secrets overwritten, before anything is cut short.
                let refusal = match parse(&posted.masker.mask(response.body.clone())) {
                    Ok(TokenAnswer::Refused(refusal)) => refusal,
                    _ => Refusal { code: "unreadable".into(), description: None },
                };
                Err(refused::sort(response.status, response.retry_after, refusal))
            }
            Err(unreadable) if response.status.is_success() => Err(unreadable.into()),
            Err(unreadable) => Err(by_status(response, Some(unreadable))),
        }
    }

    /// What an answer means by the manifest's own rules.
    fn by_rules(&self, posted: &Posted) -> Option<Failure> {
        let response = &posted.response;
        let status = response.status.as_u16();
        let meaning = signals::meaning(&self.failures, FailureOf::Token, status, &response.body)?;
        let code = || {
            let said = posted.masked_json().and_then(|body| path::text(&body, &self.response.error));
            said.map_or_else(|| format!("status_{status}"), |code| refused::shown(&code))
        };
        let retry_after = response.retry_after;
        Some(match meaning {
            FailureMeaning::Revoked => Failure::Revoked { code: code() },
            FailureMeaning::Expired => Failure::Expired,
            FailureMeaning::Misconfigured => Failure::ClientMisconfigured(Misconfigured::Client(code())),
            FailureMeaning::Throttled => Failure::Throttled { retry_after },
            FailureMeaning::Down => {
                let detail = format!("status {status} ({})", code());
                Failure::ProviderDown { detail, retry_after, may_have_acted: response.status.is_server_error() }
            }
        })
    }

    /// Posts with the client's authentication, and with a proof of possession where there is a key. A server that wants
    /// its nonce in the proof is asked once more (RFC 9449 §8).
    pub(crate) async fn post(
        &self,
        out: Outside<'_>,
        url: &Url,
        params: &[Param],
        extra: &BTreeMap<String, Secret>,
        key: Option<&dpop::Key>,
    ) -> Result<Posted, Failure> {
        let proof = |nonce: Option<&str>| {
            key.map(|key| key.proof(out, &dpop::Claims { method: "POST", url, token: None, nonce })).transpose()
        };
        let posted = self.post_once(out, url, params, extra, proof(None)?).await?;
        match dpop::wanted_nonce(&posted.response) {
            Some(nonce) if key.is_some() => self.post_once(out, url, params, extra, proof(Some(&nonce))?).await,
            _ => Ok(posted),
        }
    }

    async fn post_once(
        &self,
        out: Outside<'_>,
        url: &Url,
        params: &[Param],
        extra: &BTreeMap<String, Secret>,
        proof: Option<Secret>,
    ) -> Result<Posted, Failure> {
        let mut all: Vec<Param> = params.to_vec();
        let mut credential = Credential::default();
        let mut identity = None;
        let id = Param::open("client_id", &self.client_id);
        match (self.client_auth, &self.client_secret) {
            (ClientAuth::Basic, Some(secret)) => {
                // RFC 6749 §2.3.1: both are form-encoded first.
                let password = Secret::new(encoded(secret.expose()));
                credential = Credential::basic(&encoded(&self.client_id), &password);
                all.push(Param::hidden(secret));
            }
            (ClientAuth::Body, Some(secret)) => all.extend([id, Param::secret("client_secret", secret)]),
            (ClientAuth::PrivateKeyJwt, _) => {
                let assertion = self.assertion(out)?;
                all.extend([
                    id,
                    Param::open("client_assertion_type", ASSERTION_TYPE),
                    Param::secret("client_assertion", &assertion),
                ]);
            }
            (ClientAuth::Tls, _) => {
                let key = self.client_key.clone().ok_or_else(|| missing("client_key"))?;
                let certificate = self.client_certificate.clone().ok_or_else(|| missing("client_certificate"))?;
                identity = Some(Identity { certificate, key });
                all.push(id);
            }
            (ClientAuth::Basic | ClientAuth::Body | ClientAuth::None, _) => all.push(id),
        }
        let masker = Masker::new(
            all.iter().filter(|p| p.is_secret).map(|p| p.value.expose()).chain(extra.values().map(Secret::expose)),
        );
        let mut sent: Vec<(&str, &Secret)> =
            all.iter().filter(|p| !p.name.is_empty()).map(|p| (self.named(&p.name), &p.value)).collect();
        sent.extend(extra.iter().map(|(name, value)| (name.as_str(), value)));
        let mut request = Request::new(Method::POST, url.clone(), self.reach.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        match self.body {
            TokenBody::Form => {
                let pairs = sent.iter().map(|(name, value)| (*name, value.expose()));
                let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                request = request.header(CONTENT_TYPE, kind).body(body);
            }
            TokenBody::Json => {
                let body = Value::Object(object(&sent)).to_string();
                request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
            }
            // As a credential, so that no log of the outbound client names them.
            TokenBody::Query => {
                for (name, value) in &sent {
                    credential = credential.and(Credential::query(*name, value));
                }
            }
        }
        for (name, value) in &self.token_headers {
            let bad = || Failure::ClientMisconfigured(Misconfigured::Request(format!("`{name}` is no header")));
            let name: HeaderName = name.parse().map_err(|_| bad())?;
            credential = credential.and(Credential::header(name, "", value, ""));
        }
        if let Some(proof) = proof {
            credential = credential.and(Credential::header(HeaderName::from_static("dpop"), "", &proof, ""));
        }
        request.credential = Some(credential);
        request.identity = identity;
        request.budget.clone_from(&self.budget);
        request.deadline = Some(self.deadline);
        request.max_response = Some(LONGEST_ANSWER);
        Ok(Posted { response: out.egress.send(request).await?, masker })
    }

    /// A JWT by which the client shows who it is (RFC 7523 §2.2, §3): for the issuer where it is known, for the token
    /// endpoint else, good for a minute and once.
    fn assertion(&self, out: Outside<'_>) -> Result<Secret, Failure> {
        let key = self.client_key.as_ref().ok_or_else(|| missing("client_key"))?;
        let audience = self.expected_issuer.as_deref().unwrap_or(self.token_url.as_str());
        let now = out.now.timestamp();
        let claims = serde_json::json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": crate::client::random_text(out.entropy).expose(),
            "iat": now,
            "exp": now.saturating_add(60),
        });
        crate::jws::sign_with_pem(key, self.client_key_id.as_deref(), &claims)
    }
}

/// The parameters as a JSON object; one that comes twice, as `resource` may, becomes a list.
fn object(sent: &[(&str, &Secret)]) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in sent {
        let value = Value::from(value.expose());
        match members.get_mut(*name) {
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                members.insert((*name).to_owned(), value);
            }
        }
    }
    members
}

/// Sorts an answer that says nothing readable by its status.
pub(crate) fn by_status(response: &Response, unreadable: Option<answer::Unreadable>) -> Failure {
    let status = response.status;
    // A redirect or another success is no refusal: it is an answer to something else.
    if let (Some(unreadable), 200..=399) = (unreadable, status.as_u16()) {
        return unreadable.into();
    }
    let code = match status {
        StatusCode::UNAUTHORIZED => "invalid_client".to_owned(),
        status => format!("status_{}", status.as_u16()),
    };
    refused::sort(status, response.retry_after, Refusal { code, description: None })
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

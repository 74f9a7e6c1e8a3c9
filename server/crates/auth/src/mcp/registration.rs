//! How the client is known to an authorization server. A registration belongs to the issuer that it was made at.

use std::time::Duration;

use domain::{manifest::ClientAuth, secret::Secret};
use egress::{Reach, Request, Response};
use http::{
    HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

use super::{metadata::Authority, misconfigured};
use crate::{
    account::{Account, Outside},
    answer::{Refusal, refusal_in},
    client::OAuth2Client,
    failure::{Failure, Misconfigured},
    refused,
};

/// No honest registration is longer, in bytes.
const LONGEST: u64 = 64 << 10;
/// Longest wait for one.
const DEADLINE: Duration = Duration::from_secs(30);
/// The refusal of a wish as a whole (RFC 7591 §3.2.2).
const WRONG_METADATA: &str = "invalid_client_metadata";
/// What end users are shown of a client that registers itself.
const NAME: &str = "Patchbay";

/// A client at an issuer, with all that later requests need: nothing is looked up again, so nobody can redirect them.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Registration {
    /// Where the client is known.
    pub(super) issuer: String,
    /// Whether callbacks name the issuer.
    pub(super) announces_iss: bool,
    /// What tokens are for.
    pub(super) resource: String,
    client: Who,
    token_url: Url,
    revocation_url: Option<Url>,
    /// When the client's secret is over, in Unix seconds.
    pub(super) secret_expires_at: Option<i64>,
}

/// Who the client is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
enum Who {
    /// The integration's own client; its secret is not repeated here.
    Integration { method: Showing },
    /// The address of our metadata document.
    Document { id: String },
    /// Registered on the way.
    Registered { id: String, secret: Option<String>, method: Showing },
}

/// How the client shows who it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Showing {
    ClientSecretBasic,
    ClientSecretPost,
    None,
}

impl Showing {
    const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];

    const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The first that the authorization server takes.
    fn of(authority: &Authority) -> Option<Self> {
        Self::ALL.into_iter().find(|method| authority.auth_methods.iter().any(|name| name == method.name()))
    }

    const fn auth(self) -> ClientAuth {
        match self {
            Self::ClientSecretBasic => ClientAuth::Basic,
            Self::ClientSecretPost => ClientAuth::Body,
            Self::None => ClientAuth::None,
        }
    }
}

impl Account<'_> {
    /// Makes the client known: the integration's own if it has one, else our document, else by registering.
    pub(super) async fn introduce(
        &self,
        out: Outside<'_>,
        authority: &Authority,
        resource: &str,
        scopes: &[String],
    ) -> Result<Registration, Failure> {
        let mut secret_expires_at = None;
        let client = match (&self.client_id, &self.client_metadata_url, &authority.registration_url) {
            (Some(_), ..) => {
                let has_secret = self.secrets.contains_key("client_secret");
                let method = if has_secret { Showing::of(authority) } else { None };
                Who::Integration { method: method.unwrap_or(Showing::None) }
            }
            (None, Some(document), _) if authority.takes_documents => Who::Document { id: document.as_str().into() },
            (None, _, Some(endpoint)) => {
                let registered = self.register(out, authority, endpoint, scopes).await?;
                secret_expires_at = registered.1;
                registered.0
            }
            (None, _, None) => {
                return Err(Failure::ClientMisconfigured(Misconfigured::Client(
                    "the authorization server lets no client introduce itself: register one there and enter its id"
                        .into(),
                )));
            }
        };
        Ok(Registration {
            issuer: authority.issuer.clone(),
            announces_iss: authority.announces_iss,
            resource: resource.to_owned(),
            client,
            token_url: authority.token_url.clone(),
            revocation_url: authority.revocation_url.clone(),
            secret_expires_at,
        })
    }

    /// Dynamic registration (RFC 7591).
    async fn register(
        &self,
        out: Outside<'_>,
        authority: &Authority,
        endpoint: &Url,
        scopes: &[String],
    ) -> Result<(Who, Option<i64>), Failure> {
        let method = Showing::of(authority).ok_or_else(|| {
            misconfigured("the authorization server takes no way of client authentication that we have")
        })?;
        let mut wish = json!({
            "client_name": NAME,
            "redirect_uris": [self.redirect_uri.as_str()],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method.name(),
            // OpenID Connect's default of "web" refuses redirects to this machine.
            "application_type": if is_local(&self.redirect_uri) { "native" } else { "web" },
        });
        if let Some(members) = wish.as_object_mut().filter(|_| !scopes.is_empty()) {
            members.insert("scope".into(), scopes.join(" ").into());
        }
        let mut answer = submit(out, endpoint, &wish).await?;
        let is_wrong = |answer: &Response| {
            let refusal = refusal_in(&answer.body);
            answer.status == StatusCode::BAD_REQUEST && refusal.is_some_and(|refusal| refusal.code == WRONG_METADATA)
        };
        if is_wrong(&answer)
            && let Some(members) = wish.as_object_mut()
            && members.shift_remove("scope").is_some()
        {
            // Scopes of the resource are not always such that a client may be registered for.
            answer = submit(out, endpoint, &wish).await?;
        }
        if !answer.status.is_success() {
            let refusal = refusal_in(&answer.body)
                .unwrap_or_else(|| Refusal { code: format!("status_{}", answer.status.as_u16()), description: None });
            return Err(refused::sort(answer.status, answer.retry_after, refusal));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = text("client_id").ok_or_else(|| misconfigured("the registration gave no client id"))?.to_owned();
        let secret = text("client_secret").map(Into::into);
        let method = text("token_endpoint_auth_method").map_or(Some(method), Showing::named);
        let method = method
            .ok_or_else(|| misconfigured("the registration asks for a way of client authentication that we lack"))?;
        // Zero says that it does not end (RFC 7591 §3.2.1).
        let ends = body.get("client_secret_expires_at").and_then(Value::as_i64).filter(|end| *end > 0);
        Ok((Who::Registered { id, secret, method }, ends))
    }
}

async fn submit(out: Outside<'_>, endpoint: &Url, wish: &Value) -> Result<Response, Failure> {
    let mut request = Request::new(Method::POST, endpoint.clone(), Reach::Any)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(wish.to_string());
    request.deadline = Some(DEADLINE);
    request.max_response = Some(LONGEST);
    Ok(out.egress.send(request).await?)
}

impl Registration {
    /// The client that speaks to the issuer's endpoints.
    pub(super) fn client(&self, account: &Account<'_>) -> Result<OAuth2Client, Failure> {
        let gone = || misconfigured("the integration's client id is gone");
        let (id, secret, method) = match &self.client {
            Who::Integration { method } => {
                let id = account.client_id.clone().ok_or_else(gone)?;
                (id, account.secrets.get("client_secret").cloned(), *method)
            }
            Who::Document { id } => (id.clone(), None, Showing::None),
            Who::Registered { id, secret, method } => (id.clone(), secret.as_deref().map(Secret::new), *method),
        };
        let mut client = OAuth2Client::new(id, self.token_url.clone(), account.redirect_uri.clone());
        client.client_secret = secret;
        client.client_auth = method.auth();
        client.revocation_url.clone_from(&self.revocation_url);
        client.resource = vec![self.resource.clone()];
        client.reach = Reach::hosts_of(std::iter::once(&self.token_url).chain(&self.revocation_url));
        Ok(client)
    }

    /// The text to seal with an attempt.
    pub(super) fn to_text(&self) -> Secret {
        Secret::new(self.to_value().to_string())
    }

    /// What [`Registration::to_text`] wrote.
    pub(super) fn from_text(text: &Secret) -> Option<Self> {
        serde_json::from_str(text.expose()).ok()
    }

    /// The value to seal beside the tokens.
    pub(super) fn to_value(&self) -> Value {
        // Texts, flags and numbers always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What [`Registration::to_value`] gave.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}

/// Whether an address is one on this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    }
}

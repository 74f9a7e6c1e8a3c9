//! The identity call: whose account is this?

use std::time::Duration;

use domain::secret::Secret;
use egress::{Budget, Credential, Egress, Masker, Reach, Request};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::Value;
use url::Url;

use crate::{
    answer::{Refusal, Unreadable},
    failure::Failure,
    path, refused,
};

/// No honest description of an account is longer, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// How to ask: a GET with the credential, answered in JSON.
#[derive(Debug, Clone)]
pub struct IdentityCall {
    /// Where to ask.
    pub url: Url,
    /// Headers of the manifest, such as an API version.
    pub headers: HeaderMap,
    /// How the request carries the credential.
    pub credential: Credential,
    /// Dotted path of the provider's stable id of the account.
    pub account: String,
    /// Dotted path of what people call it.
    pub name: Option<String>,
    /// Which hosts may be asked.
    pub reach: Reach,
    /// Longest wait.
    pub deadline: Duration,
    /// The connection's rate budget.
    pub budget: Option<Budget>,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's stable id.
    pub account: String,
    /// What people call it, if the provider says.
    pub name: Option<String>,
}

/// The identity call of a bearer token without further headers.
#[must_use]
pub fn with_bearer(url: Url, token: &Secret, account: &str, name: Option<&str>, reach: Reach) -> IdentityCall {
    IdentityCall {
        url,
        headers: HeaderMap::new(),
        credential: Credential::bearer(token),
        account: account.to_owned(),
        name: name.map(Into::into),
        reach,
        deadline: Duration::from_secs(20),
        budget: None,
    }
}

impl IdentityCall {
    /// Asks.
    ///
    /// # Errors
    /// See [`Failure`]: [`Failure::Revoked`] when the provider does not honour the credential, [`Failure::BadAnswer`]
    /// when there is no id where the manifest says.
    pub async fn ask(self, egress: &Egress) -> Result<Identity, Failure> {
        let masker: Masker = self.credential.masker();
        let mut request = Request::new(Method::GET, self.url, self.reach);
        request.headers = self.headers;
        if !request.headers.contains_key(ACCEPT) {
            request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        }
        request.mask = Some(masker);
        request.credential = Some(self.credential);
        request.deadline = Some(self.deadline);
        request.max_response = Some(LONGEST_ANSWER);
        request.budget = self.budget;
        let response = egress.send(request).await?;
        if !response.status.is_success() {
            let code = match response.status {
                StatusCode::UNAUTHORIZED => "invalid_token".to_owned(),
                status => format!("status_{}", status.as_u16()),
            };
            return Err(refused::sort(response.status, response.retry_after, Refusal { code, description: None }));
        }
        let value: Value = match serde_json::from_slice(&response.body) {
            Ok(value) => value,
            Err(_) if response.body.is_empty() => return Err(Unreadable::Empty.into()),
            Err(_) => {
                let kind = response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
                let is_page = kind.contains("html") || response.body.trim_ascii_start().starts_with(b"<");
                return Err(if is_page { Unreadable::Html } else { Unreadable::Malformed }.into());
            }
        };
        let account = path::text(&value, &self.account).ok_or(Unreadable::NoAccount)?;
        let name = self.name.and_then(|name| path::text(&value, &name));
        Ok(Identity { account: account.chars().take(255).collect(), name: name.map(|n| refused::shown(&n)) })
    }
}

//! Does the credential work, and whose account is it? Both are asked right after it was given or typed in.

use std::time::Duration;

use domain::{manifest::CallMethod, secret::Secret};
use egress::{Credential, Reach, Request, Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::Value;
use url::Url;

use crate::{
    account::{Account, Outside},
    answer::{Refusal, Unreadable},
    call::method,
    failure::{Failure, Misconfigured},
    material::Material,
    path, refused,
};

/// No honest description of an account is longer, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;
/// Longest wait.
const DEADLINE: Duration = Duration::from_secs(20);

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's stable id.
    pub account: String,
    /// What people call it, if the provider says.
    pub name: Option<String>,
}

impl Account<'_> {
    /// Makes the manifest's identity call, or its verification call where there is no identity to learn. `None` says that
    /// the credential works, or that there is no way to know. Values that the identity call gave are in `variables`
    /// afterwards.
    ///
    /// # Errors
    /// See [`Failure`]: [`Failure::Refused`] with the provider's words, or [`Failure::Revoked`] where it has none, when it
    /// does not honour the credential, [`Failure::BadAnswer`] when there is no id where the manifest says.
    pub async fn identify(&mut self, out: Outside<'_>, material: &Material) -> Result<Option<Identity>, Failure> {
        let manifest = self.manifest;
        if let Some(spec) = &manifest.verification {
            let url = self.url(&spec.url)?;
            let response = self.ask(out, material, spec.method, url, spec.json.as_deref(), None).await?;
            let works = if spec.statuses.is_empty() {
                response.status.is_success()
            } else {
                spec.statuses.contains(&response.status.as_u16())
            };
            if !works {
                return Err(refusal(&response));
            }
            if let Some(present) = &spec.present {
                let body = read(&response)?;
                if path::find(&body, present).is_none_or(|found| *found == Value::Bool(false)) {
                    return Err(refusal(&response));
                }
            }
        }
        let Some(spec) = &manifest.identity else { return Ok(None) };
        // What a variable holds, where that tells the account.
        let held = spec.account_variable.as_ref().map(|name| self.variables.get(name).ok_or(Unreadable::NoAccount));
        let mut account = held.transpose()?.cloned();
        let mut name = None;
        if let Some(url) = &spec.url {
            let url = self.url(url)?;
            let token = Self::identity_token(material);
            let response = self.ask(out, material, spec.method, url, spec.json.as_deref(), token).await?;
            if !response.status.is_success() {
                return Err(refusal(&response));
            }
            let body = read(&response)?;
            account = account.or_else(|| path::text(&body, spec.account.as_deref()?));
            if account.is_none() {
                // Some refuse with status 200.
                return Err(match crate::answer::refusal_in(&response.body) {
                    Some(refusal) => refused::sort(response.status, response.retry_after, refusal),
                    None => Unreadable::NoAccount.into(),
                });
            }
            name = spec.name.as_ref().and_then(|name| path::text(&body, name));
            self.absorb("identity", &body)?;
        }
        let account: String = account.ok_or(Unreadable::NoAccount)?.chars().take(255).collect();
        Ok(Some(Identity { account, name: name.map(|name| refused::shown(&name)) }))
    }

    async fn ask(
        &self,
        out: Outside<'_>,
        material: &Material,
        by: CallMethod,
        url: Url,
        json: Option<&str>,
        identity_token: Option<Secret>,
    ) -> Result<Response, Failure> {
        let reach = Reach::hosts_of([&url]);
        let mut request = Request::new(method(by), url, reach);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in self.api_headers()? {
            request.headers.insert(name, value);
        }
        if let Some(json) = json {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = json.to_owned().into();
        }
        let credential = match identity_token {
            Some(token) => Credential::bearer(&token),
            None => self.credential(material)?.unwrap_or_default(),
        };
        request.mask = Some(credential.masker());
        request.credential = Some(credential);
        request.deadline = Some(DEADLINE);
        request.max_response = Some(LONGEST_ANSWER);
        request.budget = out.budget.cloned();
        Ok(out.egress.send(request).await?)
    }

    /// The headers that the manifest sends with every request to the API.
    ///
    /// # Errors
    /// [`Failure::ClientMisconfigured`] for what is no header.
    pub fn api_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let mut headers = Vec::new();
        for (name, template) in &self.manifest.api.headers {
            let bad = || Failure::ClientMisconfigured(Misconfigured::Request(format!("`{name}` is no header")));
            let Some(value) = self.text(template, &[])? else { continue };
            let header = name.parse().ok().zip(HeaderValue::from_str(value.expose()).ok());
            headers.push(header.ok_or_else(bad)?);
        }
        Ok(headers)
    }
}

fn read(response: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&response.body).map_err(|_| {
        if response.body.is_empty() {
            return Unreadable::Empty.into();
        }
        let kind = response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let is_page = kind.contains("html") || response.body.trim_ascii_start().starts_with(b"<");
        if is_page { Unreadable::Html } else { Unreadable::Malformed }.into()
    })
}

fn refusal(response: &Response) -> Failure {
    let code = match response.status {
        StatusCode::UNAUTHORIZED => "invalid_token".to_owned(),
        status => format!("status_{}", status.as_u16()),
    };
    // What it says is for the end user; the code is ours, because every API has its own words for "no".
    let description =
        crate::answer::refusal_in(&response.body).and_then(|refusal| refusal.description.or(Some(refusal.code)));
    if response.status == StatusCode::UNAUTHORIZED && description.is_some() {
        // Whoever just typed it in learns why from the provider, rather than that a grant is gone.
        return Failure::Refused { code, description };
    }
    refused::sort(response.status, response.retry_after, Refusal { code, description })
}

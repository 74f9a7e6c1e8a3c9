//! OAuth 1.0a (RFC 5849): temporary credentials, the end user's consent, token credentials. Signed by the same signer that
//! signs API calls later.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    entropy,
    manifest::{OAuth1, OAuth1Signature},
    secret::Secret,
};
use egress::{Credential, Masker, Reach, Request, Response, sign};
use http::{HeaderValue, Method, StatusCode, header::ACCEPT};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::{
    account::{Account, Outside},
    answer::{self, Refusal, Unreadable},
    callback::Callback,
    failure::{Failure, Misconfigured},
    material::Material,
    mode::{Begun, Kept},
    refused,
    tokens::{TOKEN_SECRET, TokenSet},
};

const LONGEST_ANSWER: u64 = 64 << 10;
const DEADLINE: Duration = Duration::from_secs(45);

/// The problems of the OAuth Problem Reporting extension that the client itself has.
const OF_CLIENT: [&str; 6] = [
    "consumer_key_unknown",
    "consumer_key_rejected",
    "consumer_key_refused",
    "signature_invalid",
    "signature_method_rejected",
    "version_rejected",
];
/// Those that are over when it is tried again.
const PASSING: [&str; 2] = ["nonce_used", "timestamp_refused"];

fn misconfigured(what: &str) -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request(what.into()))
}

impl Account<'_> {
    /// The signer with the client's credentials and, once there is one, the token's.
    pub(crate) fn oauth1_signer(
        &self,
        signature: OAuth1Signature,
        token: Option<(&Secret, &Secret)>,
    ) -> Result<sign::OAuth1, Failure> {
        let consumer_key = self.client_id.as_deref().ok_or_else(|| misconfigured("client_id is missing"))?;
        let client_key = self.secrets.get("client_key").cloned();
        let consumer_secret = match (self.secrets.get("client_secret"), signature) {
            (Some(secret), _) => secret.clone(),
            (None, OAuth1Signature::RsaSha1) => Secret::new(""),
            (None, _) => return Err(misconfigured("client_secret is missing")),
        };
        Ok(sign::OAuth1 {
            consumer_key: Secret::new(consumer_key),
            consumer_secret,
            token: token.map(|(token, secret)| (token.clone(), secret.clone())),
            realm: String::new(),
            signature,
            client_key,
            protocol: Vec::new(),
        })
    }

    /// What signs API calls.
    pub(crate) fn oauth1_credential(&self, spec: &OAuth1, tokens: &TokenSet) -> Result<Credential, Failure> {
        // Some providers give a token that has no secret.
        let secret = Secret::new(tokens.extra.get(TOKEN_SECRET).and_then(Value::as_str).unwrap_or_default());
        let by = self.oauth1_signer(spec.signature, Some((&tokens.access_token, &secret)))?;
        let hidden = [&tokens.access_token, &secret].into_iter().chain(self.secrets.values());
        Ok(hidden.fold(Credential::sign(Arc::new(by)), |credential, secret| credential.and_hide(secret)))
    }

    pub(crate) async fn begin_oauth1(&self, out: Outside<'_>, spec: &OAuth1) -> Result<Begun, Failure> {
        let state = Secret::new(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>(out.entropy)));
        // The protocol has no state of its own: it travels in the callback's query.
        let mut callback = self.redirect_uri.clone();
        callback.query_pairs_mut().append_pair("state", state.expose());
        let mut by = self.oauth1_signer(spec.signature, None)?;
        by.protocol.push(("oauth_callback".into(), Secret::new(callback.as_str())));
        let answer = self.ask_oauth1(out, &self.url(&spec.request_token_url)?, by, &[], false).await?;
        // Without this the provider speaks the version in which a consent can be passed on to somebody else.
        if answer.get("oauth_callback_confirmed").map(String::as_str) != Some("true") {
            return Err(misconfigured("the provider does not confirm the callback (OAuth 1.0a)"));
        }
        let (token, secret) = credentials(&answer)?;
        let mut url = self.url(&spec.authorization_url)?;
        for (name, template) in &spec.authorize_params {
            if matches!(name.as_str(), "oauth_token" | "oauth_callback") {
                return Err(Failure::ClientMisconfigured(Misconfigured::Parameter(name.clone())));
            }
            if let Some(value) = self.text(template, &[])? {
                url.query_pairs_mut().append_pair(name, value.expose());
            }
        }
        url.query_pairs_mut().append_pair("oauth_token", token.expose());
        let kept = Kept::default().with("oauth_token", token).with(TOKEN_SECRET, secret);
        Ok(Begun { url, state, kept })
    }

    pub(crate) async fn finish_oauth1(
        &self,
        out: Outside<'_>,
        spec: &OAuth1,
        kept: &Kept,
        callback: &Callback,
        verifier: &Secret,
    ) -> Result<Material, Failure> {
        let lost = || misconfigured("the temporary credentials are lost");
        let token = kept.get("oauth_token").ok_or_else(lost)?;
        let secret = kept.get(TOKEN_SECRET).ok_or_else(lost)?;
        // A consent to another request than this one, from wherever it comes.
        if callback.params.get("oauth_token").map(String::as_str) != Some(token.expose()) {
            return Err(Failure::IssuerMismatch);
        }
        let mut by = self.oauth1_signer(spec.signature, Some((token, secret)))?;
        by.protocol.push(("oauth_verifier".into(), verifier.clone()));
        let hidden = [token, secret, verifier];
        let mut answer = self.ask_oauth1(out, &self.url(&spec.token_url)?, by, &hidden, true).await?;
        let (token, secret) = credentials(&answer)?;
        let seconds = answer.get("oauth_expires_in").or_else(|| answer.get("oauth_authorization_expires_in"));
        let expires_at = answer::lifetime(seconds.map(|text| Value::from(text.as_str())).as_ref(), out.now).end();
        answer.retain(|name, _| !matches!(name.as_str(), "oauth_token" | TOKEN_SECRET));
        let extra = answer.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        let tokens = TokenSet { expires_at, extra, ..TokenSet::bare(token) };
        Ok(Material::of(tokens.with_token_secret(&secret)))
    }

    /// A signed request for credentials, and the parameters of its answer.
    async fn ask_oauth1(
        &self,
        out: Outside<'_>,
        url: &Url,
        by: sign::OAuth1,
        hidden: &[&Secret],
        is_users: bool,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut request = Request::new(Method::POST, url.clone(), Reach::hosts_of([url]));
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/x-www-form-urlencoded, */*;q=0.5"));
        request.credential = Some(Credential::sign(Arc::new(by)));
        request.deadline = Some(DEADLINE);
        request.max_response = Some(LONGEST_ANSWER);
        let response = out.egress.send(request).await?;
        let secrets = hidden.iter().copied().chain(self.secrets.values());
        let masker = Masker::new(secrets.map(Secret::expose));
        if !response.status.is_success() {
            return Err(refused_by(&response, &masker, is_users));
        }
        let text = std::str::from_utf8(&response.body).map_err(|_| Unreadable::Malformed)?.trim();
        match text.chars().next() {
            None => Err(Unreadable::Empty.into()),
            Some('<') => Err(Unreadable::Html.into()),
            Some('{') => {
                let members: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|_| Unreadable::Malformed)?;
                let texts = members.into_iter().filter_map(|(name, value)| match value {
                    Value::String(text) => Some((name, text)),
                    Value::Bool(_) | Value::Number(_) => Some((name, value.to_string())),
                    _ => None,
                });
                Ok(texts.collect())
            }
            Some(_) => {
                let read: BTreeMap<String, String> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
                if read.contains_key("oauth_problem") {
                    return Err(refused_by(&response, &masker, is_users));
                }
                Ok(read)
            }
        }
    }
}

fn credentials(answer: &BTreeMap<String, String>) -> Result<(Secret, Secret), Failure> {
    let of = |name: &str| answer.get(name).map(|text| Secret::new(text.as_str()));
    let token = of("oauth_token").filter(|token| !token.expose().is_empty()).ok_or(Unreadable::NoToken)?;
    Ok((token, of(TOKEN_SECRET).unwrap_or_else(|| Secret::new(""))))
}

/// Sorts a refusal. Before the end user has consented there is nothing of theirs that could be wrong.
fn refused_by(response: &Response, masker: &Masker, is_users: bool) -> Failure {
    let masked = masker.mask(response.body.clone());
    let form: BTreeMap<String, String> = form_urlencoded::parse(masked.trim_ascii()).into_owned().collect();
    let problem = form.get("oauth_problem").map(|problem| refused::shown(problem));
    if let Some(code) = problem {
        let lower = code.to_ascii_lowercase();
        if PASSING.contains(&lower.as_str()) {
            let detail = format!("the provider refuses the request's time or nonce ({code})");
            return Failure::ProviderDown { detail, retry_after: response.retry_after, may_have_acted: false };
        }
        if !is_users || OF_CLIENT.contains(&lower.as_str()) {
            return Failure::ClientMisconfigured(Misconfigured::Client(code));
        }
        return Failure::Revoked { code };
    }
    let refusal = answer::refusal_in(&masked)
        .unwrap_or_else(|| Refusal { code: format!("status_{}", response.status.as_u16()), description: None });
    let is_unauthorized = matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match refused::sort(response.status, response.retry_after, refusal) {
        Failure::Refused { code, .. } | Failure::Revoked { code } if is_unauthorized && !is_users => {
            Failure::ClientMisconfigured(Misconfigured::Client(code))
        }
        Failure::Refused { code, .. } if is_unauthorized => Failure::Revoked { code },
        other => other,
    }
}

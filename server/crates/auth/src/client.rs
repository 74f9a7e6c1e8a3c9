//! OAuth 2 authorization code (RFC 6749 §4.1) with PKCE (RFC 7636), as a client of any provider.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{
    entropy::{self, Entropy},
    manifest::{ClientAuth, TokenPaths},
    secret::Secret,
};
use egress::{Budget, Credential, Egress, Masker, Reach, Request, Response};
use http::{
    HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use url::{Url, form_urlencoded};

use crate::{
    answer::{self, Refusal, TokenAnswer},
    failure::{Failure, Misconfigured},
    refused,
    tokens::TokenSet,
};

/// No honest token answer is longer, in bytes.
const LONGEST_ANSWER: u64 = 256 << 10;

/// What an extra parameter may never replace.
const RESERVED: [&str; 13] = [
    "client_id",
    "client_secret",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "refresh_token",
    "resource",
];

/// A registered client at a provider: an integration with its manifest's templates filled in.
#[derive(Debug, Clone)]
pub struct AuthorizationCodeClient {
    /// Where the end user is sent.
    pub authorization_url: Url,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// Where tokens are revoked (RFC 7009), if the provider can.
    pub revocation_url: Option<Url>,
    /// The client id.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// Where the provider sends the end user back, exactly as registered.
    pub redirect_uri: Url,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// What stands between scopes.
    pub scope_separator: String,
    /// Resources the tokens are for (RFC 8707): asked for, and repeated on every exchange and refresh.
    pub resource: Vec<String>,
    /// PKCE with S256. Off only where the provider breaks on it.
    pub pkce: bool,
    /// How the client shows who it is.
    pub client_auth: ClientAuth,
    /// Further parameters of the authorize URL.
    pub authorize_params: BTreeMap<String, String>,
    /// Further parameters of the code exchange.
    pub token_params: BTreeMap<String, String>,
    /// Further parameters of a refresh.
    pub refresh_params: BTreeMap<String, String>,
    /// Where things lie in the token answer.
    pub response: TokenPaths,
    /// Which hosts the token and revocation endpoints may be on.
    pub reach: Reach,
    /// The issuer that callbacks must name (RFC 9207), where the provider announces that it does.
    pub expected_issuer: Option<String>,
    /// Longest wait for the token endpoint. Slow ones take half a minute.
    pub deadline: Duration,
    /// The integration's rate budget.
    pub budget: Option<Budget>,
}

/// A flow that has begun: what to keep sealed until the callback, and where to send the end user.
#[derive(Clone)]
pub struct Begun {
    /// Where to send the end user. It holds the state: for the browser only, never for a log.
    pub url: Url,
    /// Comes back in the callback: 32 random bytes in base64url. Keep its hash.
    pub state: Secret,
    /// The PKCE verifier, to be sealed with the attempt.
    pub verifier: Option<Secret>,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl AuthorizationCodeClient {
    /// Begins a flow.
    ///
    /// # Errors
    /// [`Failure::ClientMisconfigured`] when an extra parameter belongs to the protocol.
    pub fn begin(&self, entropy: &dyn Entropy) -> Result<Begun, Failure> {
        check_extra(&self.authorize_params)?;
        let state = random_text(entropy);
        let verifier = self.pkce.then(|| random_text(entropy));
        let client = oauth2::basic::BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(self.authorization_url.clone()))
            .set_redirect_uri(RedirectUrl::from_url(self.redirect_uri.clone()));
        let csrf = CsrfToken::new(state.expose().to_owned());
        let mut request = client.authorize_url(|| csrf);
        if !self.scopes.is_empty() {
            // Joined here: the library knows only the space between them.
            request = request.add_scope(Scope::new(self.scopes.join(&self.scope_separator)));
        }
        if let Some(verifier) = &verifier {
            request = request.set_pkce_challenge(challenge(verifier));
        }
        for resource in &self.resource {
            request = request.add_extra_param("resource", resource);
        }
        for (name, value) in &self.authorize_params {
            request = request.add_extra_param(name, value);
        }
        let (url, _) = request.url();
        Ok(Begun { url, state, verifier })
    }

    /// Exchanges the code of a callback for tokens. `iss` is the callback's, and is compared byte for byte before
    /// anything is sent (RFC 9207, against mix-up).
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Revoked`] and [`Failure::Expired`] here mean that the code is not honoured.
    pub async fn exchange(
        &self,
        egress: &Egress,
        now: DateTime<Utc>,
        code: &Secret,
        verifier: Option<&Secret>,
        iss: Option<&str>,
    ) -> Result<TokenSet, Failure> {
        if let Some(expected) = &self.expected_issuer
            && iss != Some(expected.as_str())
        {
            return Err(Failure::IssuerMismatch);
        }
        check_extra(&self.token_params)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.redirect_uri.as_str()),
        ];
        form.extend(verifier.map(|v| ("code_verifier", v.expose())));
        self.token_request(egress, now, form, &self.token_params, [Some(code), verifier]).await
    }

    /// Refreshes tokens (RFC 6749 §6). Gives the merged set: what the answer does not speak of is kept from `old`.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Expired`] without a call when there is no refresh token or its lifetime is over.
    pub async fn refresh(&self, egress: &Egress, now: DateTime<Utc>, old: &TokenSet) -> Result<TokenSet, Failure> {
        let refresh_token = old.refresh_token.as_ref().ok_or(Failure::Expired)?;
        if old.refresh_expires_at.is_some_and(|end| end <= now) {
            return Err(Failure::Expired);
        }
        check_extra(&self.refresh_params)?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let secrets = [Some(refresh_token), Some(&old.access_token)];
        let answer = self.token_request(egress, now, form, &self.refresh_params, secrets).await?;
        Ok(old.refreshed(answer))
    }

    async fn token_request(
        &self,
        egress: &Egress,
        now: DateTime<Utc>,
        mut form: Vec<(&str, &str)>,
        extra: &BTreeMap<String, String>,
        secrets: [Option<&Secret>; 2],
    ) -> Result<TokenSet, Failure> {
        form.extend(self.resource.iter().map(|r| ("resource", r.as_str())));
        form.extend(extra.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let response = self.post(egress, &self.token_url, form).await?;
        let parsed = answer::parse(&response.body, &self.response, &self.scope_separator, now);
        match parsed {
            Ok(TokenAnswer::Tokens(tokens)) if response.status.is_success() => Ok(*tokens),
            // Tokens with an error status: whatever they are, they are not for use.
            Ok(TokenAnswer::Tokens(_)) => Err(by_status(&response, None)),
            Ok(TokenAnswer::Refused(_)) => {
                let refusal = self.refusal(&response, secrets, now);
                Err(refused::sort(response.status, response.retry_after, refusal))
            }
            Err(unreadable) if response.status.is_success() => Err(unreadable.into()),
            Err(unreadable) => Err(by_status(&response, Some(unreadable))),
        }
    }

    /// Posts a form with the client's authentication.
    pub(crate) async fn post(
        &self,
        egress: &Egress,
        url: &Url,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Response, Failure> {
        let mut credential = None;
        match (self.client_auth, &self.client_secret) {
            (ClientAuth::Basic, Some(secret)) => {
                // RFC 6749 §2.3.1: both are form-encoded first.
                let password = Secret::new(encoded(secret.expose()));
                credential = Some(Credential::basic(&encoded(&self.client_id), &password));
            }
            (ClientAuth::Body, Some(secret)) => {
                form.extend([("client_id", self.client_id.as_str()), ("client_secret", secret.expose())]);
            }
            (_, None) => form.push(("client_id", self.client_id.as_str())),
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = Request::new(Method::POST, url.clone(), self.reach.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(body);
        request.credential = credential;
        request.budget.clone_from(&self.budget);
        request.deadline = Some(self.deadline);
        request.max_response = Some(LONGEST_ANSWER);
        Ok(egress.send(request).await?)
    }

    /// The refusal in the provider's words, without what we sent it: read once more with our secrets overwritten, before
    /// anything is cut short.
    fn refusal(&self, response: &Response, secrets: [Option<&Secret>; 2], now: DateTime<Utc>) -> Refusal {
        let all = secrets.into_iter().flatten().chain(&self.client_secret);
        let masked = Masker::new(all.map(Secret::expose)).mask(response.body.clone());
        match answer::parse(&masked, &self.response, &self.scope_separator, now) {
            Ok(TokenAnswer::Refused(refusal)) => refusal,
            _ => Refusal { code: "unreadable".into(), description: None },
        }
    }
}

/// Sorts an answer that says nothing readable by its status.
pub(crate) fn by_status(response: &Response, unreadable: Option<answer::Unreadable>) -> Failure {
    let status = response.status;
    // A redirect or another success is no refusal: it is an answer to something else.
    if let (Some(unreadable), 200..=399) = (unreadable, status.as_u16()) {
        return unreadable.into();
    }
    let code = match status.as_u16() {
        401 => "invalid_client".to_owned(),
        status => format!("status_{status}"),
    };
    refused::sort(status, response.retry_after, Refusal { code, description: None })
}

fn check_extra(extra: &BTreeMap<String, String>) -> Result<(), Failure> {
    match extra.keys().find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => Err(Failure::ClientMisconfigured(Misconfigured::Parameter(name.clone()))),
        None => Ok(()),
    }
}

/// 32 random bytes as 43 characters: the length that RFC 7636 §4.1 recommends for verifiers.
fn random_text(entropy: &dyn Entropy) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>(entropy)))
}

/// The S256 challenge of a verifier made by [`random_text`].
fn challenge(verifier: &Secret) -> PkceCodeChallenge {
    PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.expose().to_owned()))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_2_the_vector_of_rfc_7636_appendix_b() {
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        struct Fixed([u8; 32]);
        impl Entropy for Fixed {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.copy_from_slice(&self.0);
            }
        }
        let verifier = random_text(&Fixed(octets));
        assert_eq!(verifier.expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let challenge = challenge(&verifier);
        assert_eq!(challenge.as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(challenge.method().as_str(), "S256");
    }
}

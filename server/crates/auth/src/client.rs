//! OAuth 2 (RFC 6749) with PKCE (RFC 7636), as a client of any provider: what is asked for. How it is asked is in
//! `endpoint`.

use std::{collections::BTreeMap, time::Duration};

use ::oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    entropy::{self, Entropy},
    manifest::{ClientAuth, FailureRule, TokenBody, TokenPaths},
    secret::Secret,
};
use egress::{Budget, Reach};
use url::Url;

use crate::{
    account::Outside,
    dpop,
    endpoint::Param,
    failure::{Failure, Misconfigured},
    mode::{Begun, Kept},
    tokens::TokenSet,
};

/// What an extra parameter may never replace.
const RESERVED: [&str; 15] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "response_type",
    "scope",
    "state",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "refresh_token",
    "device_code",
    "resource",
    "dpop_jkt",
];
/// What one may: some providers know the redirect by a name of its own, or the grant by another.
const REPLACEABLE: [&str; 2] = ["redirect_uri", "grant_type"];

/// A registered client at a provider: an integration with its manifest's templates filled in.
#[derive(Debug, Clone)]
pub struct OAuth2Client {
    /// Where the end user is sent, if the grant leads over a page of the provider.
    pub authorization_url: Option<Url>,
    /// Where device codes are asked for, if the grant begins with one (RFC 8628).
    pub device_url: Option<Url>,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// Where refresh tokens are exchanged, if elsewhere.
    pub refresh_url: Option<Url>,
    /// Where tokens are revoked (RFC 7009), if the provider can.
    pub revocation_url: Option<Url>,
    /// Where a token's state is asked for (RFC 7662), if the provider can.
    pub introspection_url: Option<Url>,
    /// The client id.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// The client's private key, PEM: for [`ClientAuth::PrivateKeyJwt`] and [`ClientAuth::Tls`].
    pub client_key: Option<Secret>,
    /// By which name the provider knows that key (`kid`), if it has several.
    pub client_key_id: Option<String>,
    /// The client's certificate and what vouches for it, PEM: for [`ClientAuth::Tls`].
    pub client_certificate: Option<Secret>,
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
    /// How token requests are written.
    pub body: TokenBody,
    /// The provider's own names for the protocol's parameters.
    pub rename: BTreeMap<String, String>,
    /// Further parameters of the authorize URL.
    pub authorize_params: BTreeMap<String, String>,
    /// Further parameters of the code exchange.
    pub token_params: BTreeMap<String, Secret>,
    /// Further parameters of a refresh.
    pub refresh_params: BTreeMap<String, Secret>,
    /// Further headers of what is sent to the token endpoint and those beside it.
    pub token_headers: BTreeMap<String, Secret>,
    /// What its answers mean by the manifest's own rules.
    pub failures: Vec<FailureRule>,
    /// Where things lie in the token answer.
    pub response: TokenPaths,
    /// How long a token lasts where the answer does not say.
    pub expires_in: Option<Duration>,
    /// How long a refresh token lasts where the answer does not say.
    pub refresh_expires_in: Option<Duration>,
    /// Whether tokens are bound to a key of the connection (DPoP, RFC 9449).
    pub dpop: bool,
    /// Which hosts the token and revocation endpoints may be on.
    pub reach: Reach,
    /// The issuer that callbacks must name (RFC 9207), where the provider announces that it does; also who client
    /// assertions are addressed to.
    pub expected_issuer: Option<String>,
    /// Longest wait for the token endpoint. Slow ones take half a minute.
    pub deadline: Duration,
    /// The integration's rate budget.
    pub budget: Option<Budget>,
}

impl OAuth2Client {
    /// A public client with PKCE that reaches its token endpoint's host alone; everything else is set afterwards.
    #[must_use]
    pub fn new(client_id: impl Into<String>, token_url: Url, redirect_uri: Url) -> Self {
        Self {
            authorization_url: None,
            device_url: None,
            refresh_url: None,
            revocation_url: None,
            introspection_url: None,
            client_id: client_id.into(),
            client_secret: None,
            client_key: None,
            client_key_id: None,
            client_certificate: None,
            redirect_uri,
            scopes: Vec::new(),
            scope_separator: " ".into(),
            resource: Vec::new(),
            pkce: true,
            client_auth: ClientAuth::Body,
            body: TokenBody::Form,
            rename: BTreeMap::new(),
            authorize_params: BTreeMap::new(),
            token_params: BTreeMap::new(),
            refresh_params: BTreeMap::new(),
            token_headers: BTreeMap::new(),
            failures: Vec::new(),
            response: TokenPaths::default(),
            expires_in: None,
            refresh_expires_in: None,
            dpop: false,
            reach: Reach::hosts_of([&token_url]),
            expected_issuer: None,
            deadline: Duration::from_secs(45),
            budget: None,
            token_url,
        }
    }

    /// Begins a flow.
    ///
    /// # Errors
    /// [`Failure::ClientMisconfigured`] when an extra parameter belongs to the protocol.
    pub fn begin(&self, entropy: &dyn Entropy) -> Result<Begun, Failure> {
        self.check_extra(self.authorize_params.keys())?;
        let page = self.authorization_url.as_ref().ok_or_else(|| missing("authorization_url"))?;
        let state = random_text(entropy);
        let verifier = self.pkce.then(|| random_text(entropy));
        let key = self.dpop.then(|| dpop::Key::generate(entropy)).transpose()?;
        let client = ::oauth2::basic::BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(page.clone()))
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
        if let Some(key) = &key {
            // The code is then of use with this key alone (RFC 9449 §10).
            request = request.add_extra_param("dpop_jkt", key.thumbprint());
        }
        let (url, _) = request.url();
        let mut kept = Kept::default();
        if let Some(verifier) = verifier {
            kept = kept.with("verifier", verifier);
        }
        if let Some(key) = key {
            kept = kept.with("dpop_key", key.to_text());
        }
        Ok(Begun { url: self.bent(url, page), state, kept })
    }

    /// The authorize URL in the provider's own words: parameters renamed, further ones added.
    fn bent(&self, mut url: Url, page: &Url) -> Url {
        let of_page = page.query_pairs().count();
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .enumerate()
            .map(|(at, (name, value))| {
                (if at < of_page { name.into_owned() } else { self.named(&name).to_owned() }, value.into_owned())
            })
            .filter(|(name, _)| !self.authorize_params.contains_key(name))
            .collect();
        let more = self.authorize_params.iter().map(|(name, value)| (name.clone(), value.clone()));
        url.query_pairs_mut().clear().extend_pairs(pairs.into_iter().chain(more));
        url
    }

    /// What the provider calls a parameter of the protocol.
    pub(crate) fn named<'a>(&'a self, parameter: &'a str) -> &'a str {
        self.rename.get(parameter).map_or(parameter, String::as_str)
    }

    /// Asks for a token with the client's own credentials (RFC 6749 §4.4). `old` is what it replaces: a key that tokens
    /// are bound to stays.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn client_credentials(&self, out: Outside<'_>, old: Option<&TokenSet>) -> Result<TokenSet, Failure> {
        let key = match old.and_then(dpop::Key::of) {
            Some(key) => Some(key),
            None => self.dpop.then(|| dpop::Key::generate(out.entropy)).transpose()?,
        };
        let mut params = vec![Param::open("grant_type", "client_credentials")];
        params.extend(self.scope_param());
        self.token_request(out, &self.token_url, params, &self.token_params, key.as_ref()).await
    }

    /// Exchanges the code of a callback for tokens. `kept` is what [`OAuth2Client::begin`] gave; `iss` is the callback's,
    /// and is compared byte for byte before anything is sent (RFC 9207, against mix-up).
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Revoked`] and [`Failure::Expired`] here mean that the code is not honoured.
    pub async fn exchange(
        &self,
        out: Outside<'_>,
        code: &Secret,
        kept: &Kept,
        iss: Option<&str>,
    ) -> Result<TokenSet, Failure> {
        if let Some(expected) = &self.expected_issuer
            && iss != Some(expected.as_str())
        {
            return Err(Failure::IssuerMismatch);
        }
        let mut params = vec![
            Param::open("grant_type", "authorization_code"),
            Param::secret("code", code),
            Param::open("redirect_uri", self.redirect_uri.as_str()),
        ];
        params.extend(kept.get("verifier").map(|verifier| Param::secret("code_verifier", verifier)));
        let key = kept.get("dpop_key").and_then(dpop::Key::from_text);
        self.token_request(out, &self.token_url, params, &self.token_params, key.as_ref()).await
    }

    /// Refreshes tokens (RFC 6749 §6). Gives the merged set: what the answer does not speak of is kept from `old`.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Expired`] without a call when there is no refresh token or its lifetime is over.
    pub async fn refresh(&self, out: Outside<'_>, old: &TokenSet) -> Result<TokenSet, Failure> {
        let refresh_token = old.refresh_token.as_ref().ok_or(Failure::Expired)?;
        if old.refresh_expires_at.is_some_and(|end| end <= out.now) {
            return Err(Failure::Expired);
        }
        let params = vec![
            Param::open("grant_type", "refresh_token"),
            Param::secret("refresh_token", refresh_token),
            Param::hidden(&old.access_token),
        ];
        let url = self.refresh_url.as_ref().unwrap_or(&self.token_url);
        let key = dpop::Key::of(old);
        let answer = self.token_request(out, url, params, &self.refresh_params, key.as_ref()).await?;
        Ok(old.refreshed(answer))
    }

    /// The scopes as a parameter, if there are any.
    pub(crate) fn scope_param(&self) -> Option<Param> {
        let scope = self.scopes.join(&self.scope_separator);
        (!scope.is_empty()).then(|| Param::open("scope", scope))
    }

    /// The tokens with the ends that the manifest gives where the answer gave none.
    pub(crate) fn with_usual_ends(&self, mut tokens: TokenSet, now: DateTime<Utc>) -> TokenSet {
        let after = |length: Option<Duration>| now.checked_add_signed(TimeDelta::from_std(length?).ok()?);
        tokens.expires_at = tokens.expires_at.or_else(|| after(self.expires_in));
        if tokens.refresh_token.is_some() {
            tokens.refresh_expires_at = tokens.refresh_expires_at.or_else(|| after(self.refresh_expires_in));
        }
        tokens
    }

    /// Whether these may be sent beside the protocol's own parameters.
    pub(crate) fn check_extra<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<(), Failure> {
        let is_ours = |name: &&String| RESERVED.iter().any(|reserved| self.named(reserved) == name.as_str());
        match names.into_iter().find(is_ours) {
            Some(name) => Err(Failure::ClientMisconfigured(Misconfigured::Parameter(name.clone()))),
            None => Ok(()),
        }
    }

    /// Whether a further parameter of this name stands in for one of the protocol.
    pub(crate) fn is_replaced(&self, parameter: &str, extra: &BTreeMap<String, Secret>) -> bool {
        REPLACEABLE.contains(&parameter) && extra.contains_key(self.named(parameter))
    }
}

pub(crate) fn missing(what: &str) -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request(format!("{what} is missing")))
}

/// 32 random bytes as 43 characters: the length that RFC 7636 §4.1 recommends for verifiers.
pub(crate) fn random_text(entropy: &dyn Entropy) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>(entropy)))
}

/// The S256 challenge of a verifier made by [`random_text`].
fn challenge(verifier: &Secret) -> PkceCodeChallenge {
    PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.expose().to_owned()))
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

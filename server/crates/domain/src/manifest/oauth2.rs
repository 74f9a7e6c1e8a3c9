//! OAuth 2 as a provider speaks it: its grants, how the client shows who it is, where things are in its answers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{CallSpec, Template, TextTemplate};

/// The three OAuth 2 grants. Which fields a mode needs is checked at load.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// Where the end user is sent; with `oauth2_code` alone, which needs it.
    pub authorization_url: Option<Template>,
    /// Where a device code is asked for; with `oauth2_device` alone, which needs it.
    pub device_authorization_url: Option<Template>,
    /// Where codes, client credentials and refresh tokens are exchanged.
    pub token_url: Template,
    /// Where refresh tokens are exchanged, if elsewhere.
    pub refresh_url: Option<Template>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_url: Option<Template>,
    /// Where a token's state is asked for (RFC 7662).
    pub introspection_url: Option<Template>,
    /// What `iss` in the callback must be (RFC 9207), byte for byte.
    pub issuer: Option<Template>,
    /// Asked for unless the integration or the session says otherwise.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Between scopes; RFC 6749 says a space.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// PKCE S256; false only where the provider breaks on it.
    #[serde(default = "yes")]
    pub pkce: bool,
    /// How the client shows who it is at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// How the body of a token request is written.
    #[serde(default)]
    pub body: TokenBody,
    /// Whose client it is: the integration's, or one that each end user brings (client credentials).
    #[serde(default)]
    pub client: ClientOwner,
    /// The provider's own names for the protocol's parameters, such as `client_id = "client_key"`; they hold for the
    /// authorization request and the token requests alike.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Further parameters of the authorization request, or of the one that asks for a device code.
    #[serde(default)]
    pub authorize_params: BTreeMap<String, TextTemplate>,
    /// Further parameters of the token request that brings the first token.
    #[serde(default)]
    pub token_params: BTreeMap<String, TextTemplate>,
    /// Further parameters of a refresh.
    #[serde(default)]
    pub refresh_params: BTreeMap<String, TextTemplate>,
    /// Further headers of token requests.
    #[serde(default)]
    pub token_headers: BTreeMap<String, TextTemplate>,
    /// Where things are in the token answer.
    #[serde(default)]
    pub token_paths: TokenPaths,
    /// Seconds that a token lasts where the answer does not say.
    pub expires_in: Option<u32>,
    /// Seconds that a refresh token lasts where the answer does not say.
    pub refresh_expires_in: Option<u32>,
    /// What the token is for (RFC 8707): sent with the authorization request, and again with every token request.
    #[serde(default)]
    pub resource: Vec<TextTemplate>,
    /// A second exchange of the first token for one that lasts longer; its answer is read by `token_paths`.
    pub long_lived: Option<CallSpec>,
    /// Whether token requests carry a proof of possession (DPoP, RFC 9449), and API calls too.
    #[serde(default)]
    pub dpop: bool,
    /// By which name the code stands in the callback.
    #[serde(default = "code")]
    pub callback_code_param: String,
    /// How an install that begins at the vendor's marketplace arrives; absent where there is none.
    pub install: Option<Install>,
}

/// How the client shows who it is (RFC 6749 §2.3, RFC 7523, RFC 8705).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    #[default]
    Body,
    /// An `Authorization: Basic` header.
    Basic,
    /// A JWT signed with the integration's secret variable `client_key` (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// A certificate: the integration's secret variables `client_certificate` and `client_key`, PEM (RFC 8705 §2).
    Tls,
    /// `client_id` alone.
    None,
}

/// How the body of a token request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenBody {
    /// `application/x-www-form-urlencoded`, as RFC 6749 has it.
    #[default]
    Form,
    /// A JSON object.
    Json,
    /// In the query of a POST without body.
    Query,
}

/// Whose OAuth client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientOwner {
    /// The tenant's, set once at the integration.
    #[default]
    Integration,
    /// The end user's: the connect form asks for client id and secret.
    Connection,
}

/// Dotted paths into the token answer; the defaults are RFC 6749 §5.1's names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenPaths {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Lifetime in seconds.
    pub expires_in: String,
    /// The moment at which it ends: Unix seconds or milliseconds, or RFC 3339. Read where there is no lifetime.
    pub expires_at: String,
    /// Lifetime of the refresh token in seconds.
    pub refresh_expires_in: String,
    /// The scopes granted.
    pub scope: String,
    /// A field that is there (and not `ok`, `0`, `false`, null or empty) when a 200 is an error.
    pub error: String,
    /// What the provider says about it.
    pub error_description: String,
}

impl Default for TokenPaths {
    fn default() -> Self {
        Self {
            access_token: "access_token".into(),
            refresh_token: "refresh_token".into(),
            expires_in: "expires_in".into(),
            expires_at: "expires_at".into(),
            refresh_expires_in: "refresh_token_expires_in".into(),
            scope: "scope".into(),
            error: "error".into(),
            error_description: "error_description".into(),
        }
    }
}

/// How an install that begins at the vendor's marketplace arrives: at `/connect/install/{integration}`, as a browser or
/// as a webhook.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// How it goes on.
    pub begins: InstallBegins,
    /// Variables filled from the parameters that arrive, by variable: `shop = "shop"`.
    #[serde(default)]
    pub fill: BTreeMap<String, String>,
    /// The parameter with a signature of the others, where the vendor signs: hexadecimal HMAC-SHA256, keyed with the
    /// client secret, of the other parameters sorted by name and joined as a query string. A `timestamp` among them (Unix
    /// seconds) must then be within five minutes of now.
    pub hmac_param: Option<String>,
}

/// How a marketplace install goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstallBegins {
    /// The browser arrives at us, and the authorization request follows.
    Authorize,
    /// The code arrives at once, under the callback's name for it.
    Code,
}

fn space() -> String {
    " ".into()
}

const fn yes() -> bool {
    true
}

fn code() -> String {
    "code".into()
}

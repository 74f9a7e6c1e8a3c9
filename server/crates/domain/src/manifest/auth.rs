//! How an account is connected: one table per mode, `mode` says which.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{CallSpec, ClientAuth, ClientOwner, Install, OAuth2, Template, TextTemplate, TokenPaths};

/// How an account is connected.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthSpec {
    /// OAuth 2 authorization code (RFC 6749 §4.1) with PKCE (RFC 7636).
    #[serde(rename = "oauth2_code")]
    OAuth2Code(Box<OAuth2>),
    /// OAuth 2 client credentials (RFC 6749 §4.4).
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials(Box<OAuth2>),
    /// OAuth 2 device code (RFC 8628).
    #[serde(rename = "oauth2_device")]
    OAuth2Device(Box<OAuth2>),
    /// OAuth 1.0a (RFC 5849): temporary credentials, the end user's consent, token credentials.
    #[serde(rename = "oauth1")]
    OAuth1(Box<OAuth1>),
    /// What is typed in goes along with each request as `api.credential` says: API key, Basic, bearer token, request
    /// signatures with keys of the account.
    Key,
    /// One or more requests exchange what is typed in for a token that ends.
    Session(Box<Session>),
    /// A JWT that we sign goes along with each request, or is exchanged for a token (RFC 7523).
    Jwt(Box<Jwt>),
    /// The end user installs the vendor's app of the tenant; an app JWT is exchanged for tokens of that installation.
    AppInstallation(Box<AppInstallation>),
    /// A Model Context Protocol server, authorization of 2026-07-28.
    Mcp(Box<Mcp>),
    /// Nothing: a connection without a credential.
    None,
}

impl AuthSpec {
    /// The word that `mode` is written with.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        match self {
            Self::OAuth2Code(_) => "oauth2_code",
            Self::OAuth2ClientCredentials(_) => "oauth2_client_credentials",
            Self::OAuth2Device(_) => "oauth2_device",
            Self::OAuth1(_) => "oauth1",
            Self::Key => "key",
            Self::Session(_) => "session",
            Self::Jwt(_) => "jwt",
            Self::AppInstallation(_) => "app_installation",
            Self::Mcp(_) => "mcp",
            Self::None => "none",
        }
    }

    /// The scopes asked for unless something else is said; `None` for a mode without scopes.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        match self {
            Self::OAuth2Code(spec) | Self::OAuth2ClientCredentials(spec) | Self::OAuth2Device(spec) => {
                Some(&spec.scopes)
            }
            Self::Mcp(spec) => Some(&spec.scopes),
            Self::OAuth1(_) | Self::Key | Self::Session(_) | Self::Jwt(_) | Self::AppInstallation(_) | Self::None => {
                None
            }
        }
    }

    /// How an install that begins at the vendor's marketplace arrives, where there is such a thing.
    #[must_use]
    pub const fn install(&self) -> Option<&Install> {
        match self {
            Self::OAuth2Code(spec) => spec.install.as_ref(),
            _ => None,
        }
    }

    /// Whether the integration needs an OAuth client: an identifier, and whether a secret goes with it.
    #[must_use]
    pub fn client(&self) -> Option<ClientNeed> {
        let of = |spec: &OAuth2| match (spec.client, spec.client_auth) {
            (ClientOwner::Connection, _) => None,
            (ClientOwner::Integration, ClientAuth::Body | ClientAuth::Basic) => Some(ClientNeed::WithSecret),
            (ClientOwner::Integration, ClientAuth::PrivateKeyJwt | ClientAuth::Tls | ClientAuth::None) => {
                Some(ClientNeed::IdAlone)
            }
        };
        match self {
            Self::OAuth2Code(spec) | Self::OAuth2ClientCredentials(spec) | Self::OAuth2Device(spec) => of(spec),
            Self::OAuth1(_) => Some(ClientNeed::WithSecret),
            Self::AppInstallation(spec) => spec.user.as_deref().and_then(of),
            Self::Mcp(_) => Some(ClientNeed::Optional),
            Self::Key | Self::Session(_) | Self::Jwt(_) | Self::None => None,
        }
    }
}

/// What of an OAuth client an integration needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientNeed {
    /// Identifier and secret.
    WithSecret,
    /// The identifier; the client shows who it is in another way, or not at all.
    IdAlone,
    /// Neither is needed, both may be given.
    Optional,
}

impl ClientNeed {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WithSecret => "with_secret",
            Self::IdAlone => "id_alone",
            Self::Optional => "optional",
        }
    }
}

/// OAuth 1.0a (RFC 5849).
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth1 {
    /// Where temporary credentials are asked for (§2.1).
    pub request_token_url: Template,
    /// Where the end user is sent (§2.2).
    pub authorization_url: Template,
    /// Where token credentials are asked for (§2.3).
    pub token_url: Template,
    /// How requests are signed.
    #[serde(default)]
    pub signature: OAuth1Signature,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub authorize_params: BTreeMap<String, TextTemplate>,
}

/// How OAuth 1 requests are signed (RFC 5849 §3.4, and HMAC-SHA256 as it is used in practice).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OAuth1Signature {
    /// HMAC-SHA1.
    #[default]
    HmacSha1,
    /// HMAC-SHA256.
    HmacSha256,
    /// RSA-SHA1 with the integration's secret variable `client_key`.
    RsaSha1,
    /// PLAINTEXT, over https only.
    Plaintext,
}

/// One or more requests that exchange what is typed in for a token.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// In order. What a step takes can be used by the later ones.
    pub steps: Vec<SessionStep>,
    /// The token, made of what the steps took: `{token}`.
    pub access_token: TextTemplate,
    /// Seconds that it lasts, made of what the steps took, where the provider says so.
    pub expires_in: Option<TextTemplate>,
    /// The moment at which it ends, made of what the steps took: Unix seconds or milliseconds, or RFC 3339.
    pub expires_at: Option<TextTemplate>,
    /// Seconds that it lasts where the provider does not say; then it is exchanged anew.
    pub lifetime: Option<u32>,
}

/// One request of a session login.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionStep {
    /// The request. Its templates know the variables, secrets included, and what earlier steps took.
    pub call: CallSpec,
    /// What is taken from the answer, by name: `body.session.id` (JSON or XML), `header.x-session`, `cookie.sid`, `text`.
    #[serde(default)]
    pub take: BTreeMap<String, String>,
    /// A JWT signed for this step, known to its templates as `{jwt}`.
    pub jwt: Option<Jwt>,
}

/// A JWT that we sign (RFC 7519).
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// How it is signed.
    pub algorithm: JwtAlgorithm,
    /// The key, such as `{private_key}`. Where a JSON object is pasted, as clouds hand out for service accounts, its member
    /// `private_key` is the key; other members are at hand by a `pattern` with named groups, `{file.client_email}`.
    pub key: TextTemplate,
    /// How the key is written.
    #[serde(default)]
    pub key_encoding: KeyEncoding,
    /// Further header fields, such as `kid`.
    #[serde(default)]
    pub header: BTreeMap<String, TextTemplate>,
    /// Claims; `iat`, `exp` and a random `jti` where `jti = true` are added. They are text, digits too.
    #[serde(default)]
    pub claims: BTreeMap<String, TextTemplate>,
    /// Claims that are no text: numbers, booleans, lists. They are the same for every account.
    #[serde(default)]
    pub fixed_claims: BTreeMap<String, serde_json::Value>,
    /// Whether a random `jti` is added.
    #[serde(default)]
    pub jti: bool,
    /// Seconds that it lasts.
    #[serde(default = "five_minutes")]
    pub lifetime: u32,
    /// Exchanged for a token by this request, which knows it as `{jwt}`; sent as it is where absent. The answer is read by
    /// RFC 6749's names.
    pub exchange: Option<CallSpec>,
}

/// How a JWT is signed (RFC 7518 §3.1, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA PKCS #1 1.5 with SHA-256.
    RS256,
    /// RSA PKCS #1 1.5 with SHA-384.
    RS384,
    /// RSA PKCS #1 1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyEncoding {
    /// As it is: PEM for RSA, EC and Ed25519, bytes of the text for HMAC.
    #[default]
    Text,
    /// Hexadecimal bytes.
    Hex,
    /// Base64 bytes, of either alphabet.
    Base64,
}

/// An app that the end user installs.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppInstallation {
    /// Where the end user is sent; `state` is added.
    pub install_url: Template,
    /// The callback's parameter with the installation's id; known to templates as `{installation_id}`.
    #[serde(default = "installation_id")]
    pub installation_param: String,
    /// The JWT that the app shows itself with, known to templates as `{jwt}`.
    pub jwt: Jwt,
    /// The request that brings a token of the installation.
    pub token: CallSpec,
    /// Where things are in its answer.
    #[serde(default)]
    pub token_paths: TokenPaths,
    /// The vendor's consent of the person who installs, where it is given in the same flow: the callback's `code` is
    /// exchanged here and the identity is asked with that token.
    pub user: Option<Box<OAuth2>>,
    /// Which installations that person may see, so that nobody connects one of somebody else by writing its id into the
    /// callback. With `user` alone; give it wherever the vendor has such a call.
    pub installations: Option<InstallationsSpec>,
}

/// The call that lists the installations which a person may see.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallationsSpec {
    /// The call; it knows the person's token as `{access_token}`.
    pub call: CallSpec,
    /// Dotted path of the list; the answer itself where nothing is said.
    pub items: Option<String>,
    /// Dotted path of the id in an item of the list.
    pub id: String,
}

/// A Model Context Protocol server.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// The server's URL: the resource that tokens are for (RFC 8707).
    pub server_url: Template,
    /// Asked for unless the server's metadata or challenge says otherwise.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The authorization server at which the integration's client is registered; needed where it has a secret, which is
    /// shown to that one alone. Absent where the client introduces itself.
    pub issuer: Option<Template>,
}

const fn five_minutes() -> u32 {
    300
}

fn installation_id() -> String {
    "installation_id".into()
}

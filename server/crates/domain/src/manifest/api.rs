//! Where the API is, how requests carry the credential, and what the provider's API is like.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Template, TextTemplate, auth::OAuth1Signature};

/// Where the API is.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiSpec {
    /// What paths of proxy calls and of the plugin are put behind.
    pub base_url: Template,
    /// Hosts beyond that of `base_url` which plugin and proxy may reach, `api.example.com` or `*.example.com`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How a request carries the credential. Where there is an access token and nothing is said, it is
    /// `Authorization: Bearer {access_token}` (RFC 6750).
    #[serde(default)]
    pub credential: Placement,
    /// Sent with every request, such as an API version.
    #[serde(default)]
    pub headers: BTreeMap<String, TextTemplate>,
}

/// How a request carries the credential. Templates know `{access_token}` and all variables, secrets included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Placement {
    /// Headers, by name.
    pub headers: BTreeMap<String, TextTemplate>,
    /// Query parameters, by name.
    pub query: BTreeMap<String, TextTemplate>,
    /// Fields added to a JSON object or form that is sent, by name.
    pub body: BTreeMap<String, TextTemplate>,
    /// Put between base URL and path, such as `/bot{token}`.
    pub path: Option<TextTemplate>,
    /// `Authorization: Basic` (RFC 7617).
    pub basic: Option<BasicPlacement>,
    /// A signature over the request.
    pub sign: Option<SignSpec>,
}

impl Placement {
    /// All its templates.
    #[must_use]
    pub fn texts(&self) -> Vec<&TextTemplate> {
        let mut texts: Vec<&TextTemplate> = Vec::new();
        texts.extend(self.headers.values().chain(self.query.values()).chain(self.body.values()).chain(&self.path));
        if let Some(basic) = &self.basic {
            texts.extend([&basic.username, &basic.password]);
        }
        match &self.sign {
            None => {}
            Some(SignSpec::OAuth1 { consumer_key, consumer_secret, token, token_secret, realm, .. }) => {
                texts.extend([consumer_key, consumer_secret, token, token_secret, realm]);
            }
            Some(SignSpec::AwsSigv4 {
                access_key,
                secret_key,
                session_token,
                region,
                service,
                role_arn,
                external_id,
                ..
            }) => texts.extend([access_key, secret_key, session_token, region, service, role_arn, external_id]),
            Some(SignSpec::Wsse { username, password, .. }) => texts.extend([username, password]),
            Some(SignSpec::Hmac { key, message, headers, query, .. }) => {
                texts.extend([key, message]);
                texts.extend(headers.values().chain(query.values()));
            }
        }
        texts
    }
}

/// `Authorization: Basic`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicPlacement {
    /// Before the colon.
    pub username: TextTemplate,
    /// Behind it; may be empty.
    #[serde(default)]
    pub password: TextTemplate,
}

/// A signature over the request, made by us on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignSpec {
    /// OAuth 1.0a with the client's and the token's secrets (RFC 5849). With `mode = "oauth1"` nothing needs to be said;
    /// with `mode = "key"` (as NetSuite's token-based authentication) all four are variables.
    #[serde(rename = "oauth1")]
    OAuth1 {
        /// The client's identifier.
        consumer_key: TextTemplate,
        /// The client's secret.
        consumer_secret: TextTemplate,
        /// The token.
        token: TextTemplate,
        /// The token's secret.
        token_secret: TextTemplate,
        /// The realm in the header, if any.
        #[serde(default)]
        realm: TextTemplate,
        /// How it is signed.
        #[serde(default)]
        signature: OAuth1Signature,
    },
    /// AWS Signature Version 4.
    AwsSigv4 {
        /// The access key's id.
        access_key: TextTemplate,
        /// The secret access key.
        secret_key: TextTemplate,
        /// A session token, if the keys are temporary.
        #[serde(default)]
        session_token: TextTemplate,
        /// The region.
        region: TextTemplate,
        /// The service.
        service: TextTemplate,
        /// A role to assume with the keys first (STS AssumeRole); the requests are signed with what it gives.
        #[serde(default)]
        role_arn: TextTemplate,
        /// The external id that goes with the role.
        #[serde(default)]
        external_id: TextTemplate,
        /// Where the role is assumed: a URL of the security token service.
        role_url: Option<Template>,
    },
    /// WS-Security's `UsernameToken` in an `X-WSSE` header.
    Wsse {
        /// The user.
        username: TextTemplate,
        /// The password or secret.
        password: TextTemplate,
        /// Whether the digest is written in hexadecimal before base64, as some have it.
        #[serde(default)]
        hex_first: bool,
    },
    /// An HMAC over a text made of the request.
    Hmac {
        /// With which hash.
        hash: HmacHash,
        /// The key.
        key: TextTemplate,
        /// How the key is written.
        #[serde(default)]
        key_encoding: super::auth::KeyEncoding,
        /// What is signed. Besides variables it knows `{method}`, `{path}` (percent-encoded, with the query), `{path_only}`,
        /// `{query}`, `{host}`, `{body}`, `{body_sha256}` (hex), `{body_sha256_base64}`, `{body_sha512}` (hex), `{timestamp}`
        /// (Unix seconds), `{timestamp_ms}`, `{timestamp_iso}` (RFC 3339 with milliseconds), `{date}` (RFC 9110) and
        /// `{nonce}`. Query parameters below that do not name `{signature}` are in `{query}` and `{path}` already.
        message: TextTemplate,
        /// How the result is written.
        #[serde(default)]
        encoding: DigestEncoding,
        /// Headers that are set, which know what `message` knows and `{signature}`.
        #[serde(default)]
        headers: BTreeMap<String, TextTemplate>,
        /// Query parameters that are set, likewise.
        #[serde(default)]
        query: BTreeMap<String, TextTemplate>,
    },
}

/// What the request itself fills in the texts of an HMAC signature.
pub const REQUEST_HOLES: [&str; 14] = [
    "method",
    "path",
    "path_only",
    "query",
    "host",
    "body",
    "body_sha256",
    "body_sha256_base64",
    "body_sha512",
    "timestamp",
    "timestamp_ms",
    "timestamp_iso",
    "date",
    "nonce",
];

/// What carries the signature to its place: known only once the message is signed.
pub const SIGNATURE_HOLE: &str = "signature";

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HmacHash {
    /// SHA-1, for the old ones.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DigestEncoding {
    /// Lower-case hexadecimal.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A request that the manifest describes.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    /// The method.
    #[serde(default)]
    pub method: CallMethod,
    /// Where to: a URL, or a path below the API's base URL.
    pub url: Template,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, TextTemplate>,
    /// Query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, TextTemplate>,
    /// How `fields` are written.
    #[serde(default)]
    pub body: CallBody,
    /// The fields of the body; a dot nests in JSON.
    #[serde(default)]
    pub fields: BTreeMap<String, TextTemplate>,
    /// The body as a whole, where `fields` cannot say it; values are escaped as `body` needs.
    pub content: Option<TextTemplate>,
    /// `Authorization: Basic`, if the call carries it.
    pub basic: Option<BasicPlacement>,
}

impl CallSpec {
    /// All its templates but the URL.
    #[must_use]
    pub fn texts(&self) -> Vec<&TextTemplate> {
        let named = self.headers.values().chain(self.query.values()).chain(self.fields.values());
        let basic = self.basic.iter().flat_map(|basic| [&basic.username, &basic.password]);
        named.chain(&self.content).chain(basic).collect()
    }
}

/// The method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallMethod {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// How a call's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallBody {
    /// There is none.
    #[default]
    None,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
    /// `text/xml`.
    Xml,
}

/// A cheap call that tells whether a credential works. The identity call serves where this is absent.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationSpec {
    /// The method.
    #[serde(default)]
    pub method: CallMethod,
    /// Where to: a URL, or a path below the API's base URL.
    pub url: Template,
    /// Statuses that mean it works; any 2xx if nothing is said.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// Sent as the body, with `application/json`, where the provider asks for one (GraphQL).
    pub json: Option<String>,
    /// A dotted path that must be in the answer (and not false or null) for it to count: some answer 200 to anyone.
    pub present: Option<String>,
}

/// What tells whose account it is: a call with the credential, answered in JSON, or a variable, for providers that say it
/// in the callback or the token answer alone. Where both are given, the call tells the name.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// The method.
    #[serde(default)]
    pub method: CallMethod,
    /// Where to ask: a URL, or a path below the API's base URL.
    pub url: Option<Template>,
    /// Sent as the body, with `application/json`, where the provider asks for one (GraphQL).
    pub json: Option<String>,
    /// Dotted path of the provider's stable id of the account; a number in it is an index into a list.
    pub account: Option<String>,
    /// The variable that holds that id, instead of `account`.
    pub account_variable: Option<String>,
    /// Dotted path of what people call it.
    pub name: Option<String>,
}

/// How access is taken back, where it is not by RFC 7009.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationSpec {
    /// The call. Its templates know `{access_token}`, `{refresh_token}`, `{client_id}`, `{client_secret}`, `{jwt}` of an app,
    /// and all variables.
    pub call: Box<CallSpec>,
    /// Whether it carries the credential as API calls do.
    #[serde(default)]
    pub with_credential: bool,
    /// Statuses that mean it is gone; any 2xx and 404 if nothing is said.
    #[serde(default)]
    pub statuses: Vec<u16>,
}

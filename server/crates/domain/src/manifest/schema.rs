//! The fields of `provider.toml`, in the order in which an author meets them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Template, Variables, check, template::TemplateError};

/// A provider as its manifest describes it. Made by [`Manifest::parse`] alone, so one in hand is known to be sound.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this schema; 1.
    pub schema: u32,
    /// Short unique name: lower-case letters, digits and dashes.
    pub slug: String,
    /// What people call the provider.
    pub name: String,
    /// One of [`CATEGORIES`].
    pub category: String,
    /// Where the vendor documents the API.
    pub docs: String,
    /// Values that an integration or a connection fills in, by name.
    #[serde(default)]
    pub variables: BTreeMap<String, VariableSpec>,
    /// How an account is connected.
    pub auth: AuthSpec,
    /// Where the API is, and how requests to it carry the credential.
    pub api: ApiSpec,
    /// The call that tells whose account it is.
    pub identity: Option<IdentitySpec>,
    /// What the provider allows.
    pub rate_limit: Option<RateLimitSpec>,
    /// The code that goes with it; absent for a provider that is only data.
    pub plugin: Option<PluginSpec>,
    /// What can be synced.
    #[serde(default)]
    pub streams: Vec<StreamSpec>,
    /// What can be done.
    #[serde(default)]
    pub actions: Vec<ActionSpec>,
}

/// The categories that a provider may be listed under.
pub const CATEGORIES: &[&str] = &[
    "accounting",
    "analytics",
    "commerce",
    "communication",
    "crm",
    "developer-tools",
    "documents",
    "education",
    "finance",
    "hr",
    "identity",
    "legal",
    "marketing",
    "payments",
    "productivity",
    "shipping",
    "social",
    "storage",
    "support",
    "travel",
];

/// A value that is filled in once per integration or per connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSpec {
    /// What it may look like.
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Who fills it in.
    #[serde(default)]
    pub at: VariableLevel,
    /// What the form calls it.
    pub label: String,
    /// For an origin: the hosts it may name, `api.example.com` or `*.example.com`.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Shown below the field.
    pub help: Option<String>,
    /// Used when nothing is filled in.
    pub default: Option<String>,
}

/// What a variable's value may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableType {
    /// Scheme, host and port, nothing else; the host is on the variable's `allow` list.
    Origin,
    /// A DNS label (RFC 1123): letters, digits and inner dashes, at most 63.
    Label,
    /// Any text; percent-encoded where it is put into a URL's path or query, and refused inside a host.
    Text,
}

/// Who fills a variable in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableLevel {
    /// The tenant's admin, once for the integration.
    Integration,
    /// The end user, on the connect page.
    #[default]
    Connection,
}

/// How an account is connected.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthSpec {
    /// OAuth 2 authorization code (RFC 6749 §4.1) with PKCE (RFC 7636).
    #[serde(rename = "oauth2_code")]
    OAuth2Code(Box<OAuth2Code>),
    /// Nothing: a connection without a credential.
    None,
}

/// OAuth 2 authorization code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Code {
    /// Where the end user is sent.
    pub authorization_url: Template,
    /// Where the code and refresh tokens are exchanged.
    pub token_url: Template,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_url: Option<Template>,
    /// What `iss` in the callback must be (RFC 9207), byte for byte.
    pub issuer: Option<Template>,
    /// Asked for unless the integration says otherwise.
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
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub authorize_params: BTreeMap<String, String>,
    /// Further parameters of the code exchange.
    #[serde(default)]
    pub token_params: BTreeMap<String, String>,
    /// Further parameters of a refresh.
    #[serde(default)]
    pub refresh_params: BTreeMap<String, String>,
    /// Where things are in the token answer.
    #[serde(default)]
    pub token_paths: TokenPaths,
}

/// How the client shows who it is (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the form.
    #[default]
    Body,
    /// An `Authorization: Basic` header.
    Basic,
}

/// Dotted paths into the token answer; the defaults are RFC 6749 §5.1's names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenPaths {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Lifetime in seconds.
    pub expires_in: String,
    /// The scopes granted.
    pub scope: String,
}

impl Default for TokenPaths {
    fn default() -> Self {
        Self {
            access_token: "access_token".into(),
            refresh_token: "refresh_token".into(),
            expires_in: "expires_in".into(),
            scope: "scope".into(),
        }
    }
}

/// Where the API is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiSpec {
    /// What paths of proxy calls and of the plugin are put behind.
    pub base_url: Template,
    /// Hosts beyond that of `base_url` which plugin and proxy may reach, `api.example.com` or `*.example.com`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How a request carries the credential; absent for `mode = "none"`.
    pub credential: Option<CredentialPlacement>,
    /// Sent with every request, such as an API version.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// How a request carries the credential.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialPlacement {
    /// The header's name.
    pub header: String,
    /// Its value; `{access_token}` stands for the secret.
    pub value: String,
}

/// The call that tells whose account it is: a GET with the credential, answered in JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// Where to ask.
    pub url: Template,
    /// Dotted path of the provider's stable id of the account.
    pub account: String,
    /// Dotted path of what people call it.
    pub name: Option<String>,
}

/// What the provider allows, and how it says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// Requests per `per_seconds`, for one connection.
    pub requests: u32,
    /// The window in seconds.
    pub per_seconds: u32,
    /// Requests per `per_seconds`, for all connections of an integration together.
    pub per_integration: Option<u32>,
    /// The header that says how many are left.
    pub remaining_header: Option<String>,
    /// The header that says when there are more, in Unix seconds.
    pub reset_header: Option<String>,
    /// Statuses that mean "too many", 429 if nothing is said.
    #[serde(default = "too_many")]
    pub throttled_statuses: Vec<u16>,
}

/// The code that goes with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginSpec {
    /// The component's file, beside the manifest.
    pub component: String,
}

/// What can be synced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSpec {
    /// Its name: lower-case letters, digits and underscores.
    pub name: String,
    /// How its pulls begin and how deletes are found.
    pub mode: StreamMode,
    /// Minutes between runs, unless the connection says otherwise.
    pub every_minutes: u32,
    /// What it holds.
    pub description: Option<String>,
}

/// How a stream's pulls begin and how deletes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamMode {
    /// A run begins at the cursor of the last; deletes are what the provider says is deleted.
    Incremental,
    /// A run begins anew; what it did not see is gone.
    Full,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Its name: lower-case letters, digits and underscores.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
}

impl Manifest {
    /// Reads and checks a manifest. `file` names it in errors.
    ///
    /// # Errors
    /// [`check::ManifestError`] with file, line, field and what to do.
    pub fn parse(file: &str, text: &str) -> Result<Self, check::ManifestError> {
        check::parse(file, text)
    }

    /// The hosts that plugin, proxy and identity call may reach with these variables: the API's own, the identity
    /// call's and the further ones of the list.
    ///
    /// # Errors
    /// A variable is missing or its value is not of its type.
    pub fn api_hosts(&self, variables: &Variables) -> Result<Vec<String>, TemplateError> {
        let mut hosts = self.api.hosts.clone();
        let identity = self.identity.as_ref().map(|identity| &identity.url);
        for template in std::iter::once(&self.api.base_url).chain(identity) {
            let url = template.url(&self.variables, variables)?;
            if let Some(host) = url.host_str()
                && !hosts.iter().any(|known| known == host)
            {
                hosts.push(host.to_owned());
            }
        }
        Ok(hosts)
    }

    /// The stream of that name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&StreamSpec> {
        self.streams.iter().find(|stream| stream.name == name)
    }
}

fn space() -> String {
    " ".into()
}

const fn yes() -> bool {
    true
}

fn too_many() -> Vec<u16> {
    vec![429]
}

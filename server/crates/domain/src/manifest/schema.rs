//! The fields of `provider.toml`, in the order in which an author meets them.

use serde::Deserialize;

use super::{
    ActionSpec, ApiSpec, AuthSpec, FailureRule, IdentitySpec, Named, PaginationSpec, RateLimitSpec, RevocationSpec,
    VariableSpec, Variables, VerificationSpec, WebhookSpec, check, template::TemplateError,
};

/// A provider as its manifest describes it. Made by [`Manifest::parse`] alone, so one in hand is known to be sound.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this schema; 1.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// Short unique name: lower-case letters, digits and dashes.
    pub slug: String,
    /// What people call the provider.
    pub name: String,
    /// What it is listed under.
    #[schemars(extend("enum" = CATEGORIES))]
    pub category: String,
    /// Where the vendor documents the API; https.
    pub docs: String,
    /// How far the facts in it are known to be right.
    pub verified: Option<Provenance>,
    /// Values that an integration or a connection fills in, by name.
    #[serde(default)]
    pub variables: Named<VariableSpec>,
    /// How an account is connected.
    pub auth: AuthSpec,
    /// Where the API is, and how requests to it carry the credential.
    pub api: ApiSpec,
    /// The call that tells whether a credential works.
    pub verification: Option<VerificationSpec>,
    /// The call that tells whose account it is.
    pub identity: Option<IdentitySpec>,
    /// How access is taken back, where it is not by RFC 7009.
    pub revocation: Option<RevocationSpec>,
    /// What the provider says in words of its own when something is wrong.
    #[serde(default)]
    pub failures: Vec<FailureRule>,
    /// What the provider allows.
    pub rate_limit: Option<RateLimitSpec>,
    /// How lists go on.
    pub pagination: Option<PaginationSpec>,
    /// How the provider's webhooks are checked and routed.
    pub webhook: Option<WebhookSpec>,
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
    "advertising",
    "ai",
    "analytics",
    "calendar",
    "commerce",
    "communication",
    "crm",
    "data",
    "design",
    "developer-tools",
    "documents",
    "education",
    "finance",
    "forms",
    "health",
    "hr",
    "identity",
    "infrastructure",
    "legal",
    "marketing",
    "media",
    "payments",
    "productivity",
    "project-management",
    "recruiting",
    "sales",
    "scheduling",
    "shipping",
    "social",
    "storage",
    "support",
    "travel",
];

/// How far the facts in a manifest are known to be right.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// What they were checked against.
    pub by: VerifiedBy,
    /// When: a date as TOML writes it, `2026-11-21`.
    #[serde(deserialize_with = "date")]
    pub on: chrono::NaiveDate,
}

/// What a manifest was checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedBy {
    /// The vendor's documentation or a permissively licensed collection of endpoint facts.
    Documentation,
    /// The provider itself: a connection was made.
    Live,
}

/// A TOML date.
fn date<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<chrono::NaiveDate, D::Error> {
    let written = toml::value::Datetime::deserialize(reader)?.to_string();
    written.parse().map_err(|_| serde::de::Error::custom("write a date alone, 2026-11-21"))
}

/// The code that goes with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSpec {
    /// The component's file, beside the manifest.
    pub component: String,
}

/// What can be synced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamSpec {
    /// Its name: lower-case letters, digits and underscores.
    pub name: String,
    /// How its pulls begin and how deletes are found.
    pub mode: StreamMode,
    /// Minutes between runs, unless the connection says otherwise.
    pub every_minutes: u32,
    /// Whether webhooks tell of changes in it: one that does has the stream pulled at once, and the schedule is there for
    /// what no webhook told. Needs `[webhook]`.
    #[serde(default)]
    pub realtime: bool,
    /// How many days back the first pull goes; all there is if absent. The plugin is told the time as `since`, and leaves
    /// out what did not change after it.
    #[serde(default)]
    pub backfill_days: Option<u32>,
    /// What it holds.
    pub description: Option<String>,
}

/// How a stream's pulls begin and how deletes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamMode {
    /// A run begins at the cursor of the last; deletes are what the provider says is deleted.
    Incremental,
    /// A run begins anew; what it did not see is gone.
    Full,
}

impl Manifest {
    /// Reads and checks a manifest. `file` names it in errors.
    ///
    /// # Errors
    /// [`check::ManifestError`] with file, line, field and what to do.
    pub fn parse(file: &str, text: &str) -> Result<Self, check::ManifestError> {
        check::parse(file, text).map_err(|(first, _)| first)
    }

    /// As [`Manifest::parse`], but says all that is wrong at once, by line.
    ///
    /// # Errors
    /// At least one [`check::ManifestError`].
    pub fn parse_all(file: &str, text: &str) -> Result<Self, Vec<check::ManifestError>> {
        check::parse(file, text).map_err(|(first, others)| std::iter::once(first).chain(others).collect())
    }

    /// The hosts that plugin, proxy and identity call may reach with these variables: the API's own, the identity
    /// call's and the further ones of the list.
    ///
    /// # Errors
    /// A variable is missing or its value is not of its type.
    pub fn api_hosts(&self, variables: &Variables) -> Result<Vec<String>, TemplateError> {
        let mut hosts = self.api.hosts.clone();
        let base = self.api.base_url.url(&self.variables, variables)?;
        let identity = self.identity.as_ref().and_then(|call| call.url.as_ref());
        let calls = [identity, self.verification.as_ref().map(|call| &call.url)];
        let mut urls = vec![base.clone()];
        for template in calls.into_iter().flatten() {
            urls.push(template.url_below(&base, &self.variables, variables)?);
        }
        for url in urls {
            if let Some(host) = url.host_str()
                && !hosts.iter().any(|known| known == host)
            {
                hosts.push(host.to_owned());
            }
        }
        Ok(hosts)
    }

    /// Whether requests carry an access token as a bearer token (RFC 6750) and nothing else.
    #[must_use]
    pub fn carries_bearer_token(&self) -> bool {
        let has_own_way = match &self.auth {
            AuthSpec::OAuth1(_) | AuthSpec::None | AuthSpec::Key => true,
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
                spec.dpop
            }
            AuthSpec::Session(_) | AuthSpec::Jwt(_) | AuthSpec::AppInstallation(_) | AuthSpec::Mcp(_) => false,
        };
        !has_own_way && self.api.credential == super::Placement::default()
    }

    /// Whether requests carry a secret of the integration: its client secret (OAuth 1), or a secret variable.
    #[must_use]
    pub fn carries_integration_secrets(&self) -> bool {
        let is_theirs = |name: &str| {
            let declared = self.variables.get(name);
            name == "client_secret"
                || declared.is_some_and(|spec| {
                    spec.kind == super::VariableType::Secret && spec.at == super::VariableLevel::Integration
                })
        };
        let texts = self.api.credential.texts();
        matches!(self.auth, AuthSpec::OAuth1(_))
            || texts.iter().flat_map(|text| text.holes()).any(|hole| is_theirs(&hole.name))
    }

    /// The action of that name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// The stream of that name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&StreamSpec> {
        self.streams.iter().find(|stream| stream.name == name)
    }
}

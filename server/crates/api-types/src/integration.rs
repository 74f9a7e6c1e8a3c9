//! Providers, and their configurations in an environment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ids::IntegrationId;

crate::api! {
/// A provider that this server knows.
pub struct Provider {
    /// Short unique name.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Where the vendor documents the API.
    pub docs: String,
    /// How an account is connected, such as `oauth2_code`.
    pub auth_mode: String,
    /// Whether an integration needs an OAuth client: `with_secret`, `id_alone`, `optional`; absent where it needs none.
    pub client: Option<String>,
    /// Scopes asked for unless the integration says otherwise.
    pub default_scopes: Vec<String>,
    /// Values to fill in for an integration.
    pub integration_variables: Vec<Variable>,
    /// Values that the end user fills in.
    pub connection_variables: Vec<Variable>,
    /// What can be synced.
    pub streams: Vec<String>,
    /// Whether it is installed on this server, described for this environment, or pushed to it.
    pub origin: ProviderOrigin,
}

/// Where a provider comes from.
#[derive(Copy, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ProviderOrigin {
    /// It is installed on this server.
    Installed,
    /// The tenant described it for this environment.
    Environment,
    /// The tenant pushed it to this environment, as a plugin.
    Pushed,
}

/// A provider with its manifest.
pub struct ProviderDetail {
    /// The provider; absent for a described one that this server does not accept any more.
    pub provider: Option<Provider>,
    /// Where it comes from.
    pub origin: ProviderOrigin,
    /// The manifest as it was sent, for a described or a pushed one: TOML.
    pub manifest: Option<String>,
    /// The version in force, for a pushed one.
    #[serde(default)]
    pub plugin_version: Option<String>,
    /// All versions of a described one, the newest first.
    pub versions: Vec<ProviderVersion>,
}

/// A version of a described provider.
pub struct ProviderVersion {
    /// Counts from 1.
    pub version: i32,
    /// Who sent it: a key's or a member's id.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A provider to describe.
pub struct PutProvider {
    /// The manifest, TOML; `GET /v1/provider-schema` has its JSON Schema.
    pub manifest: String,
    /// The version that is replaced, 0 for none. If another is in force by now, nothing is changed; absent replaces any.
    #[serde(default)]
    pub expected_version: Option<i32>,
}

/// A value to fill in.
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `origin`, `label`, `text`, `choice` or `secret`.
    pub kind: String,
    /// What the form calls it.
    pub label: String,
    /// Shown below the field.
    pub help: Option<String>,
    /// Where the vendor explains how to come by the value.
    pub help_url: Option<String>,
    /// Shown in the empty field.
    pub placeholder: Option<String>,
    /// Used when nothing is filled in.
    pub default: Option<String>,
    /// Put in front of what is typed.
    pub prefix: String,
    /// Put behind what is typed.
    pub suffix: String,
    /// For a choice: what may be picked.
    pub options: Vec<VariableOption>,
    /// Whether the form offers several lines.
    pub multiline: bool,
    /// Whether it may be left empty.
    pub optional: bool,
}

/// One of a choice's values.
pub struct VariableOption {
    /// The value.
    pub value: String,
    /// What the form calls it.
    pub label: String,
}

/// An integration to configure.
pub struct CreateIntegration {
    /// The provider's slug.
    pub provider: String,
    /// What your code calls it, unique within the environment; the provider's slug if absent.
    #[serde(default)]
    pub slug: Option<String>,
    /// What end users read; the provider's name if absent.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The OAuth client, as registered with the provider.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Its secret. Write-only.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// What to ask for; the provider's defaults if absent.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Values of the provider's integration-level variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Values of the provider's integration-level secret variables. Write-only.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Your page to which browsers go on that arrive from the vendor's marketplace, with `patchbay_install` in the query:
    /// https, or http towards this machine itself. For providers whose installs may begin there.
    #[serde(default)]
    pub install_url: Option<String>,
}

/// Changes to an integration; what is absent stays.
#[derive(Default)]
pub struct UpdateIntegration {
    /// What end users read.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The OAuth client.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Its secret.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// What to ask for.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Values of the provider's integration-level variables, as a whole.
    #[serde(default)]
    pub variables: Option<BTreeMap<String, String>>,
    /// Secret variables to replace; those that are not named stay.
    #[serde(default)]
    pub secrets: Option<BTreeMap<String, String>>,
    /// Your page for browsers that arrive from the vendor's marketplace; an empty text takes it away.
    #[serde(default)]
    pub install_url: Option<String>,
}

/// An integration.
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// What your code calls it.
    pub slug: String,
    /// The provider's slug.
    pub provider: String,
    /// What end users read.
    pub display_name: String,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Whether a client secret is stored.
    pub has_client_secret: bool,
    /// Which of the provider's secret variables are stored.
    pub secrets_set: Vec<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Values of the provider's integration-level variables.
    pub variables: BTreeMap<String, String>,
    /// To be registered with the provider, exactly so.
    pub redirect_uri: String,
    /// To be registered with the vendor's marketplace as the app's URL, and for its webhooks of installs; absent for
    /// providers whose installs do not begin there.
    #[serde(default)]
    pub app_url: Option<String>,
    /// Your page to which browsers go on that arrive there.
    #[serde(default)]
    pub install_url: Option<String>,
    /// When it was configured.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}
}

//! The provider manifest, `provider.toml`: what a provider is, as data. One schema, checked when it is read, with
//! errors that name file, line and field. What data cannot say, the plugin's code says.

mod check;
mod schema;
mod template;

pub use check::ManifestError;
pub use schema::{
    ActionSpec, ApiSpec, AuthSpec, CATEGORIES, ClientAuth, CredentialPlacement, IdentitySpec, Manifest, OAuth2Code,
    PluginSpec, RateLimitSpec, StreamMode, StreamSpec, TokenPaths, VariableLevel, VariableSpec, VariableType,
};
pub use template::{Template, TemplateError, Variables, host_matches};

//! The provider manifest, `provider.toml`: what a provider is, as data. One schema, checked when it is read, with
//! errors that name file, line and field. What data cannot say, the plugin's code says.

mod api;
mod auth;
mod catalog;
mod check;
mod draft;
mod host;
mod reference;
mod schema;
mod suffix;
mod template;
mod text;
mod value;
mod variable;

pub use api::{
    ApiSpec, BasicPlacement, CallBody, CallMethod, CallSpec, DigestEncoding, HmacHash, IdentitySpec, PaginationSpec,
    Placement, RateLimitSpec, ResetFormat, RevocationSpec, SignSpec, VerificationSpec, WebhookScheme, WebhookSpec,
};
pub use auth::{
    AppInstallation, AuthSpec, ClientAuth, ClientNeed, ClientOwner, Install, InstallBegins, InstallationsSpec, Jwt,
    JwtAlgorithm, KeyEncoding, Mcp, OAuth1, OAuth1Signature, OAuth2, Session, SessionStep, TokenBody, TokenPaths,
};
pub use catalog::{CatalogFile, Coverage, coverage_page, lint};
pub use check::{MOST_BYTES, ManifestError};
pub use draft::{DraftError, DraftHints, from_issuer, from_openapi};
pub use reference::{json_schema, json_schema_text, reference};
pub use schema::{ActionSpec, CATEGORIES, Manifest, PluginSpec, Provenance, StreamMode, StreamSpec, VerifiedBy};
pub use template::{Template, TemplateError, Variables, host_matches};
pub use text::{Hole, Piece, TextTemplate};
pub use variable::{VariableLevel, VariableSpec, VariableType};

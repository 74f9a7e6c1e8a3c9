//! The provider manifest, `provider.toml`: what a provider is, as data. One schema, checked when it is read, with
//! errors that name file, line and field. What data cannot say, the plugin's code says.

mod action;
mod api;
mod auth;
mod catalog;
mod check;
mod draft;
mod failure;
mod host;
mod limits;
mod named;
mod oauth2;
mod reference;
mod schema;
mod suffix;
mod template;
mod text;
mod value;
mod variable;
mod webhook;

pub use action::{ActionSchema, ActionSpec, SchemaFlaw};
pub use api::{
    ApiSpec, BasicPlacement, CallBody, CallMethod, CallSpec, DigestEncoding, HmacHash, IdentitySpec, Placement,
    REQUEST_HOLES, RevocationSpec, SIGNATURE_HOLE, SignSpec, VerificationSpec,
};
pub use auth::{
    AppInstallation, AuthSpec, ClientNeed, InstallationsSpec, Jwt, JwtAlgorithm, KeyEncoding, Mcp, OAuth1,
    OAuth1Signature, Session, SessionStep,
};
pub use catalog::{CatalogFile, Coverage, coverage_page, lint};
pub use check::{MOST_BYTES, ManifestError};
pub use draft::{DraftError, DraftHints, from_issuer, from_openapi};
pub use failure::{FailureMeaning, FailureOf, FailureRule};
pub use limits::{PaginationSpec, RateLimitSpec, ResetFormat};
pub use named::Named;
pub use oauth2::{ClientAuth, ClientOwner, Install, InstallBegins, OAuth2, TokenBody, TokenPaths};
pub use reference::{json_schema, json_schema_text, reference};
pub use schema::{CATEGORIES, Manifest, PluginSpec, Provenance, StreamMode, StreamSpec, VerifiedBy};
pub use template::{Template, TemplateError, Variables, host_matches};
pub use text::{Hole, Piece, TextTemplate};
pub use variable::{VariableLevel, VariableSpec, VariableType};
pub use webhook::{WebhookHandshake, WebhookRoute, WebhookScheme, WebhookSpec};

//! Problem documents (RFC 9457).

use serde::{Deserialize, Serialize};

/// What every answer that is not a success carries, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words, always the same.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: ProblemCode,
    /// What is wrong this time and what to do.
    pub detail: String,
    /// The request, as our logs name it.
    pub request_id: String,
    /// Fields that are wrong, if the body or the query is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// What the provider said, in its own words for people, where it refused something and said why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_said: Option<String>,
    /// Who has to do something about it, where an action did not succeed: `end_user`, `tenant`, `provider`, `plugin` or
    /// `platform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// The call of the action that did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_run_id: Option<ids::ActionRunId>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// Dotted path of the field.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// Every code that a problem document may carry. Each has a page in the documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: &[ProblemCode] = &[$(Self::$name),*];

            /// The text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The code in words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    /// The request line, a header or the query cannot be read.
    BadRequest = "bad_request", 400, "The request cannot be read";
    /// The body is not JSON.
    BadJson = "bad_json", 400, "The body is not valid JSON";
    /// The body or the query is JSON but not what was expected.
    InvalidFields = "invalid_fields", 422, "Some fields are not valid";
    /// A cursor that we did not give out.
    BadCursor = "bad_cursor", 400, "The cursor is not valid";
    /// A reader of the feed has missed deletions.
    CursorExpired = "cursor_expired", 410, "The cursor is too old";
    /// No key, or one that is unknown, revoked or expired.
    Unauthenticated = "unauthenticated", 401, "A valid key or session is needed";
    /// The key lacks the scope.
    MissingScope = "missing_scope", 403, "The key lacks a scope";
    /// The request came from a page that may not send it.
    ForbiddenOrigin = "forbidden_origin", 403, "This origin may not do that";
    /// It does not exist, or is someone else's.
    NotFound = "not_found", 404, "Not found";
    /// The method is not offered there.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// It exists already, or is in a state that forbids it.
    Conflict = "conflict", 409, "It conflicts with what is there";
    /// The body is too large.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body is not of a type that is read here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported";
    /// No provider of that name.
    UnknownProvider = "unknown_provider", 422, "The provider is not known";
    /// What was entered or brought along does not let us in at the provider.
    CredentialRefused = "credential_refused", 422, "The provider refuses the credential";
    /// A version of a plugin is not taken.
    PluginRefused = "plugin_refused", 422, "The plugin is refused";
    /// The integration cannot be used as it is configured.
    IntegrationMisconfigured = "integration_misconfigured", 409, "The integration has to be repaired";
    /// The connection needs its end user.
    NeedsReauth = "needs_reauth", 409, "The end user must connect again";
    /// Too many requests by this key, or to the provider.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// The connect session is over.
    SessionExpired = "session_expired", 410, "The connect session has expired";
    /// The host is not on the provider's list.
    HostNotAllowed = "host_not_allowed", 403, "The provider's list does not have that host";
    /// The provider could not be reached or broke off.
    ProviderUnreachable = "provider_unreachable", 502, "The provider could not be reached";
    /// The provider did not answer in time.
    ProviderTimeout = "provider_timeout", 504, "The provider did not answer in time";
    /// The provider does not do what an action asks for.
    ActionRefused = "action_refused", 422, "The provider refuses the action";
    /// An action may have been performed or not.
    ActionUnknown = "action_unknown", 504, "It is not known whether the action was performed";
    /// The key came with another request before.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The Idempotency-Key belongs to another request";
    /// The same request is not done yet.
    RequestInFlight = "request_in_flight", 409, "The same request is being carried out";
    /// The provider answered with a failure of its own.
    ProviderFailed = "provider_failed", 502, "The provider failed";
    /// The plugin failed.
    PluginFailed = "plugin_failed", 502, "The plugin failed";
    /// The key service is sealed or away.
    KeyServiceUnavailable = "key_service_unavailable", 503, "The key service is not available";
    /// The database is away.
    DatabaseUnavailable = "database_unavailable", 503, "The database is not available";
    /// A defect of ours.
    Internal = "internal", 500, "Something went wrong on our side";
}

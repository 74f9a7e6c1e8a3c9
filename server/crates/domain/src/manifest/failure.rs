//! What a provider says in words of its own when something is wrong.

use serde::Deserialize;

/// An answer that means something else than its status and code say, or that says it in no code that RFC 6749 knows.
/// The first rule that an answer fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureRule {
    /// Whose answers.
    pub of: FailureOf,
    /// The statuses of such answers, 200 among them if need be; any if nothing is said.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Dotted path of the text, number or boolean that tells; the whole body if nothing is said.
    pub path: Option<String>,
    /// What stands there: one of these, exactly.
    #[serde(default)]
    pub is: Vec<String>,
    /// What is part of it, in any case of letters.
    pub contains: Option<String>,
    /// What it means.
    pub means: FailureMeaning,
}

/// Whose answers a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureOf {
    /// The token endpoint's.
    Token,
    /// The API's.
    Api,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureMeaning {
    /// The grant is gone: the end user has to connect again.
    Revoked,
    /// Of the token endpoint: the grant's time is over, likewise. Of the API: the access token's is, and a newer one is
    /// fetched.
    Expired,
    /// The integration has to be repaired. Of the token endpoint alone.
    Misconfigured,
    /// Too many requests. Of the token endpoint alone.
    Throttled,
    /// The provider fails for now. Of the token endpoint alone.
    Down,
}

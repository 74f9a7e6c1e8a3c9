//! What a provider's API is like to walk through: its rate limits and its pages.

use serde::Deserialize;

/// What the provider allows, and how it says so. Where only headers are known, `requests` is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// Requests per `per_seconds`, for one connection.
    pub requests: Option<u32>,
    /// The window in seconds.
    #[serde(default = "one_second")]
    pub per_seconds: u32,
    /// Requests per `per_seconds`, for all connections of an integration together.
    pub per_integration: Option<u32>,
    /// The header that says how many there are in a window.
    pub limit_header: Option<String>,
    /// The header that says how many are left.
    pub remaining_header: Option<String>,
    /// The header that says when there are more.
    pub reset_header: Option<String>,
    /// How `reset_header` is written.
    #[serde(default)]
    pub reset_format: ResetFormat,
    /// Statuses that mean "too many", 429 if nothing is said.
    #[serde(default = "too_many")]
    pub throttled_statuses: Vec<u16>,
}

/// How the time of a reset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    /// Unix seconds.
    #[default]
    Unix,
    /// Unix milliseconds.
    UnixMs,
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
}

/// How lists go on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(tag = "style", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaginationSpec {
    /// By a `Link` header with `rel="next"` (RFC 8288).
    Link {
        /// The parameter with the page's size.
        size_param: Option<String>,
        /// Dotted path of the items; the answer itself if nothing is said.
        items: Option<String>,
    },
    /// By a cursor in the answer.
    Cursor {
        /// The parameter that takes it.
        param: String,
        /// Dotted path of the next cursor; absent or empty at the end.
        next: String,
        /// The parameter with the page's size.
        size_param: Option<String>,
        /// Dotted path of the items.
        items: Option<String>,
    },
    /// By the URL of the next page in the answer.
    NextUrl {
        /// Dotted path of the URL; absent or empty at the end.
        next: String,
        /// The parameter with the page's size.
        size_param: Option<String>,
        /// Dotted path of the items.
        items: Option<String>,
    },
    /// By page numbers.
    Page {
        /// The parameter with the number.
        param: String,
        /// The first page's number.
        #[serde(default = "first_page")]
        first: u32,
        /// The parameter with the page's size.
        size_param: Option<String>,
        /// Dotted path of the items.
        items: Option<String>,
    },
    /// By counting items.
    Offset {
        /// The parameter with the number of items to skip.
        param: String,
        /// The parameter with the page's size.
        size_param: Option<String>,
        /// Dotted path of the items.
        items: Option<String>,
    },
}

const fn one_second() -> u32 {
    1
}

fn too_many() -> Vec<u16> {
    vec![429]
}

const fn first_page() -> u32 {
    1
}

//! A list of the provider's, of which a stream is made.

use domain::manifest::PaginationSpec;
use serde_json::{Map, Value, json};

/// A list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listing {
    /// The stream's name.
    pub(super) stream: String,
    /// The path below the API's base URL.
    pub(super) path: String,
    /// Dotted path of the records in an answer, if it is known; what the pagination says, or the answer itself, if not.
    pub(super) records: Option<String>,
    /// The field that identifies a record.
    pub(super) id: String,
    /// What a record looks like.
    pub(super) sample: Map<String, Value>,
}

impl Listing {
    /// A list of which nothing but its name is known.
    pub(super) fn plain(stream: &str) -> Self {
        let mut sample = Map::new();
        sample.insert("id".into(), json!("1"));
        sample.insert("name".into(), json!("One"));
        Self { stream: stream.into(), path: format!("/{stream}"), records: None, id: "id".into(), sample }
    }

    /// Where the records lie in an answer, as a JSON Pointer (RFC 6901).
    pub(super) fn pointer(&self, pagination: &PaginationSpec) -> String {
        let (PaginationSpec::Link { items, .. }
        | PaginationSpec::Cursor { items, .. }
        | PaginationSpec::NextUrl { items, .. }
        | PaginationSpec::Page { items, .. }
        | PaginationSpec::Offset { items, .. }) = pagination;
        // Where the next page is named beside the records, the answer is no bare list.
        let is_named = matches!(pagination, PaginationSpec::Cursor { .. } | PaginationSpec::NextUrl { .. });
        let usual = is_named.then_some("data");
        self.records.as_deref().or(items.as_deref()).or(usual).map(pointer).unwrap_or_default()
    }
}

/// A dotted path as a JSON Pointer.
pub(super) fn pointer(dotted: &str) -> String {
    dotted.split('.').map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The parameter with a page's size.
pub(super) fn size_param(pagination: &PaginationSpec) -> Option<&str> {
    let (PaginationSpec::Link { size_param, .. }
    | PaginationSpec::Cursor { size_param, .. }
    | PaginationSpec::NextUrl { size_param, .. }
    | PaginationSpec::Page { size_param, .. }
    | PaginationSpec::Offset { size_param, .. }) = pagination;
    size_param.as_deref()
}

/// Records that are asked for at once.
pub(super) const SIZE: u32 = 100;

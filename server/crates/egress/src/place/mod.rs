//! Where a credential goes beside headers and query: into the body, and into the path.

pub(crate) mod fields;
pub(crate) mod path;

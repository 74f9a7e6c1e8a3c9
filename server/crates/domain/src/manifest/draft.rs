//! First drafts of manifests, from documents that vendors publish: an OpenAPI document, an issuer's discovery document.
//! Documents in, TOML out; the text is a sound manifest, with comments where a person has to look.

mod issuer;
mod openapi;
mod page;

use super::{Manifest, ManifestError};

pub use issuer::from_issuer;
pub use openapi::from_openapi;

/// What is known beside the document.
#[derive(Debug, Clone, Default)]
pub struct DraftHints {
    /// The slug; made of the name where it is not given.
    pub slug: Option<String>,
    /// What people call the provider; what the document says where it is not given.
    pub name: Option<String>,
    /// The category.
    pub category: Option<String>,
    /// The security scheme to use, where an OpenAPI document has several.
    pub scheme: Option<String>,
    /// Where the document came from: relative addresses in it are meant from there.
    pub location: Option<url::Url>,
}

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is not the document that was asked for.
    #[error("this is no {expected}: {why}")]
    NotThat {
        /// What it ought to be.
        expected: &'static str,
        /// What it lacks.
        why: String,
    },
    /// The document names the way in by another one: an issuer's, which must be fetched and given along.
    #[error("the way in is described at {url}, which has to be read as well")]
    NeedsDiscovery {
        /// Where.
        url: String,
    },
    /// The document's issuer is not the one that was asked (RFC 8414 §3.3, compared byte for byte).
    #[error("the document is of the issuer `{found}`, not of `{asked}`")]
    OtherIssuer {
        /// Whose document was asked for.
        asked: String,
        /// Whose it says that it is.
        found: String,
    },
    /// The document has something that a manifest cannot say.
    #[error("{0}")]
    Unsayable(String),
    /// What the document says is refused in a manifest.
    #[error("the draft would be refused: {0}")]
    Refused(#[from] ManifestError),
}

/// The draft, if it is a sound manifest.
fn sound(text: String) -> Result<String, DraftError> {
    Manifest::parse("draft.toml", &text)?;
    Ok(text)
}

/// A slug made of a name.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.chars().take(48).collect();
    let slug = slug.trim_matches('-');
    // What names of APIs end with says nothing.
    let short = slug.strip_suffix("-api").unwrap_or(slug);
    let short = short.strip_suffix("-rest").unwrap_or(short);
    if short.is_empty() { "provider".into() } else { short.into() }
}

#[cfg(test)]
mod tests;

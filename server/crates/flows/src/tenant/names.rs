//! What names may look like.

/// A field that was refused, with what it must be.
pub type FieldError = (&'static str, String);

/// A slug: lower-case letters, digits and dashes, at most 64.
pub(super) fn slug(text: &str) -> Result<(), FieldError> {
    if !domain::slug::is_slug(text) {
        return Err(("slug", "must be lower-case letters, digits and dashes, 1 to 64 of them".into()));
    }
    Ok(())
}

/// A name for people.
pub(super) fn name(text: &str) -> Result<(), FieldError> {
    if text.trim().is_empty() || text.chars().count() > 200 || text.contains(char::is_control) {
        return Err(("name", "must be 1 to 200 printable characters".into()));
    }
    Ok(())
}

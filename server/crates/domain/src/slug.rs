//! Slugs: the short names that stand in URLs, files and manifests.

/// The most characters that a slug may have.
pub const MOST: usize = 64;

/// Whether a text is a slug: 1 to [`MOST`] lower-case ASCII letters, digits and dashes.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= MOST && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_and_plain() {
        for good in ["a", "tea-house-2", "0", "-", &"x".repeat(MOST)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "Shop", "a b", "a_b", "ä", "a/b", &"x".repeat(MOST + 1)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}

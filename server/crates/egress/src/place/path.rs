//! A path that begins with a secret.

use domain::secret::Secret;
use url::Url;

use crate::error::EgressError;

const REFUSED: EgressError = EgressError::Credential { place: "path" };

/// Puts a beginning right behind the base's path. A path that has it already, as in a link of the provider's, stays.
pub(crate) fn put(url: &mut Url, base: &Url, beginning: &Secret) -> Result<(), EgressError> {
    let root = base.path().trim_end_matches('/');
    if url.origin() != base.origin() {
        return Err(REFUSED);
    }
    let below = url.path().strip_prefix(root).filter(|below| below.is_empty() || below.starts_with('/'));
    let below = below.ok_or(REFUSED)?;
    let begun = below.strip_prefix(beginning.expose());
    if begun.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(());
    }
    let wanted = Secret::new([root, beginning.expose(), below].concat());
    url.set_path(wanted.expose());
    // Dots in it would have led elsewhere, and what is no path character would be another secret.
    if url.path() == wanted.expose() { Ok(()) } else { Err(REFUSED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(url: &str, base: &str, beginning: &str) -> Option<String> {
        let mut url = Url::parse(url).unwrap();
        put(&mut url, &Url::parse(base).unwrap(), &Secret::new(beginning)).ok()?;
        Some(url.into())
    }

    #[test]
    fn a_5_the_beginning_stands_behind_the_base() {
        let bot = "/bot1:aB-_";
        let put = |url: &str, base: &str| placed(url, base, bot);
        assert_eq!(put("https://a.example/me?x=1", "https://a.example").unwrap(), "https://a.example/bot1:aB-_/me?x=1");
        assert_eq!(
            put("https://a.example/v2/me", "https://a.example/v2/").unwrap(),
            "https://a.example/v2/bot1:aB-_/me"
        );
        assert_eq!(put("https://a.example/v2", "https://a.example/v2").unwrap(), "https://a.example/v2/bot1:aB-_");
        assert_eq!(
            put("https://a.example/bot1:aB-_/me", "https://a.example").unwrap(),
            "https://a.example/bot1:aB-_/me"
        );
        assert_eq!(put("https://b.example/me", "https://a.example"), None);
        assert_eq!(put("http://a.example/me", "https://a.example"), None);
        assert_eq!(put("https://a.example/v22/me", "https://a.example/v2"), None);
    }

    #[test]
    fn a_5_no_secret_leads_elsewhere() {
        for beginning in ["/..", "/%2e%2e", "/../x", "/a?b", "/a#b", "/a b", "/ä", "/a\\b"] {
            assert_eq!(placed("https://a.example/v2/me", "https://a.example/v2", beginning), None, "{beginning}");
        }
    }
}

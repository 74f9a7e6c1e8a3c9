//! What is added to a request on its way out, so that nobody above needs to hold it in a header map.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::secret::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{error::EgressError, mask::Masker};

/// Headers and query parameters that carry secrets. `Debug` shows their names only. They are added on the first hop and
/// dropped for good when a redirect leaves the origin.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    headers: Vec<(HeaderName, Secret)>,
    query: Vec<(String, Secret)>,
    /// Texts that must not come back: the secrets themselves, without prefix.
    secrets: Vec<Secret>,
}

impl Credential {
    /// `Authorization: Bearer <token>` (RFC 6750).
    #[must_use]
    pub fn bearer(token: &Secret) -> Self {
        Self::header(http::header::AUTHORIZATION, "Bearer ", token, "")
    }

    /// A header that is made of a prefix, the secret and a suffix.
    #[must_use]
    pub fn header(name: HeaderName, prefix: &str, secret: &Secret, suffix: &str) -> Self {
        let value = Secret::new([prefix, secret.expose(), suffix].concat());
        Self { headers: vec![(name, value)], query: Vec::new(), secrets: vec![secret.clone()] }
    }

    /// A query parameter. It replaces parameters of the same name.
    #[must_use]
    pub fn query(name: impl Into<String>, secret: &Secret) -> Self {
        Self { headers: Vec::new(), query: vec![(name.into(), secret.clone())], secrets: vec![secret.clone()] }
    }

    /// `Authorization: Basic` with a user name and a password (RFC 7617).
    #[must_use]
    pub fn basic(user: &str, password: &Secret) -> Self {
        let pair = Secret::new([user, ":", password.expose()].concat());
        let encoded = Secret::new(STANDARD.encode(pair.expose()));
        let mut this = Self::header(http::header::AUTHORIZATION, "Basic ", &encoded, "");
        // Providers with one key take it as the user name and leave the password empty.
        let bare = if password.expose().is_empty() { Secret::new(user) } else { password.clone() };
        this.secrets.push(bare);
        this.secrets.push(pair);
        this
    }

    /// This one and another together; where both set the same header, the other wins.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.headers.extend(other.headers);
        self.query.extend(other.query);
        self.secrets.extend(other.secrets);
        self
    }

    /// Another secret that travels in the request's own body or headers and must not come back in an answer.
    #[must_use]
    pub fn and_hide(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// A masker for every form in which the secrets might come back.
    #[must_use]
    pub fn masker(&self) -> Masker {
        Masker::new(self.secrets.iter().map(Secret::expose))
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap, url: &mut Url) -> Result<(), EgressError> {
        for (name, value) in &self.headers {
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|_| EgressError::Credential { place: "header" })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if self.query.is_empty() {
            return Ok(());
        }
        let ours = |name: &str| self.query.iter().any(|(n, _)| n == name);
        if url.query_pairs().any(|(name, _)| ours(&name)) {
            let kept: Vec<(String, String)> = url
                .query_pairs()
                .filter(|(name, _)| !ours(name))
                .map(|(n, v)| (n.into_owned(), v.into_owned()))
                .collect();
            url.query_pairs_mut().clear().extend_pairs(kept);
        }
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &self.query {
            pairs.append_pair(name, value.expose());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_6_debug_shows_no_secret() {
        let secret = Secret::new("s3cr3t-value");
        let all =
            Credential::bearer(&secret).and(Credential::query("key", &secret)).and(Credential::basic("u", &secret));
        let shown = format!("{all:?}");
        assert!(!shown.contains("s3cr3t") && shown.contains("authorization"), "{shown}");
    }

    #[test]
    fn a_5_placements() {
        let secret = Secret::new("k-1");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer forged"));
        let mut url = Url::parse("https://a.example/x?key=forged&b=%20c").unwrap();
        Credential::basic("u", &secret).and(Credential::query("key", &secret)).apply(&mut headers, &mut url).unwrap();
        assert_eq!(headers["authorization"], "Basic dTprLTE=");
        assert!(headers["authorization"].is_sensitive());
        assert_eq!(url.as_str(), "https://a.example/x?b=+c&key=k-1");
        let broken = Credential::bearer(&Secret::new("a\r\nb")).apply(&mut headers, &mut url);
        assert!(matches!(broken, Err(EgressError::Credential { place: "header" })));
    }
}

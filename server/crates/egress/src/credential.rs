//! What is added to a request on its way out, so that nobody above needs to hold it in a header map.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::secret::Secret;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use crate::{
    error::EgressError,
    mask::Masker,
    place::{fields, path},
    reach::host_for_log,
    sign::{Moment, NeedsBody, Outgoing, Sign, Unsigned},
};

/// Headers, query parameters, body fields, a path's beginning and a signature. `Debug` shows their names only. They are
/// added on every hop and dropped for good when a redirect leaves the origin.
#[derive(Clone, Default)]
pub struct Credential {
    headers: Vec<(HeaderName, Secret)>,
    query: Vec<(String, Secret)>,
    fields: Vec<(String, Secret)>,
    path: Option<(Url, Secret)>,
    sign: Option<Arc<dyn Sign>>,
    /// Texts that must not come back: the secrets themselves, without prefix.
    secrets: Vec<Secret>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |pairs: &[(String, Secret)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Credential")
            .field("headers", &self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())
            .field("query", &names(&self.query))
            .field("fields", &names(&self.fields))
            .field("path", &self.path.is_some())
            .field("sign", &self.sign.as_ref().map(|sign| sign.scheme()))
            .finish_non_exhaustive()
    }
}

/// A request as far as a credential touches it.
pub(crate) struct Touched<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a mut HeaderMap,
    pub(crate) url: &'a mut Url,
    /// `None` for a body that streams past.
    pub(crate) body: Option<&'a Bytes>,
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
        Self { headers: vec![(name, value)], secrets: vec![secret.clone()], ..Self::default() }
    }

    /// A query parameter. It replaces parameters of the same name.
    #[must_use]
    pub fn query(name: impl Into<String>, secret: &Secret) -> Self {
        Self { query: vec![(name.into(), secret.clone())], secrets: vec![secret.clone()], ..Self::default() }
    }

    /// A field of the JSON object or form that is sent; it replaces a field of the same name. A request with another
    /// kind of body is not sent.
    #[must_use]
    pub fn field(name: impl Into<String>, secret: &Secret) -> Self {
        Self { fields: vec![(name.into(), secret.clone())], secrets: vec![secret.clone()], ..Self::default() }
    }

    /// A beginning of the path, such as `/bot123:abc`, put right behind the path of `base`. It is percent-encoded by
    /// whoever makes it. A request to a URL that is not below `base` is not sent.
    #[must_use]
    pub fn path(base: Url, beginning: &Secret) -> Self {
        Self { path: Some((base, beginning.clone())), secrets: vec![beginning.clone()], ..Self::default() }
    }

    /// A signature over the request; what it must not come back with is told by [`Credential::and_hide`].
    #[must_use]
    pub fn sign(by: Arc<dyn Sign>) -> Self {
        Self { sign: Some(by), ..Self::default() }
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

    /// This one and another together; where both set the same header, path or signature, the other wins.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.headers.extend(other.headers);
        self.query.extend(other.query);
        self.fields.extend(other.fields);
        self.path = other.path.or(self.path);
        self.sign = other.sign.or(self.sign);
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

    /// How much of the body it needs in memory.
    pub(crate) fn needs_body(&self, url: &Url, headers: &HeaderMap) -> NeedsBody {
        match &self.sign {
            _ if !self.fields.is_empty() => NeedsBody::Whole,
            Some(sign) => sign.needs_body(url, headers),
            None => NeedsBody::No,
        }
    }

    /// Whether [`Credential::seen`] may ever say so.
    pub(crate) fn may_ask_again(&self) -> bool {
        self.sign.as_ref().is_some_and(|sign| sign.may_ask_again())
    }

    /// Whether the signature wants the request sent once more because of this answer.
    pub(crate) fn seen(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.sign.as_ref().is_some_and(|sign| sign.seen(status, headers))
    }

    /// The URL as it is sent, as far as the path goes: what a relative redirect starts from.
    pub(crate) fn sent_path(&self, url: &Url) -> Option<Url> {
        let (base, beginning) = self.path.as_ref()?;
        let mut sent = url.clone();
        path::put(&mut sent, base, beginning).ok()?;
        Some(sent)
    }

    /// Adds everything, the signature last. Gives the body where it was changed. `moment` is `None` where nobody handed
    /// randomness in; then nothing can be signed.
    pub(crate) fn apply(&self, touched: Touched<'_>, moment: Option<Moment<'_>>) -> Result<Option<Bytes>, EgressError> {
        let Touched { method, headers, url, body } = touched;
        for (name, value) in &self.headers {
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|_| EgressError::Credential { place: "header" })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self.apply_query(url);
        if let Some((base, beginning)) = &self.path {
            path::put(url, base, beginning)?;
        }
        let changed = match (self.fields.is_empty(), body) {
            (true, _) => None,
            (false, Some(body)) => Some(fields::add(body, method, headers, &self.fields)?),
            (false, None) => return Err(EgressError::Credential { place: fields::PLACE }),
        };
        if let Some(sign) = &self.sign {
            let body = changed.as_ref().or(body).map(AsRef::as_ref);
            let host = host_for_log(url).to_owned();
            let unsigned = |Unsigned(reason)| EgressError::Unsigned { host, reason };
            match moment {
                Some(moment) => sign.sign(&mut Outgoing { method, url, headers, body }, &moment).map_err(unsigned)?,
                None => return Err(unsigned(Unsigned("nobody handed the outbound client any randomness"))),
            }
        }
        Ok(changed)
    }

    fn apply_query(&self, url: &mut Url) {
        if self.query.is_empty() {
            return;
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
        let touched = Touched { method: &Method::GET, headers: &mut headers, url: &mut url, body: None };
        Credential::basic("u", &secret).and(Credential::query("key", &secret)).apply(touched, None).unwrap();
        assert_eq!(headers["authorization"], "Basic dTprLTE=");
        assert!(headers["authorization"].is_sensitive());
        assert_eq!(url.as_str(), "https://a.example/x?b=+c&key=k-1");
        let touched = Touched { method: &Method::GET, headers: &mut headers, url: &mut url, body: None };
        let broken = Credential::bearer(&Secret::new("a\r\nb")).apply(touched, None);
        assert!(matches!(broken, Err(EgressError::Credential { place: "header" })));
    }
}

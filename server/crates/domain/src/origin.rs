//! Web origins, compared exactly.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// The origin of a page (RFC 6454): scheme, host and port, in the one form in which browsers write it. `https`, or
/// `http` towards this machine itself, where nobody can listen in. Two are equal when their texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// Why a text is not an origin that pages may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL of scheme, host and port alone.
    #[error("write scheme, host and port alone, such as https://app.example.com, without a path or anything else")]
    NotBare,
    /// Neither https, nor http towards this machine.
    #[error("write https; http is accepted for localhost and loopback addresses only")]
    Insecure,
}

impl Origin {
    /// The origin of a page's URL.
    ///
    /// # Errors
    /// [`OriginError::Insecure`], or [`OriginError::NotBare`] where the URL has a user name or no host.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let loopback = match url.host().ok_or(OriginError::NotBare)? {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
            Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::NotBare);
        }
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(OriginError::Insecure),
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The text, as in an `Origin` header, a CSP source or `targetOrigin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError::NotBare)?;
        let origin = Self::of(&url)?;
        // The parser forgives much: a path, a wildcard, a tab. Only the exact form and a slash behind it pass; upper
        // case and the usual port are brought into it.
        let written = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let usual = if url.scheme() == "https" { ":443" } else { ":80" };
        let international =
            !written.is_ascii() && !written.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
        let bare = written == origin.0 || written.strip_suffix(usual) == Some(&origin.0) || international;
        let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host_ok = url.host_str().is_some_and(|host| !host.contains('*') && !host.ends_with('.'));
        if bare && alone && host_ok { Ok(origin) } else { Err(OriginError::NotBare) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sv_6_one_form_per_origin() {
        for (text, form) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example.com:443/", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<Origin>().map(|o| o.to_string()), Ok(form.to_owned()), "{text}");
        }
    }

    #[test]
    fn sv_6_what_is_no_exact_origin_is_refused() {
        for text in [
            "",
            "null",
            "*",
            "app.example.com",
            "https://*.example.com",
            "https://a.example/path",
            "https://a.example/?q",
            "https://a.example#f",
            "https://u@a.example",
            "https://a.example.",
            "https://a.example\t",
            "https:a.example",
            "https:\\\\a.example",
            "https://",
            "data:text/html,x",
            "javascript:alert(1)",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
        for text in ["http://app.example.com", "http://10.0.0.1", "ftp://a.example", "http://localhost.evil.example"] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError::Insecure), "{text}");
        }
    }
}

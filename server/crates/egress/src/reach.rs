//! Which hosts a request may reach, and the check of a URL that needs no name lookup.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use url::{Host, Position, Url};

use crate::{
    address::AddressPolicy,
    error::{DenyReason, EgressError},
};

/// One entry of a list of allowed hosts.
///
/// `api.example.com` allows that host on the usual port of the scheme, `api.example.com:8443` on that port,
/// `127.0.0.1:*` on any port, `*.example.com` every name below `example.com`, but not `example.com` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// In the form in which parsed URLs carry it: lower case, punycode, canonical addresses in brackets.
    host: String,
    below: bool,
    port: Port,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Usual,
    Is(u16),
    Any,
}

/// A text that is not a host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host: write `api.example.com`, `*.example.com` or `host:port`")]
pub struct ParsePatternError(String);

impl FromStr for HostPattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParsePatternError(text.chars().take(80).collect());
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // The port is what follows the last colon outside brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = if port == "*" { Port::Any } else { Port::Is(port.parse().map_err(|_| refused())?) };
                (host, port)
            }
            _ => (rest, Port::Usual),
        };
        if host.is_empty() || host.contains(|c: char| "/?#@\\*".contains(c) || c.is_whitespace() || c.is_control()) {
            return Err(refused());
        }
        let url = Url::parse(&format!("https://{host}/")).map_err(|_| refused())?;
        let canonical = url.host_str().ok_or_else(refused)?;
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        // `*.com` would be everybody.
        let too_wide = below && (!is_name || !canonical.contains('.'));
        if too_wide || canonical.ends_with('.') {
            return Err(refused());
        }
        Ok(Self { host: canonical.to_owned(), below, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        match self.port {
            Port::Usual => write!(f, "{star}{}", self.host),
            Port::Is(port) => write!(f, "{star}{}:{port}", self.host),
            Port::Any => write!(f, "{star}{}:*", self.host),
        }
    }
}

impl HostPattern {
    /// The pattern for just this URL's host and port; `None` if it has no host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let port = url.port().map_or(Port::Usual, Port::Is);
        Some(Self { host: url.host_str()?.to_owned(), below: false, port })
    }

    fn matches_host(&self, host: &str) -> bool {
        if self.below {
            host.strip_suffix(self.host.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty())
        } else {
            host == self.host
        }
    }

    fn matches_port(&self, url: &Url) -> bool {
        match self.port {
            Port::Usual => url.port().is_none(),
            Port::Is(port) => url.port_or_known_default() == Some(port),
            Port::Any => true,
        }
    }
}

/// Which hosts a request and its redirects may reach. The address policy stands behind both.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Only these, as declared by a provider's manifest.
    Hosts(Arc<[HostPattern]>),
    /// Any host on the public internet: endpoints that tenants name.
    Any,
}

impl Reach {
    /// Reads a list of patterns.
    ///
    /// # Errors
    /// The first text that is not a pattern.
    pub fn hosts<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, ParsePatternError> {
        let patterns: Result<Vec<HostPattern>, _> = patterns.into_iter().map(|p| p.as_ref().parse()).collect();
        Ok(Self::Hosts(patterns?.into()))
    }

    /// Just the host and port of each of these URLs.
    pub fn hosts_of<'a>(urls: impl IntoIterator<Item = &'a Url>) -> Self {
        Self::Hosts(urls.into_iter().filter_map(HostPattern::of).collect())
    }

    /// This list and just the host and port of each of these URLs, such as a base URL with a port of its own.
    #[must_use]
    pub fn and<'a>(self, urls: impl IntoIterator<Item = &'a Url>) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Hosts(patterns) => {
                let more = urls.into_iter().filter_map(HostPattern::of);
                Self::Hosts(patterns.iter().cloned().chain(more).collect())
            }
        }
    }

    /// Whether the list lets this URL's host and port through.
    ///
    /// # Errors
    /// [`DenyReason::NoHost`], [`DenyReason::HostNotAllowed`] or [`DenyReason::PortNotAllowed`].
    pub fn check(&self, url: &Url) -> Result<(), DenyReason> {
        let host = url.host_str().ok_or(DenyReason::NoHost)?;
        let Self::Hosts(patterns) = self else { return Ok(()) };
        let mut seen_host = false;
        for pattern in patterns.iter().filter(|p| p.matches_host(host)) {
            seen_host = true;
            if pattern.matches_port(url) {
                return Ok(());
            }
        }
        Err(if seen_host { DenyReason::PortNotAllowed } else { DenyReason::HostNotAllowed })
    }
}

/// Host and, if it is not the usual one, port: what errors and logs say of a URL.
#[must_use]
pub fn host_for_log(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Checks everything about a URL that can be known before its name is looked up. The addresses behind a name are
/// checked by the resolver when the connection is made; an address written as the host never reaches the resolver, so
/// it is checked here.
pub(crate) fn check_url(
    url: &Url,
    reach: &Reach,
    addresses: &AddressPolicy,
    allow_http: bool,
) -> Result<(), EgressError> {
    let denied = |reason| EgressError::Denied { host: host_for_log(url).to_owned(), reason };
    let plain = match url.scheme() {
        "https" => false,
        "http" if allow_http => true,
        "http" => return Err(denied(DenyReason::PlainHttp)),
        _ => return Err(denied(DenyReason::Scheme)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denied(DenyReason::UserInfo));
    }
    let literal: IpAddr = match url.host() {
        None => return Err(denied(DenyReason::NoHost)),
        Some(Host::Domain(name)) if name.ends_with('.') => return Err(denied(DenyReason::TrailingDot)),
        Some(Host::Domain(_)) => return reach.check(url).map_err(denied),
        Some(Host::Ipv4(v4)) => v4.into(),
        Some(Host::Ipv6(v6)) => v6.into(),
    };
    reach.check(url).map_err(denied)?;
    addresses.check(literal).map_err(|class| EgressError::Address {
        host: host_for_log(url).to_owned(),
        address: literal,
        class,
    })?;
    if plain && !addresses.is_named(literal) {
        return Err(denied(DenyReason::PlainHttp));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, url: &str) -> bool {
        Reach::hosts([pattern]).unwrap().check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn patterns_match_hosts_and_ports() {
        assert!(allows("api.example.com", "https://API.Example.COM/x"));
        assert!(allows("api.example.com", "https://api.example.com:443/x"));
        assert!(!allows("api.example.com", "https://api.example.com:8443/"));
        assert!(allows("api.example.com:8443", "https://api.example.com:8443/"));
        assert!(!allows("api.example.com", "https://api.example.com.evil.example/"));
        assert!(!allows("api.example.com", "https://evilapi.example.com/"));
        assert!(allows("*.example.com", "https://a.b.example.com/"));
        assert!(!allows("*.example.com", "https://example.com/"));
        assert!(!allows("*.example.com", "https://evilexample.com/"));
        assert!(allows("127.0.0.1:*", "http://127.0.0.1:4000/"));
        assert!(allows("[::1]:4000", "http://[::1]:4000/"));
        let url = Url::parse("http://127.0.0.1:4000/x").unwrap();
        assert_eq!(HostPattern::of(&url).unwrap().to_string(), "127.0.0.1:4000");
        let both = Reach::hosts(["a.example"]).unwrap().and([&url]);
        assert!(both.check(&url).is_ok() && both.check(&Url::parse("https://a.example/").unwrap()).is_ok());
        assert!(both.check(&Url::parse("http://127.0.0.1:4001/").unwrap()).is_err());
        assert!(allows("bücher.example", "https://xn--bcher-kva.example/"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "*.*.com",
            "a b",
            "a/b",
            "https://a.com",
            "u@a.com",
            "a.com:",
            "a.com:99999",
            "a.com.",
            "*.127.0.0.1",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
        for text in ["api.example.com", "*.example.com", "127.0.0.1:*", "[::1]:80", "a.example:8443"] {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
    }
}

//! What can go wrong on the way out. No text here carries a path, a query, user information or a secret: hosts only.

use std::{net::IpAddr, time::Duration};

use crate::address::AddressClass;

/// Why a URL was refused before anything was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenyReason {
    /// Neither `https` nor `http`.
    Scheme,
    /// Plain `http` where the operator does not allow it, or a step down from `https` in a redirect.
    PlainHttp,
    /// A name or password in front of the host.
    UserInfo,
    /// No host.
    NoHost,
    /// A host name that ends in a dot.
    TrailingDot,
    /// The host is not on the list of this request.
    HostNotAllowed,
    /// The host is on the list, the port is not.
    PortNotAllowed,
}

impl DenyReason {
    /// A stable name, as used in the vector files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::PlainHttp => "plain-http",
            Self::UserInfo => "userinfo",
            Self::NoHost => "no-host",
            Self::TrailingDot => "trailing-dot",
            Self::HostNotAllowed => "host-not-allowed",
            Self::PortNotAllowed => "port-not-allowed",
        }
    }
}

impl std::fmt::Display for DenyReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scheme => "only https is spoken",
            Self::PlainHttp => "plain http is allowed only towards addresses that the operator named",
            Self::UserInfo => "the URL carries a user name",
            Self::NoHost => "the URL has no host",
            Self::TrailingDot => "the host name ends in a dot",
            Self::HostNotAllowed => "the host is not on the list of allowed hosts",
            Self::PortNotAllowed => "the port is not on the list of allowed hosts",
        })
    }
}

/// Where an exchange broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The name does not resolve.
    Dns,
    /// No connection: refused, unreachable, reset while connecting.
    Connect,
    /// The TLS handshake failed: certificate, name or version.
    Tls,
    /// The other side broke the protocol or cut the connection.
    Protocol,
    /// Our own request body failed while it was read.
    RequestBody,
}

impl TransportKind {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::RequestBody => "request-body",
        }
    }
}

/// What became of a call that brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// Refused by policy, nothing was sent. The blame is with whoever wrote the URL or the list.
    #[error("{host}: {reason}")]
    Denied {
        /// The host, with the port if it is not the usual one.
        host: String,
        /// Why.
        reason: DenyReason,
    },
    /// The host leads to an address that may not be reached; nothing was sent.
    #[error("{host} leads to {address}, a {class} address that the operator does not allow")]
    Address {
        /// The host.
        host: String,
        /// The first address that was refused.
        address: IpAddr,
        /// Its class.
        class: AddressClass,
    },
    /// A redirect that is not followed: too many, unreadable, or one that would carry a body to another origin.
    #[error("{host}: {reason}")]
    Redirect {
        /// The host that sent the redirect.
        host: String,
        /// Why it ends here.
        reason: &'static str,
    },
    /// The deadline passed.
    #[error("{host} did not answer within {} ms", after.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The deadline of the whole exchange.
        after: Duration,
    },
    /// The answer is longer than this request accepts.
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The answer has more header fields than accepted.
    #[error("{host} answered with more than {limit} header fields")]
    TooManyHeaders {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The answer must be masked and is compressed, so it cannot be.
    #[error("{host} answered compressed although asked not to")]
    Encoded {
        /// The host.
        host: String,
    },
    /// The rate budget is spent, or the provider asked us to wait, for longer than this request may wait.
    #[error("out of budget for another {} ms", retry_after.as_millis())]
    Throttled {
        /// After this time it is worth trying again.
        retry_after: Duration,
    },
    /// As many exchanges with this host are under way as may be, and none ended in time.
    #[error("{host}: too many exchanges at once")]
    Busy {
        /// The host.
        host: String,
        /// After this time it is worth trying again.
        retry_after: Duration,
    },
    /// The host has failed so often lately that it is left alone for a while; nothing was sent.
    #[error("{host} keeps failing and is left alone for another {} s", retry_after.as_secs())]
    Resting {
        /// The host.
        host: String,
        /// After this time it is tried again.
        retry_after: Duration,
    },
    /// The network or the other side failed.
    #[error("{host}: {} failed", kind.name())]
    Transport {
        /// The host.
        host: String,
        /// Where.
        kind: TransportKind,
        /// The chain of causes, without the URL.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A credential that cannot be sent: for example a line break in a header value.
    #[error("the credential cannot be sent as a {place}")]
    Credential {
        /// Where it should have gone.
        place: &'static str,
    },
    /// A signature that cannot be made: the body is longer than is collected for it, a key cannot be read.
    #[error("the request to {host} cannot be signed: {reason}")]
    Unsigned {
        /// The host.
        host: String,
        /// Why.
        reason: &'static str,
    },
}

impl EgressError {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Address { .. } => "address",
            Self::Redirect { .. } => "redirect",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too-large",
            Self::TooManyHeaders { .. } => "too-many-headers",
            Self::Encoded { .. } => "encoded",
            Self::Throttled { .. } => "throttled",
            Self::Busy { .. } => "busy",
            Self::Resting { .. } => "resting",
            Self::Transport { kind, .. } => kind.name(),
            Self::Credential { .. } => "credential",
            Self::Unsigned { .. } => "unsigned",
        }
    }

    /// Whether the other side may be better later: worth a retry, as opposed to a mistake in what was asked.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Throttled { .. }
                | Self::Busy { .. }
                | Self::Resting { .. }
                | Self::Transport { .. }
        )
    }

    /// Whether it is certain that the other side saw nothing of the request, so that even one with effects may be repeated.
    #[must_use]
    pub const fn nothing_was_sent(&self) -> bool {
        matches!(
            self,
            Self::Denied { .. }
                | Self::Address { .. }
                | Self::Throttled { .. }
                | Self::Busy { .. }
                | Self::Resting { .. }
                | Self::Credential { .. }
                | Self::Unsigned { .. }
                | Self::Transport { kind: TransportKind::Dns | TransportKind::Connect | TransportKind::Tls, .. }
        )
    }

    /// How long to wait before the next try, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Busy { retry_after, .. } | Self::Resting { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

/// The service could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A setting that makes no sense.
    #[error("egress.{field}: {problem}")]
    Config {
        /// The name of the setting.
        field: &'static str,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// The HTTP client could not be made, most often for want of root certificates.
    #[error("the HTTP client could not be made; are root certificates installed (package ca-certificates)?")]
    Client(#[source] reqwest::Error),
}

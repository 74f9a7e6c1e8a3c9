//! Where Vault is, how to sign in, and the HTTP client that goes there.

use std::{path::PathBuf, time::Duration};

use domain::secret::Secret;
use url::{Host, Url};

use crate::KeyError;

/// How to reach a server of the Vault API (tested against OpenBao 2.7).
#[derive(Debug, Clone)]
pub struct TransitConfig {
    /// The server's origin, without a path.
    pub address: Url,
    /// Where the transit engine is mounted. Give Patchbay one of its own.
    pub mount: String,
    /// The namespace, where the server has such.
    pub namespace: Option<String>,
    /// How to sign in.
    pub auth: TransitAuth,
    /// Certificates in PEM. If given, these alone are trusted; else the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Allow `http:` to another machine. Keys and tokens then cross the network in the clear.
    pub allow_plain_http: bool,
    /// How long one operation may take, signing in and waiting for a free slot included.
    pub deadline: Duration,
    /// How many requests may be under way at once; further ones wait within their deadline.
    pub max_in_flight: usize,
}

impl TransitConfig {
    /// The usual: mount `transit`, five seconds, 32 at once.
    #[must_use]
    pub fn new(address: Url, auth: TransitAuth) -> Self {
        Self {
            address,
            mount: "transit".into(),
            namespace: None,
            auth,
            ca_pem: None,
            allow_plain_http: false,
            deadline: Duration::from_secs(5),
            max_in_flight: 32,
        }
    }
}

/// How to sign in. Tokens are renewed before they expire.
#[derive(Debug, Clone)]
pub enum TransitAuth {
    /// A token made elsewhere. Once it has expired there is no way back in: prefer a periodic one, or
    /// another method.
    Token(Secret),
    /// The AppRole method. A new token is fetched whenever the old one is gone.
    AppRole {
        /// Where the method is mounted, usually `approle`.
        mount: String,
        /// The role's id.
        role_id: Secret,
        /// A secret id that may be used more than once.
        secret_id: Secret,
    },
    /// The Kubernetes method: the pod's service account signs in. A new token is fetched whenever the old one is gone.
    Kubernetes {
        /// Where the method is mounted, usually `kubernetes`.
        mount: String,
        /// The role there.
        role: String,
        /// The file with the service account's token. It is read at every sign-in, for Kubernetes replaces it.
        token_file: PathBuf,
    },
}

impl TransitAuth {
    /// Whether there is a way back in once a token is gone.
    pub(super) fn may_sign_in_again(&self) -> bool {
        !matches!(self, Self::Token(_))
    }
}

/// Says what is wrong with the configuration, and what to write instead.
pub(super) fn validate(config: &TransitConfig) -> Result<(), KeyError> {
    let wrong = |text: String| Err(KeyError::Config(text));
    let address = &config.address;
    let local = match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let bare = matches!(address.path(), "" | "/")
        && address.query().is_none()
        && address.fragment().is_none()
        && address.username().is_empty()
        && address.password().is_none();
    match address.scheme() {
        "https" => {}
        "http" if local || config.allow_plain_http => {}
        "http" => {
            return wrong(format!(
                "vault: {} would carry keys and tokens in the clear: use https, or allow plain http explicitly",
                address.origin().ascii_serialization()
            ));
        }
        other => return wrong(format!("vault: the address starts with `{other}:`, expected `https:`")),
    }
    if !bare {
        return wrong("vault: give the address as an origin, like https://vault.example:8200".into());
    }
    // These become path segments or headers; the client library panics on headers that are not visible ASCII.
    let segment = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.'))
    };
    if !segment(&config.mount) || config.mount.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return wrong("vault: the mount must be a path like `transit`, without slashes around it".into());
    }
    if config.namespace.as_deref().is_some_and(|namespace| !segment(namespace)) {
        return wrong("vault: the namespace must be a path like `team-a`".into());
    }
    match &config.auth {
        TransitAuth::Token(token) if !is_header_text(token.expose()) => {
            wrong("vault: the token is empty or holds characters that no token has (a line break?)".into())
        }
        TransitAuth::AppRole { mount, .. } if !segment(mount) => {
            wrong("vault: the AppRole mount must be a path like `approle`".into())
        }
        TransitAuth::Kubernetes { mount, .. } if !segment(mount) => {
            wrong("vault: the Kubernetes mount must be a path like `kubernetes`".into())
        }
        TransitAuth::Kubernetes { role, token_file, .. } if role.is_empty() || token_file.as_os_str().is_empty() => {
            wrong("vault: signing in with Kubernetes takes a role and the file with the service account's token".into())
        }
        _ if config.deadline.is_zero() || config.max_in_flight == 0 => {
            wrong("vault: the deadline and the number of requests at once must be more than zero".into())
        }
        _ => Ok(()),
    }
}

/// Whether the text can be a header's value.
pub(super) fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The HTTP client: no redirects (they would carry token and plaintext along, to another origin too), no proxy, deadlines,
/// and the pinned certificates if there are any.
pub(super) fn http_client(config: &TransitConfig) -> Result<reqwest::Client, KeyError> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(config.deadline)
        .connect_timeout(config.deadline.min(Duration::from_secs(2)))
        .pool_max_idle_per_host(config.max_in_flight);
    if let Some(pem) = &config.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| KeyError::Config("vault: the pinned CA holds no certificate in PEM".into()))?;
        builder = builder.tls_certs_only(certificates);
    } else if config.address.scheme() == "http" {
        // Without this a machine that has no certificates cannot make even a client for plain http.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| KeyError::internal("make the HTTP client for vault", error))
}

//! Who we are towards a server that asks for a certificate (RFC 8705, mutual TLS): each identity has connections of its
//! own, because a connection keeps the certificate that it was opened with.

use std::sync::{Mutex, PoisonError};

use domain::secret::Secret;

use crate::error::EgressError;

/// A certificate and its private key, shown to a server that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and after it those that vouch for it, in PEM.
    pub certificate: Secret,
    /// The private key in PEM.
    pub key: Secret,
}

/// Most identities whose connections are kept; the one that was not used for longest goes first.
const MOST: usize = 64;

/// The clients of those identities that were used last, the latest at the end.
#[derive(Default)]
pub(crate) struct Identities(Mutex<Vec<(Identity, reqwest::Client)>>);

impl Identities {
    /// The identity's client; made by `builder` where there is none yet.
    pub(crate) fn client(
        &self,
        identity: &Identity,
        builder: impl FnOnce() -> reqwest::ClientBuilder,
    ) -> Result<reqwest::Client, EgressError> {
        let unusable = || EgressError::Credential { place: "client certificate" };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = known.iter().position(|(other, _)| other == identity) {
            let used = known.remove(at);
            let client = used.1.clone();
            known.push(used);
            return Ok(client);
        }
        let pem = Secret::new([identity.key.expose(), "\n", identity.certificate.expose()].concat());
        let read = reqwest::Identity::from_pem(pem.expose().as_bytes()).map_err(|_| unusable())?;
        let client = builder().identity(read).build().map_err(|_| unusable())?;
        if known.len() >= MOST {
            known.remove(0);
        }
        known.push((identity.clone(), client.clone()));
        Ok(client)
    }
}

//! What an Acme is started with.

use serde::{Deserialize, Serialize};

/// An OAuth client that Acme knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; taken from the Basic header or the body. A demo's secret, so printing it does no harm.
    pub secret: String,
    /// Where codes may be sent. Compared exactly.
    pub redirect_uris: Vec<String>,
    /// What the consent page calls the client.
    pub name: String,
}

/// How an Acme is started. `Options::default()` gives a small shop on a free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Orders per shop.
    pub orders: u64,
    /// Customers per shop.
    pub customers: u64,
    /// Lifetime of access tokens in seconds.
    pub token_lifetime: u64,
    /// The OAuth clients known from the start; more by [`crate::Command::RegisterClient`].
    pub clients: Vec<Client>,
    /// Another authorization server, by its origin (`http://127.0.0.1:PORT`): bearer tokens are then checked by its
    /// `/me`, and each subject is a shop of its own.
    pub issuer: Option<String>,
    /// Threads that answer requests.
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            orders: 250,
            customers: 40,
            token_lifetime: 3600,
            clients: Vec::new(),
            issuer: None,
            workers: 2,
        }
    }
}

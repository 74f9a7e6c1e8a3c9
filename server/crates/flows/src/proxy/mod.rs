//! The proxy: one raw call to a connection's provider, with the credential added on the way out.

mod send;

pub use send::{ProxyCall, ProxyError, is_sent_on, send};

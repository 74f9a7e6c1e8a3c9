//! Name lookup with the address check inside. The addresses that were checked are the ones that are connected to, so
//! a name that changes its mind between check and connection (TTL 0 rebinding) gains nothing.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{AddressClass, AddressPolicy};

/// No honest name has more addresses than this.
const MOST_ADDRESSES: usize = 64;

/// The addresses of a name, as they come from wherever names are looked up. A port of 0 stands for the URL's own; any
/// other is connected to instead of the scheme's usual one, where the URL itself names none.
pub type LookedUp<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Where names are looked up: the system's resolver in production, a table in tests.
pub trait Lookup: Send + Sync + 'static {
    /// All A and AAAA addresses of a name.
    fn lookup<'a>(&'a self, name: &'a str) -> LookedUp<'a>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup<'a>(&'a self, name: &'a str) -> LookedUp<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.take(MOST_ADDRESSES).collect())
        })
    }
}

/// The address that made a lookup fail. Found again in the chain of causes of the client's error.
#[derive(Debug, thiserror::Error)]
#[error("{address} is a {class} address")]
pub(crate) struct AddressRefused {
    pub(crate) address: IpAddr,
    pub(crate) class: AddressClass,
}

/// A name over plain http that leads outside the ranges the operator named.
#[derive(Debug, thiserror::Error)]
#[error("plain http outside the named ranges")]
pub(crate) struct PlainHttpRefused;

/// The name could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(crate) struct LookupFailed(#[source] Option<io::Error>);

/// Looks names up and checks every answer.
pub(crate) struct CheckedResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) policy: Arc<AddressPolicy>,
    /// For the client that speaks plain http: every address must be in a range that the operator named.
    pub(crate) only_named: bool,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, policy, only_named) = (Arc::clone(&self.lookup), Arc::clone(&self.policy), self.only_named);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await.map_err(|e| LookupFailed(Some(e)))?;
            if found.is_empty() {
                return Err(LookupFailed(None).into());
            }
            // One bad answer condemns the name: mixing good and bad ones is what an attacker does.
            for address in found.iter().map(SocketAddr::ip) {
                policy.check(address).map_err(|class| AddressRefused { address, class })?;
                if only_named && !policy.is_named(address) {
                    return Err(PlainHttpRefused.into());
                }
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

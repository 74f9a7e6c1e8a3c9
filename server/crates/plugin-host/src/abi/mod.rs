//! The versions of the contract, side by side: one file each, which alone knows its wire. The rest of the host speaks
//! [`crate::types`], whichever version a plugin was written for.

mod alike;
pub(crate) mod v1;
pub(crate) mod v2;

use wasmtime::{
    Store,
    component::{InstancePre, Linker},
};

use crate::{
    capabilities::Guest,
    error::Failure,
    types::{Connection, Identity, Page, Route, Webhook},
};

/// The package's name in imports.
pub(crate) const PACKAGE: &str = "patchbay:plugin/";

/// A version of the contract that this host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contract {
    V1,
    V2,
}

/// What a plugin said, or the failure that it gave instead; around both, what ended it.
pub(crate) type Said<T> = wasmtime::Result<Result<T, Failure>>;

impl Contract {
    /// The one that plugins are written for now.
    pub(crate) const NEWEST: Self = Self::V2;

    /// The version that an import names, `1.0.3` for one. Patch versions of one another say the same in other words.
    pub(crate) fn of(version: &str) -> Option<Self> {
        let (rest, patch) = version.rsplit_once('.')?;
        if patch.is_empty() || !patch.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        [Self::V1, Self::V2].into_iter().find(|contract| contract.version() == rest)
    }

    /// As people write it.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }

    /// The interfaces that it has.
    pub(crate) fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &v1::INTERFACES,
            Self::V2 => &v2::INTERFACES,
        }
    }
}

/// Puts the host's side of all versions into a linker; imports name the one they mean.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    v1::link(linker)?;
    v2::link(linker)
}

/// A component whose functions were found, of either version.
pub(crate) enum Pre {
    V1(v1::Pre),
    V2(v2::Pre),
}

impl Pre {
    /// Finds the functions of that version's world.
    ///
    /// # Errors
    /// One is missing or of another type.
    pub(crate) fn new(contract: Contract, pre: InstancePre<Guest>) -> wasmtime::Result<Self> {
        Ok(match contract {
            Contract::V1 => Self::V1(v1::Pre::new(pre)?),
            Contract::V2 => Self::V2(v2::Pre::new(pre)?),
        })
    }

    pub(crate) fn contract(&self) -> Contract {
        match self {
            Self::V1(_) => Contract::V1,
            Self::V2(_) => Contract::V2,
        }
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// What its start ran into.
    pub(crate) async fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
        Ok(match self {
            Self::V1(pre) => Instance::V1(pre.instantiate_async(store).await?.into()),
            Self::V2(pre) => Instance::V2(pre.instantiate_async(store).await?.into()),
        })
    }
}

/// An instance of either version. Its functions are the contract's, in the host's own types.
pub(crate) enum Instance {
    V1(v1::Instance),
    V2(v2::Instance),
}

/// Calls the same function of whichever version it is.
macro_rules! either {
    ($instance:expr, $it:ident => $call:expr) => {
        match $instance {
            Instance::V1($it) => $call.await,
            Instance::V2($it) => $call.await,
        }
    };
}

impl Instance {
    pub(crate) async fn pull(
        &self,
        store: &mut Store<Guest>,
        connection: &Connection,
        stream: &str,
        cursor: Option<&str>,
    ) -> Said<Page> {
        either!(self, it => it.pull(store, connection, stream, cursor))
    }

    pub(crate) async fn act(
        &self,
        store: &mut Store<Guest>,
        connection: &Connection,
        action: &str,
        input: &str,
    ) -> Said<String> {
        either!(self, it => it.act(store, connection, action, input))
    }

    pub(crate) async fn verify(&self, store: &mut Store<Guest>, connection: &Connection) -> Said<()> {
        either!(self, it => it.verify(store, connection))
    }

    pub(crate) async fn identify(&self, store: &mut Store<Guest>, connection: &Connection) -> Said<Option<Identity>> {
        either!(self, it => it.identify(store, connection))
    }

    pub(crate) async fn route_webhook(&self, store: &mut Store<Guest>, webhook: Webhook) -> Said<Vec<Route>> {
        either!(self, it => it.route_webhook(store, webhook))
    }

    pub(crate) async fn after_connect(&self, store: &mut Store<Guest>, connection: &Connection) -> Said<()> {
        either!(self, it => it.after_connect(store, connection))
    }

    pub(crate) async fn before_delete(&self, store: &mut Store<Guest>, connection: &Connection) -> Said<()> {
        either!(self, it => it.before_delete(store, connection))
    }

    pub(crate) async fn classify_error(
        &self,
        store: &mut Store<Guest>,
        status: u16,
        body: &[u8],
    ) -> wasmtime::Result<Option<Failure>> {
        either!(self, it => it.classify_error(store, status, body))
    }
}

//! Plugins for tests, of several crates: written as WebAssembly text for either version of the contract, or made by cargo
//! in folders of their own.

mod crates;
mod text;

pub use crates::at_home;
pub use text::{ONE_RECORD, ONE_RECORD_DATA, component, component_v2, core, core_v2, module, wrap, wrap_v2};

use std::path::{Path, PathBuf};

/// The repository's root folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.canonicalize().unwrap()
}

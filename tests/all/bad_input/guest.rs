//! Plugins written as WebAssembly text and wrapped for the frozen world, and folders of providers to put them in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use crate::support::root;

/// A core module with all of the world's functions. `pull` runs `body` and gives what lies at 1024: zeroes are an empty
/// last page. `more` is put beside the functions.
pub(crate) fn core(more: &str, body: &str) -> Vec<u8> {
    let nine = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    let text = format!(
        r#"(module
  (import "patchbay:plugin/http@1.0.0" "fetch" (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "patchbay:plugin/log@1.0.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "pull") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    {body}
    (i32.const 1024))
  (func (export "act") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "verify") {nine} (result i32) (i32.const 1024))
  (func (export "identify") {nine} (result i32) (i32.const 1024))
  (func (export "route-webhook") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "after-connect") {nine} (result i32) (i32.const 1024))
  (func (export "before-delete") {nine} (result i32) (i32.const 1024))
  (func (export "classify-error") (param i32 i32 i32) (result i32) (i32.const 1024))
  {more}
)"#
    );
    wat::parse_str(text).unwrap()
}

/// The component around such a module.
pub(crate) fn component(more: &str, body: &str) -> Vec<u8> {
    let mut module = core(more, body);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("sdk-plugin/wit/v1")).unwrap();
    let world = resolve.select_world(&[package], Some("provider")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The demo provider's manifest.
pub(crate) fn manifest() -> String {
    fs::read_to_string(root().join("plugins/acme/provider.toml")).unwrap()
}

/// A folder of providers with one in it, for one test.
pub(crate) fn folder(test: &str, manifest: &str, component: Option<&[u8]>) -> PathBuf {
    let folder = root().join("target/tests").join(format!("plugins-{test}"));
    let provider = folder.join("acme");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&provider).unwrap();
    fs::write(provider.join("provider.toml"), manifest).unwrap();
    if let Some(component) = component {
        fs::write(provider.join("plugin.wasm"), component).unwrap();
    }
    folder
}

/// The manifest in such a folder.
pub(crate) fn manifest_in(folder: &Path) -> PathBuf {
    folder.join("acme/provider.toml")
}

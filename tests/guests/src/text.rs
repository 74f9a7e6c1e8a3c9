//! Guests as WebAssembly text, wrapped for the world of either version of the contract.

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use crate::root;

/// Writes one record, `{"id":"a"}` with the id `a`, into the page. Goes with [`ONE_RECORD_DATA`].
pub const ONE_RECORD: &str = r#"
    (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
    (i32.store (i32.const 2048) (i32.const 3000)) (i32.store (i32.const 2052) (i32.const 1))
    (i32.store (i32.const 2056) (i32.const 3001)) (i32.store (i32.const 2060) (i32.const 10))"#;
/// See [`ONE_RECORD`].
pub const ONE_RECORD_DATA: &str = r#"(data (i32.const 3000) "a{\"id\":\"a\"}")"#;

/// What the two versions' worlds are in WebAssembly's own types.
struct Form {
    version: &'static str,
    /// Parameters of functions that take a connection alone.
    connection: &'static str,
    /// Those of `pull`, with the names that its body uses.
    pull: &'static str,
    act: &'static str,
    webhook: &'static str,
    /// Imports that only this version has.
    more: &'static str,
}

const V1: Form = Form {
    version: "1.0.0",
    connection: "i32 i32 i32 i32 i32 i32 i32 i32 i32",
    pull: "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (param $disc i32) (param $ptr i32) (param $len i32)",
    act: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
    webhook: "i32 i32 i32 i32",
    more: "",
};

/// Functions with more than sixteen parameters get a pointer to them.
const V2: Form = Form {
    version: "2.0.0",
    connection: "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64",
    pull: "(param $args i32)",
    act: "i32",
    webhook: "i32",
    more: r#"(import "patchbay:plugin/random@2.0.0" "bits" (func $bits (param i32)))"#,
};

/// A core module with all of version 1's functions. `pull` runs `body`, whose parameters are `$disc $ptr $len` for the
/// cursor, and gives what lies at 1024: zeroes are an empty last page. `more` is put beside the functions; `$fetch`, `$log`
/// and `$now` are the host's, and memory is given out from `$heap` on.
pub fn core(more: &str, body: &str) -> String {
    written(&V1, more, body)
}

/// The same for version 2: `pull` has the pointer `$args` to its parameters, and `$bits` writes random bits to where it is
/// told.
pub fn core_v2(more: &str, body: &str) -> String {
    written(&V2, more, body)
}

fn written(form: &Form, more: &str, body: &str) -> String {
    let Form { version, connection, pull, act, webhook, more: imports } = form;
    format!(
        r#"(module
  (import "patchbay:plugin/http@{version}" "fetch" (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "patchbay:plugin/log@{version}" "write" (func $log (param i32 i32 i32)))
  (import "patchbay:plugin/clock@{version}" "now" (func $now (result i64)))
  {imports}
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  (func $alloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (loop $again
      (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.const 1))) (br $again))))
    (local.get $at))
  (func (export "pull") {pull} (result i32)
    {body}
    (i32.const 1024))
  (func (export "act") (param {act}) (result i32) (i32.const 1024))
  (func (export "verify") (param {connection}) (result i32) (i32.const 1024))
  (func (export "identify") (param {connection}) (result i32) (i32.const 1024))
  (func (export "route-webhook") (param {webhook}) (result i32) (i32.const 1024))
  (func (export "after-connect") (param {connection}) (result i32) (i32.const 1024))
  (func (export "before-delete") (param {connection}) (result i32) (i32.const 1024))
  (func (export "classify-error") (param i32 i32 i32) (result i32) (i32.const 1024))
  {more}
)"#
    )
}

/// A core module of version 1 that no component was made of.
pub fn module(more: &str, body: &str) -> Vec<u8> {
    wat::parse_str(core(more, body)).unwrap()
}

/// The component around a core module of version 1.
pub fn wrap(core: &str) -> Vec<u8> {
    wrapped("v1", core)
}

/// The component around a core module of version 2.
pub fn wrap_v2(core: &str) -> Vec<u8> {
    wrapped("v2", core)
}

fn wrapped(version: &str, core: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("sdk-plugin/wit").join(version)).unwrap();
    let world = resolve.select_world(&[package], Some("provider")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The component of version 1 with that `pull`; see [`core()`].
pub fn component(more: &str, body: &str) -> Vec<u8> {
    wrap(&core(more, body))
}

/// The component of version 2 with that `pull`; see [`core_v2`].
pub fn component_v2(more: &str, body: &str) -> Vec<u8> {
    wrap_v2(&core_v2(more, body))
}

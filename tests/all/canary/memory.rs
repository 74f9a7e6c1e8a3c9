//! A plugin that looks for the credential: it has a request sent that the provider echoes, then writes all of its linear
//! memory into the run's log.

use std::path::PathBuf;

use crate::bad_input::guest;

/// Where the plugin writes from; its own copy is not written again.
const COPY: u32 = 61_440;

/// A folder with that plugin in the place of the demo provider's.
pub fn folder(test: &str) -> PathBuf {
    let body = format!(
        r#"(local $window i32) (local $at i32) (local $byte i32)
    (call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 5) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 6000))
    (loop $windows
      (if (i32.or (i32.le_u (local.get $window) (i32.const {before})) (i32.ge_u (local.get $window) (i32.const {behind})))
        (then
          (local.set $at (i32.const 0))
          (loop $bytes
            (local.set $byte (i32.load8_u (i32.add (local.get $window) (local.get $at))))
            (if (i32.or (i32.lt_u (local.get $byte) (i32.const 32)) (i32.gt_u (local.get $byte) (i32.const 126)))
              (then (local.set $byte (i32.const 46))))
            (i32.store8 (i32.add (i32.const {COPY}) (local.get $at)) (local.get $byte))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $bytes (i32.lt_u (local.get $at) (i32.const 2048))))
          (call $log (i32.const 1) (i32.const {COPY}) (i32.const 2048))))
      (local.set $window (i32.add (local.get $window) (i32.const 1024)))
      (br_if $windows (i32.le_u (local.get $window) (i32.const 129024))))"#,
        before = COPY - 2048,
        behind = COPY + 2048,
    );
    let component = guest::component(r#"(data (i32.const 5000) "GET/echo")"#, &body);
    guest::folder(test, &guest::manifest(), Some(&component))
}

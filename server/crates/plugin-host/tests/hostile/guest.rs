//! Guests written as WebAssembly text and wrapped for the frozen world, and a host to run them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{clock::Clock, entropy::Entropy};
use patchbay_plugin_host::{
    Capabilities, Connection, HostConfig, HostHttp, HttpFault, HttpRequest, HttpResponse, LogBuffer, NoHttp, Plugin,
    PluginHost, PluginLimits, PluginSession,
};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

pub struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
    }
}

/// Bytes that only count up: good enough where nobody guesses.
pub struct Counting(pub u8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for (at, byte) in buffer.iter_mut().enumerate() {
            *byte = self.0.wrapping_add(u8::try_from(at % 251).unwrap());
        }
    }
}

/// Answers every request with 200 and keeps what it saw.
#[derive(Clone, Default)]
pub struct Seen(pub Arc<std::sync::Mutex<Vec<HttpRequest>>>);

#[async_trait]
impl HostHttp for Seen {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        self.0.lock().unwrap().push(request);
        Ok(HttpResponse { status: 200, headers: vec![("Set-Cookie".into(), "s=1".into())], body: b"{}".to_vec() })
    }
}

/// A core module with all of the world's functions. `pull` runs `body`, whose parameters are `$disc $ptr $len` for the
/// cursor, and gives what lies at 1024: zeroes are an empty last page. `more` is put beside the functions.
pub fn core(more: &str, body: &str) -> String {
    let nine = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    format!(
        r#"(module
  (import "patchbay:plugin/http@1.0.0" "fetch" (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "patchbay:plugin/log@1.0.0" "write" (func $log (param i32 i32 i32)))
  (import "patchbay:plugin/clock@1.0.0" "now" (func $now (result i64)))
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  (func $alloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (loop $again
      (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.const 1))) (br $again))))
    (local.get $at))
  (func (export "pull") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (param $disc i32) (param $ptr i32) (param $len i32) (result i32)
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
    )
}

/// The component around a core module.
pub fn wrap(core: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir("../../../sdk-plugin/wit/v1").unwrap();
    let world = resolve.select_world(&[package], Some("provider")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

pub fn component(more: &str, body: &str) -> Vec<u8> {
    wrap(&core(more, body))
}

/// Writes one record, `{"id":"a"}` with id `a`, into the page.
pub const ONE_RECORD: &str = r#"
    (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
    (i32.store (i32.const 2048) (i32.const 3000)) (i32.store (i32.const 2052) (i32.const 1))
    (i32.store (i32.const 2056) (i32.const 3001)) (i32.store (i32.const 2060) (i32.const 10))"#;
pub const ONE_RECORD_DATA: &str = r#"(data (i32.const 3000) "a{\"id\":\"a\"}")"#;

pub fn host_with(config: HostConfig) -> PluginHost {
    PluginHost::new(config, &Counting(7)).unwrap()
}

pub fn host() -> PluginHost {
    host_with(HostConfig { instances: 8, ..HostConfig::default() })
}

/// Limits that end a test soon.
pub fn tight() -> PluginLimits {
    PluginLimits { memory_bytes: 4 << 20, fuel: 50_000_000, log_lines: 20, ..PluginLimits::default() }
}

pub fn capabilities() -> Capabilities {
    Capabilities { http: Box::new(NoHttp), log: Box::new(LogBuffer::default()), clock: Arc::new(Fixed) }
}

pub async fn load(host: &PluginHost, more: &str, body: &str) -> Arc<Plugin> {
    host.load(component(more, body)).await.unwrap()
}

pub async fn session(host: &PluginHost, more: &str, body: &str) -> PluginSession {
    load(host, more, body).await.session(capabilities(), tight()).await.unwrap()
}

pub async fn good(host: &PluginHost) -> Arc<Plugin> {
    load(host, ONE_RECORD_DATA, ONE_RECORD).await
}

/// A run of the well-behaved guest, which must always work.
pub async fn assert_unharmed(host: &PluginHost) {
    let mut session = good(host).await.session(capabilities(), tight()).await.unwrap();
    let page = session.pull(&Connection::default(), "things", None).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].id.as_str(), page.items[0].body.as_str()), (1, "a", "{\"id\":\"a\"}"));
    assert!(!page.more);
}

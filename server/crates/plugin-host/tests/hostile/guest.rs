//! A host for guests, and what they are handed.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{clock::Clock, entropy::Entropy};
pub use guests::{ONE_RECORD, ONE_RECORD_DATA, component, core, wrap};
use patchbay_plugin_host::{
    Capabilities, Connection, HostConfig, HostHttp, HttpFault, HttpRequest, HttpResponse, LogBuffer, NoHttp, Plugin,
    PluginHost, PluginLimits, PluginSession,
};

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
    Capabilities {
        http: Box::new(NoHttp),
        log: Box::new(LogBuffer::default()),
        clock: Arc::new(Fixed),
        entropy: Arc::new(Counting(1)),
    }
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

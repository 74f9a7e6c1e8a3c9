//! What the host costs beside wasmtime alone, both measured in this run: a fresh instance beside a bare `InstancePre` of the
//! same component, and a call of the guest's into the host and back beside the same call of a bare linker.
//!
//! `cargo bench -p patchbay-plugin-host --bench instance -- <plugin.wasm>` prints one JSON object: microseconds of an
//! instance at the median and the 99th percentile, milliseconds to start the host, to load the component for the first time
//! and to load it from the folder of compiled ones, and nanoseconds of a call there and back.

mod bare;
mod fresh;
mod round_trip;

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{clock::Clock, entropy::Entropy};
use patchbay_plugin_host::{Capabilities, HostHttp, HttpFault, HttpRequest, HttpResponse, LogBuffer};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

struct Zeroes;

impl Entropy for Zeroes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// Answers at once, with a page of a kilobyte.
#[derive(Clone)]
struct Prompt(HttpResponse);

impl Prompt {
    fn new() -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("content-type", "application/json"),
            header("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            header("etag", "\"33a64df5\""),
        ];
        Self(HttpResponse { status: 200, headers, body: vec![b'a'; 1024] })
    }
}

#[async_trait]
impl HostHttp for Prompt {
    async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
        Ok(self.0.clone())
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        http: Box::new(Prompt::new()),
        log: Box::new(LogBuffer::default()),
        clock: Arc::new(Epoch),
        entropy: Arc::new(Zeroes),
    }
}

/// The figure that so many in a hundred do not exceed.
fn percentile(figures: &mut [Duration], percentile: usize) -> Fallible<Duration> {
    figures.sort_unstable();
    Ok(*figures.get(figures.len() * percentile / 100).ok_or("no rounds")?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let path = path.ok_or("give the path of a component: cargo bench … -- target/plugins/<slug>/plugin.wasm")?;
    // Cargo runs this in the package's folder; a path is meant from the workspace's.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let bytes = std::fs::read(root.join(path))?;
    let fresh = fresh::measure(bytes).await?;
    let (bare_call, host_call) = round_trip::measure().await?;
    writeln!(
        std::io::stdout(),
        "{{{fresh},\"bare_call_ns\":{:.1},\"host_call_ns\":{:.1},\"call_ratio\":{:.2}}}",
        bare_call.as_secs_f64() * 1e9,
        host_call.as_secs_f64() * 1e9,
        host_call.as_secs_f64() / bare_call.as_secs_f64(),
    )?;
    Ok(())
}

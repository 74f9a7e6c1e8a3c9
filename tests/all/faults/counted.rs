//! A provider that writes down when each call arrived, and what stands before it in a world.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::*;

/// The provider's API. It ends when dropped.
pub struct Counted {
    origin: String,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    arrivals: Mutex<Vec<Instant>>,
    /// So many calls are refused from now on, with these words.
    refusals: AtomicUsize,
    refusal: Mutex<String>,
}

impl Counted {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { origin, seen, task }
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// When each call so far arrived, in order.
    pub fn arrivals(&self) -> Vec<Instant> {
        self.seen.arrivals.lock().unwrap().clone()
    }

    /// Answers the next calls with this status line and headers.
    pub fn refuse(&self, times: usize, head: &str) {
        *self.seen.refusal.lock().unwrap() = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        self.seen.refusals.store(times, Ordering::SeqCst);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers requests without a body until the caller leaves.
async fn answer(mut stream: TcpStream, seen: Arc<Seen>) {
    let (mut read, mut buffer) = (Vec::new(), [0_u8; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        read.extend_from_slice(&buffer[..length]);
        while let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            read.drain(..end + 4);
            seen.arrivals.lock().unwrap().push(Instant::now());
            let less = |left: usize| left.checked_sub(1);
            let refuses = seen.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
            let said = match refuses {
                true => seen.refusal.lock().unwrap().clone(),
                false => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
            };
            if stream.write_all(said.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// The most calls in any stretch of so long.
pub fn most_within(arrivals: &[Instant], stretch: Duration) -> usize {
    let mut first = 0;
    let counts = arrivals.iter().enumerate().map(|(last, at)| {
        while at.duration_since(arrivals[first]) >= stretch {
            first += 1;
        }
        last + 1 - first
    });
    counts.max().unwrap_or_default()
}

/// The demo provider as data alone, with these rate limits instead of its own.
pub fn plugins(test: &str, limits: &str) -> PathBuf {
    let manifest = std::fs::read_to_string(root().join("plugins/acme/provider.toml")).unwrap();
    let (head, _) = manifest.split_once("[rate_limit]").expect("it has a rate limit");
    let folder = root().join("target/tests").join(format!("{test}-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("catalog")).unwrap();
    std::fs::write(folder.join("catalog/acme.toml"), format!("{head}[rate_limit]\n{limits}\n")).unwrap();
    folder
}

/// A world without jobs, a connection whose API is the counted provider, and its integration.
pub async fn connected(test: &str, limits: &str) -> (World, Counted, String, serde_json::Value) {
    connected_with(plugins(test, limits)).await
}

/// The same with this folder of providers.
pub async fn connected_with(plugins: PathBuf) -> (World, Counted, String, serde_json::Value) {
    let world = World::start(Options { worker: false, plugins: Some(plugins), ..Options::default() }).await;
    let counted = Counted::start().await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
    let variables = serde_json::json!({ "auth": world.acme().origin(), "api": counted.origin() });
    world.key().patch(&path, &serde_json::json!({ "variables": variables })).await.ok();
    (world, counted, connection, integration)
}

//! Servers that only pretend to be Vault: they redirect, hang, trickle, or answer nonsense.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use domain::secret::Secret;
use patchbay_vault::{KeyError, KeyHealth, KeyService, TransitAuth, TransitConfig, TransitKeys};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::{scope_of, tenant};

/// A server whose every connection is handed to `answer` after its request's head has come.
struct Pretender {
    port: u16,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Pretender {
    async fn start<F: Future<Output = ()> + Send + 'static>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 4096];
                if stream.read(&mut head).await.is_ok() {
                    tokio::spawn(answer(stream));
                }
            }
        });
        Self { port, connections, task }
    }

    /// One that always says the same and closes.
    async fn saying(text: String) -> Self {
        Self::start(move |mut stream| {
            let text = text.clone();
            async move {
                drop(stream.write_all(text.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        })
        .await
    }

    fn keys(&self) -> TransitKeys {
        let address = format!("http://127.0.0.1:{}", self.port).parse().unwrap();
        let mut config = TransitConfig::new(address, TransitAuth::Token(Secret::new("canary-token")));
        config.deadline = Duration::from_millis(700);
        TransitKeys::start(config).unwrap()
    }
}

impl Drop for Pretender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn se_3_a_redirect_to_another_origin_is_never_followed() {
    let thief = Pretender::saying(answer("200 OK", "", "{}")).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: http://127.0.0.1:{}/v1/stolen\r\n", thief.port);
        let server = Pretender::saying(answer(status, &location, "")).await;
        let keys = server.keys();
        let refused = keys.generate_data_key(scope_of(tenant())).await;
        assert!(
            matches!(&refused, Err(KeyError::Unreachable { reason }) if reason.contains("redirect")),
            "{refused:?}"
        );
        assert!(matches!(keys.health().await, KeyHealth::Unreachable { .. }));
        assert!(server.connections.load(Ordering::SeqCst) > 0);
    }
    assert_eq!(thief.connections.load(Ordering::SeqCst), 0, "token and data would have gone there");
}

#[tokio::test]
async fn se_3_a_server_that_hangs_or_trickles_is_given_up_at_the_deadline() {
    let hanging = Pretender::start(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    let trickling = Pretender::start(|mut stream| async move {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await);
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    for server in [hanging.await, trickling.await] {
        let keys = Arc::new(server.keys());
        let began = Instant::now();
        // More callers than the sign-in serves at a time: none waits longer for that.
        let callers: Vec<_> = (0..10)
            .map(|_| {
                let keys = Arc::clone(&keys);
                tokio::spawn(async move { keys.create_tenant_key(tenant()).await })
            })
            .collect();
        for caller in callers {
            let given_up = caller.await.unwrap();
            assert!(matches!(given_up, Err(KeyError::Unreachable { .. })), "{given_up:?}");
        }
        assert!(matches!(keys.health().await, KeyHealth::Unreachable { .. }));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn se_2_an_answer_that_cannot_be_read_is_not_printed() {
    let bodies =
        [r#"{"data":{"plaintext":"Y2FuYXJ5","ciphertext":7},"note":"canary"}"#, r#"{"errors":"canary"}"#, "canary", ""];
    for body in bodies {
        for status in ["200 OK", "400 Bad Request", "500 Internal Server Error"] {
            let server = Pretender::saying(answer(status, "", body)).await;
            let failed = server.keys().generate_data_key(scope_of(tenant())).await;
            let error = failed.unwrap_err();
            let mut text = format!("{error} {error:?}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text.push_str(&format!(" {cause} {cause:?}"));
                source = cause.source();
            }
            assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
        }
    }
}

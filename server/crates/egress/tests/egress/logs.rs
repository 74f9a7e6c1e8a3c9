use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use domain::secret::Secret;
use http::{HeaderName, HeaderValue, Method};
use patchbay_egress::{Credential, Reach, Request};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    bounds::egress,
    server::{Server, Step, answer},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn se_2_one_line_per_exchange_without_path_query_or_secret() {
    let server = Server::start(|request| match request.target.split('?').next() {
        Some("/logcanary-path/cut") => vec![Step::Close],
        _ => answer(418, &[("x-echo", "logcanary-header")], "logcanary-body"),
    })
    .await;
    let lines = Lines::default();
    // For the whole process: a subscriber of one thread misses call sites that another thread has found unwanted. So the
    // other tests' lines are here too, and ours are told by their server.
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).init();
    let egress = egress();
    for path in ["/logcanary-path/teapot?q=logcanary", "/logcanary-path/cut?q=logcanary"] {
        let secret = Secret::new("logcanary-secret");
        let request = Request::new(Method::POST, server.url(path), Reach::Any)
            .body("logcanary-upload".to_owned())
            .header(HeaderName::from_static("x-own"), HeaderValue::from_static("logcanary-own"))
            .credential(Credential::bearer(&secret).and(Credential::query("key", &secret)));
        let _ = egress.send(request).await;
    }
    let abandoned = egress.stream(Request::new(Method::GET, server.url("/logcanary-path"), Reach::Any)).await.unwrap();
    drop(abandoned);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("logcanary"), "{text}");
    let host = format!("\"host\":\"{}\"", server.address);
    let ours: Vec<&str> = text.lines().filter(|l| l.contains("patchbay::egress") && l.contains(&host)).collect();
    assert_eq!(ours.len(), 3, "{text}");
    for (line, parts) in ours.iter().zip([
        ["\"status\":418", "\"outcome\":\"ok\"", "\"bytes\":14", "\"method\":\"POST\""],
        ["\"method\":\"POST\"", "\"outcome\":\"protocol\"", "\"elapsed_ms\":", "\"bytes\":0"],
        ["\"status\":418", "\"outcome\":\"abandoned\"", "\"method\":\"GET\"", "\"elapsed_ms\":"],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

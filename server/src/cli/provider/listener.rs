//! The end of a redirect on this machine: a listener on the loopback address that takes one callback.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::super::CliError;

/// The longest request that is read, in bytes.
const LONGEST: usize = 16 << 10;
/// Longest wait for a request once a connection is open.
const PATIENCE: Duration = Duration::from_secs(10);
/// The path of the callback.
const PATH: &str = "/callback";

/// Listens on the loopback address.
pub(super) struct Listener {
    socket: TcpListener,
    /// What to register at the provider.
    pub(super) redirect_uri: Url,
}

impl Listener {
    /// Begins to listen; port 0 takes a free one.
    pub(super) async fn start(port: u16) -> Result<Self, CliError> {
        let refused = |error: std::io::Error| CliError::Refused(format!("cannot listen on 127.0.0.1:{port}: {error}"));
        let socket = TcpListener::bind(("127.0.0.1", port)).await.map_err(refused)?;
        let port = socket.local_addr().map_err(refused)?.port();
        let redirect_uri = Url::parse(&format!("http://127.0.0.1:{port}{PATH}")).map_err(CliError::refused)?;
        Ok(Self { socket, redirect_uri })
    }

    /// Waits for a callback; gives its query. Whatever else browsers ask for is answered with 404.
    pub(super) async fn callback(&self) -> Result<String, CliError> {
        loop {
            let (stream, _) = self.socket.accept().await.map_err(CliError::refused)?;
            if let Ok(Some(query)) = tokio::time::timeout(PATIENCE, answer(stream)).await {
                return Ok(query);
            }
        }
    }
}

async fn answer(mut stream: TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.ok()?;
        request.extend_from_slice(piece.get(..read)?);
        if read == 0 || request.len() > LONGEST {
            return None;
        }
    }
    let line = String::from_utf8_lossy(&request);
    let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
    let query = target.and_then(|target| target.strip_prefix(PATH)?.strip_prefix('?')).map(str::to_owned);
    let (status, text) = match query {
        Some(_) => ("200 OK", "This window can be closed; the terminal goes on."),
        None => ("404 Not Found", "Nothing is here."),
    };
    let head = "content-type: text/plain; charset=utf-8\r\nreferrer-policy: no-referrer\r\ncache-control: no-store\r\nconnection: close";
    let response = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    stream.write_all(response.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()?;
    query
}

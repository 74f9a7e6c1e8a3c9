//! HTTP/1.1 over TLS for every host name, on one port. A request comes in as [`Seen`], whatever it asks.

use std::{fmt, sync::Arc};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use url::form_urlencoded;

use super::authority::Authority;

/// No request of a test is longer, in bytes.
const LONGEST: usize = 1 << 20;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub method: String,
    pub host: String,
    /// Percent-encoded, as sent.
    pub path: String,
    pub query: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The certificate that the client showed (DER).
    pub certificate: Option<Vec<u8>>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        Ok(())
    }
}

impl Seen {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The query's parameters.
    pub fn params(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// A parameter of the query.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().into_iter().find(|(have, _)| have == name).map(|(_, value)| value)
    }

    /// The fields of a form.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A form, as OAuth 1 answers.
    pub fn form(status: u16, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::new(status, "application/x-www-form-urlencoded", body)
    }

    /// Any kind.
    pub fn new(status: u16, kind: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type".into(), kind.into())], body: body.into_bytes() }
    }

    /// Sends a browser on.
    pub fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location".into(), to.into())], body: Vec::new() }
    }

    /// With another header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Who answers.
pub type Answering = Arc<dyn Fn(Seen) -> Reply + Send + Sync>;

/// Listens on a free port; gives it. The server ends with the runtime.
pub async fn listen(authority: &Arc<Authority>, answering: Answering) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answering) = (acceptor.clone(), Arc::clone(&answering));
            tokio::spawn(async move { serve(stream, acceptor, answering).await });
        }
    });
    port
}

/// The same without TLS, for who comes by address.
pub async fn listen_plain(answering: Answering) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, None, Arc::clone(&answering)));
        }
    });
    port
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, answering: Answering) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let stream = acceptor.accept(stream).await.ok()?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = shown.map(|leaf| leaf.as_ref().to_vec());
    converse(stream, certificate, answering).await
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    certificate: Option<Vec<u8>>,
    answering: Answering,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let mut seen = read(&mut stream, &mut buffer).await?;
        seen.certificate.clone_from(&certificate);
        let reply = answering(seen);
        let mut head = format!("HTTP/1.1 {} Simulated\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if reply.status != 204 {
            head.push_str(&format!("content-length: {}\r\n", reply.body.len()));
        }
        head.push_str("\r\n");
        let mut whole = head.into_bytes();
        whole.extend_from_slice(&reply.body);
        stream.write_all(&whole).await.ok()?;
        stream.flush().await.ok()?;
    }
}

/// The next request of a connection; `None` at its end, or for what is no HTTP.
async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer.drain(..end + 4).collect()).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { method, path: path.to_owned(), query: query.to_owned(), headers, ..Seen::default() };
    seen.host = seen.header("host")?.to_owned();
    if seen.header("transfer-encoding").is_some_and(|how| how.contains("chunked")) {
        seen.body = chunks(stream, buffer).await?;
    } else {
        let length = seen.header("content-length").map_or(Some(0), |text| text.parse::<usize>().ok())?;
        while buffer.len() < length {
            more(stream, buffer).await?;
        }
        seen.body = buffer.drain(..length).collect();
    }
    Some(seen)
}

async fn chunks(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(2).position(|two| two == b"\r\n") {
                break at;
            }
            more(stream, buffer).await?;
        };
        let line: Vec<u8> = buffer.drain(..end + 2).collect();
        let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        while buffer.len() < length + 2 {
            more(stream, buffer).await?;
        }
        body.extend(buffer.drain(..length));
        buffer.drain(..2);
        if length == 0 {
            return Some(body);
        }
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 8192];
    let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
    buffer.extend_from_slice(&piece[..length]);
    (buffer.len() <= LONGEST).then_some(())
}

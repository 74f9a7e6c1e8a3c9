//! The tenant's own webhook endpoint, as its backend would have one.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;

/// The largest body that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What was posted.
#[derive(Clone)]
pub struct Posted {
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body, which the signature is over.
    pub body: Vec<u8>,
}

impl Posted {
    /// Checks the signature by the Standard Webhooks library.
    pub fn verify(&self, secret: &str) -> Result<(), String> {
        let webhook = Webhook::new(secret).map_err(|error| error.to_string())?;
        webhook.verify(&self.body, &self.headers).map_err(|error| error.to_string())
    }
}

/// An endpoint that answers 204 to everything and keeps what it was sent.
pub struct Sink {
    url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Sink {
    /// Starts one on a free port. It ends with the process.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}/webhooks", listener.local_addr()?);
        let posted = Arc::<Mutex<Vec<Posted>>>::default();
        let kept = Arc::clone(&posted);
        thread::Builder::new().name("webhook sink".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // One that breaks off is the sender's to repeat.
                if let Ok(one) = receive(stream) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            }
        })?;
        Ok(Self { url, posted })
    }

    /// Where to post.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has been posted so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn receive(stream: TcpStream) -> io::Result<Posted> {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut length) = (HeaderMap::new(), 0);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { continue };
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
            if name == http::header::CONTENT_LENGTH {
                length = value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            }
            headers.append(name, value);
        }
    }
    let mut body = Vec::new();
    reader.by_ref().take(length.min(LARGEST)).read_to_end(&mut body)?;
    reader.into_inner().write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    Ok(Posted { headers, body })
}

//! Just enough of an HTTP client for servers on this machine, which shows every header and follows nothing by itself.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use url::Url;

/// A request.
pub struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// A request without a body.
pub fn get(url: impl Into<String>) -> Request {
    Request { method: "GET", url: url.into(), headers: Vec::new(), body: String::new() }
}

/// A request with a JSON body.
pub fn post_json(url: impl Into<String>, body: &Value) -> Request {
    let request = Request { method: "POST", url: url.into(), headers: Vec::new(), body: body.to_string() };
    request.header("content-type", "application/json")
}

/// A request with a form, as a page would send it.
pub fn post_form(url: impl Into<String>, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request { method: "POST", url: url.into(), headers: Vec::new(), body };
    request.header("content-type", "application/x-www-form-urlencoded")
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sends it and waits for the whole answer.
    pub fn send(self) -> Result<Answer, String> {
        let what = format!("{} {}", self.method, self.url);
        self.exchange().map_err(|error| format!("{what}: {error}"))
    }

    fn exchange(self) -> io::Result<Answer> {
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let url = Url::parse(&self.url).map_err(|_| invalid("not a URL"))?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        let mut stream = TcpStream::connect((host, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        // HTTP/1.0: the answer is not chunked, and ends with the connection.
        let mut head = format!("{} {path} HTTP/1.0\r\nhost: {host}:{port}\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(self.body.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| invalid("no answer"))?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Ok(Answer {
            status: status.ok_or_else(|| invalid("no status"))?,
            headers: headers.collect(),
            body: body.to_owned(),
        })
    }
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Names and values of the cookies that it sets, as a `Cookie` header.
    pub fn cookies(&self) -> String {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.filter_map(|(_, value)| value.split(';').next()).collect::<Vec<_>>().join("; ")
    }

    /// The body as JSON, if the status is a success; else the problem as the error.
    pub fn json(self) -> Result<Value, String> {
        if !(200..300).contains(&self.status) {
            return Err(format!("answered {}: {}", self.status, self.body));
        }
        serde_json::from_str(&self.body).map_err(|error| format!("answered what is not JSON ({error}): {}", self.body))
    }
}

/// The text at a JSON pointer.
pub fn text(value: &Value, pointer: &str) -> Result<String, String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("there is no text at {pointer} in {value}"))
}

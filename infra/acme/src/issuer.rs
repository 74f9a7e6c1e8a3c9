//! Asking another authorization server who a token speaks for.

use std::{io, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What a userinfo endpoint says (OpenID Connect Core, section 5.3).
#[derive(Debug, Deserialize)]
pub(crate) struct UserInfo {
    /// The subject.
    pub(crate) sub: String,
    /// The name, if it was granted.
    pub(crate) name: Option<String>,
}

/// Calls `/me` at `origin` with the token. `None` if the server does not accept it. The server is one on this machine
/// by plain HTTP, so HTTP/1.0, which neither chunks nor keeps the connection, does.
pub(crate) async fn userinfo(origin: &str, token: &str) -> io::Result<Option<UserInfo>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let url = Url::parse(origin).map_err(|_| invalid("the issuer is not an origin"))?;
    let (host, port) = (url.host_str().unwrap_or("127.0.0.1"), url.port_or_known_default().unwrap_or(80));
    if token.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let exchange = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        let request = format!(
            "GET /me HTTP/1.0\r\nhost: {host}:{port}\r\naccept: application/json\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(LONGEST).read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), exchange).await??;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| invalid("the issuer's answer has no body"))?;
    match head.split(' ').nth(1) {
        Some("200") => serde_json::from_str(body).map(Some).map_err(|error| invalid(&error.to_string())),
        Some("400" | "401" | "403") => Ok(None),
        _ => Err(invalid("the issuer's userinfo endpoint answered neither yes nor no")),
    }
}

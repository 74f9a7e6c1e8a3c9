//! What is asked of [`crate::Egress`].

use std::{fmt, future::poll_fn, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Body as _;
use url::Url;

use crate::{budget::Budget, credential::Credential, identity::Identity, mask::Masker, reach::Reach};

/// One call to the outside. Made by [`Request::new`]; the fields that are `None` take the configured default.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to. Must not carry user information.
    pub url: Url,
    /// Headers. Those that belong to a connection (`Host`, `Connection`, …) are dropped.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Which hosts this call and its redirects may reach.
    pub reach: Reach,
    /// What to add on the way out.
    pub credential: Option<Credential>,
    /// The certificate to show to a server that asks for one. It is not shown to another origin after a redirect.
    pub identity: Option<Identity>,
    /// Overwrites secrets in the answer. The answer then must not be compressed, so `Accept-Encoding` is not sent.
    pub mask: Option<Masker>,
    /// Whose rate budget is spent.
    pub budget: Option<Budget>,
    /// Time for everything: waiting, redirects, and the whole body.
    pub deadline: Option<Duration>,
    /// Longest wait for the budget or for a free place; never longer than the deadline.
    pub max_wait: Option<Duration>,
    /// Longest body that is read, in bytes.
    pub max_response: Option<u64>,
    /// Whether redirects are followed.
    pub redirects: Redirects,
}

/// What to do with a redirect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Hand it back as the answer.
    #[default]
    Return,
    /// Follow up to so many, and not more than configured. Every hop is checked like the first; credentials, the
    /// caller's headers and bodies do not leave the origin.
    Follow(u8),
}

impl Request {
    /// A request without body, with all defaults.
    #[must_use]
    pub fn new(method: Method, url: Url, reach: Reach) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::empty(),
            reach,
            credential: None,
            identity: None,
            mask: None,
            budget: None,
            deadline: None,
            max_wait: None,
            max_response: None,
            redirects: Redirects::Return,
        }
    }

    /// Adds a header, replacing one of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the credential.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }
}

/// The body of a request: bytes in memory, which can be sent again after a redirect, or a stream, which cannot.
pub struct Body(pub(crate) Inner);

pub(crate) enum Inner {
    Bytes(Bytes),
    Stream(reqwest::Body),
    /// A stream that has been sent.
    Spent,
}

/// Marks that it was the caller's body that failed.
#[derive(Debug, thiserror::Error)]
#[error("the request body could not be read")]
pub(crate) struct RequestBodyFailed(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Why a stream is not in memory.
pub(crate) enum CollectError {
    /// It is longer.
    TooLong,
    /// It broke.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Body {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Inner::Bytes(Bytes::new()))
    }

    /// A body that is passed on as it arrives. Give `Content-Length` as a header if it is known; otherwise it is
    /// sent in chunks.
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Self(Inner::Stream(reqwest::Body::wrap_stream(stream.map_err(|e| RequestBodyFailed(e.into())))))
    }

    pub(crate) const fn is_known(&self) -> bool {
        matches!(self.0, Inner::Bytes(_))
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.0, Inner::Bytes(bytes) if bytes.is_empty())
    }

    pub(crate) const fn is_spent(&self) -> bool {
        matches!(self.0, Inner::Spent)
    }

    /// The bytes, where they are in memory.
    pub(crate) const fn bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Bytes(bytes) => Some(bytes),
            Inner::Stream(_) | Inner::Spent => None,
        }
    }

    /// Reads a stream into memory, up to so many bytes.
    pub(crate) async fn collect(&mut self, most: usize) -> Result<(), CollectError> {
        let Inner::Stream(mut stream) = std::mem::replace(&mut self.0, Inner::Spent) else { return Ok(()) };
        let mut collected = BytesMut::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut stream).poll_frame(context)).await {
            let frame = frame.map_err(|error| CollectError::Failed(error.into()))?;
            let Ok(data) = frame.into_data() else { continue };
            if collected.len() + data.len() > most {
                return Err(CollectError::TooLong);
            }
            collected.extend_from_slice(&data);
        }
        self.0 = Inner::Bytes(collected.freeze());
        Ok(())
    }

    /// What to send. Bytes stay for another hop, a stream is spent.
    pub(crate) fn send(&mut self) -> Option<reqwest::Body> {
        if let Inner::Bytes(bytes) = &self.0 {
            return (!bytes.is_empty()).then(|| bytes.clone().into());
        }
        match std::mem::replace(&mut self.0, Inner::Spent) {
            Inner::Stream(body) => Some(body),
            Inner::Bytes(_) | Inner::Spent => None,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Stream(_) => f.write_str("Body(stream)"),
            Inner::Spent => f.write_str("Body(spent)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Bytes(bytes.into()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(Inner::Bytes(text.into()))
    }
}

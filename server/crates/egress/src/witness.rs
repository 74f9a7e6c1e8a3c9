//! Looking on: a developer's tool sees whole exchanges. A server has no witness.

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use crate::{error::EgressError, request::Request, response::Response};

/// An exchange as it was asked for and answered. What a credential adds on the way out is not in it, but bodies are as
/// they are: they hold secrets.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a Method,
    /// Where to, before the credential was added.
    pub url: &'a Url,
    /// The request's headers, before the credential was added.
    pub headers: &'a HeaderMap,
    /// The request's body, if it was in memory.
    pub body: &'a [u8],
    /// What came of it.
    pub answer: Result<&'a Response, &'a EgressError>,
}

/// Sees each exchange whose answer was read to its end.
pub trait Witness: Send + Sync {
    /// It ended.
    fn saw(&self, exchange: &Exchange<'_>);
}

/// A request as it is kept for the witness.
pub(crate) struct Asked {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.bytes().cloned().unwrap_or_default(),
        }
    }

    pub(crate) fn tell(&self, witness: &dyn Witness, answer: &Result<Response, EgressError>) {
        let Self { method, url, headers, body } = self;
        witness.saw(&Exchange { method, url, headers, body, answer: answer.as_ref() });
    }
}

//! Sends one call on, byte for byte, and hands the answer back as it arrives. No database connection is held meanwhile, and
//! mostly none is used: how to call the provider and the sealed credential are at hand.

use std::time::Duration;

use egress::{Body, Egress, EgressError, StreamingResponse};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use ids::ConnectionId;

use crate::{
    Ctx,
    credentials::{self, Fresh, FreshError, UrlError},
};

/// A call to be sent on.
pub struct ProxyCall {
    /// Whose account it is about.
    pub connection: ConnectionId,
    /// The method.
    pub method: Method,
    /// Path and query below the provider's base URL, beginning with a slash, or an absolute URL on the provider's list.
    pub target: String,
    /// The caller's headers; those that speak to us or to one hop alone are not sent on.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Whether there is none, so that the call can be sent again with a newer credential.
    pub is_bodiless: bool,
    /// Time for the whole exchange.
    pub deadline: Duration,
}

/// Why there is no answer from the provider.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The connection cannot be used.
    #[error(transparent)]
    Connection(#[from] FreshError),
    /// The path or host is refused.
    #[error(transparent)]
    Target(#[from] UrlError),
    /// Nothing usable came back.
    #[error(transparent)]
    Egress(#[from] EgressError),
}

/// The most that an answer may weigh: it streams, so this bounds time and traffic, not memory.
const MOST_BYTES: u64 = 1 << 30;

/// Sends a call on. A provider that refuses the credential of a bodiless call gets it once more with a newer one.
///
/// # Errors
/// [`ProxyError`]. An answer of the provider's, whatever its status, is none.
pub async fn send(ctx: Ctx<'_>, egress: &Egress, call: ProxyCall) -> Result<StreamingResponse, ProxyError> {
    let fresh = credentials::fresh(ctx, call.connection).await?;
    let url = fresh.access.url(&call.target)?;
    let headers = passable(call.headers);
    let again = call.is_bodiless.then(|| (url.clone(), headers.clone()));
    let request = |fresh: &Fresh, url, headers: HeaderMap, body| -> Result<egress::Request, ProxyError> {
        let mut request = fresh.access.request(call.method.clone(), url);
        request.headers.extend(headers);
        request.credential = fresh.credential()?;
        request.body = body;
        request.deadline = Some(call.deadline);
        request.max_response = Some(MOST_BYTES);
        Ok(request)
    };
    let answer = egress.stream(request(&fresh, url, headers, call.body)?).await?;
    match again {
        Some((url, headers)) if answer.status == StatusCode::UNAUTHORIZED && fresh.has_token() => {
            match credentials::fresh_after_rejection(ctx, call.connection, fresh.generation).await {
                Ok(newer) if newer.generation != fresh.generation => {
                    Ok(egress.stream(request(&newer, url, headers, Body::empty())?).await?)
                }
                // There is no newer one, so what the provider said stands.
                Ok(_) => Ok(answer),
                Err(error) => Err(error.into()),
            }
        }
        _ => Ok(answer),
    }
}

/// Drops what speaks to us: the caller's key and cookies, our own headers, and what proxies before us added.
fn passable(mut headers: HeaderMap) -> HeaderMap {
    const OURS: [HeaderName; 6] =
        [header::AUTHORIZATION, header::COOKIE, header::FORWARDED, header::HOST, header::ORIGIN, header::REFERER];
    for name in OURS {
        headers.remove(name);
    }
    let spoken_to_us: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("patchbay-") || name.starts_with("x-forwarded-") || name.starts_with("sec-")
        })
        .cloned()
        .collect();
    for name in spoken_to_us {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_1_what_speaks_to_us_is_not_sent_on_and_the_rest_is() {
        let mut headers = HeaderMap::new();
        for name in
            ["authorization", "cookie", "patchbay-connection", "x-forwarded-for", "accept", "if-none-match", "x-custom"]
        {
            headers.insert(name, "v".parse().unwrap());
        }
        let passed = passable(headers);
        let mut names: Vec<_> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "if-none-match", "x-custom"]);
    }
}

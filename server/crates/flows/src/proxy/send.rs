//! Sends one call on, byte for byte, and hands the answer back as it arrives. No database connection is held meanwhile, and
//! mostly none is used: how to call the provider and the sealed credential are at hand.

use std::time::Duration;

use egress::{Body, Egress, EgressError, StreamingResponse};
use http::{HeaderMap, Method};
use ids::ConnectionId;

use crate::{
    Ctx,
    credentials::{self, Fresh, FreshError, Said, UrlError},
};

/// A call to be sent on.
pub struct ProxyCall {
    /// Whose account it is about.
    pub connection: ConnectionId,
    /// The method.
    pub method: Method,
    /// Path and query below the provider's base URL, beginning with a slash, or an absolute URL on the provider's list.
    pub target: String,
    /// The caller's headers that are sent on, see [`is_sent_on`]; those for one hop alone are dropped besides.
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

/// Answers that tell something about the credential are not longer.
const MOST_TOLD: usize = 64 << 10;

/// Sends a call on. A provider that refuses the credential of a bodiless call gets it once more with a newer one.
///
/// # Errors
/// [`ProxyError`]. An answer of the provider's, whatever its status, is none.
pub async fn send(ctx: Ctx<'_>, egress: &Egress, call: ProxyCall) -> Result<StreamingResponse, ProxyError> {
    let fresh = credentials::fresh(ctx, call.connection).await?;
    let url = fresh.access.url(&call.target)?;
    let headers = call.headers;
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
    let mut answer = egress.stream(request(&fresh, url, headers, call.body)?).await?;
    let said = match fresh.is_told_by_body(answer.status) {
        true => fresh.said(answer.status, &answer.peek(MOST_TOLD).await.unwrap_or_default()),
        false => fresh.said(answer.status, &[]),
    };
    // A call with a body cannot be made again, but what was said of its credential counts all the same.
    if again.is_none() && said != Said::Gone {
        return Ok(answer);
    }
    let newer = credentials::after(ctx, call.connection, fresh.generation, said).await?;
    match (again, newer) {
        (Some((url, headers)), Some(newer)) => Ok(egress.stream(request(&newer, url, headers, Body::empty())?).await?),
        // There is no newer one, so what the provider said stands.
        _ => Ok(answer),
    }
}

/// Whether a header of the caller's is sent on, by its name in lower case. What speaks to us is not: the caller's key and
/// cookies, our own headers, and what proxies before us added.
#[must_use]
pub fn is_sent_on(name: &str) -> bool {
    const OURS: [&str; 6] = ["authorization", "cookie", "forwarded", "host", "origin", "referer"];
    const OUR_KINDS: [&str; 3] = ["patchbay-", "x-forwarded-", "sec-"];
    !OURS.contains(&name) && !OUR_KINDS.iter().any(|kind| name.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_1_what_speaks_to_us_is_not_sent_on_and_the_rest_is() {
        let names = [
            "authorization",
            "cookie",
            "patchbay-connection",
            "x-forwarded-for",
            "accept",
            "if-none-match",
            "x-custom",
        ];
        let sent_on: Vec<_> = names.into_iter().filter(|name| is_sent_on(name)).collect();
        assert_eq!(sent_on, ["accept", "if-none-match", "x-custom"]);
    }
}

//! Answers: whole and bounded, or as a stream with the same bounds.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;

use crate::{error::EgressError, fault, mask::MaskStream, slots::Place, trace::Trace};

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status, whatever it is: a 500 is an answer, not an error.
    pub status: StatusCode,
    /// The headers, without those that belong to a connection; masked if that was asked for.
    pub headers: HeaderMap,
    /// The body; masked if that was asked for.
    pub body: Bytes,
    /// How long the provider asked us to wait, by `Retry-After` or by its rate-limit headers.
    pub retry_after: Option<Duration>,
}

/// An answer whose body is still on its way.
#[derive(Debug)]
pub struct StreamingResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers, without those that belong to a connection; masked if that was asked for.
    pub headers: HeaderMap,
    /// The body. Dropping it cuts the exchange off.
    pub body: ResponseBody,
    /// How long the provider asked us to wait, by `Retry-After` or by its rate-limit headers.
    pub retry_after: Option<Duration>,
}

impl StreamingResponse {
    /// The beginning of the body, up to about so many bytes, which stays to be read as if nothing had been. `None` if
    /// there is more of it.
    pub async fn peek(&mut self, most: usize) -> Option<Bytes> {
        let (mut ahead, mut seen, mut is_whole) = (VecDeque::new(), BytesMut::new(), true);
        while let Some(piece) = self.body.next().await {
            if let Ok(piece) = &piece {
                seen.extend_from_slice(piece);
            }
            is_whole = piece.is_ok() && seen.len() <= most;
            ahead.push_back(piece);
            if !is_whole {
                break;
            }
        }
        self.body.ahead = ahead;
        is_whole.then(|| seen.freeze())
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// Whatever ends the body early: too long, too late, cut off.
    pub async fn whole(self) -> Result<Response, EgressError> {
        let Self { status, headers, mut body, retry_after } = self;
        let first = body.next().await.transpose()?.unwrap_or_default();
        let body = match body.next().await.transpose()? {
            // Most answers come in one piece, which is then not copied.
            None => first,
            Some(second) => {
                let mut all = BytesMut::with_capacity(first.len() + second.len() * 2);
                all.extend_from_slice(&first);
                all.extend_from_slice(&second);
                while let Some(piece) = body.next().await {
                    all.extend_from_slice(&piece?);
                }
                all.freeze()
            }
        };
        Ok(Response { status, headers, body, retry_after })
    }
}

/// The body of an answer as it arrives: at most as long as the request accepts, within its deadline, masked if asked.
pub struct ResponseBody {
    /// What was looked at before it is read.
    pub(crate) ahead: VecDeque<Result<Bytes, EgressError>>,
    pub(crate) inner: reqwest::Body,
    pub(crate) limit: u64,
    pub(crate) seen: u64,
    pub(crate) mask: Option<MaskStream>,
    pub(crate) host: String,
    pub(crate) deadline: Duration,
    pub(crate) is_done: bool,
    pub(crate) trace: Trace,
    pub(crate) place: Option<Place>,
}

impl ResponseBody {
    fn fail(&mut self, error: EgressError) -> Poll<Option<Result<Bytes, EgressError>>> {
        self.done(error.code());
        Poll::Ready(Some(Err(error)))
    }

    fn done(&mut self, outcome: &'static str) {
        self.is_done = true;
        self.trace.end(outcome, self.seen);
        // What is left is not worth reading: let the connection and the place go.
        self.inner = reqwest::Body::default();
        self.place = None;
    }
}

impl Stream for ResponseBody {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.ahead.pop_front() {
            return Poll::Ready(Some(piece));
        }
        while !this.is_done {
            let piece = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                None => {
                    this.done("ok");
                    let rest = this.mask.as_mut().map(MaskStream::finish).unwrap_or_default();
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
                }
                Some(Err(error)) => {
                    let error = fault::translate(error, &this.host, this.deadline);
                    return this.fail(error);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => piece,
                    // Trailers have no place in what we hand on.
                    Err(_) => continue,
                },
            };
            this.seen = this.seen.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if this.seen > this.limit {
                let error = EgressError::TooLarge { host: this.host.clone(), limit: this.limit };
                return this.fail(error);
            }
            let piece = match &mut this.mask {
                Some(mask) => mask.push(piece),
                None => piece,
            };
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
        Poll::Ready(None)
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseBody(from {}, {} bytes so far)", self.host, self.seen)
    }
}

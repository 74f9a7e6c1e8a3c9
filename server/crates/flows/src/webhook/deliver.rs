//! One try at telling an endpoint of an event, signed by the Standard Webhooks specification.

use std::time::{Duration, Instant};

use api_types::event::Event;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Scope, entropy, retry, run::DeliveryState};
use egress::{EgressError, Reach, Redirects, Request};
use futures_util::StreamExt as _;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use ids::{DeliveryAttemptId, DeliveryId};
use store::{DeliveryAttemptRow, StoreError, Telling, Verdict};
use url::Url;
use vault::Sealed;

use crate::{Actor, Services, credentials, endpoint, event};

/// Time for a whole try.
const DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of the answer that are kept.
const KEPT: usize = 1024;

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The endpoint took it.
    Yes,
    /// Given up: the endpoint is gone, or it was the last try.
    Parked,
    /// There is nothing to do: it was delivered or given up before, or is no more.
    Nothing,
    /// To be tried again after this time. `was_tried` is false if an older delivery about the same connection comes first.
    Again {
        /// How long to wait.
        after: Duration,
        /// Whether the endpoint was asked.
        was_tried: bool,
    },
}

/// The try could not be made, through no fault of the endpoint. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The endpoint's secret cannot be opened just now.
    #[error("the endpoint's signing secret cannot be opened: {0}")]
    Secret(#[from] credentials::SealError),
    /// What is stored cannot be sent.
    #[error("the delivery cannot be sent: {0}")]
    Broken(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tries once. An endpoint may hear of an event more than once, if a worker dies between its answer and our record.
///
/// # Errors
/// [`DeliverError`]; try again.
pub async fn deliver(services: &Services, scope: Scope, id: DeliveryId) -> Result<Delivered, DeliverError> {
    let now = services.now();
    let telling = match prepare(services, scope, id, now).await? {
        Prepared::Send(telling) => telling,
        Prepared::Done(outcome) => return Ok(outcome),
    };
    let request = signed_request(services, scope, &telling, now).await?;
    let started = Instant::now();
    let answer = ask(services, request).await;
    let attempt = DeliveryAttemptRow {
        id: services.mint.id(DeliveryAttemptId::new),
        at: now,
        status: answer.status.map(|status| status.as_u16()),
        elapsed_ms: u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX),
        error: answer.error,
        response: answer.body,
    };
    let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
    let tries = telling.delivery.attempts.saturating_add(1);
    let (verdict, outcome) = judge(answer.status, answer.retry_after, tries, services.now(), roll);
    let mut tx = services.store.begin(scope).await?;
    let counts = tx.deliveries().record(id, &attempt, verdict, services.now()).await?;
    if answer.status == Some(StatusCode::GONE) {
        let reason = "It answered 410 Gone. Add it again when it is back.";
        tx.endpoints().disable(telling.delivery.endpoint, reason, services.now()).await?;
    }
    tx.commit().await?;
    Ok(if counts { outcome } else { Delivered::Nothing })
}

enum Prepared {
    Send(Box<Telling>),
    Done(Delivered),
}

/// Reads what is to be sent, or finds that now is not the time.
async fn prepare(
    services: &Services,
    scope: Scope,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<Prepared, DeliverError> {
    let mut tx = services.store.begin(scope).await?;
    let telling = match tx.deliveries().telling(id).await {
        Ok(telling) => telling,
        // The endpoint was removed, and its deliveries with it.
        Err(StoreError::NotFound) => return Ok(Prepared::Done(Delivered::Nothing)),
        Err(error) => return Err(error.into()),
    };
    if telling.delivery.state != DeliveryState::Pending {
        tx.commit().await?;
        return Ok(Prepared::Done(Delivered::Nothing));
    }
    if telling.disabled_at.is_some() {
        tx.deliveries().park(id, now).await?;
        tx.commit().await?;
        return Ok(Prepared::Done(Delivered::Parked));
    }
    let held_up = tx.deliveries().held_up_until(&telling.delivery).await?;
    tx.commit().await?;
    let own = telling.delivery.next_attempt_at.filter(|at| *at > now);
    if let Some(until) = held_up.max(own) {
        // A little later than the one before it is tried, and never at once, so that this does not spin.
        let after = (until - now).to_std().unwrap_or_default().saturating_add(Duration::from_millis(500));
        return Ok(Prepared::Done(Delivered::Again { after, was_tried: false }));
    }
    Ok(Prepared::Send(Box::new(telling)))
}

async fn signed_request(
    services: &Services,
    scope: Scope,
    telling: &Telling,
    now: DateTime<Utc>,
) -> Result<Request, DeliverError> {
    let broken = |what: String| DeliverError::Broken(what);
    let delivery = &telling.delivery;
    let kind =
        event::kind_of(&delivery.kind).ok_or_else(|| broken(format!("`{}` is no kind of event", delivery.kind)))?;
    let body = serde_json::to_vec(&Event { kind, timestamp: telling.at, data: telling.data.clone() })
        .map_err(|error| broken(error.to_string()))?;
    let url: Url = delivery.url.parse().map_err(|_| broken("its URL cannot be read".into()))?;

    let sealed = Sealed::from_bytes(telling.secret.clone()).map_err(credentials::SealError::Keys)?;
    let ctx = services.ctx(scope, Actor::System);
    let secret = credentials::open(ctx, endpoint::secret_place(delivery.endpoint), &sealed).await?;
    let secret = std::str::from_utf8(&secret).map_err(|_| broken("its secret is not text".into()))?;
    let signer = standardwebhooks::Webhook::new(secret).map_err(|error| broken(error.to_string()))?;
    let message = delivery.event.to_string();
    let signature = signer.sign(&message, now.timestamp(), &body).map_err(|error| broken(error.to_string()))?;

    let reach = Reach::hosts_of([&url]);
    let mut request = Request::new(Method::POST, url, reach).body(Bytes::from(body));
    let timestamp = now.timestamp().to_string();
    for (name, value) in
        [("webhook-id", &message), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
    {
        let value = HeaderValue::from_str(value).map_err(|error| broken(error.to_string()))?;
        request.headers.insert(HeaderName::from_static(name), value);
    }
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.deadline = Some(DEADLINE);
    request.redirects = Redirects::Return;
    Ok(request)
}

#[derive(Debug, Default)]
struct Answer {
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    error: Option<String>,
    body: Option<String>,
}

/// Sends it and reads the beginning of the answer; the rest is not waited for.
async fn ask(services: &Services, request: Request) -> Answer {
    let mut response = match services.egress.stream(request).await {
        Ok(response) => response,
        Err(error) => {
            let retry_after = match error {
                EgressError::Busy { retry_after, .. } => Some(retry_after),
                _ => None,
            };
            return Answer { error: Some(error.to_string()), retry_after, ..Answer::default() };
        }
    };
    let mut body = Vec::new();
    while body.len() < KEPT
        && let Some(Ok(piece)) = response.body.next().await
    {
        body.extend_from_slice(piece.get(..KEPT.saturating_sub(body.len())).unwrap_or(&piece));
    }
    // Postgres' text takes no NUL.
    let text = String::from_utf8_lossy(&body).replace('\0', "\u{fffd}");
    let asked = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Answer {
        status: Some(response.status),
        retry_after: asked.and_then(|value| egress::retry_after::parse(value, services.now())),
        error: None,
        body: (!text.is_empty()).then_some(text),
    }
}

/// What an answer, or none, means after so many tries.
fn judge(
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    tries: u32,
    now: DateTime<Utc>,
    roll: u32,
) -> (Verdict, Delivered) {
    match status {
        Some(status) if status.is_success() => (Verdict::Delivered, Delivered::Yes),
        Some(StatusCode::GONE) => (Verdict::Parked, Delivered::Parked),
        _ => match retry::delivery(tries, retry_after, roll) {
            Some(after) => {
                let at = now + TimeDelta::from_std(after).unwrap_or(TimeDelta::days(1));
                (Verdict::Again(at), Delivered::Again { after, was_tried: true })
            }
            None => (Verdict::Parked, Delivered::Parked),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, tries: u32) -> Verdict {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        judge(StatusCode::from_u16(status).ok(), None, tries, now, 0).0
    }

    #[test]
    fn f_4_success_ends_it_410_too_and_all_else_is_tried_for_days() {
        assert_eq!(judged(200, 1), Verdict::Delivered);
        assert_eq!(judged(204, 9), Verdict::Delivered);
        assert_eq!(judged(410, 1), Verdict::Parked);
        for status in [301, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(judged(status, 1), Verdict::Again(_)), "{status}");
            assert!(matches!(judged(status, 14), Verdict::Again(_)), "{status}");
            assert_eq!(judged(status, 15), Verdict::Parked, "{status}");
        }
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(matches!(judge(None, None, 1, now, 0), (Verdict::Again(at), _) if at == now + TimeDelta::seconds(5)));
    }
}

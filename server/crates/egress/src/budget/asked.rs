//! What an answer says about when to come back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::manifest::ResetFormat;
use http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};

use super::RateLimits;
use crate::retry_after;

/// How long the answer asks us to wait: `Retry-After` on the statuses that mean it so, or an empty allowance.
pub(super) fn asked_wait(
    limits: Option<&RateLimits>,
    status: StatusCode,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let speaks =
        matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN);
    let speaks = speaks || limits.is_some_and(|l| l.throttled.contains(&status));
    if speaks && let Some(wait) = text(&RETRY_AFTER).and_then(|v| retry_after::parse(v, now)) {
        return Some(wait);
    }
    let limits = limits?;
    let remaining = limits.remaining.as_ref().and_then(text);
    let is_empty = match remaining {
        Some(left) => left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0),
        // Nothing is said of what is left, but that it is too much now.
        None => status == StatusCode::TOO_MANY_REQUESTS || limits.throttled.contains(&status),
    };
    if !is_empty {
        return None;
    }
    let reset = text(limits.reset.as_ref()?)?;
    match limits.reset_format {
        ResetFormat::Milliseconds => retry_after::parse_milliseconds(reset),
        _ => retry_after::parse_reset(reset, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), http::HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn eg_4_a_reset_counts_where_it_is_too_much_or_nothing_is_left() {
        let now = DateTime::from_timestamp_secs(1_800_000_000).unwrap();
        let limits = RateLimits {
            remaining: Some(HeaderName::from_static("x-left")),
            reset: Some(HeaderName::from_static("x-reset")),
            reset_format: ResetFormat::Milliseconds,
            throttled: vec![StatusCode::FORBIDDEN],
            ..Default::default()
        };
        let asked = |status, said: &[(&'static str, &'static str)]| {
            asked_wait(Some(&limits), status, &headers(said), now).map(|wait| wait.as_millis())
        };
        let (ok, forbidden) = (StatusCode::OK, StatusCode::FORBIDDEN);
        assert_eq!(asked(ok, &[("x-left", "0"), ("x-reset", "1500")]), Some(1_500));
        assert_eq!(asked(forbidden, &[("x-reset", "1500")]), Some(1_500));
        assert_eq!(asked(forbidden, &[("x-left", "7"), ("x-reset", "1500")]), None, "forbidden for another reason");
        assert_eq!(asked(ok, &[("x-reset", "1500")]), None);
        assert_eq!(asked(ok, &[("x-left", "0"), ("x-reset", "soon")]), None);
    }
}

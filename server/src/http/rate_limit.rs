//! Rate limits on the way in: a token bucket per key, with how it stands in every answer.

use std::{num::NonZeroU32, time::Duration};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use api_types::ProblemCode;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use uuid::Uuid;

use super::problem::Fail;

/// How a caller's bucket stands, for the `RateLimit` header fields (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone)]
pub struct Standing {
    policy: HeaderValue,
    remaining: u32,
}

impl Standing {
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("ratelimit-policy"), self.policy.clone());
        if let Ok(value) = HeaderValue::try_from(format!("\"key\";r={};t=1", self.remaining)) {
            headers.insert(HeaderName::from_static("ratelimit"), value);
        }
    }
}

/// Buckets, one per key, member or connect session.
pub struct Limiter {
    buckets: RateLimiter<Uuid, DashMapStateStore<Uuid>, DefaultClock, StateInformationMiddleware>,
    quota: u32,
    policy: HeaderValue,
}

impl Limiter {
    /// `per_second` requests for each caller, with as many saved up.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        let buckets = RateLimiter::dashmap(Quota::per_second(per_second)).with_middleware();
        let policy = HeaderValue::try_from(format!("\"key\";q={per_second};w=1"));
        Self { buckets, quota: per_second.get(), policy: policy.unwrap_or(HeaderValue::from_static("\"key\"")) }
    }

    /// Takes one request out of the caller's bucket.
    ///
    /// # Errors
    /// 429 with `Retry-After` if it is empty.
    pub fn take(&self, caller: Uuid) -> Result<Standing, Fail> {
        match self.buckets.check_key(&caller) {
            Ok(snapshot) => Ok(self.standing(snapshot.remaining_burst_capacity())),
            Err(until) => {
                super::request_log::note_rate(self.standing(0));
                let wait = until.wait_time_from(DefaultClock::default().now());
                let detail = format!("This key may send {} requests a second. Wait for Retry-After.", self.quota);
                Err(Fail::new(ProblemCode::RateLimited, detail).retry_after(wait.max(Duration::from_millis(1))))
            }
        }
    }

    fn standing(&self, remaining: u32) -> Standing {
        Standing { policy: self.policy.clone(), remaining }
    }

    /// Forgets buckets that are full again.
    pub fn forget_idle(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

//! Limits by sender, for what is asked before anybody is known: a try to sign in costs a password hash, and a callback with
//! a state that nobody began leaves a line in the audit log. A sender is an IPv4 address or an IPv6 network of 64 bits.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::HttpRequest;
use api_types::ProblemCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use super::problem::Fail;
use crate::config::Limits;

/// Buckets of senders.
pub struct Senders {
    sign_ins: DefaultKeyedRateLimiter<IpAddr>,
    strays: DefaultKeyedRateLimiter<IpAddr>,
    /// Senders of too many stray callbacks, and until when they are not listened to.
    closed: Mutex<HashMap<IpAddr, Instant>>,
    /// In which header a proxy in front names the sender, if there is one.
    header: Option<String>,
}

impl Senders {
    /// No sender was heard of.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let per_minute = |most: u32| Quota::per_minute(NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN));
        Self {
            sign_ins: RateLimiter::keyed(per_minute(limits.sign_ins_per_minute)),
            strays: RateLimiter::keyed(per_minute(limits.stray_callbacks_per_minute)),
            closed: Mutex::default(),
            header: (!limits.sender_header.is_empty()).then(|| limits.sender_header.to_ascii_lowercase()),
        }
    }

    /// Takes a try to sign in out of the sender's bucket.
    ///
    /// # Errors
    /// 429 with `Retry-After` if it is empty.
    pub(super) fn sign_in(&self, request: &HttpRequest) -> Result<(), Fail> {
        self.sign_ins
            .check_key(&self.of(request))
            .map_err(|until| too_many(until.wait_time_from(self.sign_ins.clock().now())))
    }

    /// Whether callbacks of the sender are listened to.
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many strays.
    pub(super) fn callback(&self, request: &HttpRequest) -> Result<(), Fail> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.is_empty() {
            return Ok(());
        }
        let until = closed.get(&self.of(request)).copied();
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        wait.filter(|wait| !wait.is_zero()).map_or(Ok(()), |wait| Err(too_many(wait)))
    }

    /// A callback came with a state that was not to be taken. Callbacks of end users who did begin do not count.
    pub(super) fn stray(&self, request: &HttpRequest) {
        let sender = self.of(request);
        if let Err(until) = self.strays.check_key(&sender) {
            let wait = until.wait_time_from(self.strays.clock().now());
            let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.insert(sender, Instant::now() + wait);
        }
    }

    /// Forgets senders whose buckets are full again.
    pub fn forget_idle(&self) {
        for buckets in [&self.sign_ins, &self.strays] {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        let now = Instant::now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.retain(|_, until| *until > now);
        closed.shrink_to_fit();
    }

    fn of(&self, request: &HttpRequest) -> IpAddr {
        let named = self.header.as_deref().and_then(|name| {
            // The last one was written by the proxy nearest to us; what stands before it anybody may have written.
            let last = request.headers().get_all(name).last()?.to_str().ok()?.rsplit(',').next()?;
            last.trim().parse().ok()
        });
        let address = named.or_else(|| request.peer_addr().map(|peer| peer.ip()));
        match address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

fn too_many(wait: Duration) -> Fail {
    let detail = "There were too many tries from this address. Wait for Retry-After.";
    Fail::new(ProblemCode::RateLimited, detail).retry_after(wait.max(Duration::from_millis(1)))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn senders(header: &str) -> Senders {
        Senders::new(&Limits {
            requests_per_second: 1,
            sign_ins_per_minute: 2,
            stray_callbacks_per_minute: 2,
            sender_header: header.into(),
        })
    }

    fn from(address: &str) -> TestRequest {
        TestRequest::default().peer_addr(format!("{address}:1").parse().unwrap())
    }

    #[test]
    fn sv_5_tries_to_sign_in_are_limited_by_sender() {
        let senders = senders("");
        let (one, other) = (from("192.0.2.1").to_http_request(), from("192.0.2.2").to_http_request());
        assert!(senders.sign_in(&one).is_ok() && senders.sign_in(&one).is_ok());
        assert!(senders.sign_in(&one).is_err_and(|fail| fail.to_string().starts_with("rate_limited")));
        assert!(senders.sign_in(&other).is_ok());
    }

    #[test]
    fn oa_1_only_stray_callbacks_close_the_door_and_only_to_their_sender() {
        let senders = senders("");
        let (one, other) = (from("192.0.2.1").to_http_request(), from("192.0.2.2").to_http_request());
        for _ in 0..100 {
            assert!(senders.callback(&one).is_ok());
        }
        for _ in 0..3 {
            assert!(senders.callback(&one).is_ok());
            senders.stray(&one);
        }
        assert!(senders.callback(&one).is_err() && senders.callback(&other).is_ok());
        senders.forget_idle();
        assert!(senders.callback(&one).is_err(), "what is idle is forgotten, not what is closed");
    }

    #[test]
    fn the_proxys_word_counts_where_the_operator_says_so() {
        let request =
            from("192.0.2.1").insert_header(("x-forwarded-for", "203.0.113.9, 198.51.100.7")).to_http_request();
        assert_eq!(senders("").of(&request).to_string(), "192.0.2.1");
        assert_eq!(senders("X-Forwarded-For").of(&request).to_string(), "198.51.100.7");
        assert_eq!(senders("x-real-ip").of(&request).to_string(), "192.0.2.1");
        let request = from("[2001:db8:1:2:3::4]").to_http_request();
        assert_eq!(senders("").of(&request).to_string(), "2001:db8:1:2::");
    }
}

//! When a token is refreshed, and when a refresh that failed is tried again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// No token is refreshed earlier than this before its end.
const LONGEST_MARGIN: TimeDelta = TimeDelta::seconds(60);
/// Longest wait after failures, unless the provider asks for more.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// From when on an access token is refreshed: a minute before its end, or a tenth of its lifetime where that is less.
#[must_use]
pub fn due_at(issued_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> DateTime<Utc> {
    let lifetime = (expires_at - issued_at).max(TimeDelta::zero());
    expires_at - (lifetime / 10).min(LONGEST_MARGIN)
}

/// How long to wait after so many failures in a row: doubling from one second to five minutes, between half and all of
/// it by chance, and never less than the provider asked for. `random` is any number that nobody can guess.
#[must_use]
pub fn delay(failures: u32, retry_after: Option<Duration>, random: u64) -> Duration {
    let full = Duration::from_secs(1_u64.checked_shl(failures.min(16)).unwrap_or(u64::MAX)).min(LONGEST_DELAY);
    let half = full / 2;
    let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    (half + Duration::from_millis(random % spread)).max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn c_2_the_margin_fits_the_lifetime() {
        assert_eq!(due_at(at(0), at(3600)), at(3540));
        assert_eq!(due_at(at(0), at(100)), at(90));
        assert_eq!(due_at(at(10), at(10)), at(10));
        assert_eq!(due_at(at(20), at(10)), at(10), "a token that ended before it was stored is due");
    }

    #[test]
    fn c_5_delays_grow_vary_and_end() {
        assert_eq!(delay(1, None, 0), Duration::from_secs(1));
        assert!(delay(1, None, u64::MAX) < Duration::from_secs(2));
        assert_eq!(delay(60, None, 0), LONGEST_DELAY / 2);
        assert_eq!(delay(1, Some(Duration::from_secs(900)), 7), Duration::from_secs(900));
    }
}

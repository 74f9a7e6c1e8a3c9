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

/// When a refresh token that ends is used, as a part of its life: often enough to be tried again.
const KEEP_ALIVE: i32 = 3;

/// From when on a token is refreshed although nobody asks for it, so that nobody waits: some margins before it is due,
/// spread by chance, for tokens that were given out together end together. A refresh token that ends is used when a
/// third of its life is left. `None` where neither ends. `random` is any number.
#[must_use]
pub fn proactive_at(
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    refresh_ends_at: Option<DateTime<Utc>>,
    random: u64,
) -> Option<DateTime<Utc>> {
    let before = |end: DateTime<Utc>, earliest: DateTime<Utc>, latest: DateTime<Utc>| {
        let room = (latest - earliest).max(TimeDelta::zero());
        // A part of a thousand of the room.
        let part = i32::try_from(random % 1000).unwrap_or_default();
        (earliest + room / 1000 * part).min(end)
    };
    let access = expires_at.map(|end| {
        let due = due_at(issued_at, end);
        let margin = end - due;
        before(end, (due - margin * 4).max(issued_at + (due - issued_at) / 2), due - margin)
    });
    let refresh = refresh_ends_at.map(|end| {
        let life = (end - issued_at).max(TimeDelta::zero());
        let latest = end - life / KEEP_ALIVE;
        before(end, latest - life / 20, latest)
    });
    match (access, refresh) {
        (Some(access), Some(refresh)) => Some(access.min(refresh)),
        (access, refresh) => access.or(refresh),
    }
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
    fn c_6_refreshes_by_themselves_come_before_they_are_due_and_not_together() {
        let hour = |random| proactive_at(at(0), Some(at(3600)), None, random).unwrap();
        assert_eq!(hour(0), at(3300));
        assert!(hour(999) < at(3480) && hour(999) > at(3479), "{}", hour(999));
        assert!(hour(1999) == hour(999));
        // Of a short token half of its life is used.
        assert_eq!(proactive_at(at(0), Some(at(10)), None, 0), Some(at(5)));
        assert_eq!(proactive_at(at(10), Some(at(10)), None, 7), Some(at(10)));
        assert_eq!(proactive_at(at(0), None, None, 7), None);
    }

    #[test]
    fn c_6_a_refresh_token_that_ends_is_used_before() {
        let month = TimeDelta::days(30);
        let only = proactive_at(at(0), None, Some(at(0) + month), 999).unwrap();
        assert!(only <= at(0) + TimeDelta::days(20) && only > at(0) + TimeDelta::days(18), "{only}");
        assert_eq!(proactive_at(at(0), Some(at(3600)), Some(at(0) + month), 0), Some(at(3300)), "the earlier one");
        let year = Some(at(0) + TimeDelta::days(365));
        assert!(proactive_at(at(0), year, Some(at(0) + month), 0).unwrap() < at(0) + TimeDelta::days(20));
    }

    #[test]
    fn c_5_delays_grow_vary_and_end() {
        assert_eq!(delay(1, None, 0), Duration::from_secs(1));
        assert!(delay(1, None, u64::MAX) < Duration::from_secs(2));
        assert_eq!(delay(60, None, 0), LONGEST_DELAY / 2);
        assert_eq!(delay(1, Some(Duration::from_secs(900)), 7), Duration::from_secs(900));
    }
}

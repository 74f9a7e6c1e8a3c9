//! When to try again. Pure: what is random is handed in as a roll, where 0 is the smallest and `u32::MAX` the largest.

use std::time::Duration;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn minutes(n: u64) -> Duration {
    seconds(n * 60)
}

const fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

/// Waits between the tries of a delivery to an endpoint; about 76 hours together, so that an endpoint that is down from
/// Friday evening to Monday evening misses nothing.
const DELIVERY: [Duration; 14] = [
    seconds(5),
    seconds(30),
    minutes(2),
    minutes(10),
    minutes(30),
    hours(1),
    hours(2),
    hours(4),
    hours(8),
    hours(10),
    hours(12),
    hours(12),
    hours(12),
    hours(14),
];
/// Nobody may hold a delivery off longer than this.
const LONGEST_DELIVERY_WAIT: Duration = hours(24);
/// The longest wait between tries of a run and of other jobs.
const LONGEST_WAIT: Duration = minutes(15);
/// A provider is believed up to this.
const LONGEST_RETRY_AFTER: Duration = hours(24);
/// The longest interval between the scheduled runs of a sync that keeps failing, in intervals.
const MOST_INTERVALS: u32 = 8;

/// The wait plus up to a fifth of it, so that what failed together does not come back together.
fn spread(wait: Duration, roll: u32) -> Duration {
    wait.saturating_add(fraction(wait, roll) / 5)
}

/// `roll / u32::MAX` of a duration.
pub(crate) fn fraction(of: Duration, roll: u32) -> Duration {
    let share = u128::from(roll) * of.as_nanos() / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
}

/// How long to wait after so many failed tries of a delivery, from 1; `None` when it is time to give up. An endpoint
/// that asks to be left alone for longer is, for a day at most.
#[must_use]
pub fn delivery(tries: u32, retry_after: Option<Duration>, roll: u32) -> Option<Duration> {
    let index = usize::try_from(tries).ok()?.checked_sub(1)?;
    let wait = spread(*DELIVERY.get(index)?, roll);
    Some(wait.max(retry_after.unwrap_or_default().min(LONGEST_DELIVERY_WAIT)))
}

/// How long to wait after so many failed tries in a row, from 1: 2 s, 4 s, 8 s … up to a quarter of an hour, or as long
/// as the other side asked, up to a day.
#[must_use]
pub fn backoff(tries: u32, retry_after: Option<Duration>, roll: u32) -> Duration {
    let doubled = seconds(1).saturating_mul(1 << tries.clamp(1, 16));
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    // What was asked for is kept to, and then a little spread, so that not everybody comes at that moment.
    spread(doubled.min(LONGEST_WAIT), roll).max(asked.saturating_add(fraction(seconds(5), roll).min(asked)))
}

/// How long until a sync runs again: its interval, a tenth more or less, and twice as long for each failed run in a row
/// up to eight times.
#[must_use]
pub fn interval(every: Duration, failures: u32, roll: u32) -> Duration {
    let stretched = every.saturating_mul((1 << failures.min(8)).min(MOST_INTERVALS));
    (stretched - stretched / 10).saturating_add(fraction(stretched, roll) / 5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn f_4_a_delivery_is_tried_for_at_least_72_hours() {
        let waits: Vec<Duration> = (1..).map_while(|tries| delivery(tries, None, 0)).collect();
        assert_eq!(waits.len(), DELIVERY.len());
        assert!(waits.iter().sum::<Duration>() >= hours(72), "{waits:?}");
        assert_eq!(delivery(0, None, 0), None);
    }

    #[test]
    fn c_5_what_the_other_side_asks_is_honoured_within_reason() {
        assert_eq!(delivery(1, Some(hours(3)), 0), Some(hours(3)));
        assert_eq!(delivery(1, Some(hours(300)), 0), Some(hours(24)));
        assert_eq!(delivery(9, Some(seconds(1)), 0), Some(hours(8)));
        assert!(backoff(1, Some(seconds(60)), u32::MAX) >= seconds(60));
        assert_eq!(backoff(1, None, 0), seconds(2));
        assert_eq!(backoff(99, None, 0), LONGEST_WAIT);
        assert!(backoff(1, Some(hours(999)), u32::MAX) <= hours(25));
    }

    #[test]
    fn e_4_intervals_are_spread_and_stretched() {
        assert_eq!(interval(hours(10), 0, 0), hours(9));
        assert_eq!(interval(hours(10), 0, u32::MAX), hours(11));
        assert_eq!(interval(hours(10), 2, 0), hours(36));
        assert_eq!(interval(hours(10), 99, 0), hours(72));
    }

    proptest! {
        #[test]
        fn nothing_overflows(tries: u32, roll: u32, after: u64, every in 0u64..1 << 40) {
            let after = Some(seconds(after));
            prop_assert!(delivery(tries, after, roll).is_none_or(|wait| wait <= hours(24)));
            prop_assert!(backoff(tries, after, roll) <= hours(25));
            let _ = interval(seconds(every), tries, roll);
        }

        #[test]
        fn a_larger_roll_waits_longer(tries in 1u32..14, roll in 0..u32::MAX) {
            prop_assert!(delivery(tries, None, roll) <= delivery(tries, None, u32::MAX));
            prop_assert!(backoff(tries, None, roll) >= backoff(tries, None, 0));
        }
    }
}

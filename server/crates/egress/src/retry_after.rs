//! `Retry-After` (RFC 9110 §10.2.3) and the reset values of rate-limit headers, read tolerantly. Pure: the time now is
//! handed in, and no input makes it panic.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Larger numbers of seconds are nonsense; it also keeps all sums far from overflow.
const MOST_SECONDS: f64 = 4_000_000_000.0;

/// How long to wait according to a `Retry-After` value: seconds, also with a fraction, or an HTTP date in any of the
/// three forms of RFC 9110 §5.6.7. A date in the past is no wait. `None` if it is neither.
#[must_use]
pub fn parse(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    seconds(value).map(Duration::from_secs_f64).or_else(|| until(http_date(value)?, now))
}

/// How long to wait according to a rate-limit reset value: seconds from now, seconds or milliseconds since 1970, an
/// HTTP date or an RFC 3339 time. Which of them is told by the size of the number.
#[must_use]
pub fn parse_reset(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Some(date) = http_date(value).or_else(|| Some(DateTime::parse_from_rfc3339(value).ok()?.to_utc())) {
        return until(date, now);
    }
    let integer = value.split('.').next()?.parse::<i64>().ok().filter(|n| *n >= 0);
    match integer {
        Some(n) if n > 100_000_000_000 => until(DateTime::from_timestamp_millis(n)?, now),
        Some(n) if n > 1_000_000_000 => until(DateTime::from_timestamp_secs(n)?, now),
        _ => seconds(value).map(Duration::from_secs_f64),
    }
}

/// How long to wait according to a reset value that counts milliseconds from now.
#[must_use]
pub fn parse_milliseconds(value: &str) -> Option<Duration> {
    seconds(value.trim()).map(|number| Duration::from_secs_f64(number / 1_000.0))
}

fn seconds(value: &str) -> Option<f64> {
    let plain =
        value.bytes().all(|b| b.is_ascii_digit() || b == b'.') && value.starts_with(|c: char| c.is_ascii_digit());
    let seconds = if plain { value.parse::<f64>().ok()? } else { return None };
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds.min(MOST_SECONDS))
}

fn until(date: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    Some(date.signed_duration_since(now).to_std().unwrap_or(Duration::ZERO))
}

fn http_date(value: &str) -> Option<DateTime<Utc>> {
    // Dates begin with the name of a day.
    if !value.is_ascii() || !value.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    if let Ok(date) = DateTime::parse_from_rfc2822(value) {
        return Some(date.to_utc());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(value, form).ok())
        .map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("1994-11-06T08:49:00Z").unwrap().to_utc()
    }

    #[test]
    fn c_5_seconds_and_the_three_dates() {
        for (value, seconds) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("99999999999999999999999", 4_000_000_000),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
            ("Sun Nov  6 08:49:37 1994", 37),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ] {
            assert_eq!(parse(value, now()), Some(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(parse("1.5", now()), Some(Duration::from_millis(1500)));
        for value in ["", "-1", "+1", "soon", "1e9", "NaN", "inf", "1 2", "Sun, 99 Nov 1994 08:49:37 GMT", "\u{661}"] {
            assert_eq!(parse(value, now()), None, "{value}");
        }
    }

    #[test]
    fn eg_4_resets_are_told_apart_by_size() {
        let now = DateTime::from_timestamp_secs(1_800_000_000).unwrap();
        for (value, seconds) in [
            ("60", 60),
            ("1800000060", 60),
            ("1800000060.7", 60),
            ("1800000060000", 60),
            ("1700000000", 0),
            ("2027-01-15T08:01:00Z", 60),
            ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ] {
            assert_eq!(parse_reset(value, now), Some(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(parse_reset("never", now), None);
    }

    proptest! {
        #[test]
        fn sv_7_no_text_panics(value in ".{0,60}", at in -8_000_000_000_000i64..8_000_000_000_000) {
            let now = DateTime::from_timestamp_millis(at).unwrap();
            let _ = (parse(&value, now), parse_reset(&value, now));
        }

        #[test]
        fn sv_7_nothing_like_a_date_panics(
            value in "(Sun|Sunday|Mon),? ?[0-9]{1,4}[ -](Nov|Feb)[ -][0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} ?(GMT|[+-][0-9]{1,5})?"
        ) {
            let _ = (parse(&value, now()), parse_reset(&value, now()));
        }

        #[test]
        fn sv_7_no_number_panics(value in "[0-9]{0,40}\\.?[0-9]{0,40}") {
            let _ = (parse(&value, now()), parse_reset(&value, now()));
        }
    }
}

//! Numbers and times in words.

use chrono::{DateTime, Utc};

use crate::text;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 record`, `2 records`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// How long ago, or in how long, seen from `now_ms` (Unix milliseconds).
#[must_use]
pub fn ago(at: DateTime<Utc>, now_ms: i64) -> String {
    let seconds = (now_ms - at.timestamp_millis()) / 1_000;
    let amount = span(seconds.unsigned_abs());
    match seconds {
        -4..=4 => text::NOW.to_owned(),
        5.. => text::ago(&amount),
        _ => text::within(&amount),
    }
}

/// How long something took or has taken.
#[must_use]
pub fn took(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let ms = (to - from).num_milliseconds().max(0);
    if ms < 1_000 { text::ms(ms) } else { span((ms / 1_000).unsigned_abs()) }
}

/// A number of seconds in its largest unit.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        0..90 => text::seconds(seconds),
        90..5_400 => text::minutes((seconds + 30) / 60),
        5_400..129_600 => text::hours((seconds + 1_800) / 3_600),
        _ => text::days((seconds + 43_200) / 86_400),
    }
}

/// Date and time to the second, UTC.
#[must_use]
pub fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A category as people write it: `developer-tools` as `Developer tools`, `crm` as `CRM`.
#[must_use]
pub fn category(key: &str) -> String {
    if matches!(key, "ai" | "crm" | "hr") {
        return key.to_ascii_uppercase();
    }
    let mut words = key.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "record", "records"), "1 record");
    }

    #[test]
    fn categories_read_like_words() {
        assert_eq!(
            ["developer-tools", "crm", "", "shipping"].map(category),
            ["Developer tools", "CRM", "", "Shipping"]
        );
    }

    #[test]
    fn times_are_told_in_their_largest_unit() {
        let at = DateTime::UNIX_EPOCH;
        assert_eq!(ago(at, 2_000), "just now");
        assert_eq!(ago(at, 89_000), "89 s ago");
        assert_eq!(ago(at, 3_600_000), "60 min ago");
        assert_eq!(ago(at, 2 * 86_400_000), "2 days ago");
        assert_eq!(ago(at, -600_000), "in 10 min");
        assert_eq!(took(at, at + chrono::TimeDelta::milliseconds(340)), "340 ms");
    }
}

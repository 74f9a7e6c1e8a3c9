//! When a sync runs by itself: after an interval, or at the times of a cron expression in a time zone.

use std::{str::FromStr as _, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use crate::retry;

/// The longest cron expression, in bytes.
const LONGEST: usize = 200;
/// What comes due at the same minute is spread over this.
const SPREAD: Duration = Duration::from_secs(30);
/// Where a time cannot be told: no expression that [`CronTimes::parse`] lets through leads here.
const NEVER: TimeDelta = TimeDelta::days(365);

/// When a sync runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So many seconds after the last time, a tenth more or less.
    Every(u32),
    /// At certain times.
    Cron(CronTimes),
}

/// The times of a cron expression in a time zone: minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone)]
pub struct CronTimes {
    text: String,
    zone: Tz,
    cron: Box<Cron>,
}

/// Why this is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression cannot be read.
    #[error("this is no cron expression of five fields (minute, hour, day of month, month, day of week): {0}")]
    Expression(String),
    /// It names a day that never comes.
    #[error("no day ever fits this expression")]
    Never,
    /// The zone is unknown.
    #[error("there is no time zone `{0}`; write a name of the IANA database, such as `Europe/Berlin`")]
    Zone(String),
}

impl CronTimes {
    /// Reads an expression and the IANA name of a time zone.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone = Tz::from_str(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        if expression.len() > LONGEST {
            return Err(ScheduleError::Expression(format!("it is longer than {LONGEST} characters")));
        }
        let text = expression.split_whitespace().collect::<Vec<_>>().join(" ");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&text).map_err(|error| ScheduleError::Expression(error.to_string()))?;
        let times = Self { text, zone, cron: Box::new(cron) };
        match times.after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(times),
            None => Err(ScheduleError::Never),
        }
    }

    /// The expression, with one space between its fields.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.text
    }

    /// The IANA name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// The next of the times after this one. A time that the clocks skip in spring comes as soon as they have; one that
    /// they show twice in autumn comes once.
    #[must_use]
    pub fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&time.with_timezone(&self.zone), false).ok().map(|next| next.with_timezone(&Utc))
    }
}

impl PartialEq for CronTimes {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for CronTimes {}

impl Schedule {
    /// When it is time again, counted from now: later after failed runs in a row, and never at the same moment as others of
    /// the same schedule. `roll` is random.
    #[must_use]
    pub fn next(&self, now: DateTime<Utc>, failures: u32, roll: u32) -> DateTime<Utc> {
        let later = |time: DateTime<Utc>, wait: Duration| time + TimeDelta::from_std(wait).unwrap_or(NEVER);
        match self {
            Self::Every(seconds) => later(now, retry::interval(Duration::from_secs((*seconds).into()), failures, roll)),
            Self::Cron(times) => {
                let wait = if failures == 0 { Duration::ZERO } else { retry::backoff(failures, None, roll) };
                let next = times.after(later(now, wait)).unwrap_or(now + NEVER);
                later(next, retry::fraction(SPREAD, roll))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(expression: &str, zone: &str) -> CronTimes {
        CronTimes::parse(expression, zone).unwrap()
    }

    #[test]
    fn e_4_times_are_those_of_the_zone_in_summer_and_in_winter() {
        let times = cron(" 30  6 * * 1-5 ", "Europe/Berlin");
        assert_eq!((times.expression(), times.zone()), ("30 6 * * 1-5", "Europe/Berlin"));
        assert_eq!(times.after(at("2026-07-03T00:00:00Z")), Some(at("2026-07-03T04:30:00Z")), "a Friday in summer");
        assert_eq!(times.after(at("2026-07-03T04:30:00Z")), Some(at("2026-07-06T04:30:00Z")), "then the Monday");
        assert_eq!(times.after(at("2026-12-04T05:29:59Z")), Some(at("2026-12-04T05:30:00Z")), "a Friday in winter");
    }

    #[test]
    fn e_4_a_time_that_the_clocks_skip_comes_all_the_same_and_one_they_show_twice_comes_once() {
        let times = cron("30 2 * * *", "Europe/Berlin");
        // On 2026-03-29 the clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
        let skipped = times.after(at("2026-03-28T12:00:00Z")).unwrap();
        assert!((at("2026-03-29T01:00:00Z")..=at("2026-03-29T01:30:00Z")).contains(&skipped), "{skipped}");
        let first = times.after(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        assert_eq!(times.after(first), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn e_4_what_is_no_schedule_is_refused_with_what_to_write() {
        let refused = |expression: &str, zone: &str| CronTimes::parse(expression, zone).unwrap_err();
        for expression in ["", "* * * *", "61 * * * *", "* * * * * *", "0 0 1 1 * 2027", "every day", "@hourly-ish"] {
            assert!(matches!(refused(expression, "UTC"), ScheduleError::Expression(_)), "{expression}");
        }
        assert!(matches!(refused(&"*".repeat(LONGEST + 1), "UTC"), ScheduleError::Expression(_)));
        assert_eq!(refused("0 0 30 2 *", "UTC"), ScheduleError::Never);
        let unknown = refused("0 6 * * *", "Berlin");
        assert_eq!(unknown, ScheduleError::Zone("Berlin".to_owned()));
        assert!(unknown.to_string().contains("Europe/Berlin"), "{unknown}");
    }

    #[test]
    fn e_4_what_comes_due_together_is_spread_a_little_and_failures_wait() {
        let every_minute = Schedule::Cron(cron("* * * * *", "UTC"));
        let now = at("2026-07-03T10:00:30Z");
        assert_eq!(every_minute.next(now, 0, 0), at("2026-07-03T10:01:00Z"));
        assert_eq!(every_minute.next(now, 0, u32::MAX), at("2026-07-03T10:01:30Z"));
        assert_eq!(
            every_minute.next(now, 10, 0),
            at("2026-07-03T10:16:00Z"),
            "a quarter of an hour, and the next minute"
        );
        let hourly = Schedule::Every(3600);
        assert_eq!(hourly.next(now, 0, 0), at("2026-07-03T10:54:30Z"));
        assert_eq!(hourly.next(now, 0, u32::MAX), at("2026-07-03T11:06:30Z"));
    }
}

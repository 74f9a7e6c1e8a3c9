//! Numbers: decimal ones of any length, in one form.

use super::{ContentError, reader::Reader};

/// Postgres' `numeric`: digits before the point.
const MOST_BEFORE_POINT: i64 = 131_072;
/// Postgres' `numeric`: digits after the point.
const MOST_AFTER_POINT: i64 = 16_383;
/// Integers of at most so many digits are written out.
const PLAIN_DIGITS: i64 = 40;
/// Digits that are looked at before a number counts as one that needs thought.
const PLAIN_MOST: usize = 18;

impl Reader<'_, '_> {
    /// Writes an integer of few digits as it stands, which is how most numbers come; else stays where it is.
    fn plain_integer(&mut self) -> bool {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.get(sign..).unwrap_or_default();
        let count = digits.iter().take(PLAIN_MOST).take_while(|byte| byte.is_ascii_digit()).count();
        let is_plain = matches!(digits.first(), Some(b'1'..=b'9'))
            && !matches!(digits.get(count), Some(b'0'..=b'9' | b'.' | b'e' | b'E'));
        if is_plain {
            self.copy(sign + count);
        }
        is_plain
    }

    fn digits(&mut self) -> Result<std::ops::Range<usize>, ContentError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at { Err(self.wrong("a digit is missing")) } else { Ok(start..self.at) }
    }

    pub(super) fn number(&mut self) -> Result<(), ContentError> {
        if self.plain_integer() {
            return Ok(());
        }
        let start = self.at;
        let is_negative = self.peek() == Some(b'-');
        if is_negative {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole.len() > 1 && self.text.get(whole.start) == Some(&b'0') {
            return Err(self.wrong("a number begins with 0"));
        }
        let mut fraction = self.at..self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction = self.digits()?;
        }
        let exponent = self.exponent()?;
        let too_large = ContentError::Unstorable { at: start, what: "a number that is too large or too fine" };
        let length = |range: &std::ops::Range<usize>| i64::try_from(range.len()).unwrap_or(i64::MAX);
        let (whole_length, fraction_length) = (length(&whole), length(&fraction));
        if whole_length.saturating_add(exponent) > MOST_BEFORE_POINT
            || fraction_length.saturating_sub(exponent) > MOST_AFTER_POINT
        {
            return Err(too_large);
        }
        // The database writes numbers out: `1e399` is 400 digits there, and a record of such would grow to gigabytes.
        let written_out =
            whole_length.saturating_add(exponent).max(1) + fraction_length.saturating_sub(exponent).max(0);
        let grown = written_out - i64::try_from(self.at - start).unwrap_or(i64::MAX);
        self.grow(usize::try_from(grown.max(0)).unwrap_or(usize::MAX))?;
        let text = self.text;
        let all = || {
            let of = |range: &std::ops::Range<usize>| text.get(range.clone()).unwrap_or_default().iter().copied();
            of(&whole).chain(of(&fraction))
        };
        let leading = all().take_while(|d| *d == b'0').count();
        let count = whole.len() + fraction.len();
        if leading == count {
            self.put(b'0');
            return Ok(());
        }
        let trailing = all().rev().take_while(|d| *d == b'0').count();
        // The number is 0.DDD × 10^point, where DDD are its digits without the zeros around them.
        let significant = count - leading - trailing;
        let point = whole_length + exponent - i64::try_from(leading).unwrap_or(i64::MAX);
        if is_negative {
            self.put(b'-');
        }
        let own = all().skip(leading).take(significant);
        self.put_number(own, i64::try_from(significant).unwrap_or(i64::MAX), point);
        Ok(())
    }

    fn exponent(&mut self) -> Result<i64, ContentError> {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return Ok(0);
        }
        self.at += 1;
        let is_negative = self.peek() == Some(b'-');
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let range = self.digits()?;
        let digits = self.text.get(range).unwrap_or_default();
        // Far beyond the limits a digit more makes no difference.
        let size = digits.iter().fold(0_i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000_000));
        Ok(if is_negative { -size } else { size })
    }

    fn put_number(&mut self, digits: impl Iterator<Item = u8>, count: i64, point: i64) {
        let out = self.canonical();
        if (1..=PLAIN_DIGITS).contains(&point) {
            for (place, digit) in (0_i64..).zip(digits) {
                if place == point {
                    out.push(b'.');
                }
                out.push(digit);
            }
            for _ in count..point {
                out.push(b'0');
            }
        } else {
            out.extend_from_slice(b"0.");
            out.extend(digits);
            out.extend_from_slice(format!("e{point}").as_bytes());
        }
    }
}

//! The content of a record, in a form in which equal things are equal bytes, and its hash.
//!
//! Two texts of the same JSON value (RFC 8259) give the same canonical form: members are sorted by name, the last of
//! two with the same name counts, white space is gone, strings are escaped in one way, and numbers are compared as
//! decimal numbers of any length, so `1`, `1.0` and `10e-1` are the same and no digit is lost to binary fractions.

/// Deeper nesting than this is refused.
pub const DEEPEST: usize = 128;
/// Postgres' `numeric`: digits before the point.
const MOST_BEFORE_POINT: i64 = 131_072;
/// Postgres' `numeric`: digits after the point.
const MOST_AFTER_POINT: i64 = 16_383;
/// Integers of at most so many digits are written out.
const PLAIN_DIGITS: i64 = 40;

/// Why a text cannot be stored as a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not a JSON value.
    #[error("is not valid JSON at byte {at}: {what}")]
    Syntax {
        /// Where, counted from 0.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A JSON value, but not an object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// JSON, but the database cannot hold it.
    #[error("cannot be stored: at byte {at} it holds {what}")]
    Unstorable {
        /// Where, counted from 0.
        at: usize,
        /// What.
        what: &'static str,
    },
    /// Nested too deeply.
    #[error("is nested more than {DEEPEST} deep")]
    TooDeep,
}

/// Hashes records. Keeps its buffers, so that hashing one allocates nothing after the first few.
#[derive(Debug, Default)]
pub struct ContentHasher {
    canonical: Vec<u8>,
    members: Vec<Member>,
    scratch: Vec<u8>,
}

/// Where a member stands in the canonical form: its name's end and its own.
#[derive(Debug, Clone, Copy)]
struct Member {
    start: usize,
    name_end: usize,
    end: usize,
}

impl ContentHasher {
    /// The hash (BLAKE3) of the canonical form of a JSON object.
    ///
    /// # Errors
    /// See [`ContentError`].
    pub fn hash(&mut self, text: &str) -> Result<[u8; 32], ContentError> {
        Ok(*blake3::hash(self.canonical(text)?).as_bytes())
    }

    /// The canonical form of a JSON object.
    ///
    /// # Errors
    /// See [`ContentError`].
    pub fn canonical(&mut self, text: &str) -> Result<&[u8], ContentError> {
        self.canonical.clear();
        self.members.clear();
        let mut reader = Reader { text: text.as_bytes(), at: 0, out: self, depth: 0 };
        reader.skip_space();
        if reader.peek() != Some(b'{') {
            reader.value()?;
            return Err(ContentError::NotAnObject);
        }
        reader.value()?;
        reader.skip_space();
        if reader.at < reader.text.len() {
            return Err(reader.wrong("something follows the value"));
        }
        Ok(&self.canonical)
    }

    /// Brings the members that begin at index `first` into order; they lie one after the other from `start` on.
    fn sort_members(&mut self, first: usize, start: usize) {
        let Self { canonical, members, scratch } = self;
        let Some(own) = members.get_mut(first..) else { return };
        let name = |member: &Member| canonical.get(member.start..member.name_end).unwrap_or_default();
        let in_order = own.windows(2).all(|pair| matches!(pair, [a, b] if name(a) < name(b)));
        if !in_order {
            // Stable, so that of two with the same name the later stays the later.
            own.sort_by(|a, b| name(a).cmp(name(b)));
            scratch.clear();
            for (index, member) in own.iter().enumerate() {
                let is_overruled = own.get(index + 1).is_some_and(|next| name(next) == name(member));
                if !is_overruled {
                    if !scratch.is_empty() {
                        scratch.push(b',');
                    }
                    scratch.extend_from_slice(canonical.get(member.start..member.end).unwrap_or_default());
                }
            }
            canonical.truncate(start);
            canonical.extend_from_slice(scratch);
        }
        members.truncate(first);
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut ContentHasher,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn wrong(&self, what: &'static str) -> ContentError {
        ContentError::Syntax { at: self.at, what }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn put(&mut self, byte: u8) {
        self.out.canonical.push(byte);
    }

    fn value(&mut self) -> Result<(), ContentError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.wrong("a value is missing")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<(), ContentError>) -> Result<(), ContentError> {
        if self.depth == DEEPEST {
            return Err(ContentError::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), ContentError> {
        if self.text.get(self.at..self.at + word.len()) != Some(word) {
            return Err(self.wrong("a value is missing"));
        }
        self.at += word.len();
        self.out.canonical.extend_from_slice(word);
        Ok(())
    }

    fn object(&mut self) -> Result<(), ContentError> {
        self.put(b'{');
        let first = self.out.members.len();
        let begin = self.out.canonical.len();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.put(b'}');
            return Ok(());
        }
        loop {
            self.skip_space();
            let start = self.out.canonical.len();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a member's name is missing"));
            }
            self.string()?;
            let name_end = self.out.canonical.len();
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            self.at += 1;
            self.put(b':');
            self.skip_space();
            self.value()?;
            let end = self.out.canonical.len();
            self.out.members.push(Member { start, name_end, end });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.put(b','),
                Some(b'}') => break,
                _ => return Err(self.wrong("a comma or a closing brace is missing")),
            }
            self.at += 1;
        }
        self.at += 1;
        self.out.sort_members(first, begin);
        self.put(b'}');
        Ok(())
    }

    fn array(&mut self) -> Result<(), ContentError> {
        self.put(b'[');
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.put(b']');
            return Ok(());
        }
        loop {
            self.skip_space();
            self.value()?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.put(b','),
                Some(b']') => break,
                _ => return Err(self.wrong("a comma or a closing bracket is missing")),
            }
            self.at += 1;
        }
        self.at += 1;
        self.put(b']');
        Ok(())
    }

    fn string(&mut self) -> Result<(), ContentError> {
        self.put(b'"');
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let run = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            self.out.canonical.extend_from_slice(rest.get(..run).unwrap_or_default());
            self.at += run;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.wrong("a control character stands in a string")),
                None => return Err(self.wrong("a string does not end")),
            }
        }
        self.at += 1;
        self.put(b'"');
        Ok(())
    }

    fn escape(&mut self) -> Result<(), ContentError> {
        let at = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => c,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode_escape(at),
            _ => return Err(self.wrong("an unknown escape stands in a string")),
        };
        self.at += 1;
        self.put_char(char::from(plain));
        Ok(())
    }

    fn unicode_escape(&mut self, at: usize) -> Result<(), ContentError> {
        let lone = ContentError::Unstorable { at, what: "half of a surrogate pair" };
        let first = self.hex4()?;
        let code = match first {
            0 => return Err(ContentError::Unstorable { at, what: "the character U+0000" }),
            0xd800..=0xdbff => {
                if self.text.get(self.at..self.at + 2) != Some(br"\u") {
                    return Err(lone);
                }
                self.at += 1;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(lone);
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        let decoded = char::from_u32(code).ok_or(lone)?;
        self.put_char(decoded);
        Ok(())
    }

    /// The four digits after the `u` that the reader stands on.
    fn hex4(&mut self) -> Result<u32, ContentError> {
        let digits = self.text.get(self.at + 1..self.at + 5).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|d| u32::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 5;
        Ok(code)
    }

    /// Writes a character of a string in its one canonical way.
    fn put_char(&mut self, c: char) {
        let out = &mut self.out.canonical;
        match c {
            '"' | '\\' => out.push(b'\\'),
            '\0'..='\x1f' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                return;
            }
            _ => {}
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn digits(&mut self) -> Result<std::ops::Range<usize>, ContentError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at { Err(self.wrong("a digit is missing")) } else { Ok(start..self.at) }
    }

    fn number(&mut self) -> Result<(), ContentError> {
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
        let out = &mut self.out.canonical;
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

#[cfg(test)]
mod tests;

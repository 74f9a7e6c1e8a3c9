//! Reading a text and writing its canonical form in one go.

use super::{ContentError, ContentHasher, DEEPEST, MOST_GROWN, Member};

/// A place in a text, and what was read of it so far in its canonical form.
pub(super) struct Reader<'t, 'o> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    out: &'o mut ContentHasher,
    depth: usize,
    grown: usize,
}

impl<'t, 'o> Reader<'t, 'o> {
    pub(super) const fn new(text: &'t str, out: &'o mut ContentHasher) -> Self {
        Self { text: text.as_bytes(), at: 0, out, depth: 0, grown: 0 }
    }

    /// Reads the whole text, which must be one object.
    pub(super) fn document(&mut self) -> Result<(), ContentError> {
        self.skip_space();
        if self.peek() != Some(b'{') {
            self.value()?;
            return Err(ContentError::NotAnObject);
        }
        self.value()?;
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.wrong("something follows the value"));
        }
        Ok(())
    }

    /// Counts bytes by which the record is longer in the database than it came.
    pub(super) fn grow(&mut self, by: usize) -> Result<(), ContentError> {
        self.grown = self.grown.saturating_add(by);
        if self.grown > MOST_GROWN {
            let what = "numbers that are too long when they are written out";
            return Err(ContentError::Unstorable { at: self.at, what });
        }
        Ok(())
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was read, in its canonical form.
    pub(super) fn canonical(&mut self) -> &mut Vec<u8> {
        &mut self.out.canonical
    }

    /// Takes so many bytes over as they stand.
    pub(super) fn copy(&mut self, count: usize) {
        let taken = self.rest().get(..count).unwrap_or_default();
        self.out.canonical.extend_from_slice(taken);
        self.at += count;
    }

    /// Bytes up to the next that ends a string or a run of plain characters in it.
    fn run(&self) -> usize {
        const ONES: u64 = u64::MAX / 255;
        const HIGHS: u64 = ONES << 7;
        let rest = self.rest();
        let mut run = 0;
        // Eight at a time: a byte's high bit is set where it is a quote, a backslash or a control character. Above the
        // lowest of these others may be set wrongly; only the lowest counts.
        while let Some(chunk) = rest.get(run..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            let (quote, backslash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
            let found = (quote.wrapping_sub(ONES) & !quote)
                | (backslash.wrapping_sub(ONES) & !backslash)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let found = found & HIGHS;
            if found != 0 {
                return run + usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
            }
            run += 8;
        }
        let tail = rest.get(run..).unwrap_or_default();
        run + tail.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(tail.len())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn wrong(&self, what: &'static str) -> ContentError {
        ContentError::Syntax { at: self.at, what }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn put(&mut self, byte: u8) {
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
            let first = self.first_bytes(start + 1, name_end);
            self.out.members.push(Member { first, start, name_end, end });
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

    /// The first eight of these bytes of the canonical form, or all and zeros behind them.
    fn first_bytes(&self, start: usize, end: usize) -> u64 {
        let name = self.out.canonical.get(start..end).unwrap_or_default();
        name.first_chunk::<8>().map_or_else(
            || name.iter().zip((0..8).rev()).fold(0, |all, (byte, place)| all | (u64::from(*byte) << (place * 8))),
            |chunk| u64::from_be_bytes(*chunk),
        )
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
            let run = self.run();
            self.copy(run);
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
}

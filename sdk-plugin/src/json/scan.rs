//! Walking over JSON: where tokens begin and end.

use super::{Error, quick};

/// Nested deeper, a text is refused: the guest's stack is small.
const DEEPEST: u32 = 128;

/// A place in a text.
pub(super) struct Scanner<'de> {
    text: &'de str,
    at: usize,
    depth: u32,
}

/// A string as it is meant.
pub(super) enum Text<'de> {
    /// As it stands in the text.
    Lent(&'de str),
    /// With its escapes resolved.
    Made(String),
}

/// A number as it is meant.
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl<'de> Scanner<'de> {
    pub(super) const fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over the character that was peeked at.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The text from `start` to here.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'de str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[cold]
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error { what: what.into(), at: Some(self.at) }
    }

    /// Adds this place to an error that knows none.
    #[cold]
    pub(super) fn place(&self, error: Error) -> Error {
        Error { at: error.at.or(Some(self.at)), ..error }
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.step();
        }
    }

    /// Nothing but space may follow.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.space();
        if self.peek().is_some() { Err(self.wrong("something follows the value")) } else { Ok(()) }
    }

    /// Goes into an object or an array.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), Error> {
        self.step();
        if self.depth == DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        self.depth += 1;
        self.space();
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.step();
        self.depth -= 1;
    }

    /// Goes to the first byte from here on that ends a string or a run of plain characters in it.
    #[inline]
    fn run(&mut self) {
        self.at = quick::end_of_run(self.text.as_bytes(), self.at).unwrap_or(self.text.len());
    }

    #[cold]
    fn no_string(&self) -> Error {
        match self.peek() {
            None => self.wrong("a string does not end"),
            Some(_) => self.wrong("a control character stands in a string"),
        }
    }

    /// Goes over a string, from its quote on.
    #[inline]
    pub(super) fn skip_string(&mut self) -> Result<(), Error> {
        self.step();
        loop {
            self.run();
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => self.skip_escape()?,
                _ => return Err(self.no_string()),
            }
        }
    }

    /// Goes over an escape, from its backslash on. Half of a surrogate pair is for whoever reads the text to mind.
    fn skip_escape(&mut self) -> Result<(), Error> {
        if self.text.as_bytes().get(self.at + 1) == Some(&b'u') {
            self.at += 2;
            return self.hex4().map(drop);
        }
        self.escape().map(drop)
    }

    /// Reads a string, from its quote on.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'de>, Error> {
        self.step();
        let start = self.at;
        self.run();
        if self.peek() == Some(b'"') {
            let lent = self.since(start);
            self.step();
            return Ok(Text::Lent(lent));
        }
        self.string_with_escapes(start)
    }

    #[cold]
    fn string_with_escapes(&mut self, mut start: usize) -> Result<Text<'de>, Error> {
        let mut made = String::new();
        loop {
            made.push_str(self.since(start));
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(Text::Made(made));
                }
                Some(b'\\') => made.push(self.escape()?),
                _ => return Err(self.no_string()),
            }
            start = self.at;
            self.run();
        }
    }

    /// The character that an escape stands for, from its backslash on.
    fn escape(&mut self) -> Result<char, Error> {
        self.step();
        let plain = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.step();
                return self.unicode_escape();
            }
            _ => return Err(self.wrong("an unknown escape stands in a string")),
        };
        self.step();
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let is_pair = (0xd800..0xdc00).contains(&first);
        let code = if is_pair && self.text.as_bytes().get(self.at..self.at + 2) == Some(br"\u") {
            self.at += 2;
            let second = self.hex4()?;
            let is_low = (0xdc00..0xe000).contains(&second);
            if is_low { 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00) } else { first }
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.wrong("half of a surrogate pair stands in a string"))
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(code)
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.step();
        }
        if self.at == start { Err(self.wrong("a digit is missing")) } else { Ok(()) }
    }

    /// Goes over a number; says whether it is written as an integer.
    #[inline]
    fn skip_number(&mut self) -> Result<bool, Error> {
        if self.peek() == Some(b'-') {
            self.step();
        }
        if self.peek() == Some(b'0') {
            self.step();
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.wrong("a number begins with 0"));
            }
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
            is_integer = false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.step();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
            is_integer = false;
        }
        Ok(is_integer)
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Result<Number, Error> {
        let start = self.at;
        let is_integer = self.skip_number()?;
        let written = self.since(start);
        if is_integer && let Ok(number) = written.parse() {
            return Ok(Number::Unsigned(number));
        }
        // The negative zero is a float's.
        if is_integer && let Some(number) = written.parse().ok().filter(|number| *number != 0) {
            return Ok(Number::Signed(number));
        }
        let float = written.parse().ok().filter(|float: &f64| float.is_finite());
        float.map(Number::Float).ok_or_else(|| self.wrong("number out of range"))
    }

    /// Goes over `true`, `false` or `null`.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> Result<(), Error> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.wrong("a value is missing"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Goes over the colon behind a name, and the space around it.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Error> {
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.wrong("a colon is missing"));
        }
        self.step();
        self.space();
        Ok(())
    }

    #[inline]
    fn skip_name(&mut self) -> Result<(), Error> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a member's name is missing"));
        }
        self.skip_string()?;
        self.colon()
    }

    /// Goes over a value of any kind, which must be sound all the same.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        // Within what both allow in depth.
        if self.depth < DEEPEST / 2
            && let Some(end) = quick::end_of_value(self.text.as_bytes(), self.at)
        {
            self.at = end;
            return Ok(());
        }
        self.skip_with_care()
    }

    #[cold]
    fn skip_with_care(&mut self) -> Result<(), Error> {
        // A bit for each container that is open, the innermost lowest: set for an object.
        let mut open = 0_u128;
        let outer = self.depth;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_string()?,
                Some(b'-' | b'0'..=b'9') => self.skip_number().map(drop)?,
                Some(b'{') => {
                    self.enter()?;
                    if self.peek() == Some(b'}') {
                        self.leave();
                    } else {
                        open = (open << 1) | 1;
                        self.skip_name()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.enter()?;
                    if self.peek() == Some(b']') {
                        self.leave();
                    } else {
                        open <<= 1;
                        continue;
                    }
                }
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => return Err(self.wrong("a value is missing")),
            }
            loop {
                if self.depth == outer {
                    return Ok(());
                }
                self.space();
                let is_object = open & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.step();
                        self.space();
                        if is_object {
                            self.skip_name()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => self.leave(),
                    Some(b']') if !is_object => self.leave(),
                    _ => return Err(self.wrong("a comma or a closing bracket is missing")),
                }
                open >>= 1;
            }
        }
    }
}

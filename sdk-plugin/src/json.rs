//! JSON in one go: what a type asks for is read, what it does not ask for is passed over, and a [`Record`] keeps its text
//! beside what was read of it, so that a page of thousands of records is walked once and copied once.
//!
//! The same texts are taken and refused as by `serde_json` (RFC 8259, nested at most 128 deep); a plugin's instructions
//! are counted, and this takes a fraction of them.

mod id;
mod quick;
mod read;
mod record;
mod scan;

use std::fmt;

use serde::Deserialize;

pub use id::Id;
pub use record::Record;
use scan::Scanner;

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    what: Box<str>,
    at: Option<usize>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.at.map_or(Ok(()), |at| write!(f, " at byte {at}"))
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { what: what.to_string().into(), at: None }
    }
}

/// Reads a text that is one JSON value. Texts without escapes are lent to `&str` and `Cow<str>` that borrow.
///
/// # Errors
/// The text is not JSON, or not what `T` is made of.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    let mut scanner = Scanner::new(text);
    scanner.space();
    let value = T::deserialize(&mut scanner).map_err(|error| scanner.place(error))?;
    scanner.end()?;
    Ok(value)
}

/// The same from bytes, which must be UTF-8.
///
/// # Errors
/// Those of [`from_str`].
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => from_str(text),
        Err(error) => Err(Error { what: "invalid UTF-8".into(), at: Some(error.valid_up_to()) }),
    }
}

#[cfg(test)]
mod tests;

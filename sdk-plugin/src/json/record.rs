//! Records, with their text beside what is read of them.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, Error as _, SeqAccess, Visitor},
};

use super::scan::Scanner;

/// By this name the reader is asked for both sides.
pub(super) const NAME: &str = "$patchbay::Record";

/// One record of a list: what a plugin wants to know of it, and all of it as it stands in the answer. Only
/// [`mod@crate::json`] reads it, so by way of [`crate::Response::records`].
///
/// ```
/// use patchbay_plugin::json::{self, Record};
///
/// #[derive(serde::Deserialize)]
/// struct Head<'a> {
///     id: &'a str,
/// }
///
/// let page = r#"[{"id": "ord_1", "lines": [1, 2]}, {"id": "ord_2", "lines": []}]"#;
/// let records: Vec<Record<Head>> = json::from_str(page)?;
/// assert_eq!(records[1].head.id, "ord_2");
/// assert_eq!(records[1].text, r#"{"id": "ord_2", "lines": []}"#);
/// # Ok::<(), json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a, H> {
    /// What was read of it.
    pub head: H,
    /// Its JSON.
    pub text: &'a str,
}

impl<'de: 'a, 'a, H: Deserialize<'de>> Deserialize<'de> for Record<'a, H> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Sides(PhantomData))
    }
}

struct Sides<'a, H>(PhantomData<Record<'a, H>>);

impl<'de: 'a, 'a, H: Deserialize<'de>> Visitor<'de> for Sides<'a, H> {
    type Value = Record<'a, H>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, read by `patchbay_plugin::json`")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<Self::Value, A::Error> {
        let head = sides.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let text = sides.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        Ok(Record { head, text })
    }
}

/// The place at which a record begins, and how much of it has been asked for.
pub(super) struct Both<'r, 'de> {
    scanner: &'r mut Scanner<'de>,
    start: usize,
    asked: u8,
}

impl<'r, 'de> Both<'r, 'de> {
    #[inline]
    pub(super) fn of(scanner: &'r mut Scanner<'de>) -> Self {
        let start = scanner.at();
        Self { scanner, start, asked: 0 }
    }

    /// Nothing where what is read comes next, the text after that, and no text when both were given.
    #[inline]
    pub(super) fn next_text(&mut self) -> Option<Option<&'de str>> {
        let asked = self.asked;
        self.asked = asked.saturating_add(1);
        match asked {
            0 => None,
            1 => Some(Some(self.scanner.since(self.start))),
            _ => Some(None),
        }
    }

    #[inline]
    pub(super) fn scanner(&mut self) -> &mut Scanner<'de> {
        self.scanner
    }
}

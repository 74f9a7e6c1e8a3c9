//! Columns that hold one of a few words.

use crate::StoreError;

/// The value of a word, by the enum's own `parse`.
pub(crate) fn word<T>(table: &'static str, word: &str, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(word).ok_or_else(|| StoreError::Corrupt { table, what: format!("`{word}` is none of the known words") })
}

/// A count as the API knows it: never negative.
pub(crate) fn count<F, T: TryFrom<F>>(table: &'static str, number: F) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Corrupt { table, what: "a count is negative or too large".into() })
}

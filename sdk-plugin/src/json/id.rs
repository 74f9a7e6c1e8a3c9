//! Ids, however a provider writes them.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, Error, Visitor},
};

/// The longest that is stored, in bytes.
const LONGEST: usize = 512;

/// The provider's id of something, which it writes as a text or as a whole number, and which is stored as text. Anything
/// else is refused with words for it: `null`, a fraction, a list; an empty text, one of more than 512 bytes, one with a NUL
/// in it. So a page with a record that nobody could find again is an answer that is not what the provider's documentation
/// says, and none of it is taken.
///
/// ```
/// use patchbay_plugin::json::{self, Id};
///
/// #[derive(serde::Deserialize)]
/// struct Head {
///     id: Id,
/// }
///
/// let heads: Vec<Head> = json::from_str(r#"[{"id": "ord_1"}, {"id": 2}]"#)?;
/// let ids: Vec<String> = heads.into_iter().map(|head| head.id.into()).collect();
/// assert_eq!(ids, ["ord_1", "2"]);
/// assert!(json::from_str::<Head>(r#"{"id": null}"#).is_err());
/// # Ok::<(), json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl<'de> Deserialize<'de> for Id {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, which is a text or a whole number")
    }

    #[inline]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Id, E> {
        Ok(Id(number.to_string()))
    }

    #[inline]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Id, E> {
        Ok(Id(number.to_string()))
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
        fits(text)?;
        Ok(Id(text.to_owned()))
    }

    #[inline]
    fn visit_string<E: Error>(self, text: String) -> Result<Id, E> {
        fits(&text)?;
        Ok(Id(text))
    }

    /// `null`, which serde would call a unit.
    fn visit_unit<E: Error>(self) -> Result<Id, E> {
        Err(E::custom("an id is null, not a text or a whole number"))
    }
}

fn fits<E: Error>(text: &str) -> Result<(), E> {
    match text {
        "" => Err(E::custom("an id is empty")),
        text if text.len() > LONGEST => {
            Err(E::custom(format_args!("an id has {} bytes; {LONGEST} are stored", text.len())))
        }
        text if text.contains('\0') => Err(E::custom("an id holds a NUL")),
        _ => Ok(()),
    }
}

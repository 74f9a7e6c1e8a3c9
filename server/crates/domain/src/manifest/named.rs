//! A few things by name.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// Things by name, in the order of the names. A `BTreeMap` for reading, but one entry takes no more room than itself:
/// a map's smallest node has room for eleven, and most manifests have one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T>(Box<[(String, T)]>);

impl<T> Named<T> {
    /// The thing of that name.
    #[must_use]
    pub fn get<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> Option<&T> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name.as_ref())).ok()?;
        self.0.get(at).map(|(_, thing)| thing)
    }

    /// Whether there is one of that name.
    #[must_use]
    pub fn contains_key<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> bool {
        self.get(name).is_some()
    }

    /// All, by name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&String, &T)> + ExactSizeIterator {
        self.0.iter().map(|(name, thing)| (name, thing))
    }

    /// The names.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &String> + ExactSizeIterator {
        self.0.iter().map(|(name, _)| name)
    }

    /// The things, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter().map(|(_, thing)| thing)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

/// Of two with one name the later counts.
impl<T> FromIterator<(String, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(things: I) -> Self {
        Self(BTreeMap::from_iter(things).into_iter().collect())
    }
}

impl<'a, T> IntoIterator for &'a Named<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (String, T)>, fn(&'a (String, T)) -> (&'a String, &'a T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, thing)| (name, thing))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, T>()? {
            entries.push(entry);
        }
        Ok(entries.into_iter().collect())
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_id()
    }

    fn inline_schema() -> bool {
        BTreeMap::<String, T>::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_by_name_and_told_in_order() {
        let named: Named<u8> = toml::from_str("b = 2\na = 1\nab = 3").unwrap();
        assert_eq!(
            named.iter().map(|(name, thing)| (name.as_str(), *thing)).collect::<Vec<_>>(),
            [("a", 1), ("ab", 3), ("b", 2)]
        );
        assert_eq!((named.get("ab"), named.get("c"), named.contains_key("b"), named.len()), (Some(&3), None, true, 3));
        assert!(named.keys().eq(["a", "ab", "b"]) && named.values().eq(&[1, 3, 2]));
        assert!(Named::<u8>::default().is_empty());
        let later: Named<u8> = [("a".to_owned(), 1), ("a".to_owned(), 2)].into_iter().collect();
        assert_eq!((later.len(), later.get("a")), (1, Some(&2)));
    }
}

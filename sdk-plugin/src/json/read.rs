//! Serde's way from the text into types.

use serde::{
    de::{DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    Error,
    record::{self, Both},
    scan::{Number, Scanner, Text},
};

impl<'de> serde::Deserializer<'de> for &mut Scanner<'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => match self.string()? {
                Text::Lent(text) => visitor.visit_borrowed_str(text),
                Text::Made(text) => visitor.visit_string(text),
            },
            Some(b'{') => {
                self.enter()?;
                let value = visitor.visit_map(Members { scanner: self, is_first: true })?;
                if self.peek() != Some(b'}') {
                    return Err(self.wrong("an object has more members than were read"));
                }
                self.leave();
                Ok(value)
            }
            Some(b'[') => {
                self.enter()?;
                let value = visitor.visit_seq(Elements { scanner: self, is_first: true })?;
                if self.peek() != Some(b']') {
                    return Err(self.wrong("an array has more elements than were read"));
                }
                self.leave();
                Ok(value)
            }
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                Number::Unsigned(number) => visitor.visit_u64(number),
                Number::Signed(number) => visitor.visit_i64(number),
                Number::Float(number) => visitor.visit_f64(number),
            },
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => Err(self.wrong("a value is missing")),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'n') {
            self.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == record::NAME {
            return visitor.visit_seq(Both::of(self));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => match self.string()? {
                Text::Lent(text) => visitor.visit_enum(text.into_deserializer()),
                Text::Made(text) => visitor.visit_enum(text.into_deserializer()),
            },
            Some(b'{') => {
                self.enter()?;
                let value = visitor.visit_enum(Variant { scanner: self })?;
                self.space();
                if self.peek() != Some(b'}') {
                    return Err(self.wrong("a variant has one member"));
                }
                self.leave();
                Ok(value)
            }
            _ => Err(self.wrong("a variant is a string or an object")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// The members of an object.
struct Members<'r, 'de> {
    scanner: &'r mut Scanner<'de>,
    is_first: bool,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let scanner = &mut *self.scanner;
        scanner.space();
        match scanner.peek() {
            Some(b'}') => return Ok(None),
            Some(b',') if !self.is_first => {
                scanner.step();
                scanner.space();
            }
            _ if self.is_first => {}
            _ => return Err(scanner.wrong("a comma or a closing brace is missing")),
        }
        self.is_first = false;
        if scanner.peek() != Some(b'"') {
            return Err(scanner.wrong("a member's name is missing"));
        }
        seed.deserialize(Name { scanner }).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.scanner.colon()?;
        seed.deserialize(&mut *self.scanner)
    }
}

/// A member's name: a string, which may be meant as a number or a truth value, as the keys of maps are.
struct Name<'r, 'de> {
    scanner: &'r mut Scanner<'de>,
}

impl Name<'_, '_> {
    fn parsed<T: std::str::FromStr>(self) -> Result<T, Error> {
        let parsed = match self.scanner.string()? {
            Text::Lent(text) => text.parse(),
            Text::Made(text) => text.parse(),
        };
        parsed.map_err(|_| self.scanner.wrong("a member's name is of another kind"))
    }
}

/// Keys of maps that are no strings.
macro_rules! parsed_names {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.parsed()?)
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Name<'_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scanner.string()? {
            Text::Lent(text) => visitor.visit_borrowed_str(text),
            Text::Made(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.scanner.deserialize_enum(name, variants, visitor)
    }

    parsed_names! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The elements of an array.
struct Elements<'r, 'de> {
    scanner: &'r mut Scanner<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let scanner = &mut *self.scanner;
        scanner.space();
        match scanner.peek() {
            Some(b']') => return Ok(None),
            Some(b',') if !self.is_first => {
                scanner.step();
                scanner.space();
                if scanner.peek() == Some(b']') {
                    return Err(scanner.wrong("a value is missing"));
                }
            }
            _ if self.is_first => {}
            _ => return Err(scanner.wrong("a comma or a closing bracket is missing")),
        }
        self.is_first = false;
        seed.deserialize(scanner).map(Some)
    }
}

/// An object of one member, as an enum's variant with something in it.
struct Variant<'r, 'de> {
    scanner: &'r mut Scanner<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        if self.scanner.peek() != Some(b'"') {
            return Err(self.scanner.wrong("a member's name is missing"));
        }
        let variant = seed.deserialize(Name { scanner: &mut *self.scanner })?;
        self.scanner.colon()?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(self.scanner)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.scanner)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_any(self.scanner, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_any(self.scanner, visitor)
    }
}

/// A record's two sides, told apart by their order: what is read of it, then its text.
impl<'de> SeqAccess<'de> for Both<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.next_text() {
            None => seed.deserialize(self.scanner()).map(Some),
            Some(Some(text)) => {
                seed.deserialize(serde::de::value::BorrowedStrDeserializer::<Error>::new(text)).map(Some)
            }
            Some(None) => Err(Error::custom("a record has two sides")),
        }
    }
}

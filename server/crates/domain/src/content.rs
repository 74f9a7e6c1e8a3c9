//! The content of a record, in a form in which equal things are equal bytes, and its hash.
//!
//! Two texts of the same JSON value (RFC 8259) give the same canonical form: members are sorted by name, the last of
//! two with the same name counts, white space is gone, strings are escaped in one way, and numbers are compared as
//! decimal numbers of any length, so `1`, `1.0` and `10e-1` are the same and no digit is lost to binary fractions.

mod number;
mod reader;

use reader::Reader;

/// Bytes of a record. Also keeps a page within what one statement can carry.
pub const LARGEST: usize = 4 << 20;
/// Deeper nesting than this is refused.
pub const DEEPEST: usize = 128;
/// A record whose numbers, written out without exponents, take so many bytes more than it has is refused.
pub const MOST_GROWN: usize = 1 << 20;

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
    /// Too long.
    #[error("has {bytes} bytes; {LARGEST} are allowed")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
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
    /// The first bytes of the name, as a number that compares like them: most names differ in these.
    first: u64,
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
        if text.len() > LARGEST {
            return Err(ContentError::TooLarge { bytes: text.len() });
        }
        self.canonical.clear();
        self.members.clear();
        Reader::new(text, self).document()?;
        Ok(&self.canonical)
    }

    /// Brings the members that begin at index `first` into order; they lie one after the other from `start` on.
    fn sort_members(&mut self, first: usize, start: usize) {
        let Self { canonical, members, scratch } = self;
        let Some(own) = members.get_mut(first..) else { return };
        let name = |member: &Member| canonical.get(member.start..member.name_end).unwrap_or_default();
        let order = |a: &Member, b: &Member| a.first.cmp(&b.first).then_with(|| name(a).cmp(name(b)));
        let in_order = own.windows(2).all(|pair| matches!(pair, [a, b] if order(a, b).is_lt()));
        if !in_order {
            // Stable, so that of two with the same name the later stays the later.
            own.sort_by(order);
            scratch.clear();
            for (index, member) in own.iter().enumerate() {
                let is_overruled = own.get(index + 1).is_some_and(|next| order(next, member).is_eq());
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

/// The digest (BLAKE3) of a page's records as they came: of each its id and its text, with their lengths, so that no two
/// pages give the same bytes. Much cheaper than hashing each of them, and an equal one says that nothing is different;
/// another says nothing.
pub fn page_digest<'a>(records: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut page = Vec::new();
    for (id, text) in records {
        for part in [id, text] {
            page.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            page.extend_from_slice(part.as_bytes());
        }
    }
    *blake3::hash(&page).as_bytes()
}

#[cfg(test)]
mod tests;

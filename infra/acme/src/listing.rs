//! A kind of record of one shop, in the order of its last change. Bodies are generated when asked for, so that a
//! hundred thousand records cost a few megabytes.

use std::collections::{BTreeMap, BTreeSet};

/// What is kept of a record. Everything else follows from its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// When it last changed, in seconds of the shop's clock (Unix time).
    pub(crate) updated: u64,
    /// How often it was edited.
    pub(crate) edits: u64,
    /// Whether it is an order that was cancelled.
    pub(crate) cancelled: bool,
    /// Whether only a tombstone is left.
    pub(crate) deleted: bool,
}

/// A place in the listing: time of the last change, then number.
pub(crate) type Place = (u64, u64);

/// The records of one kind.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    entries: BTreeMap<u64, Entry>,
    order: BTreeSet<Place>,
}

impl Listing {
    /// Adds the record with this number, or changes it by `change`; either way it moves to the end of the listing.
    pub(crate) fn touch(&mut self, number: u64, now: u64, change: impl FnOnce(&mut Entry)) {
        let entry = self.entries.entry(number).or_default();
        self.order.remove(&(entry.updated, number));
        change(entry);
        entry.updated = now;
        self.order.insert((now, number));
    }

    /// The record with this number, if it exists and is not deleted.
    pub(crate) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number).filter(|entry| !entry.deleted)
    }

    /// The highest number ever given.
    pub(crate) fn last_number(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Numbers of the records that are there, lowest first.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().filter(|(_, entry)| !entry.deleted).map(|(number, _)| *number)
    }

    /// Up to `limit` records behind `after` that changed at `since` or later, and where to go on if there are more.
    /// Deleted records are among them only when asked by `since`: a full listing shows what is there.
    pub(crate) fn page(
        &self,
        after: Option<Place>,
        since: Option<u64>,
        limit: usize,
    ) -> (Vec<(u64, &Entry)>, Option<Place>) {
        let from = after.map_or((0, 0), |(at, number)| (at, number + 1)).max((since.unwrap_or(0), 0));
        let mut page = Vec::with_capacity(limit);
        let mut last = None;
        for &place in self.order.range(from..) {
            let Some(entry) = self.entries.get(&place.1).filter(|entry| since.is_some() || !entry.deleted) else {
                continue;
            };
            if page.len() == limit {
                return (page, last);
            }
            page.push((place.1, entry));
            last = Some(place);
        }
        (page, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let mut listing = Listing::default();
        for number in 1..=5 {
            listing.touch(number, 100 + number, |_| ());
        }
        listing
    }

    fn numbers(page: &[(u64, &Entry)]) -> Vec<u64> {
        page.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn pages_follow_each_other_and_end() {
        let listing = listing();
        let (first, next) = listing.page(None, None, 2);
        assert_eq!((numbers(&first), next), (vec![1, 2], Some((102, 2))));
        let (second, next) = listing.page(next, None, 3);
        assert_eq!(
            (numbers(&second), next),
            (vec![3, 4, 5], None),
            "a page that ends with the last record is the last"
        );
    }

    #[test]
    fn a_change_moves_to_the_end_and_a_deletion_shows_only_by_since() {
        let mut listing = listing();
        listing.touch(2, 200, |entry| entry.edits += 1);
        listing.touch(3, 201, |entry| entry.deleted = true);
        assert_eq!(numbers(&listing.page(None, None, 9).0), vec![1, 4, 5, 2]);
        let (changed, _) = listing.page(None, Some(200), 9);
        assert_eq!(numbers(&changed), vec![2, 3]);
        assert!(changed[1].1.deleted);
        assert!(listing.get(3).is_none());
    }
}

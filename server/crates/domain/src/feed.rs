//! The cursor of the change feed: which sync, the number of the last change that was read, and since when nothing was missed.
//! Opaque outside; it says nothing that its holder may not know, and grants nothing, so it is checked against mistakes and
//! not against forgery.
//!
//! # When a reader has missed something
//!
//! Deleted records are removed after some days. Whoever reads on after a removed one never hears that it was deleted. A
//! reader at number `n` can have missed a removed record only if that had a higher number, and only if it read the
//! record while it was there: then the record was deleted after the reader began at the beginning, or after it last
//! stood at the end. So the cursor bears that time, and a reader has missed nothing if all that was removed had been
//! deleted before it. Without the time a reader that began anew would be told to begin anew as long as it has not come past the
//! removed ones' numbers.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ids::SyncId;

const VERSION: u8 = 2;
const CHECKSUM: usize = 4;
const LENGTH: usize = 1 + 16 + 8 + 4 + CHECKSUM;
/// Clocks of servers may differ by so much, and a page may take so long between the time that it writes down and its end.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// A place in the change feed of one sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    /// Whose feed.
    pub sync: SyncId,
    /// Everything up to this number was read.
    pub seq: i64,
    /// When the reader last began at the beginning or stood at the end, in seconds since 1970.
    pub whole_at: u32,
}

/// The text is not a cursor that we gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of the change feed; give `next_cursor` of an earlier page, or none to begin")]
pub struct BadCursor;

impl FeedCursor {
    /// The beginning of a feed.
    #[must_use]
    pub fn beginning(sync: SyncId, now: DateTime<Utc>) -> Self {
        Self { sync, seq: 0, whole_at: seconds(now) }
    }

    /// Where a reader goes on that has read everything up to a number; `at_end` if there was nothing behind that.
    #[must_use]
    pub fn moved(self, seq: i64, at_end: bool, now: DateTime<Utc>) -> Self {
        Self { seq: seq.max(self.seq), whole_at: if at_end { seconds(now) } else { self.whole_at }, ..self }
    }

    /// Whether the reader may have missed that a record was deleted: one with a number up to `pruned_seq` was removed, and all
    /// that were removed had been deleted before `pruned_before`.
    #[must_use]
    pub fn has_missed(&self, pruned_seq: i64, pruned_before: DateTime<Utc>) -> bool {
        let whole_at = DateTime::from_timestamp(self.whole_at.into(), 0).unwrap_or_default();
        self.seq < pruned_seq && whole_at - MARGIN < pruned_before
    }

    /// As text: 44 characters of base64url.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.sync.uuid().as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.whole_at.to_be_bytes());
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`FeedCursor::encode`] wrote.
    ///
    /// # Errors
    /// [`BadCursor`] for anything else.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BadCursor)?;
        if checksum(body) != *sum {
            return Err(BadCursor);
        }
        let (version, rest) = body.split_first().ok_or(BadCursor)?;
        let (sync, rest) = rest.split_first_chunk::<16>().ok_or(BadCursor)?;
        let (seq, whole_at) = rest.split_first_chunk::<8>().ok_or(BadCursor)?;
        let seq = i64::from_be_bytes(*seq);
        let whole_at = u32::from_be_bytes(whole_at.try_into().map_err(|_| BadCursor)?);
        if *version != VERSION || seq < 0 {
            return Err(BadCursor);
        }
        Ok(Self { sync: SyncId::from_uuid(uuid::Uuid::from_bytes(*sync)), seq, whole_at })
    }
}

/// The API's own dates end before these do.
fn seconds(now: DateTime<Utc>) -> u32 {
    u32::try_from(now.timestamp().max(0)).unwrap_or(u32::MAX)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    crc32fast::hash(bytes).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips_and_notices_every_changed_character(ms in 0u64..1 << 47, random: [u8; 10], seq in 0i64.., whole_at: u32, at in 0usize..44, to in "[A-Za-z0-9_-]") {
            let cursor = FeedCursor { sync: SyncId::new(ms, random), seq, whole_at };
            let text = cursor.encode();
            prop_assert_eq!(text.len(), 44);
            prop_assert_eq!(FeedCursor::decode(&text), Ok(cursor));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            if changed != text {
                prop_assert_eq!(FeedCursor::decode(&changed), Err(BadCursor));
            }
        }

        #[test]
        fn sv_7_no_text_panics(text in ".{0,60}", like in "[A-Za-z0-9_-]{44}") {
            prop_assert_eq!(FeedCursor::decode(&text), Err(BadCursor));
            // One in 2^32 would pass.
            prop_assert_eq!(FeedCursor::decode(&like), Err(BadCursor));
        }
    }
    #[test]
    fn e_6_who_has_missed_a_deletion_is_told_and_nobody_else() {
        let day = |n: i64| DateTime::UNIX_EPOCH + TimeDelta::days(n);
        let began = FeedCursor::beginning(SyncId::new(1, [1; 10]), day(10));
        // Removed on day 40: a record that was deleted with number 70 before day 10 or after it.
        assert!(!began.has_missed(70, day(9)), "it was gone when the reader began");
        assert!(began.has_missed(70, day(11)), "it was there when the reader began, and may have been read");
        let slow = began.moved(50, false, day(30));
        assert!(slow.has_missed(70, day(11)), "going on is not being at the end");
        assert!(!slow.moved(70, false, day(30)).has_missed(70, day(11)), "it was read, deleted as it was");
        assert!(!slow.moved(50, true, day(30)).has_missed(70, day(29)), "at the end on day 30 all before is known");
        assert!(slow.moved(50, true, day(30)).has_missed(70, day(30)), "clocks differ");
        assert_eq!(slow.moved(20, false, day(30)).seq, 50, "nobody goes back");
    }
}

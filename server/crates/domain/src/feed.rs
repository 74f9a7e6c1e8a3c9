//! The cursor of the change feed: which sync, and the number of the last change that was read. Opaque outside; it says
//! nothing that its holder may not know, and grants nothing, so it is checked against mistakes and not against forgery.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ids::SyncId;

const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
const LENGTH: usize = 1 + 16 + 8 + CHECKSUM;

/// A place in the change feed of one sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    /// Whose feed.
    pub sync: SyncId,
    /// Everything up to this number was read.
    pub seq: i64,
}

/// The text is not a cursor that we gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of the change feed; give `next_cursor` of an earlier page, or none to begin")]
pub struct BadCursor;

impl FeedCursor {
    /// As text: 39 characters of base64url.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.sync.uuid().as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
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
        let (sync, seq) = rest.split_first_chunk::<16>().ok_or(BadCursor)?;
        let seq = i64::from_be_bytes(seq.try_into().map_err(|_| BadCursor)?);
        if *version != VERSION || seq < 0 {
            return Err(BadCursor);
        }
        Ok(Self { sync: SyncId::from_uuid(uuid::Uuid::from_bytes(*sync)), seq })
    }
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
        fn round_trips_and_notices_every_changed_character(ms in 0u64..1 << 47, random: [u8; 10], seq in 0i64.., at in 0usize..39, to in "[A-Za-z0-9_-]") {
            let cursor = FeedCursor { sync: SyncId::new(ms, random), seq };
            let text = cursor.encode();
            prop_assert_eq!(text.len(), 39);
            prop_assert_eq!(FeedCursor::decode(&text), Ok(cursor));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            if changed != text {
                prop_assert_eq!(FeedCursor::decode(&changed), Err(BadCursor));
            }
        }

        #[test]
        fn sv_7_no_text_panics(text in ".{0,60}", like in "[A-Za-z0-9_-]{39}") {
            prop_assert_eq!(FeedCursor::decode(&text), Err(BadCursor));
            // One in 2^32 would pass.
            prop_assert_eq!(FeedCursor::decode(&like), Err(BadCursor));
        }
    }
}

//! Records as readers get them.

use chrono::{DateTime, Utc};
use store::RecordRow;
use vault::{KeyError, RowKey};

use super::Fields;

/// A record as readers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordView {
    /// The provider's id of it.
    pub id: String,
    /// Number of its latest change.
    pub seq: i64,
    /// The record, JSON as text; `None` if its content was removed.
    pub data: Option<String>,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// When its content last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it is gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Whether reading these needs the sync's record key.
pub(super) fn need_key(rows: &[RecordRow]) -> bool {
    rows.iter().any(|row| row.sealed_body.as_ref().is_some_and(|sealed| !sealed.is_empty()))
}

/// A row opened and cut to the fields that are asked for.
///
/// # Errors
/// It does not open, or what it holds is not JSON.
pub(super) fn shown(row: RecordRow, key: Option<&RowKey>, fields: Option<&Fields>) -> Result<RecordView, KeyError> {
    const CORRUPT: KeyError = KeyError::Corrupt { what: "a sealed record" };
    let data = match (row.body, row.sealed_body) {
        (Some(body), _) => Some(body),
        (None, Some(sealed)) if !sealed.is_empty() => {
            let opened = key.ok_or(CORRUPT)?.open(&row.external_id, &sealed)?;
            Some(String::from_utf8(opened.to_vec()).map_err(|_| CORRUPT)?)
        }
        (None, _) => None,
    };
    let data = match (data, fields) {
        (Some(data), Some(fields)) => Some(fields.of(&data).map_err(|_| CORRUPT)?),
        (data, _) => data,
    };
    Ok(RecordView {
        id: row.external_id,
        seq: row.seq,
        data,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    })
}

/// Writes a record as the API has it (`api_types::sync::Record`), without reading and writing what it holds once more.
/// `cursor` is a member more.
pub fn write_json(out: &mut Vec<u8>, record: &RecordView, cursor: Option<&str>) {
    // Writing into memory does not fail, and neither does writing texts and times as JSON.
    out.extend_from_slice(b"{\"id\":");
    let _ = serde_json::to_writer(&mut *out, &record.id);
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(record.data.as_ref().map_or(b"null".as_slice(), |data| data.as_bytes()));
    if record.data.is_none() {
        out.extend_from_slice(b",\"pruned\":true");
    }
    out.extend_from_slice(b",\"created_at\":");
    let _ = serde_json::to_writer(&mut *out, &record.created_at);
    out.extend_from_slice(b",\"updated_at\":");
    let _ = serde_json::to_writer(&mut *out, &record.updated_at);
    out.extend_from_slice(b",\"deleted_at\":");
    let _ = serde_json::to_writer(&mut *out, &record.deleted_at);
    if let Some(cursor) = cursor {
        out.extend_from_slice(b",\"cursor\":");
        let _ = serde_json::to_writer(&mut *out, cursor);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use api_types::sync::Record;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_api_says_a_record_is() {
        let at = DateTime::from_timestamp_micros(1_763_800_000_123_456).unwrap();
        for (data, deleted_at) in [(Some("{\"a\": [1, \"é\"]}"), None), (None, Some(at)), (Some("{}"), Some(at))] {
            let view = RecordView {
                id: "a \"quoted\" id\n".into(),
                seq: 1,
                data: data.map(str::to_owned),
                created_at: at,
                updated_at: at,
                deleted_at,
            };
            let mut bytes = Vec::new();
            write_json(&mut bytes, &view, None);
            let record: Record = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                serde_json::to_value(&record).unwrap(),
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
            );
            assert_eq!((record.id, record.pruned, record.deleted_at), (view.id, data.is_none(), deleted_at));
            assert_eq!(record.data, data.map_or(serde_json::Value::Null, |data| serde_json::from_str(data).unwrap()));
        }
    }
}

//! Cursors as structs, written as JSON.

use serde::{Serialize, de::DeserializeOwned};

use crate::Failure;

/// The cursor as `T`, or `T`'s default at the beginning of a stream.
///
/// # Errors
/// [`crate::Blame::CursorExpired`] if this version of the plugin does not understand the cursor: the stream begins anew.
pub fn read<T: DeserializeOwned + Default>(cursor: Option<&str>) -> Result<T, Failure> {
    cursor.map_or_else(
        || Ok(T::default()),
        |text| {
            serde_json::from_str(text)
                .map_err(|e| Failure::cursor_expired(format!("The cursor is of another version of this plugin: {e}")))
        },
    )
}

/// The cursor as text.
///
/// # Errors
/// The plugin is to blame if it cannot be written as JSON.
pub fn write(cursor: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(cursor).map_err(|e| Failure::plugin(format!("The cursor is not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blame;

    #[derive(serde::Serialize, serde::Deserialize, Default, Debug, PartialEq)]
    struct Cursor {
        page: u32,
    }

    #[test]
    fn a_cursor_survives_and_the_beginning_is_the_default() {
        assert_eq!(read::<Cursor>(None).unwrap(), Cursor { page: 0 });
        assert_eq!(read::<Cursor>(Some(&write(&Cursor { page: 3 }).unwrap())).unwrap(), Cursor { page: 3 });
    }

    #[test]
    fn a_cursor_of_another_shape_begins_the_stream_anew() {
        let failure = read::<Cursor>(Some("{\"offset\":1}")).unwrap_err();
        assert!(matches!(failure.blame, Blame::CursorExpired), "{failure:?}");
    }
}

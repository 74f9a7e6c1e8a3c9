//! Building a page.

use serde::Serialize;

use crate::{Failure, Item, Page};

impl Item {
    /// A record with the provider's id of it and its JSON as it stands, from [`crate::json::Record::text`].
    #[must_use]
    pub fn raw(id: impl Into<String>, text: &str) -> Self {
        Self { id: id.into(), body: text.to_owned() }
    }

    /// A record with the provider's id of it and its body, any value that becomes a JSON object.
    ///
    /// # Errors
    /// The plugin is to blame if the body cannot be written as JSON.
    pub fn new(id: impl Into<String>, body: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_string(body).map_err(|e| Failure::plugin(format!("A record is not JSON: {e}")))?;
        Ok(Self { id: id.into(), body })
    }
}

impl Page {
    /// A page of these items, the last one of this run until [`Page::more`] says otherwise.
    #[must_use]
    pub fn of(items: Vec<Item>) -> Self {
        Self { items, deleted: Vec::new(), cursor: None, more: false }
    }

    /// Adds ids of records that the provider says are gone.
    #[must_use]
    pub fn deleted(mut self, ids: Vec<String>) -> Self {
        self.deleted = ids;
        self
    }

    /// There is more to pull now, from `cursor` on.
    ///
    /// # Errors
    /// The plugin is to blame if the cursor cannot be written as JSON.
    pub fn more(mut self, cursor: &impl Serialize) -> Result<Self, Failure> {
        self.cursor = Some(crate::cursor::write(cursor)?);
        self.more = true;
        Ok(self)
    }

    /// That is all for now; the next run begins at `cursor`.
    ///
    /// # Errors
    /// The plugin is to blame if the cursor cannot be written as JSON.
    pub fn done(mut self, cursor: &impl Serialize) -> Result<Self, Failure> {
        self.cursor = Some(crate::cursor::write(cursor)?);
        self.more = false;
        Ok(self)
    }
}

//! Walking a listing from its beginning to its end, as streams do that begin anew in each run, and walking what changed
//! since the last run.

use serde::{Deserialize, Serialize};

use crate::{Failure, Item, Page, cursor};

/// Where a walk over a listing stands: at its beginning, or at the page that the one before named. The name is the
/// provider's: a link, a cursor, the last id, the number of a page.
///
/// Where the provider counts pages, [`Walk::number`] is the one to ask for; it says itself whether there are more:
///
/// ```
/// use patchbay_plugin::{Failure, Item, Page, Value, Walk, http};
///
/// fn orders(cursor: Option<&str>) -> Result<Page, Failure> {
///     let page = Walk::at(cursor)?.number(1)?;
///     let body: Value = http::get("/orders").query("page", page).query("per_page", 100).fetch()?;
///     let orders = body["orders"].as_array().ok_or_else(|| Failure::provider("The answer has no list of orders."))?;
///     let items = orders.iter().map(|order| Item::new(order["id"].as_str().unwrap_or_default(), order));
///     let is_last = body["pages"].as_u64().is_none_or(|pages| page >= pages);
///     Walk::page(items.collect::<Result<_, _>>()?, (!is_last).then(|| (page + 1).to_string()))
/// }
/// ```
///
/// Where it takes an offset, the number is that of the records before the page, and a page that is not full is the last:
///
/// ```
/// use patchbay_plugin::{Failure, Page, Walk, http, json::Id};
///
/// #[derive(serde::Deserialize)]
/// struct Head {
///     id: Id,
/// }
///
/// fn orders(cursor: Option<&str>) -> Result<Page, Failure> {
///     let offset = Walk::at(cursor)?.number(0)?;
///     let answer = http::get("/orders").query("offset", offset).query("limit", 100).send()?.success()?;
///     let items = answer.items(|head: Head| Some(head.id.into()))?;
///     let next = (items.len() == 100).then(|| (offset + 100).to_string());
///     Walk::page(items, next)
/// }
/// ```
///
/// Records that are made or deleted meanwhile move the others from page to page: sort by something that stays, such as the
/// time at which each was made, and prefer a cursor where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// What names the page to ask for; none at the beginning.
    pub next: Option<String>,
}

impl Walk {
    /// Where the cursor says that the walk stands.
    ///
    /// # Errors
    /// [`crate::Blame::CursorExpired`] if it is no cursor of a walk: the stream begins anew.
    pub fn at(cursor: Option<&str>) -> Result<Self, Failure> {
        cursor::read(cursor)
    }

    /// The number that names the page to ask for, where pages or records are counted; `first` at the beginning.
    ///
    /// # Errors
    /// [`crate::Blame::CursorExpired`] if it is named otherwise: the stream begins anew.
    pub fn number(&self, first: u64) -> Result<u64, Failure> {
        let Some(next) = &self.next else { return Ok(first) };
        let other = "The cursor is of another version of this plugin: it is no number.";
        next.parse::<u64>().map_err(|_| Failure::cursor_expired(other))
    }

    /// A page of these items with the name of the one that follows it; with none, or an empty one as some write it, the
    /// walk is over.
    ///
    /// # Errors
    /// The plugin is to blame if the cursor cannot be written.
    pub fn page(items: Vec<Item>, next: Option<String>) -> Result<Page, Failure> {
        let page = Page::of(items);
        match next.filter(|next| !next.is_empty()) {
            Some(next) => page.more(&Self { next: Some(next) }),
            None => Ok(page),
        }
    }
}

/// Where a walk by change stands: what this run shows, where the next one begins, and the page to ask for. Times are written
/// as the provider writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// This run shows what changed then or later; none shows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Where the next run begins: when this one did, or the last change that it saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// What names the page to ask for; none at the beginning of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Changes {
    /// Where the cursor says that the walk stands.
    ///
    /// # Errors
    /// [`crate::Blame::CursorExpired`] if it is no cursor of such a walk: the stream begins anew.
    pub fn at(cursor: Option<&str>) -> Result<Self, Failure> {
        cursor::read(cursor)
    }

    /// The page with the name of the one that follows it; with none the run is over and the next one begins at
    /// [`Changes::began`].
    ///
    /// # Errors
    /// The plugin is to blame if the cursor cannot be written.
    pub fn page(self, page: Page, after: Option<String>) -> Result<Page, Failure> {
        match after {
            Some(after) => page.more(&Self { after: Some(after), ..self }),
            None => page.done(&Self { since: self.began.or(self.since), ..Self::default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blame;

    #[test]
    fn a_walk_goes_on_where_its_page_says_and_ends() {
        assert_eq!(Walk::at(None).unwrap(), Walk::default());
        let page = Walk::page(Vec::new(), Some("p2".to_owned())).unwrap();
        assert!(page.more);
        assert_eq!(Walk::at(page.cursor.as_deref()).unwrap().next.as_deref(), Some("p2"));
        for last in [None, Some(String::new())] {
            let page = Walk::page(Vec::new(), last).unwrap();
            assert_eq!((page.more, page.cursor), (false, None));
        }
    }

    #[test]
    fn a_walk_counts_pages_from_where_it_is_told() {
        let at = Walk::at(None).unwrap();
        assert_eq!((at.number(1).unwrap(), at.number(0).unwrap()), (1, 0));
        let page = Walk::page(Vec::new(), Some("2".to_owned())).unwrap();
        assert_eq!(Walk::at(page.cursor.as_deref()).unwrap().number(1).unwrap(), 2);
        for other in ["two", "-1", "1.5", "99999999999999999999"] {
            let at = Walk { next: Some(other.to_owned()) };
            assert_eq!(at.number(1).unwrap_err().blame, Blame::CursorExpired, "{other}");
        }
    }

    #[test]
    fn a_cursor_of_another_kind_begins_the_walk_anew() {
        for cursor in ["{\"page\":3}", "{\"next\":3}", "7", ""] {
            assert_eq!(Walk::at(Some(cursor)).unwrap_err().blame, Blame::CursorExpired, "{cursor}");
            assert_eq!(Changes::at(Some(cursor)).unwrap_err().blame, Blame::CursorExpired, "{cursor}");
        }
    }

    #[test]
    fn the_next_run_shows_what_changed_since_this_one_began() {
        let at = Changes { began: Some("t1".to_owned()), ..Changes::at(None).unwrap() };
        let page = at.page(Page::of(Vec::new()), Some("p2".to_owned())).unwrap();
        assert_eq!((page.more, page.cursor.as_deref()), (true, Some("{\"began\":\"t1\",\"after\":\"p2\"}")));
        let at = Changes::at(page.cursor.as_deref()).unwrap();
        let page = at.page(Page::of(Vec::new()), None).unwrap();
        assert_eq!((page.more, page.cursor.as_deref()), (false, Some("{\"since\":\"t1\"}")));
        // A run that saw no change begins where it began.
        let page = Changes::at(page.cursor.as_deref()).unwrap().page(Page::of(Vec::new()), None).unwrap();
        assert_eq!(page.cursor.as_deref(), Some("{\"since\":\"t1\"}"));
    }
}

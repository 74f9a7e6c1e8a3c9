//! The parts' own words.

pub(crate) const NOW: &str = "just now";

pub(crate) fn ago(amount: &str) -> String {
    format!("{amount} ago")
}

pub(crate) fn within(amount: &str) -> String {
    format!("in {amount}")
}

pub(crate) fn ms(n: i64) -> String {
    format!("{n} ms")
}

pub(crate) fn seconds(n: u64) -> String {
    format!("{n} s")
}

pub(crate) fn minutes(n: u64) -> String {
    format!("{n} min")
}

pub(crate) fn hours(n: u64) -> String {
    format!("{n} h")
}

pub(crate) fn days(n: u64) -> String {
    if n == 1 { "1 day".to_owned() } else { format!("{n} days") }
}

#[cfg(target_arch = "wasm32")]
mod parts {
    pub(crate) const COPY: &str = "Copy";
    pub(crate) const COPIED: &str = "Copied";
    pub(crate) const COPY_BY_HAND: &str = "Select it and copy";
    pub(crate) const LOADING: &str = "Loading";
    pub(crate) const CLOSE: &str = "Close";
    pub(crate) const CANCEL: &str = "Cancel";
    pub(crate) const TRY_AGAIN: &str = "Try again";
    pub(crate) const MORE: &str = "Load more";
    pub(crate) const SHOW: &str = "Show";
    pub(crate) const HIDE: &str = "Hide";
    pub(crate) const OPTIONAL: &str = "optional";
    pub(crate) const STORED: &str = "Stored. Leave empty to keep it.";
    pub(crate) const CHOOSE: &str = "Choose one";
    pub(crate) const NO_CHOICE: &str = "None";
    pub(crate) const WHERE_TO_FIND: &str = "Where to find it";
    pub(crate) const SEARCH: &str = "Search";
    pub(crate) const CATEGORIES: &str = "Categories";
    pub(crate) const ALL: &str = "All";
    pub(crate) const MORE_CATEGORIES: &str = "More";
    pub(crate) const FEWER_CATEGORIES: &str = "Fewer";
    pub(crate) const NOTHING_DETAIL: &str = "Check the spelling, try a shorter word, or look through all of them.";
    pub(crate) const SHOW_ALL: &str = "Show all";
    pub(crate) const REQUEST: &str = "Request";
    pub(crate) const OFFLINE_TITLE: &str = "No answer from the server";
    pub(crate) const OFFLINE_DETAIL: &str = "Check your network connection, then try again.";
    pub(crate) const UNREADABLE_TITLE: &str = "The answer could not be read";

    pub(crate) fn reveal(shown: bool, label: &str) -> String {
        format!("{}: {label}", if shown { HIDE } else { SHOW })
    }

    pub(crate) fn found(n: usize) -> String {
        match n {
            0 => "Nothing found".to_owned(),
            1 => "1 service found".to_owned(),
            n => format!("{n} services found"),
        }
    }

    pub(crate) fn nothing(searched: &str) -> String {
        match searched.trim() {
            "" => "Nothing in this category".to_owned(),
            searched => format!("Nothing found for “{searched}”"),
        }
    }

    pub(crate) fn more(left: usize) -> String {
        format!("Show more ({left} left)")
    }

    pub(crate) fn unreadable(status: u16) -> String {
        format!("Something between this page and the server answered with status {status}. Try again in a moment.")
    }
}
#[cfg(target_arch = "wasm32")]
pub(crate) use parts::*;

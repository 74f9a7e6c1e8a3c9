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
    pub(crate) const REQUEST: &str = "Request";
    pub(crate) const OFFLINE_TITLE: &str = "No answer from the server";
    pub(crate) const OFFLINE_DETAIL: &str = "Check your network connection, then try again.";
    pub(crate) const UNREADABLE_TITLE: &str = "The answer could not be read";

    pub(crate) fn unreadable(status: u16) -> String {
        format!("Something between this page and the server answered with status {status}. Try again in a moment.")
    }
}
#[cfg(target_arch = "wasm32")]
pub(crate) use parts::*;

//! All repositories that the account can see.

use patchbay_plugin::{Failure, Page, Response, Walk, http, json::Id};
use serde::Deserialize;

use crate::api;

#[derive(Deserialize)]
struct Head {
    id: Id,
}

/// One page of the listing. Every run begins anew, and the host finds out which repositories are gone.
pub fn pull(cursor: Option<&str>) -> Result<Page, Failure> {
    let answer = list(Walk::at(cursor)?.next)?;
    Walk::page(answer.items(|head: Head| Some(head.id.into()))?, answer.link("next"))
}

/// The listing, from its beginning or from a page that a `Link` named. In the order in which repositories were made, so
/// that a new one does not push others from page to page.
pub fn list(next: Option<String>) -> Result<Response, Failure> {
    let request = match next {
        Some(url) => http::get(url),
        None => http::get("/user/repos").query("per_page", 100).query("sort", "created").query("direction", "asc"),
    };
    api::accept(request.send()?)
}

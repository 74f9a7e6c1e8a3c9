//! All projects that the account is a member of.

use patchbay_plugin::{Failure, Page, Response, Value, Walk, http, json::Id};
use serde::Deserialize;

use crate::api;

#[derive(Deserialize)]
struct Head {
    id: Id,
}

/// One page of the listing. Every run begins anew, and the host finds out which projects are gone.
pub fn pull(cursor: Option<&str>) -> Result<Page, Failure> {
    let answer = list(Walk::at(cursor)?.next)?;
    Walk::page(answer.items(|head: Head| Some(head.id.into()))?, answer.link("next"))
}

/// The listing, from its beginning or from a page that a `Link` named. By key set, in the order of ids: a project that
/// is made meanwhile pushes no other from page to page, and GitLab counts no offsets, which it allows up to 50,000.
pub fn list(next: Option<String>) -> Result<Response, Failure> {
    let request = match next {
        Some(url) => http::get(url),
        None => http::get("/projects")
            .query("membership", true)
            .query("pagination", "keyset")
            .query("order_by", "id")
            .query("sort", "asc")
            .query("per_page", 100),
    };
    api::accept(request.send()?)
}

/// A project in a path, by its number or by its own path.
pub fn segment(project: &Value) -> Result<String, Failure> {
    match project {
        Value::Number(id) => Ok(id.to_string()),
        Value::String(path) if !path.is_empty() => Ok(http::segment(path)),
        _ => Err(Failure::tenant("The project must be its number or its path: \"group/name\".")),
    }
}

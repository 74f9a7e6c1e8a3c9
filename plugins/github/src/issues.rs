//! Issues of all repositories, by change: a walk over the repositories, and over the issues of each.

use std::collections::VecDeque;

use patchbay_plugin::{Failure, Item, Page, cursor, http, info, json::Id, time, warn};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{api, repositories};

/// Requests that one pull makes at most, so that a walk over repositories without news makes few pages.
const REQUESTS: u32 = 20;

/// Where the walk stands. Whatever of it is stored, the walk goes on from there.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// This run shows what changed at that time or later; none shows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// When this run began, by GitHub's clock: where the next run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<String>,
    /// Repositories of the listing's current page that are still to be walked.
    #[serde(skip_serializing_if = "VecDeque::is_empty", default)]
    repositories: VecDeque<String>,
    /// The listing's next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_repositories: Option<String>,
    /// The next page of the first repository's issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_issues: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    has_issues: bool,
}

#[derive(Deserialize)]
struct Head {
    id: Id,
    /// GitHub lists pull requests among issues, told apart by this.
    #[serde(default)]
    pull_request: Option<IgnoredAny>,
}

/// Walks until there are issues to give, the walk is over or the requests of one pull are used up.
pub fn pull(cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Cursor = cursor::read(cursor)?;
    for _ in 0..REQUESTS {
        let listed = at.began.is_some();
        if at.repositories.is_empty() && listed && at.next_repositories.is_none() {
            return Page::of(Vec::new()).done(&Cursor { since: at.began, ..Cursor::default() });
        }
        if at.repositories.is_empty() {
            list(&mut at)?;
            continue;
        }
        let items = walk(&mut at)?;
        if !items.is_empty() {
            let page = Page::of(items);
            let over = at.repositories.is_empty() && at.next_repositories.is_none();
            return if over { page.done(&Cursor { since: at.began, ..Cursor::default() }) } else { page.more(&at) };
        }
    }
    Page::of(Vec::new()).more(&at)
}

/// Reads one page of the listing into the cursor.
fn list(at: &mut Cursor) -> Result<(), Failure> {
    let answer = repositories::list(at.next_repositories.take())?;
    // Before the first issue is read, so that nothing that changes during the walk is missed by the next one.
    at.began.get_or_insert_with(|| time::rfc3339(answer.date()));
    let found: Vec<Repository> = answer.json()?;
    at.repositories = found.into_iter().filter(|r| r.has_issues).map(|r| r.full_name).collect();
    at.next_repositories = answer.link("next");
    Ok(())
}

/// Reads one page of the first repository's issues, and takes the repository off the list after its last.
fn walk(at: &mut Cursor) -> Result<Vec<Item>, Failure> {
    let Some(repository) = at.repositories.front() else { return Ok(Vec::new()) };
    let request = match &at.next_issues {
        Some(url) => http::get(url),
        None => http::get(issues_of(repository))
            .query("state", "all")
            .query("sort", "updated")
            .query("direction", "asc")
            .query("per_page", 100)
            .query_if("since", at.since.as_ref()),
    };
    let answer = request.send()?;
    // Gone, issues switched off, or withheld for legal reasons since the listing: the walk goes on without it.
    if matches!(answer.status, 404 | 410 | 451) {
        warn!("{repository} has no issues any more ({}); left out", answer.status);
        (at.next_issues, _) = (None, at.repositories.pop_front());
        return Ok(Vec::new());
    }
    let answer = api::accept(answer)?;
    let items = answer.items(|head: Head| head.pull_request.is_none().then(|| head.id.into()))?;
    at.next_issues = answer.link("next");
    if at.next_issues.is_none() {
        info!("{repository} is done");
        at.repositories.pop_front();
    }
    Ok(items)
}

fn issues_of(repository: &str) -> String {
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    format!("/repos/{}/{}/issues", http::segment(owner), http::segment(name))
}

//! Issues of all projects, by change: a walk over the projects, and over the issues of each.

use std::collections::VecDeque;

use patchbay_plugin::{Failure, Item, Page, cursor, http, info, json::Id, time, warn};
use serde::{Deserialize, Serialize};

use crate::{api, projects};

/// Requests that one pull makes at most, so that a walk over projects without news makes few pages.
const REQUESTS: u32 = 20;

/// Where the walk stands. Whatever of it is stored, the walk goes on from there.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Cursor {
    /// This run shows what changed at that time or later; none shows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// When this run began, by GitLab's clock: where the next run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<String>,
    /// Projects of the listing's current page that are still to be walked.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    projects: VecDeque<u64>,
    /// The listing's next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_projects: Option<String>,
    /// The next page of the first project's issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_issues: Option<String>,
}

impl Cursor {
    fn is_over(&self) -> bool {
        self.began.is_some() && self.projects.is_empty() && self.next_projects.is_none()
    }

    /// Where the next run begins.
    fn after(self) -> Self {
        Self { since: self.began, ..Self::default() }
    }
}

#[derive(Deserialize)]
struct Project {
    id: u64,
    #[serde(default)]
    issues_access_level: String,
}

#[derive(Deserialize)]
struct Head {
    id: Id,
}

/// Walks until there are issues to give, the walk is over or the requests of one pull are used up.
pub fn pull(cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Cursor = cursor::read(cursor)?;
    for _ in 0..REQUESTS {
        if at.is_over() {
            return Page::of(Vec::new()).done(&at.after());
        }
        if at.projects.is_empty() {
            list(&mut at)?;
            continue;
        }
        let items = walk(&mut at)?;
        if !items.is_empty() {
            let page = Page::of(items);
            return if at.is_over() { page.done(&at.after()) } else { page.more(&at) };
        }
    }
    Page::of(Vec::new()).more(&at)
}

/// Reads one page of the listing into the cursor.
fn list(at: &mut Cursor) -> Result<(), Failure> {
    let answer = projects::list(at.next_projects.take())?;
    // Before the first issue is read, so that nothing that changes during the walk is missed by the next one.
    at.began.get_or_insert_with(|| time::rfc3339(answer.date()));
    let found: Vec<Project> = answer.json()?;
    at.projects = found.into_iter().filter(|p| p.issues_access_level != "disabled").map(|p| p.id).collect();
    at.next_projects = answer.link("next");
    Ok(())
}

/// Reads one page of the first project's issues, and takes the project off the list after its last. An issue that
/// changes meanwhile moves to the end and is seen again, there or by the next run.
fn walk(at: &mut Cursor) -> Result<Vec<Item>, Failure> {
    let Some(project) = at.projects.front() else { return Ok(Vec::new()) };
    let request = match &at.next_issues {
        Some(url) => http::get(url),
        None => http::get(format!("/projects/{project}/issues"))
            .query("scope", "all")
            .query("order_by", "updated_at")
            .query("sort", "asc")
            .query("per_page", 100)
            .query_if("updated_after", at.since.as_ref()),
    };
    let answer = request.send()?;
    // Gone, or its issues withheld, since the listing: the walk goes on without it.
    if matches!(answer.status, 403 | 404) {
        warn!("project {project} has no issues to show ({}); left out", answer.status);
        (at.next_issues, _) = (None, at.projects.pop_front());
        return Ok(Vec::new());
    }
    let answer = api::accept(answer)?;
    let items = answer.items(|head: Head| Some(head.id.into()))?;
    at.next_issues = answer.link("next");
    if at.next_issues.is_none() {
        info!("project {project} is done");
        at.projects.pop_front();
    }
    Ok(items)
}

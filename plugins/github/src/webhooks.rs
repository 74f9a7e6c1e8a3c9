//! What GitHub's webhooks tell of.

use patchbay_plugin::{Failure, Route, Webhook, json::Id};
use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
struct Delivery {
    #[serde(default)]
    action: String,
    issue: Option<Subject>,
    repository: Option<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    id: Id,
    /// A comment on a pull request comes as one on an issue, told apart by this.
    #[serde(default)]
    pull_request: Option<IgnoredAny>,
}

/// A hook belongs to a repository or to an organization, and a delivery does not say for whom it was set up: each
/// connection has a URL of its own. An issue that is transferred is gone under its id, and there is a new one.
pub fn route(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
    let event = webhook.header("x-github-event").unwrap_or_default();
    let stream = match event {
        "issues" | "issue_comment" => "issues",
        "repository" => "repositories",
        _ => return Ok(Vec::new()),
    };
    let kind = webhook.header("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let advice = "GitHub sends this webhook as a form: choose application/json as its content type there.";
        return Err(Failure::tenant(advice));
    }
    let Delivery { action, issue, repository } = webhook.json()?;
    if issue.as_ref().is_some_and(|issue| issue.pull_request.is_some()) {
        return Ok(Vec::new());
    }
    let gone = match (event, action.as_str()) {
        ("issues", "deleted" | "transferred") => issue,
        ("repository", "deleted") => repository,
        _ => None,
    };
    let route = Route::here(&[stream]);
    Ok(vec![match gone {
        Some(gone) => route.deleted(stream, vec![gone.id.into()]),
        None => route,
    }])
}

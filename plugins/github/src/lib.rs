//! GitHub: the repositories that an account can see, and their issues by change.
//! After GitHub's REST documentation, API version 2022-11-28.

mod api;
mod issues;
mod repositories;
mod webhooks;

use patchbay_plugin::{
    Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, answered, http, read_input,
};
use serde::{Deserialize, Serialize};

struct GitHub;
patchbay_plugin::export!(GitHub);

impl Provider for GitHub {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "repositories" => repositories::pull(cursor),
            "issues" => issues::pull(cursor),
            other => Err(Failure::plugin(format!("GitHub has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_issue" => create_issue(input),
            other => Err(Failure::plugin(format!("GitHub has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        user().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let user = user()?;
        Ok(Some(Identity { account: user.id.to_string(), name: user.login }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        webhooks::route(webhook)
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        let message = api::message(body).unwrap_or_else(|| answered("GitHub", status, "", ""));
        match status {
            401 => Some(Failure::end_user(message)),
            403 if api::speaks_of_limits(&message) => Some(Failure::provider(message)),
            403 => Some(Failure::end_user(message)),
            429 | 500..=599 => Some(Failure::provider(message)),
            400 | 404 | 409 | 410 | 422 => Some(Failure::tenant(message)),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

fn user() -> Result<User, Failure> {
    api::accept(http::get("/user").send()?)?.json()
}

#[derive(Deserialize)]
struct CreateIssue {
    /// `owner/name`.
    repository: String,
    #[serde(flatten)]
    issue: NewIssue,
}

#[derive(Deserialize, Serialize)]
struct NewIssue {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    assignees: Vec<String>,
}

/// Gives the issue as GitHub made it.
fn create_issue(input: Value) -> Result<Value, Failure> {
    let input: CreateIssue = read_input(input, "{\"repository\": \"owner/name\", \"title\": \"…\"}")?;
    let Some((owner, name)) = input.repository.split_once('/') else {
        return Err(Failure::tenant("The repository must be written as owner/name."));
    };
    let path = format!("/repos/{}/{}/issues", http::segment(owner), http::segment(name));
    let answer = http::post(path).json(&input.issue)?.send()?;
    match answer.status {
        404 | 410 | 422 => {
            let why = api::message(&answer.body).unwrap_or_default();
            Err(Failure::tenant(format!(
                "GitHub refuses the issue for `{}` ({}): {why}",
                input.repository, answer.status
            )))
        }
        _ => api::accept(answer)?.json(),
    }
}

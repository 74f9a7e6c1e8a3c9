//! GitLab: the projects of an account, and their issues by change. After GitLab's REST documentation, version 4.

mod api;
mod issues;
mod projects;

use patchbay_plugin::{
    Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, json::Id, read_input,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

struct GitLab;
patchbay_plugin::export!(GitLab);

impl Provider for GitLab {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "projects" => projects::pull(cursor),
            "issues" => issues::pull(cursor),
            other => Err(Failure::plugin(format!("GitLab has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_issue" => create_issue(input),
            "comment_on_issue" => comment_on_issue(input),
            other => Err(Failure::plugin(format!("GitLab has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        user().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let user = user()?;
        Ok(Some(Identity { account: user.id.to_string(), name: user.username }))
    }

    /// A hook belongs to a project or to a group, and a delivery does not say for whom it was set up: each connection has
    /// a URL of its own. GitLab does not tell that an issue is gone, but that a project is.
    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let Delivery { object_kind, event_name, project_id, issue } = webhook.json()?;
        Ok(match (object_kind.as_str(), event_name.as_str()) {
            ("issue" | "work_item", _) => vec![Route::here(&["issues"])],
            ("note", _) if issue.is_some() => vec![Route::here(&["issues"])],
            (_, "project_create" | "project_rename" | "project_transfer" | "project_update") => {
                vec![Route::here(&["projects"])]
            }
            (_, "project_destroy") => {
                let gone = project_id.into_iter().map(String::from).collect();
                vec![Route::here(&["projects"]).deleted("projects", gone)]
            }
            _ => Vec::new(),
        })
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

fn user() -> Result<User, Failure> {
    api::accept(http::get("/user").send()?)?.json()
}

#[derive(Deserialize)]
struct Delivery {
    /// What it is about; absent where a group tells of its projects.
    #[serde(default)]
    object_kind: String,
    /// What happened to a project, as system hooks write it too.
    #[serde(default)]
    event_name: String,
    project_id: Option<Id>,
    /// What a note stands under, if that is an issue.
    issue: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct CreateIssue {
    /// Its number, or its path with all groups: `group/name`.
    project: Value,
    #[serde(flatten)]
    issue: NewIssue,
}

#[derive(Deserialize, Serialize)]
struct NewIssue {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Names, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    assignee_ids: Vec<u64>,
}

/// Gives the issue as GitLab made it.
fn create_issue(input: Value) -> Result<Value, Failure> {
    let input: CreateIssue = read_input(input, "{\"project\": \"group/name\", \"title\": \"…\"}")?;
    let path = format!("/projects/{}/issues", projects::segment(&input.project)?);
    api::accept(http::post(path).json(&input.issue)?.send()?)?.json()
}

#[derive(Deserialize)]
struct Comment {
    project: Value,
    /// The issue's number within its project.
    issue_iid: u64,
    body: String,
}

/// Gives the note as GitLab made it.
fn comment_on_issue(input: Value) -> Result<Value, Failure> {
    let input: Comment = read_input(input, "{\"project\": \"group/name\", \"issue_iid\": 1, \"body\": \"…\"}")?;
    let path = format!("/projects/{}/issues/{}/notes", projects::segment(&input.project)?, input.issue_iid);
    api::accept(http::post(path).json(&patchbay_plugin::json!({ "body": input.body }))?.send()?)?.json()
}

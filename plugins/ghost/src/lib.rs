//! Ghost: posts, members and tags of a site, and one action. After the Admin API's documentation and what Ghost 5 says.

mod api;
mod streams;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, json, read_input};
use serde::{Deserialize, Serialize};

struct Ghost;
patchbay_plugin::export!(Ghost);

impl Provider for Ghost {
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "posts" => streams::changed(&streams::POSTS, connection, cursor),
            "members" => streams::changed(&streams::MEMBERS, connection, cursor),
            "tags" => streams::tags(cursor),
            other => Err(Failure::plugin(format!("Ghost has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_draft" => create_draft(input),
            other => Err(Failure::plugin(format!("Ghost has no action `{other}` here."))),
        }
    }

    /// The site's own description is public, so it is a post that is asked for.
    fn verify(_: &Connection) -> Result<(), Failure> {
        http::get("/posts/").query("limit", 1).query("fields", "id").accept(api::failure).map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let Described { site } = http::get("/site/").accept(api::failure)?.json()?;
        Ok(Some(Identity { account: site.url, name: site.title }))
    }

    /// Ghost does not say whose a webhook is: each site has a URL of its own. What changed stands under the name of its kind,
    /// and what is gone is nothing now and something before.
    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let told: Told = webhook.json()?;
        let kinds = [("posts", told.post), ("members", told.member), ("tags", told.tag)];
        let changed = kinds.into_iter().filter_map(|(stream, change)| Some((stream, change?)));
        Ok(changed
            .map(|(stream, change)| {
                let route = Route::here(&[stream]);
                match (change.current.id, change.previous.id) {
                    (None, Some(gone)) => route.deleted(stream, vec![gone]),
                    _ => route,
                }
            })
            .collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct Described {
    site: Site,
}

#[derive(Deserialize)]
struct Site {
    url: String,
    title: String,
}

#[derive(Deserialize)]
struct Told {
    post: Option<Change>,
    member: Option<Change>,
    tag: Option<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    current: Head,
    #[serde(default)]
    previous: Head,
}

#[derive(Deserialize, Default)]
struct Head {
    id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    #[serde(rename(serialize = "custom_excerpt"), skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// Gives the post as Ghost made it.
fn create_draft(input: Value) -> Result<Value, Failure> {
    let draft: Draft = read_input(input, "{\"title\": \"…\", \"html\": \"<p>…</p>\"}")?;
    let mut post = json!(draft);
    if let Some(post) = post.as_object_mut() {
        post.insert("status".to_owned(), "draft".into());
    }
    let answer =
        http::post("/posts/").query("source", "html").json(&json!({ "posts": [post] }))?.accept(api::failure)?;
    let Made { posts: [post] } = answer.json()?;
    Ok(post)
}

#[derive(Deserialize)]
struct Made {
    posts: [Value; 1],
}

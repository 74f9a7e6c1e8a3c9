//! Notion: the pages, data sources and members of a workspace that were shared with the connection, and two actions.
//! After Notion's API reference, version 2025-09-03.

mod api;
mod streams;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, read_input};
use serde::{Deserialize, Serialize};

struct Notion;
patchbay_plugin::export!(Notion);

impl Provider for Notion {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "pages" => streams::pages(cursor),
            "data_sources" => streams::data_sources(cursor),
            "users" => streams::users(cursor),
            other => Err(Failure::plugin(format!("Notion has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_page" => create_page(input),
            "append_blocks" => append_blocks(input),
            other => Err(Failure::plugin(format!("Notion has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        me().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let Me { id, bot } = me()?;
        let name = bot.and_then(|bot| bot.workspace_name).unwrap_or_else(|| id.clone());
        Ok(Some(Identity { account: id, name }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let event: Event = webhook.json()?;
        let streams: &[&str] = match event.kind.split('.').next().unwrap_or_default() {
            "page" => &["pages"],
            "data_source" | "database" => &["data_sources"],
            _ => return Ok(Vec::new()),
        };
        // Each account of ours is a bot, and these are the bots that can see what changed.
        let bots = event.accessible_by.into_iter().filter(|one| one.kind == "bot");
        Ok(bots.map(|bot| Route::of(bot.id, streams)).collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct Me {
    id: String,
    bot: Option<Bot>,
}

#[derive(Deserialize)]
struct Bot {
    workspace_name: Option<String>,
}

fn me() -> Result<Me, Failure> {
    http::get("/users/me").accept(api::failure)?.json()
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    accessible_by: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPage {
    /// `{"page_id": "…"}` or `{"data_source_id": "…"}`.
    parent: Value,
    #[serde(default)]
    properties: serde_json::Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<Value>,
}

/// Gives the page as Notion made it.
fn create_page(input: Value) -> Result<Value, Failure> {
    let page: NewPage = read_input(input, "{\"parent\": {\"page_id\": \"…\"}, \"properties\": {}}")?;
    http::post("/pages").json(&page)?.accept(api::failure)?.json()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppendBlocks {
    /// A page's id or a block's.
    id: String,
    children: Vec<Value>,
}

/// Gives the blocks as Notion made them.
fn append_blocks(input: Value) -> Result<Value, Failure> {
    let AppendBlocks { id, children } = read_input(input, "{\"id\": \"…\", \"children\": []}")?;
    let request = http::Request::new("PATCH", format!("/blocks/{}/children", http::segment(&id)));
    request.json(&patchbay_plugin::json!({ "children": children }))?.accept(api::failure)?.json()
}

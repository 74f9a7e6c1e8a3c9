//! Slack: the members and channels of a workspace, and messages sent there. After Slack's Web API reference.

mod api;

use std::borrow::Cow;

use patchbay_plugin::{
    Connection, Failure, Identity, Item, Page, Provider, Request, Route, Value, Walk, Webhook, http, json,
    json::Record, read_input,
};
use serde::{Deserialize, Serialize};

struct Slack;
patchbay_plugin::export!(Slack);

impl Provider for Slack {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "users" => walk(http::get("/users.list"), cursor),
            "channels" => walk(http::get("/conversations.list").query("types", "public_channel"), cursor),
            other => Err(Failure::plugin(format!("Slack has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "post_message" => post_message(input),
            "update_message" => update_message(input),
            other => Err(Failure::plugin(format!("Slack has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        test().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let team = test()?;
        Ok(Some(Identity { account: team.team_id, name: team.team }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let delivery: Delivery = webhook.json()?;
        let streams: &[&str] = match delivery.event.as_ref().map(|event| &*event.kind) {
            Some("team_join" | "user_change") => &["users"],
            Some(
                "channel_archive" | "channel_created" | "channel_deleted" | "channel_rename" | "channel_unarchive",
            ) => &["channels"],
            _ => return Ok(Vec::new()),
        };
        Ok(delivery.team_id.map(|team| Route::of(team, streams)).into_iter().collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        api::failure(status, body, None)
    }
}

/// How Slack lists: members or channels, and where to go on; an empty cursor is the end.
#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow, alias = "members", alias = "channels")]
    records: Vec<Record<'a, Head<'a>>>,
    #[serde(default)]
    response_metadata: Metadata,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    next_cursor: String,
}

/// One page. Every run begins anew, and the host finds out what is gone; Slack keeps members who left, marked as such.
/// It asks for no more than 200 at once, and may give fewer although there are more.
fn walk(request: Request, cursor: Option<&str>) -> Result<Page, Failure> {
    let at = Walk::at(cursor)?;
    let answer = api::accept(request.query("limit", 200).query_if("cursor", at.next).send()?)?;
    let Listing { records, response_metadata } = answer.records()?;
    let items = records.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect();
    Walk::page(items, Some(response_metadata.next_cursor))
}

#[derive(Deserialize)]
struct Team {
    team_id: String,
    team: String,
}

fn test() -> Result<Team, Failure> {
    api::accept(http::post("/auth.test").send()?)?.json()
}

/// What is said, as text, blocks or both; Slack demands one of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    /// A channel's or a member's id.
    channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<Value>,
    /// The message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<String>,
    /// The message to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
}

/// Gives the channel, the time by which Slack knows the message, and the message.
fn post_message(input: Value) -> Result<Value, Failure> {
    let message: Message = read_input(input, "{\"channel\": \"C…\", \"text\": \"…\"}")?;
    if message.ts.is_some() {
        return Err(Failure::tenant("A new message has no ts: update_message changes one."));
    }
    send("/chat.postMessage", &message)
}

/// Gives the same as [`post_message`].
fn update_message(input: Value) -> Result<Value, Failure> {
    let form = "{\"channel\": \"C…\", \"ts\": \"…\", \"text\": \"…\"}";
    let message: Message = read_input(input, form)?;
    if message.ts.is_none() {
        return Err(Failure::tenant(format!("The input must be {form}: ts says which message.")));
    }
    send("/chat.update", &message)
}

/// Where the message stands now.
#[derive(Deserialize)]
struct Sent {
    channel: String,
    ts: String,
    #[serde(default)]
    message: Value,
}

fn send(path: &str, message: &Message) -> Result<Value, Failure> {
    let sent: Sent = api::accept(http::post(path).json(message)?.send()?)?.json()?;
    Ok(json!({ "channel": sent.channel, "ts": sent.ts, "message": sent.message }))
}

/// A delivery of the Events API.
#[derive(Deserialize)]
struct Delivery {
    team_id: Option<String>,
    event: Option<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
}

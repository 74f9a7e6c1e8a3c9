//! Google Calendar: an account's calendars and the events in them by change, and two actions. After the Calendar API's
//! reference, version 3.

mod api;
mod streams;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, read_input};
use serde::Deserialize;

struct GoogleCalendar;
patchbay_plugin::export!(GoogleCalendar);

impl Provider for GoogleCalendar {
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "calendars" => streams::calendars(cursor),
            "events" => streams::events(&connection.config()?, cursor),
            other => Err(Failure::plugin(format!("Google Calendar has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_event" => create_event(input),
            "delete_event" => delete_event(input),
            other => Err(Failure::plugin(format!("Google Calendar has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        http::get("/users/me/calendarList").query("maxResults", 1).accept(api::failure).map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let user: User = http::get("https://openidconnect.googleapis.com/v1/userinfo").accept(api::failure)?.json()?;
        Ok(Some(Identity { name: user.email.unwrap_or_else(|| user.sub.clone()), account: user.sub }))
    }

    /// A notification is headers alone. They name the list that changed, as it was watched, and not the account: each
    /// connection has a URL of its own. The first one of a channel, `sync`, says that it begins, and nothing else.
    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        if !matches!(webhook.header("x-goog-resource-state"), Some("exists" | "not_exists")) {
            return Ok(Vec::new());
        }
        let watched = webhook.header("x-goog-resource-uri").unwrap_or_default();
        let list = watched.split('?').next().unwrap_or_default();
        Ok(match list.rsplit('/').next() {
            Some("events") => vec![Route::here(&["events"])],
            Some("calendarList") => vec![Route::here(&["calendars"])],
            _ => Vec::new(),
        })
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct User {
    sub: String,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateEvent {
    #[serde(default = "streams::primary")]
    calendar: String,
    /// As Google describes an event. With an id of the caller's own a second attempt is refused instead of doubled.
    event: serde_json::Map<String, Value>,
    /// Who is told: `all`, `externalOnly` or `none`.
    #[serde(default)]
    send_updates: Option<String>,
}

/// Gives the event as Google made it.
fn create_event(input: Value) -> Result<Value, Failure> {
    let CreateEvent { calendar, event, send_updates } =
        read_input(input, "{\"calendar\": \"primary\", \"event\": {\"start\": {}, \"end\": {}}}")?;
    let request = http::post(streams::events_of(&calendar)).query_if("sendUpdates", send_updates);
    request.json(&event)?.accept(api::failure)?.json()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteEvent {
    #[serde(default = "streams::primary")]
    calendar: String,
    id: String,
    #[serde(default)]
    send_updates: Option<String>,
}

/// Gives the event's id. One that was deleted before is deleted.
fn delete_event(input: Value) -> Result<Value, Failure> {
    let DeleteEvent { calendar, id, send_updates } = read_input(input, "{\"calendar\": \"primary\", \"id\": \"…\"}")?;
    let path = format!("{}/{}", streams::events_of(&calendar), http::segment(&id));
    let answer = http::Request::new("DELETE", path).query_if("sendUpdates", send_updates).send()?;
    if answer.status != 410 {
        answer.accept(api::failure)?;
    }
    Ok(patchbay_plugin::json!({ "id": id }))
}

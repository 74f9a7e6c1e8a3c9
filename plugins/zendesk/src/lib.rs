//! Zendesk: tickets and users by change, organizations, and two actions. After Zendesk's Ticketing API reference.

mod api;
mod streams;

use patchbay_plugin::{
    Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, json, json::Id, read_input,
};
use serde::{Deserialize, Serialize};

struct Zendesk;
patchbay_plugin::export!(Zendesk);

impl Provider for Zendesk {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "tickets" | "users" => streams::exported(stream, cursor),
            "organizations" => streams::organizations(cursor),
            other => Err(Failure::plugin(format!("Zendesk has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_ticket" => create_ticket(input),
            "add_comment" => add_comment(input),
            other => Err(Failure::plugin(format!("Zendesk has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        me().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let (id, email) = me()?;
        Ok(Some(Identity { account: id.to_string(), name: email.unwrap_or_else(|| id.to_string()) }))
    }

    /// Zendesk names its own account, which is everybody's in it, and a connection is one user's: each has a URL of its
    /// own. What a trigger or an automation sends is written by whoever set that up, and is no event.
    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let Event { kind, detail } = webhook.json()?;
        // The documentation writes some of them with a slash.
        let event = kind.strip_prefix("zen:event-type:").or_else(|| kind.strip_prefix("zen:event-type/"));
        let about = event.and_then(|event| event.split_once('.'));
        let (stream, change) = match about {
            Some(("ticket", change)) => ("tickets", change),
            Some(("user", change)) => ("users", change),
            Some(("organization", change)) => ("organizations", change),
            _ => return Ok(Vec::new()),
        };
        let is_gone = matches!(change, "deleted" | "soft_deleted" | "permanently_deleted");
        let route = Route::here(&[stream]);
        Ok(vec![match detail.id.filter(|_| is_gone) {
            Some(id) => route.deleted(stream, vec![id.into()]),
            None => route,
        }])
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct Me {
    user: Anyone,
}

/// Without an id it is nobody: a request that Zendesk does not know is answered with an anonymous user.
#[derive(Deserialize)]
struct Anyone {
    id: Option<u64>,
    email: Option<String>,
}

/// The user's id and address.
fn me() -> Result<(u64, Option<String>), Failure> {
    let Me { user } = http::get("/users/me.json").accept(api::failure)?.json()?;
    let nobody = || Failure::end_user("Zendesk does not know the credential any more.");
    Ok((user.id.ok_or_else(nobody)?, user.email))
}

#[derive(Deserialize)]
struct Event {
    /// `zen:event-type:ticket.created`.
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    detail: Detail,
}

#[derive(Deserialize, Default)]
struct Detail {
    id: Option<Id>,
}

#[derive(Serialize, Deserialize)]
struct Comment {
    body: String,
    /// Whether the requester sees it.
    #[serde(default = "yes")]
    public: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTicket {
    ticket: NewTicket,
    /// A second request with the same key within two hours gives the first one's ticket.
    #[serde(default)]
    idempotency_key: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct NewTicket {
    comment: Comment,
    /// Subject, requester, tags and what else Zendesk knows of a ticket.
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
}

/// Gives the ticket as Zendesk made it.
fn create_ticket(input: Value) -> Result<Value, Failure> {
    let form = "{\"ticket\": {\"subject\": \"…\", \"comment\": {\"body\": \"…\"}}}";
    let CreateTicket { ticket, idempotency_key } = read_input(input, form)?;
    let mut request = http::post("/tickets.json").json(&json!({ "ticket": ticket }))?;
    if let Some(key) = idempotency_key {
        request = request.header("idempotency-key", key);
    }
    ticket_of(request)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddComment {
    ticket_id: u64,
    comment: Comment,
}

/// Gives the ticket as it is afterwards.
fn add_comment(input: Value) -> Result<Value, Failure> {
    let AddComment { ticket_id, comment } = read_input(input, "{\"ticket_id\": 1, \"comment\": {\"body\": \"…\"}}")?;
    let request = http::Request::new("PUT", format!("/tickets/{ticket_id}.json"));
    ticket_of(request.json(&json!({ "ticket": { "comment": comment } }))?)
}

fn ticket_of(request: http::Request) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        ticket: Value,
    }
    Ok(request.accept(api::failure)?.json::<Answer>()?.ticket)
}

//! Telling an Acme what to do, in-process by [`crate::Acme`] or by `POST /control`.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    fault::Misbehaviour,
    options::Client,
    shop::{self, Kind, id},
    state::State,
};

/// Something to do. In JSON `{"do": "add", "account": "shop_north", "kind": "orders", "count": 3}`, and so on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Spoil coming requests. Several queue up; the first whose path fits is used first.
    Misbehave(Misbehaviour),
    /// Forget queued misbehaviour and counted calls.
    Reset,
    /// Add records behind the last ones.
    Add {
        /// The shop's account.
        account: String,
        /// Which records.
        kind: Kind,
        /// How many.
        count: u64,
    },
    /// Edit records, so that they change and become the latest.
    Update {
        /// The shop's account.
        account: String,
        /// Which records.
        kind: Kind,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Delete records. Incremental listings show a tombstone, full ones nothing.
    Delete {
        /// The shop's account.
        account: String,
        /// Which records.
        kind: Kind,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Add or replace an OAuth client.
    RegisterClient(Client),
    /// Give out tokens without a consent; the answer is a token response.
    Mint {
        /// The client that gets them.
        client_id: String,
        /// The account that they speak for.
        account: String,
    },
    /// Revoke all grants of an account, as its owner does in the shop's settings.
    RevokeAccount {
        /// The account.
        account: String,
    },
    /// Make all access tokens invalid now; refresh tokens stay good.
    ExpireAccessTokens,
    /// Change the lifetime of access tokens given out from now on.
    TokenLifetime {
        /// In seconds.
        seconds: u64,
    },
}

/// What came of a command: `ids` of records that were touched, or a token response.
pub type Answer = Value;

/// Does what the command says. An unknown id or client is the error, in words.
pub(crate) fn obey(state: &State, command: Command) -> Result<Answer, String> {
    match command {
        Command::Misbehave(how) => state.misbehave(how),
        Command::Reset => state.reset(),
        Command::Add { account, kind, count } => {
            return Ok(json!({ "ids": state.shop(&account, |shop| shop.add(kind, count)) }));
        }
        Command::Update { account, kind, ids } => return change(state, &account, kind, &ids, false),
        Command::Delete { account, kind, ids } => return change(state, &account, kind, &ids, true),
        Command::RegisterClient(client) => state.grants().register(client),
        Command::Mint { client_id, account } => {
            let now = state.now();
            let issued = state.grants().mint(&client_id, &account, now).map_err(|refused| refused.1.to_owned())?;
            return serde_json::to_value(issued).map_err(|error| error.to_string());
        }
        Command::RevokeAccount { account } => state.grants().revoke_account(&account),
        Command::ExpireAccessTokens => state.grants().expire_access_tokens(),
        Command::TokenLifetime { seconds } => state.grants().token_lifetime = seconds,
    }
    Ok(json!({}))
}

fn change(state: &State, account: &str, kind: Kind, ids: &[String], delete: bool) -> Result<Answer, String> {
    state.shop(account, |shop| {
        let mut numbers = Vec::with_capacity(ids.len());
        for id in ids {
            let number = shop::number(kind, id).filter(|number| shop.listing(kind).get(*number).is_some());
            numbers.push(number.ok_or_else(|| format!("there is no {id}"))?);
        }
        for number in numbers {
            shop.touch(kind, number, |entry| {
                entry.edits += 1;
                entry.deleted = delete;
            });
        }
        Ok(json!({ "ids": ids }))
    })
}

/// The ids of all records of an account's shop that are there.
pub(crate) fn ids(state: &State, account: &str, kind: Kind) -> Vec<String> {
    state.shop(account, |shop| shop.listing(kind).numbers().map(|number| id(kind, number)).collect())
}

/// `POST /control`
pub(crate) async fn control(state: Data<State>, command: Json<Command>) -> HttpResponse {
    match obey(&state, command.into_inner()) {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(message) => HttpResponse::BadRequest().json(json!({ "error": "bad_command", "message": message })),
    }
}

/// `GET /control/calls`
pub(crate) async fn calls(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.calls())
}

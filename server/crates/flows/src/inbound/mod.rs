//! Webhooks that providers send: where they come, and what becomes of them.
//!
//! Nothing is believed before the signature and the time are verified. What is verified is sealed and acknowledged; a job
//! then asks whom it is about and has the syncs of the streams run that it tells of. Nothing of a delivery becomes a record:
//! deliveries come late, twice and out of order, and a pull does not. What an incremental pull never hears of is that
//! a record is gone; those ids wait at the sync, and its next run begins with them.
//!
//! A handshake, by which a provider finds out whether anybody listens, is answered and leaves nothing behind.
//!
//! A replay has no effect. Where the provider signs a time or an id with each delivery, the same one is not taken in twice.
//! Where it signs neither, nobody can tell a replay from a second telling of something new in the same words: then the streams
//! are pulled, which does no harm, and nothing else is done.

mod handshake;
mod hook;
mod kept;
mod list;
mod process;
mod receive;
mod route;

use ids::{HookId, InboundId};
use serde::{Deserialize, Serialize};
use url::Url;
use vault::Place;

pub use handshake::HandshakeAnswer;
pub use hook::{HookError, HookSettings, HookView, Owner, find, put, remove};
pub use kept::Kept;
pub use list::{InboundView, ReadError, get, list};
pub use process::{ProcessError, Processed, give_up, process};
pub use receive::{Arrived, MOST_BYTES, ReceiveError, Received, look, receive};

/// The queue of deliveries.
pub const QUEUE: &str = "inbound_webhook";

/// What a job of the queue does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InboundJob {
    /// The delivery to process.
    pub inbound: InboundId,
}

/// Where providers send webhooks to that bear this token.
fn hook_url(public_url: &Url, token: &str) -> Url {
    let mut url = public_url.clone();
    url.set_path(&format!("/inbound/{token}"));
    url
}

const fn token_place(id: HookId) -> Place {
    Place { table: "hooks", column: "token", row: id.uuid() }
}

const fn secret_place(id: HookId) -> Place {
    Place { table: "hooks", column: "secret", row: id.uuid() }
}

const fn kept_place(id: InboundId) -> Place {
    Place { table: "inbound_deliveries", column: "kept", row: id.uuid() }
}

//! What passes between the server and a plugin, whichever version of the contract the plugin was written for.

/// What the plugin knows of the connection that it works for. No credential, and no way to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The connection's id as text.
    pub id: String,
    /// The provider's own id of the connected account, once known.
    pub account: Option<String>,
    /// The manifest's variables with their values, by name.
    pub variables: Vec<(String, String)>,
    /// The connection's configuration, a JSON object as text.
    pub config: String,
    /// The connection's own address for webhooks. Whoever knows it can knock there. Since version 2 of the contract.
    pub webhook_url: Option<String>,
    /// The parameters of the sync that runs, a JSON object as text; an empty text is an empty object. Since version 2.
    pub params: String,
    /// A pull from the beginning need not go further back, in milliseconds since the Unix epoch. Since version 2.
    pub since: Option<u64>,
}

/// One record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The provider's id of it: 1 to 512 bytes, without NUL.
    pub id: String,
    /// The record as the plugin gave it: said to be a JSON object, not yet looked at.
    pub body: String,
}

/// One page of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// New, changed and unchanged records alike.
    pub items: Vec<Item>,
    /// Ids of records that the provider says are gone.
    pub deleted: Vec<String>,
    /// Where to go on: at most [`crate::PluginLimits::cursor_bytes`], without NUL.
    pub cursor: Option<String>,
    /// Whether there is more to pull now.
    pub more: bool,
}

/// Who is behind a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's stable id of the account.
    pub account: String,
    /// What a person would call it.
    pub name: String,
}

/// A webhook after its signature was verified. A plugin of version 1 hears of its headers and body alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Webhook {
    /// The connection whose own address it came to, by id; `None` if it came to the integration's.
    pub connection: Option<String>,
    /// The delivery's id, if the manifest says how to read it.
    pub id: Option<String>,
    /// What happened, likewise.
    pub event: Option<String>,
    /// The account that it is about, likewise.
    pub account: Option<String>,
    /// The query of the address that it came to, decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// Which connections a webhook is for, and what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The account, as in [`Identity::account`], 1 to 512 bytes; `None` is the connection of [`Webhook::connection`].
    pub account: Option<String>,
    /// Names of streams to pull now.
    pub streams: Vec<String>,
    /// Ids of records that are gone, by stream: 1 to 512 bytes each, without NUL.
    pub deleted: Vec<(String, Vec<String>)>,
}

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

/// A webhook after its signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// Which account a webhook is for, and what to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The account, as in [`Identity::account`].
    pub account: String,
    /// Names of streams.
    pub streams: Vec<String>,
}

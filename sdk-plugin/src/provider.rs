//! The author's trait.

use serde_json::Value;

use crate::{Connection, Failure, Identity, Page, Route, Webhook};

/// What a plugin does for its provider. Every method has a default body: write those that the manifest promises.
///
/// Nothing outlives a run: an instance begins empty and what should last belongs into the cursor.
pub trait Provider {
    /// Pulls one page of `stream`, from `cursor` on or from the beginning. The cursor of the page is stored together
    /// with its items, so it must suffice to go on after a crash; if it is not [`Page::more`], the next scheduled run
    /// begins at it. The default fails: there is no such stream.
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        let _ = (connection, cursor);
        Err(Failure::plugin(format!("This plugin has no stream `{stream}`.")))
    }

    /// Performs `action`. The default fails: there is no such action.
    fn act(connection: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        let _ = (connection, input);
        Err(Failure::plugin(format!("This plugin has no action `{action}`.")))
    }

    /// Checks with a cheap call that the credential works. Called while a connection is made where the manifest has neither
    /// a verification nor an identity call, and [`Provider::identify`] does not say whose it is; if it fails, there is no
    /// connection. The default is content.
    fn verify(connection: &Connection) -> Result<(), Failure> {
        let _ = connection;
        Ok(())
    }

    /// Reads who is behind the connection. The default leaves it to the manifest's identity call.
    fn identify(connection: &Connection) -> Result<Option<Identity>, Failure> {
        let _ = connection;
        Ok(None)
    }

    /// Says which accounts a webhook concerns and which of their streams to pull. The host has verified the signature.
    /// The default routes it nowhere.
    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let _ = webhook;
        Ok(Vec::new())
    }

    /// Runs after a connection was made or repaired, and after it got an address of its own for webhooks, to register that
    /// for example. At least once, so what it finds done already must be fine. Nobody waits for it, not even the first
    /// syncs; it is tried again while the provider is to blame. The default does nothing.
    fn after_connect(connection: &Connection) -> Result<(), Failure> {
        let _ = connection;
        Ok(())
    }

    /// Runs before a connection is deleted, to tidy up at the provider while the credential may still work. Within 30 s, and
    /// the deletion goes on whatever comes of it. Once, or again after a crash, so finding nothing left must be fine. The
    /// default does nothing.
    fn before_delete(connection: &Connection) -> Result<(), Failure> {
        let _ = connection;
        Ok(())
    }

    /// Turns an answer that the proxy or an action met into a failure with someone to blame. The default leaves that
    /// to the host.
    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        let _ = (status, body);
        None
    }
}

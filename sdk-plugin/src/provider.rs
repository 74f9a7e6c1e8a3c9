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

    /// Checks with a cheap call that the credential works. The default is content.
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

    /// Runs once after a connection was made, to register a webhook for example. The default does nothing.
    fn after_connect(connection: &Connection) -> Result<(), Failure> {
        let _ = connection;
        Ok(())
    }

    /// Runs once before a connection is deleted, to tidy up at the provider. The default does nothing.
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

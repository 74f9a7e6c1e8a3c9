//! Acme, the demo provider: orders by change, customers in full, and one action.

use patchbay_plugin::{Connection, Failure, Page, Provider};

struct Acme;
patchbay_plugin::export!(Acme);

impl Provider for Acme {
    fn pull(_: &Connection, stream: &str, _: Option<&str>) -> Result<Page, Failure> {
        Err(Failure::plugin(format!("no stream {stream}")))
    }
}

//! A world in which one shop is connected and its streams were pulled.

use serde_json::Value;

use crate::support::{Options, World};

/// Orders and customers that the demo provider has per shop.
pub(super) const ORDERS: usize = 30;

/// A world with a connection.
pub(super) struct Connected {
    pub(super) world: World,
    pub(super) connection: String,
    /// The runs of its first syncs.
    pub(super) runs: Vec<Value>,
}

impl Connected {
    pub(super) async fn set() -> Self {
        let world = World::start(Options::default()).await;
        world.use_acme(acme::Options {
            orders: u64::try_from(ORDERS).unwrap(),
            customers: 10,
            workers: 1,
            ..acme::Options::default()
        });
        let integration = world.acme_integration().await;
        let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
        let runs = world.synced(&connection).await;
        Self { world, connection, runs }
    }

    /// The id of the sync of a stream.
    pub(super) async fn sync(&self, stream: &str) -> String {
        let syncs = self.world.key().get(&format!("/v1/syncs?connection={}", self.connection)).await.ok();
        let found = syncs["data"].as_array().unwrap().iter().find(|sync| sync["stream"] == stream).cloned();
        found.unwrap_or_else(|| panic!("no sync of {stream}: {syncs}"))["id"].as_str().unwrap().to_owned()
    }
}

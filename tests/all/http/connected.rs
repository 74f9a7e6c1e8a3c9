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

/// Connections like the one there is, of other end users, `merchant-2` and so on, through an integration: rows alone,
/// without syncs and credentials.
pub(super) async fn clones(world: &World, count: usize, integration: &str) -> Vec<String> {
    let sql = format!(
        "INSERT INTO connections SELECT (jsonb_populate_record(c, jsonb_build_object('connection_id', gen_random_uuid(), \
         'integration_id', i.integration_id, 'end_user_id', 'merchant-' || n))).* \
         FROM connections c, integrations i, generate_series(2, {}) n \
         WHERE c.end_user_id = 'merchant-1' AND i.slug = '{integration}' RETURNING connection_id",
        count + 1
    );
    let uuids = world.sql(&sql).await.into_iter().map(|row| row[0].clone().unwrap().parse().unwrap());
    uuids.map(|uuid| ids::ConnectionId::from_uuid(uuid).to_string()).collect()
}

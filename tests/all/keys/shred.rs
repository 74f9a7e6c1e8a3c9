//! Crypto-shredding, proven on a backup.

use flows::{Actor, keys};
use patchbay::boot;

use super::desk::{Desk, scope_of, token_of};
use crate::support::*;

/// A dump is taken, the tenant's key destroyed, the dump restored elsewhere: nothing of that tenant opens there, and
/// everything of another does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_4_a_restored_backup_of_a_destroyed_tenant_cannot_be_opened() {
    for keys in [KeysOf::File, KeysOf::SharedVault] {
        shred(keys).await;
    }
}

async fn shred(kept: KeysOf) {
    let world = World::start(Options { keys: kept, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    world.synced(&connection).await;
    let mut desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, 5).await;
    let neighbour = world.stranger("neighbour").await;
    let theirs = neighbour.key().post("/v1/endpoints", &endpoint()).await.ok();
    world.key().post("/v1/endpoints", &endpoint()).await.ok();
    let dump = world.database().dump().await;
    assert!(!dump.contains(&token_of(copies[0])), "the dump holds secrets in the clear");

    let governance = std::sync::Arc::clone(&desk.governance);
    let governance = governance.as_ref();
    let refused = keys::destroy(&desk.services, governance, desk.scope.tenant, false, Actor::Operator).await;
    assert!(matches!(&refused, Err(keys::DestroyError::InUse(used)) if used.connections == 6), "{refused:?}");
    desk.assert_all_open(&world, &copies).await;
    for again in [false, true] {
        let done = keys::destroy(&desk.services, governance, desk.scope.tenant, true, Actor::Operator).await.unwrap();
        assert_eq!(done.again, again);
    }

    // Here nothing opens any more, also on the server that had its data keys in memory, and nothing new is sealed.
    let path = format!("/v1/connections/{connection}/credential");
    let refused = until("the server has heard of it", PATIENCE, async || {
        Some(world.key().get(&path).await).filter(|answer| answer.status != 200)
    });
    assert!(refused.await.status >= 500);
    assert!(world.key().post("/v1/endpoints", &endpoint()).await.status >= 500);

    // In the backup neither, by a server that knows the key service and everything that was ever in the database.
    let restored = Database::restored(&dump).await;
    let mut config = world.config().clone();
    config.database.url = restored.url();
    let node = boot::platform(&config).await.unwrap();
    desk.services = node.services.clone();
    for column in store::SEALED_COLUMNS {
        let scope = desk.scope;
        let mut tx = node.services.store.begin(scope).await.unwrap();
        let values = tx.sealed_values().not_under(*column, &[], Default::default(), 100).await.unwrap();
        tx.commit().await.unwrap();
        for value in values {
            let sealed = vault::Sealed::from_bytes(value.sealed).unwrap();
            let place = vault::Place { table: column.table, column: column.column, row: value.id };
            let opened = flows::credentials::open(desk.ctx(), place, &sealed).await;
            assert!(opened.is_err(), "{column:?} of the destroyed tenant opens");
        }
    }
    let count = restored.sql("SELECT count(*) FROM credentials").await[0][0].clone().unwrap();
    assert_eq!(count, "6", "the backup holds them");
    let data_keys = restored.sql("SELECT wrapped FROM data_keys ORDER BY created_at").await;
    for row in &data_keys[..1] {
        let wrapped = vault::WrappedKey::from_text(row[0].clone().unwrap());
        let opened = node.services.keys.unwrap_data_key(desk.scope, &wrapped).await;
        assert!(matches!(opened, Err(vault::KeyError::NotFound)), "{opened:?}");
        // Not even if somebody makes the tenant a key again.
        node.services.keys.create_tenant_key(desk.scope.tenant).await.unwrap();
        let opened = node.services.keys.unwrap_data_key(desk.scope, &wrapped).await;
        assert!(matches!(opened, Err(vault::KeyError::Corrupt { .. })), "{opened:?}");
    }

    // The neighbour's opens, there as here.
    let scope = scope_of(&neighbour);
    let endpoint: ids::EndpointId = theirs["endpoint"]["id"].as_str().unwrap().parse().unwrap();
    let at = vault::Place { table: "endpoints", column: "secret", row: endpoint.uuid() };
    for (services, database) in [(&node.services, &restored), (&desk.services, world.database())] {
        let sql = format!("SELECT encode(secret, 'hex') FROM endpoints WHERE endpoint_id = '{}'", endpoint.uuid());
        let hex = database.sql(&sql).await[0][0].clone().unwrap();
        let sealed = vault::Sealed::from_bytes(hex::decode(hex).unwrap()).unwrap();
        let opened = flows::credentials::open(services.ctx(scope, Actor::Operator), at, &sealed).await.unwrap();
        assert!(std::str::from_utf8(&opened).unwrap().starts_with("whsec_"));
    }
}

fn endpoint() -> serde_json::Value {
    serde_json::json!({ "url": "https://hooks.example/in", "events": ["connection.deleted"] })
}

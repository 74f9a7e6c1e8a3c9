//! A whole turn: rotated, sealed anew, retired.

use chrono::TimeDelta;
use flows::keys::RetireError;
use serde_json::json;
use vault::{KeyError, WrappedKey};

use super::desk::{Desk, under_old_keys};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_a_turn_with_the_file_keyring() {
    a_turn(KeysOf::File).await;
}

/// The server signs in with one identity and those who govern keys with another, each allowed what infra/vault says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_a_turn_with_two_identities_of_the_vault_api() {
    a_turn(KeysOf::SharedVault).await;
}

async fn a_turn(keys: KeysOf) {
    let world = World::start(Options { keys, ..Options::default() }).await;
    world.use_acme(acme::Options { token_lifetime: 86_400, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    world.synced(&connection).await;
    let endpoint = json!({ "url": "https://hooks.example/in", "events": ["connection.deleted"] });
    world.key().post("/v1/endpoints", &endpoint).await.ok();
    let path = format!("/v1/connections/{connection}/credential");
    let token = world.key().get(&path).await.ok()["access_token"].as_str().unwrap().to_owned();
    let mut desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, 250).await;

    let before = desk.status().await;
    assert_eq!((before.versions.as_ref().unwrap().latest, before.versions.as_ref().unwrap().minimum), (1, 1));
    let [environment] = &before.environments[..] else { panic!("{before:?}") };
    let [only] = &environment.keys[..] else { panic!("{environment:?}") };
    assert_eq!((only.version(), only.born(), &environment.stray[..]), (Some(1), 1, &[][..]));
    let values = only.total();
    // The credentials, the client's secret, the endpoint's, and whatever an attempt keeps.
    assert!(values >= 253, "{only:?}");
    let backup = WrappedKey::from_text(only.key.wrapped.as_str());

    let rotated = desk.rotate().await;
    assert_eq!((rotated.version, rotated.made, rotated.rewrapped), (2, 1, 1));
    assert_eq!(world.key().get(&path).await.ok()["access_token"], token, "traffic goes on");
    assert_eq!(under_old_keys(&world).await, values);
    let refused = desk.retire().await.unwrap_err();
    let RetireError::Left(left) = &refused else { panic!("{refused}") };
    assert_eq!(left[0].values.iter().map(|(_, count)| count).sum::<u64>(), values, "{left:?}");
    assert_eq!((left[0].environment.as_str(), left[0].data_keys, left[0].stray), ("prod", 0, 0));
    // What is sealed now is sealed with the new data key.
    let newer = world.connect_acme(&integration, "merchant-18", "shop_south").await;
    world.synced(&newer).await;
    assert_eq!(under_old_keys(&world).await, values);

    let run = desk.rewrapped().await;
    assert_eq!((run.total, run.done, run.failed), (values as i64, values as i64, 0));
    assert_eq!(under_old_keys(&world).await, 0);
    desk.assert_all_open(&world, &copies).await;
    world.forget_credentials();
    assert_eq!(world.key().get(&path).await.ok()["access_token"], token);

    let early = desk.retire().await.unwrap_err();
    assert!(matches!(early, RetireError::Settling(wait) if wait.as_secs() <= 30), "{early}");
    // The desk's clock is the machine's; from now on it is the world's.
    desk.services.clock = std::sync::Arc::new(TestClock::default());
    let ahead = TestClock::default();
    ahead.advance(TimeDelta::minutes(61));
    desk.services.clock = std::sync::Arc::new(ahead);
    let retired = desk.retire().await.unwrap();
    assert_eq!((retired.minimum, retired.removed), (2, 1));

    // Backups from before are closed, everything here is open, also to a server that has just begun.
    let opened = desk.services.keys.unwrap_data_key(desk.scope, &backup).await;
    assert!(matches!(opened, Err(KeyError::RetiredVersion { .. })), "{opened:?}");
    let fresh = Desk::at(&world).await;
    fresh.assert_all_open(&world, &copies).await;
    let after = fresh.status().await;
    assert_eq!((after.versions.as_ref().unwrap().latest, after.versions.as_ref().unwrap().minimum), (2, 2));
    assert_eq!(after.environments[0].keys.len(), 1);
    let audit = world.sql("SELECT action FROM audit WHERE action LIKE 'keys.%' ORDER BY at, audit_id").await;
    let audit: Vec<_> = audit.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(audit, ["keys.rotated", "keys.rewrap_started", "keys.rewrap_done", "keys.retired"]);
    world.end().await;
}

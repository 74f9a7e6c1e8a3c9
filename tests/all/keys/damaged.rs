//! Rows that somebody changed: they do not open, they are told, and nothing else suffers.

use flows::keys::RetireError;

use super::desk::Desk;
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_1_swapped_truncated_and_future_values_stay_and_are_told() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, 10).await;
    let at = |n: usize| copies[n].uuid();
    // One holds another's value, one is cut, one is cut to nothing, one names no known data key.
    for change in [
        format!(
            "sealed = (SELECT sealed FROM credentials WHERE connection_id = '{}') WHERE connection_id = '{}'",
            at(0),
            at(1)
        ),
        format!("sealed = substring(sealed from 1 for 50) WHERE connection_id = '{}'", at(2)),
        format!("sealed = '\\x01' WHERE connection_id = '{}'", at(3)),
        format!(
            "sealed = overlay(sealed placing '\\x0123456789abcdef0123456789abcdef' from 2) WHERE connection_id = '{}'",
            at(4)
        ),
    ] {
        world.sql(&format!("UPDATE credentials SET {change}")).await;
    }
    let damaged = &copies[1..5];
    let bytes = "SELECT connection_id, encode(sealed, 'hex') FROM credentials WHERE connection_id::text = ANY ($1)";
    let listed = damaged.iter().map(|id| format!("'{}'", id.uuid())).collect::<Vec<_>>().join(",");
    let bytes = bytes.replace("::text = ANY ($1)", &format!(" IN ({listed}) ORDER BY 1"));
    let before = world.sql(&bytes).await;
    for id in damaged {
        let answer = world.key().get(&format!("/v1/connections/{id}/credential")).await;
        assert!(answer.status >= 500 && !answer.text().contains("token-of-"), "{answer}");
        assert!(desk.opened(&world, *id).await.unwrap_err().contains("does not open"));
    }
    desk.rotate().await;
    let run = desk.rewrapped().await;
    assert_eq!(run.failed, 4, "{run:?}");
    let told = run.last_error.unwrap();
    assert!(told.starts_with("credentials.sealed of ") && told.contains("does not open"), "{told}");
    assert_eq!(world.sql(&bytes).await, before, "they stay as they are");
    let whole: Vec<_> = copies.iter().copied().filter(|id| !damaged.contains(id)).collect();
    desk.assert_all_open(&world, &whole).await;
    let refused = desk.retire().await.unwrap_err();
    let RetireError::Left(left) = &refused else { panic!("{refused}") };
    assert_eq!((&left[0].values[..], left[0].stray), (&[("credentials", 2)][..], 2), "{left:?}");

    // A key service that is older than the database: the data key's version is from the future. Nothing is changed, the
    // words say what it may be, and with the right key service all is well.
    let wrapped = world.one("SELECT wrapped FROM data_keys WHERE retired_at IS NULL").await;
    world.sql("UPDATE data_keys SET wrapped = replace(wrapped, ':v2:', ':v9:') WHERE retired_at IS NULL").await;
    let newcomer = Desk::at(&world).await;
    let closed = newcomer.opened(&world, whole[0]).await.unwrap_err();
    assert!(closed.contains("newer version") && closed.contains("backup"), "{closed}");
    desk.rotate().await;
    let sealed_before = world.sql("SELECT connection_id, sealed FROM credentials ORDER BY 1").await;
    assert!(!sealed_before.is_empty());
    world.sql(&format!("UPDATE data_keys SET wrapped = '{wrapped}' WHERE wrapped LIKE '%:v9:%'")).await;
    Desk::at(&world).await.assert_all_open(&world, &whole).await;
    world.end().await;
}

//! A data key seals a bounded number of messages.

use super::desk::Desk;
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_1_a_data_key_that_has_sealed_its_share_is_replaced() {
    let configure = |config: &mut patchbay::config::Config| config.keys.messages_per_data_key = 10;
    let world = World::start(Options { configure, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    // Two nodes seal at once, many at the same moment.
    let (desk, other) = (Desk::at(&world).await, Desk::at(&world).await);
    let copies = desk.copies_of(&world, &connection, 24).await;
    let sealing = copies.iter().zip([&desk, &other].into_iter().cycle()).map(async |(id, desk)| {
        desk.put(*id, &super::desk::token_of(*id)).await;
    });
    futures_util::future::join_all(sealing).await;
    let over = world.one("SELECT count(*) FROM data_keys WHERE messages > 10").await;
    assert_eq!(over, "0", "reserved beyond the cap");
    let under = world.sql("SELECT count(*)::text FROM credentials GROUP BY substring(sealed from 2 for 16)").await;
    assert!(under.len() >= 3, "{under:?}");
    assert!(under.iter().all(|row| row[0].as_ref().unwrap().parse::<u32>().unwrap() <= 10), "{under:?}");
    assert_eq!(world.one("SELECT count(*) FROM data_keys WHERE retired_at IS NULL").await, "1");
    desk.assert_all_open(&world, &copies).await;

    // More values than one data key may seal are sealed anew all the same.
    desk.rotate().await;
    let run = desk.rewrapped().await;
    assert!(run.failed == 0 && run.done >= 25, "{run:?}");
    assert_eq!(world.one("SELECT count(*) FROM data_keys WHERE messages > 10").await, "0");
    let born = "SELECT min(k.born_version) FROM credentials c \
                JOIN data_keys k ON k.data_key_id = encode(substring(c.sealed from 2 for 16), 'hex')::uuid";
    assert_eq!(world.one(born).await, "2");
    desk.assert_all_open(&world, &copies).await;
    world.end().await;
}

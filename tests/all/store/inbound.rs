//! Webhooks of providers: what they held is forgotten, what they are known by is not.

use chrono::TimeDelta;
use domain::run::InboundState;
use ids::{HookId, InboundId};
use store::{InboundEnd, NewInbound, StoreError};

use super::{Ground, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_3_a_delivery_is_known_again_long_after_what_it_held_is_forgotten() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let hook = ground.mint.id(HookId::new);
    ground
        .sql(&format!(
            "INSERT INTO hooks (hook_id, tenant_id, environment_id, integration_id, token_hash, token, created_at, updated_at)
                 SELECT '{}', tenant_id, environment_id, integration_id, '\\x01', '\\x02', now(), now() FROM integrations",
            hook.uuid()
        ))
        .await;
    let came = now();
    let new = |fingerprint: u8, content: u8| NewInbound {
        id: ground.mint.id(InboundId::new),
        hook,
        fingerprint_hash: vec![fingerprint; 32],
        content_hash: vec![content; 32],
        is_repeat_if_alike: true,
        kept: b"sealed".to_vec(),
        event: Some("order.deleted".into()),
        account: Some("shop_north".into()),
        received_at: came,
    };
    let (processed, waiting) = (new(1, 1), new(2, 2));
    let mut tx = ground.store.begin(scope).await.unwrap();
    assert!(tx.inbound().insert(&processed).await.unwrap());
    assert!(tx.inbound().insert(&waiting).await.unwrap());
    let end = InboundEnd { state: InboundState::Routed, reason: Some("of the test"), syncs: 1, is_kept: true };
    assert!(tx.inbound().end(processed.id, &end, came).await.unwrap());
    tx.commit().await.unwrap();

    let clean_up = async |days: i64| {
        let mut tx = ground.store.begin_system().await.unwrap();
        let removed = tx.clean_up(came + TimeDelta::days(days), 100).await.unwrap();
        tx.commit().await.unwrap();
        removed.into_iter().map(|(what, _)| what).collect::<Vec<_>>()
    };
    assert!(clean_up(2).await.is_empty());
    assert_eq!(clean_up(4).await, ["what webhooks of providers held"]);
    assert!(clean_up(4).await.is_empty(), "it is forgotten once");
    let held = "SELECT count(*) || ' ' || count(kept) || ' ' || count(event) || ' ' || count(account) || ' ' || count(reason) \
                FROM inbound_deliveries";
    assert_eq!(ground.one(held).await, "2 1 1 1 0", "what waits keeps all that it needs");

    let mut tx = ground.store.begin(scope).await.unwrap();
    let shown = tx.inbound().list(None, None, None, 10).await.unwrap();
    assert_eq!(shown.iter().map(|row| row.id).collect::<Vec<_>>(), [waiting.id], "it is not shown any more");
    assert!(matches!(tx.inbound().find(processed.id).await, Err(StoreError::NotFound)));
    // The same to the byte is a replay, and what was signed alike is no news.
    assert!(!tx.inbound().insert(&new(1, 1)).await.unwrap());
    let alike = new(3, 1);
    assert!(tx.inbound().insert(&alike).await.unwrap());
    assert!(tx.inbound().find(alike.id).await.unwrap().is_repeat);
    tx.commit().await.unwrap();

    assert_eq!(clean_up(91).await, ["webhooks of providers"]);
    let left = "SELECT count(*) || ' ' || count(*) FILTER (WHERE state = 'waiting') FROM inbound_deliveries";
    assert_eq!(ground.one(left).await, "2 2", "what was processed is gone");
}

//! Deliveries: who is told, in which order, and what is remembered of each try.

use domain::{Scope, run::DeliveryState};
use ids::{ConnectionId, DeliveryAttemptId, DeliveryId, EndpointId, EventId};
use serde_json::json;
use store::{DeliveryAttemptRow, EndpointRow, NewDelivery, NewEvent, Verdict};

use super::{Ground, now};

impl Ground {
    async fn endpoint(&self, scope: Scope, kinds: Option<&[&str]>) -> EndpointId {
        let row = EndpointRow {
            endpoint_id: self.mint.id(EndpointId::new),
            url: "https://hooks.example.com/".into(),
            description: None,
            kinds: kinds.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect()),
            secret: vec![1],
            disabled_at: None,
            disabled_reason: None,
            created_at: now(),
        };
        let mut tx = self.store.begin(scope).await.unwrap();
        tx.endpoints().insert(&row).await.unwrap();
        tx.commit().await.unwrap();
        row.endpoint_id
    }

    async fn telling(&self, scope: Scope, endpoint: EndpointId, connection: Option<ConnectionId>) -> DeliveryId {
        let (event, id) = (self.mint.id(EventId::new), self.mint.id(DeliveryId::new));
        let mut tx = self.store.begin(scope).await.unwrap();
        let new = NewEvent { id: event, kind: "sync.failed", connection, data: &json!({}), at: now() };
        tx.events().insert(&new).await.unwrap();
        tx.deliveries().insert(NewDelivery { id, event, endpoint, connection }, now()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    fn attempt(&self, status: Option<u16>) -> DeliveryAttemptRow {
        let id = self.mint.id(DeliveryAttemptId::new);
        DeliveryAttemptRow { id, at: now(), status, elapsed_ms: 3, error: None, response: None }
    }
}

#[tokio::test]
async fn f_4_endpoints_hear_what_they_asked_for_until_they_are_disabled() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let some = ground.endpoint(scope, Some(&["sync.failed"])).await;
    let all = ground.endpoint(scope, None).await;
    let (stranger, _) = ground.connection().await;
    ground.endpoint(stranger, None).await;
    let mut tx = ground.store.begin(scope).await.unwrap();
    assert_eq!(tx.endpoints().listening("sync.failed").await.unwrap(), [some, all]);
    assert_eq!(tx.endpoints().listening("sync.succeeded").await.unwrap(), [all]);
    tx.endpoints().disable(all, "first", now()).await.unwrap();
    tx.endpoints().disable(all, "second", now()).await.unwrap();
    assert_eq!(tx.endpoints().find(all).await.unwrap().disabled_reason.as_deref(), Some("first"));
    assert!(tx.endpoints().listening("sync.succeeded").await.unwrap().is_empty());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn ft_3_a_younger_delivery_about_the_same_connection_waits() {
    let ground = Ground::new().await;
    let (scope, connection) = ground.connection().await;
    let endpoint = ground.endpoint(scope, None).await;
    let older = ground.telling(scope, endpoint, Some(connection)).await;
    let younger = ground.telling(scope, endpoint, Some(connection)).await;
    let about_nothing = ground.telling(scope, endpoint, None).await;
    let mut tx = ground.store.begin(scope).await.unwrap();
    for (id, waits) in [(older, false), (younger, true), (about_nothing, false)] {
        let delivery = tx.deliveries().find(id).await.unwrap();
        assert_eq!(tx.deliveries().held_up_until(&delivery).await.unwrap().is_some(), waits);
    }
    assert!(tx.deliveries().record(older, &ground.attempt(Some(200)), Verdict::Delivered, now()).await.unwrap());
    let delivery = tx.deliveries().find(younger).await.unwrap();
    assert_eq!(tx.deliveries().held_up_until(&delivery).await.unwrap(), None);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn f_4_each_try_is_recorded_and_what_is_settled_stays_so_until_replayed() {
    let ground = Ground::new().await;
    let (scope, connection) = ground.connection().await;
    let endpoint = ground.endpoint(scope, None).await;
    let id = ground.telling(scope, endpoint, Some(connection)).await;
    let next = now() + chrono::TimeDelta::minutes(5);
    let mut tx = ground.store.begin(scope).await.unwrap();
    assert!(tx.deliveries().record(id, &ground.attempt(Some(503)), Verdict::Again(next), now()).await.unwrap());
    let delivery = tx.deliveries().find(id).await.unwrap();
    assert_eq!((delivery.attempts, delivery.last_status, delivery.next_attempt_at), (1, Some(503), Some(next)));
    assert!(tx.deliveries().record(id, &ground.attempt(None), Verdict::Parked, now()).await.unwrap());
    assert!(!tx.deliveries().record(id, &ground.attempt(Some(200)), Verdict::Delivered, now()).await.unwrap());
    assert_eq!(tx.deliveries().find(id).await.unwrap().state, DeliveryState::Parked);
    assert_eq!(tx.deliveries().attempts(id, None, 10).await.unwrap().len(), 3);
    let parked = tx.deliveries().list(Some(endpoint), Some(DeliveryState::Parked), None, 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    tx.deliveries().begin_again(id, now()).await.unwrap();
    let delivery = tx.deliveries().find(id).await.unwrap();
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Pending, 0));
    tx.endpoints().delete(endpoint).await.unwrap();
    assert!(tx.deliveries().list(None, None, None, 10).await.unwrap().is_empty(), "they go with their endpoint");
    tx.commit().await.unwrap();
}

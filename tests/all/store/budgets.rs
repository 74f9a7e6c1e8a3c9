//! Providers' limits in the row that all nodes share.

use std::{num::NonZeroU32, time::Duration};

use domain::budget::{Limit, Unused};
use ids::{ConnectionId, IntegrationId};
use store::{ProviderWord, StoreError};

use super::Ground;

impl Ground {
    async fn integration(&self) -> IntegrationId {
        let id = self.one("SELECT integration_id FROM integrations LIMIT 1").await;
        IntegrationId::from_uuid(id.parse().unwrap())
    }

    async fn lease(
        &self,
        of: (IntegrationId, Option<ConnectionId>),
        want: u32,
        unused: &[Unused],
    ) -> Result<store::LeasedCalls, StoreError> {
        let limit = Limit { calls: NonZeroU32::new(100).unwrap(), per: Duration::from_secs(60) };
        let mut tx = self.store.begin_system().await?;
        let leased = tx.lease_calls(of, limit, want, unused).await?;
        tx.commit().await?;
        Ok(leased)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_whoever_asks_at_once_gets_no_more_than_the_limit_together() {
    let ground = std::sync::Arc::new(Ground::new().await);
    let (_, connection) = ground.connection().await;
    let of = (ground.integration().await, Some(connection));
    let asking = (0..30).map(|_| {
        let ground = std::sync::Arc::clone(&ground);
        tokio::spawn(async move { ground.lease(of, 7, &[]).await.unwrap().grant })
    });
    let grants: Vec<_> = futures_util::future::join_all(asking).await.into_iter().map(|grant| grant.unwrap()).collect();
    assert_eq!(grants.iter().map(|grant| grant.calls).sum::<u32>(), 100);
    assert!(grants.iter().all(|grant| grant.next.is_some() == (grant.calls < 7)), "{grants:?}");
    let back = Unused { slot: grants[0].slot, calls: 3 };
    assert_eq!(ground.lease(of, 9, &[back]).await.unwrap().grant.calls, 3, "what was given back");
    // The whole integration's is another one.
    assert_eq!(ground.lease((of.0, None), 9, &[]).await.unwrap().grant.calls, 9);
    assert_eq!(ground.one("SELECT count(*) FROM rate_budgets").await, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_has_no_budget_and_what_goes_takes_its_own_along() {
    let ground = Ground::new().await;
    let (_, connection) = ground.connection().await;
    let integration = ground.integration().await;
    let gone = ground.mint.id(ConnectionId::new);
    assert!(matches!(ground.lease((integration, Some(gone)), 1, &[]).await, Err(StoreError::NotFound)));
    let nobody = ground.mint.id(IntegrationId::new);
    assert!(matches!(ground.lease((nobody, None), 1, &[]).await, Err(StoreError::NotFound)));
    ground.lease((integration, Some(connection)), 1, &[]).await.unwrap();
    ground.sql("DELETE FROM connections").await;
    assert_eq!(ground.one("SELECT count(*) FROM rate_budgets").await, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_5_that_a_provider_asked_to_wait_is_told_with_the_next_calls() {
    let ground = Ground::new().await;
    let (_, connection) = ground.connection().await;
    let integration = ground.integration().await;
    let of = (integration, Some(connection));
    assert_eq!(ground.lease(of, 1, &[]).await.unwrap().closed_for, None);
    for wait_ms in [60_000, 5_000] {
        let word = ProviderWord::Close { integration, connection: Some(connection), wait_ms };
        let mut tx = ground.store.begin_system().await.unwrap();
        tx.tell_of_provider(&word).await.unwrap();
        tx.commit().await.unwrap();
    }
    let closed = ground.lease(of, 1, &[]).await.unwrap().closed_for.unwrap();
    assert!(closed > Duration::from_secs(50) && closed <= Duration::from_secs(60), "{closed:?}");
}

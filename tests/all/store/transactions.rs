//! How transactions end that nobody commits.

use std::time::Duration;

use super::Ground;

impl Ground {
    /// Waits a few seconds at most until no row of `tenants` is held.
    async fn tenants_are_free(&self) {
        self.sql("SET lock_timeout = '3s'; SELECT 1 FROM tenants FOR UPDATE").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_dropped_lets_go_of_its_rows_at_once_and_keeps_its_connection() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let mut tx = ground.store.begin_system().await.unwrap();
    tx.set_tenant_weight(scope.tenant, 7).await.unwrap();
    drop(tx);
    // Nobody takes the connection meanwhile.
    ground.tenants_are_free().await;
    assert_eq!(ground.one("SELECT weight FROM tenants").await, "1");
    let kept = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND state = 'idle' AND query = 'ROLLBACK'";
    assert_eq!(ground.one(kept).await, "1");
    ground.store.ping().await.unwrap();
    assert_eq!(ground.one(kept).await, "0", "it is the one that is taken next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_dropped_while_it_waits_for_a_row_never_gets_it() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let mut holder = ground.store.begin_system().await.unwrap();
    holder.set_tenant_weight(scope.tenant, 2).await.unwrap();
    let mut waiting = ground.store.begin_system().await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(100), waiting.set_tenant_weight(scope.tenant, 3)).await;
    assert!(waited.is_err(), "nobody held the row");
    drop(waiting);
    holder.commit().await.unwrap();
    ground.tenants_are_free().await;
    assert_eq!(ground.one("SELECT weight FROM tenants").await, "2");
    ground.store.ping().await.unwrap();
}

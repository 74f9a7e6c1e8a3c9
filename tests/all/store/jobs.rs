//! The job table: leases that fence, keys that serialise, turns among tenants.

use chrono::TimeDelta;
use domain::Scope;
use ids::JobId;
use serde_json::json;
use store::{Claim, ClaimedJob, NewJob, StoreError};

use super::{Ground, now};

const QUEUE: &str = "test";

impl Ground {
    fn job(&self, serial_key: Option<&str>, dedupe_key: Option<&str>) -> NewJob {
        NewJob {
            id: self.mint.id(JobId::new),
            queue: QUEUE,
            serial_key: serial_key.map(Into::into),
            dedupe_key: dedupe_key.map(Into::into),
            priority: 1,
            payload: json!({}),
            run_at: now(),
        }
    }

    async fn enqueue(&self, scope: Scope, job: NewJob) -> bool {
        let mut tx = self.store.begin(scope).await.unwrap();
        let added = tx.jobs().enqueue(job, now()).await.unwrap();
        tx.commit().await.unwrap();
        added
    }

    async fn claim(&self, per_tenant: i64, limit: i64) -> Vec<ClaimedJob> {
        let now = now();
        let mut tx = self.store.begin_system().await.unwrap();
        let claim = Claim {
            queue: QUEUE,
            after: uuid::Uuid::nil(),
            per_tenant,
            limit,
            worker: "w",
            now,
            lease_until: now + TimeDelta::seconds(30),
        };
        let claimed = tx.jobs().claim(claim).await.unwrap();
        tx.commit().await.unwrap();
        claimed
    }

    async fn complete(&self, job: &ClaimedJob) -> Result<(), StoreError> {
        let mut tx = self.store.begin_system().await?;
        tx.jobs().complete(job.lease).await?;
        tx.commit().await
    }
}

#[tokio::test]
async fn e_5_two_jobs_with_one_key_never_run_at_once() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    for key in [Some("k"), Some("k"), None] {
        assert!(ground.enqueue(scope, ground.job(key, None)).await);
    }
    let claimed = ground.claim(10, 10).await;
    assert_eq!(claimed.len(), 2, "one of the key, and the one without");
    assert!(ground.claim(10, 10).await.is_empty(), "the key is running");
    for job in &claimed {
        ground.complete(job).await.unwrap();
    }
    assert_eq!(ground.claim(10, 10).await.len(), 1, "now the other has its turn");
}

#[tokio::test]
async fn a_waiting_job_with_the_same_dedupe_key_is_enough() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    assert!(ground.enqueue(scope, ground.job(None, Some("d"))).await);
    assert!(!ground.enqueue(scope, ground.job(None, Some("d"))).await);
    let running = ground.claim(10, 10).await.remove(0);
    assert!(ground.enqueue(scope, ground.job(None, Some("d"))).await, "the other runs already and may have missed it");
    // Putting the first back collides with nothing: it gives its key up.
    let mut tx = ground.store.begin_system().await.unwrap();
    tx.jobs().reschedule(running.lease, now(), 1, Some("e")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ground.claim(10, 10).await.len(), 2);
}

#[tokio::test]
async fn ft_1_a_worker_that_was_taken_for_dead_is_fenced_off() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await;
    let first = ground.claim(10, 10).await.remove(0);
    assert_eq!(first.attempt, 1, "counted when claimed");
    let mut tx = ground.store.begin_system().await.unwrap();
    assert_eq!(tx.jobs().reap(now()).await.unwrap(), 0, "its lease holds");
    assert_eq!(tx.jobs().reap(now() + TimeDelta::seconds(31)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let later = TimeDelta::seconds(40);
    ground.sql("UPDATE jobs SET run_at = now()").await;
    let second = ground.claim(10, 10).await.remove(0);
    assert_eq!((second.lease.job, second.attempt), (first.lease.job, 2));
    let mut tx = ground.store.begin_system().await.unwrap();
    assert!(matches!(tx.jobs().heartbeat(first.lease, now() + later).await, Err(StoreError::Superseded(_))));
    assert!(matches!(tx.jobs().reschedule(first.lease, now(), 1, None).await, Err(StoreError::Superseded(_))));
    assert!(matches!(tx.jobs().bury(first.lease, "e").await, Err(StoreError::Superseded(_))));
    tx.commit().await.unwrap();
    assert!(matches!(ground.complete(&first).await, Err(StoreError::Superseded(_))));
    ground.complete(&second).await.unwrap();
    assert_eq!(ground.one("SELECT count(*) FROM jobs").await, "0");
}

#[tokio::test]
async fn ft_4_tenants_take_turns() {
    let ground = Ground::new().await;
    let ((large, _), (small, _)) = (ground.connection().await, ground.connection().await);
    for _ in 0..50 {
        ground.enqueue(large, ground.job(None, None)).await;
    }
    ground.enqueue(small, ground.job(None, None)).await;
    let claimed = ground.claim(4, 16).await;
    assert_eq!(claimed.iter().filter(|job| job.scope == large).count(), 4);
    assert_eq!(claimed.iter().filter(|job| job.scope == small).count(), 1);
}

#[tokio::test]
async fn what_is_not_due_waits_and_somebody_who_waits_comes_first() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let due = now() + TimeDelta::hours(1);
    ground.enqueue(scope, NewJob { run_at: due, ..ground.job(None, Some("d")) }).await;
    assert!(ground.claim(10, 10).await.is_empty());
    let mut tx = ground.store.begin_system().await.unwrap();
    assert_eq!(tx.jobs().next_due(QUEUE).await.unwrap(), Some(due));
    tx.commit().await.unwrap();
    ground.enqueue(scope, ground.job(None, None)).await;
    let mut tx = ground.store.begin(scope).await.unwrap();
    assert!(tx.jobs().hasten(QUEUE, "d", now()).await.unwrap());
    assert!(!tx.jobs().hasten(QUEUE, "other", now()).await.unwrap());
    tx.commit().await.unwrap();
    let first = ground.claim(1, 1).await;
    assert_eq!(ground.one("SELECT dedupe_key FROM jobs WHERE state = 'running'").await, "d", "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_workers_that_claim_at_once_share_no_job_and_no_key() {
    let ground = std::sync::Arc::new(Ground::new().await);
    let (scope, _) = ground.connection().await;
    for at in 0..40 {
        ground.enqueue(scope, ground.job(Some(&format!("k{}", at % 10)), None)).await;
    }
    let claims = (0..4).map(|_| {
        let ground = std::sync::Arc::clone(&ground);
        tokio::spawn(async move {
            let now = now();
            let mut mine = Vec::new();
            for _ in 0..20 {
                let mut tx = ground.store.begin_system().await.unwrap();
                let lease_until = now + TimeDelta::seconds(30);
                let after = uuid::Uuid::nil();
                let claim = Claim { queue: QUEUE, after, per_tenant: 4, limit: 4, worker: "w", now, lease_until };
                match tx.jobs().claim(claim).await {
                    Ok(claimed) => mine.extend(claimed),
                    // Another worker took a job of that key at this moment.
                    Err(StoreError::Conflict { .. }) => continue,
                    Err(error) => panic!("{error}"),
                }
                tx.commit().await.unwrap();
            }
            mine
        })
    });
    let mut jobs = std::collections::HashSet::new();
    for claimed in futures_util::future::join_all(claims).await {
        for job in claimed.unwrap() {
            assert!(jobs.insert(job.lease.job.to_string()), "claimed twice");
        }
    }
    assert_eq!(jobs.len(), 10, "one of each key");
}

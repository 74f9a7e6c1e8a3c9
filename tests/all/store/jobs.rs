//! The job table: leases that fence, keys that serialise, turns among tenants.

use std::collections::HashSet;

use chrono::TimeDelta;
use domain::{
    Scope,
    turns::{Caps, Turns},
};
use ids::JobId;
use serde_json::json;
use store::{Calls, Claim, ClaimedJob, NewJob, StoreError};

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
            calls: Calls::Nobody,
        }
    }

    async fn enqueue(&self, scope: Scope, job: NewJob) -> bool {
        let mut tx = self.store.begin(scope).await.unwrap();
        let added = tx.jobs().enqueue(job, now()).await.unwrap();
        tx.commit().await.unwrap();
        added
    }

    /// Claims for so many places, shared as a worker without caps shares them.
    async fn claim(&self, places: usize) -> Vec<ClaimedJob> {
        let mut turns = Turns::new(Caps { per_tenant: usize::MAX, per_party: usize::MAX });
        self.claim_by(&mut turns, places, i64::MAX).await.unwrap()
    }

    async fn claim_by(
        &self,
        turns: &mut Turns,
        places: usize,
        per_connection: i64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        let now = now();
        let mut tx = self.store.begin_system().await?;
        let waiting = tx.jobs().waiting(QUEUE, None, 100, now).await?;
        assert_eq!(waiting.more_after, None);
        turns.see(&waiting.due);
        let turns = turns.share(&waiting.due, &HashSet::new(), places);
        let lease_until = now + TimeDelta::seconds(30);
        let claim = Claim { queue: QUEUE, turns: &turns, per_connection, worker: "w", now, lease_until };
        let claimed = tx.jobs().claim(claim).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// So many jobs that call nobody, all at once.
    async fn enqueue_copies(&self, scope: Scope, count: usize) {
        self.sql(&format!(
            "INSERT INTO jobs (job_id, tenant_id, environment_id, queue, priority, payload, state, run_at, created_at)
             SELECT gen_random_uuid(), '{}', '{}', '{QUEUE}', 1, '{{}}', 'waiting', now(), now() FROM generate_series(1, {count})",
            scope.tenant.uuid(),
            scope.environment.uuid()
        ))
        .await;
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
    let claimed = ground.claim(10).await;
    assert_eq!(claimed.len(), 2, "one of the key, and the one without");
    assert!(ground.claim(10).await.is_empty(), "the key is running");
    for job in &claimed {
        ground.complete(job).await.unwrap();
    }
    assert_eq!(ground.claim(10).await.len(), 1, "now the other has its turn");
}

#[tokio::test]
async fn a_waiting_job_with_the_same_dedupe_key_is_enough() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    assert!(ground.enqueue(scope, ground.job(None, Some("d"))).await);
    assert!(!ground.enqueue(scope, ground.job(None, Some("d"))).await);
    let running = ground.claim(10).await.remove(0);
    assert!(ground.enqueue(scope, ground.job(None, Some("d"))).await, "the other runs already and may have missed it");
    // Putting the first back collides with nothing: it gives its key up.
    let mut tx = ground.store.begin_system().await.unwrap();
    tx.jobs().reschedule(running.lease, now(), 1, Some("e")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ground.claim(10).await.len(), 2);
}

#[tokio::test]
async fn ft_1_a_worker_that_was_taken_for_dead_is_fenced_off() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await;
    let first = ground.claim(10).await.remove(0);
    assert_eq!(first.attempt, 1, "counted when claimed");
    let mut tx = ground.store.begin_system().await.unwrap();
    assert_eq!(tx.jobs().reap(now()).await.unwrap(), 0, "its lease holds");
    assert_eq!(tx.jobs().reap(now() + TimeDelta::seconds(31)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let later = TimeDelta::seconds(40);
    ground.sql("UPDATE jobs SET run_at = now()").await;
    let second = ground.claim(10).await.remove(0);
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
async fn ft_1_a_reaped_job_is_found_by_its_dedupe_key_as_before() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let reap = async || {
        let mut tx = ground.store.begin_system().await.unwrap();
        let reaped = tx.jobs().reap(now() + TimeDelta::seconds(31)).await.unwrap();
        tx.commit().await.unwrap();
        reaped
    };
    let waiting = "SELECT string_agg(coalesce(dedupe_key, '-'), ' ' ORDER BY job_id) FROM jobs WHERE state = 'waiting'";
    ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await;
    assert_eq!(ground.claim(10).await.len(), 1);
    assert_eq!(reap().await, 1);
    assert!(!ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await, "it waits, and is enough");
    let mut tx = ground.store.begin(scope).await.unwrap();
    tx.jobs().take_back(QUEUE, "d").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ground.one("SELECT count(*) FROM jobs").await, "0", "it was taken back");

    // Beside one that was added while it ran, it gives its key up; by the serial key both are found.
    ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await;
    assert_eq!(ground.claim(10).await.len(), 1);
    assert!(ground.enqueue(scope, ground.job(Some("k"), Some("d"))).await);
    ground.enqueue(scope, ground.job(Some("other"), None)).await;
    assert_eq!(reap().await, 1);
    assert_eq!(ground.one(waiting).await, "- d -");
    let mut tx = ground.store.begin(scope).await.unwrap();
    tx.jobs().take_all_back(QUEUE, "k").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ground.one("SELECT string_agg(serial_key, ' ') FROM jobs").await, "other");
}

#[tokio::test]
async fn ft_1_of_several_jobs_with_one_dedupe_key_that_are_reaped_together_one_keeps_it() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    for _ in 0..3 {
        assert!(ground.enqueue(scope, ground.job(None, Some("d"))).await, "the others run already");
        assert_eq!(ground.claim(10).await.len(), 1);
    }
    let mut tx = ground.store.begin_system().await.unwrap();
    assert_eq!(tx.jobs().reap(now() + TimeDelta::seconds(31)).await.unwrap(), 3);
    tx.commit().await.unwrap();
    let keys = "SELECT string_agg(coalesce(dedupe_key, '-') || ' ' || state, ', ' ORDER BY job_id) FROM jobs";
    assert_eq!(ground.one(keys).await, "d waiting, - waiting, - waiting");
}

/// Runs everything in turns: as many jobs as there are places, and all of them end. Gives after which turn the last job of
/// a tenant ended.
async fn turns_until_done(ground: &Ground, of: Scope, places: usize) -> usize {
    let mut turns = Turns::new(Caps { per_tenant: usize::MAX, per_party: usize::MAX });
    let left = format!("SELECT count(*) FROM jobs WHERE tenant_id = '{}'", of.tenant.uuid());
    for turn in 1.. {
        let mut begun = Vec::new();
        while begun.len() < places {
            let claimed = ground.claim_by(&mut turns, places - begun.len(), i64::MAX).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for job in &claimed {
                turns.began(job.lane.tenant, 1, &job.lane.party);
            }
            begun.extend(claimed);
        }
        for job in &begun {
            ground.complete(job).await.unwrap();
            turns.ended(job.lane.tenant, &job.lane.party);
        }
        if ground.one(&left).await == "0" {
            return turn;
        }
        assert!(turn < 1_000, "it does not end");
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_a_tenant_with_a_hundred_times_as_many_jobs_at_most_doubles_what_another_waits() {
    const PLACES: usize = 4;
    const JOBS: usize = 6;
    let ground = Ground::new().await;
    let ((large, _), (small, _)) = (ground.connection().await, ground.connection().await);
    for _ in 0..JOBS {
        ground.enqueue(small, ground.job(None, None)).await;
    }
    let alone = turns_until_done(&ground, small, PLACES).await;
    ground.enqueue_copies(large, JOBS * 100).await;
    for _ in 0..JOBS {
        ground.enqueue(small, ground.job(None, None)).await;
    }
    let beside = turns_until_done(&ground, small, PLACES).await;
    assert!(beside <= alone * 2, "{beside} turns, alone {alone}");
    assert_eq!(ground.one("SELECT count(*) > 500 FROM jobs").await, "t", "the other one's are still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_a_heavier_tenant_has_more_places() {
    let ground = Ground::new().await;
    let ((heavy, _), (light, _)) = (ground.connection().await, ground.connection().await);
    ground.sql(&format!("UPDATE tenants SET weight = 3 WHERE tenant_id = '{}'", heavy.tenant.uuid())).await;
    for scope in [heavy, light] {
        ground.enqueue_copies(scope, 20).await;
    }
    let claimed = ground.claim(8).await;
    assert_eq!(claimed.iter().filter(|job| job.scope == heavy).count(), 6);
    assert_eq!(claimed.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_a_connection_and_a_party_hold_so_many_places_and_no_more() {
    let ground = Ground::new().await;
    let ((scope, one), (_, stranger)) = (ground.connection().await, ground.connection().await);
    let job = |calls| NewJob { calls, ..ground.job(None, None) };
    for _ in 0..6 {
        ground.enqueue(scope, job(Calls::Connection(one))).await;
    }
    ground.enqueue(scope, job(Calls::Nobody)).await;
    // Another tenant's connection is none of ours: nobody is called.
    ground.enqueue(scope, job(Calls::Connection(stranger))).await;
    let parties = "SELECT string_agg(party || '×' || n, ' ' ORDER BY party) FROM (SELECT party, count(*) n FROM jobs GROUP BY 1) p";
    assert_eq!(ground.one(parties).await, "×2 a×6");

    let mut free = Turns::new(Caps { per_tenant: 100, per_party: 100 });
    let claimed = ground.claim_by(&mut free, 100, 2).await.unwrap();
    assert_eq!(claimed.len(), 4, "two of the connection, and the two that call nobody");
    assert!(ground.claim_by(&mut free, 100, 2).await.unwrap().is_empty());
    ground.complete(claimed.iter().find(|job| job.lane.party == "a").unwrap()).await.unwrap();
    assert_eq!(ground.claim_by(&mut free, 100, 2).await.unwrap().len(), 1);

    let mut capped = Turns::new(Caps { per_tenant: 100, per_party: 3 });
    capped.began(scope.tenant, 1, "a");
    capped.began(scope.tenant, 1, "a");
    assert_eq!(ground.claim_by(&mut capped, 100, 100).await.unwrap().len(), 1, "one more calls that party");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_a_tenant_described_is_another_party_than_the_installed_one_of_that_name() {
    let ground = Ground::new().await;
    let ((own, mine), (installed, theirs)) = (ground.connection().await, ground.connection().await);
    ground
        .sql(&format!(
            "INSERT INTO provider_versions (provider_version_id, tenant_id, environment_id, slug, version, manifest, author, created_at)
             VALUES (gen_random_uuid(), '{}', '{}', 'a', 1, '', 'me', now())",
            own.tenant.uuid(),
            own.environment.uuid()
        ))
        .await;
    ground.enqueue(own, NewJob { calls: Calls::Connection(mine), ..ground.job(None, None) }).await;
    ground.enqueue(installed, NewJob { calls: Calls::Connection(theirs), ..ground.job(None, None) }).await;
    let mut parties: Vec<String> = ground.claim(10).await.into_iter().map(|job| job.lane.party).collect();
    parties.sort();
    assert_eq!(parties, ["a".to_owned(), format!("a@{}", own.environment.uuid())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_goes_on_where_the_last_one_ended() {
    let ground = Ground::new().await;
    for _ in 0..5 {
        let (scope, _) = ground.connection().await;
        for priority in [0, 1] {
            ground.enqueue(scope, NewJob { priority, ..ground.job(None, None) }).await;
        }
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let mut tx = ground.store.begin_system().await.unwrap();
        let waiting = tx.jobs().waiting(QUEUE, after.as_ref(), 3, now()).await.unwrap();
        seen.extend(waiting.due.into_iter().map(|one| one.lane));
        after = waiting.more_after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 10);
    assert!(seen.is_sorted() && seen.iter().collect::<HashSet<_>>().len() == 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_to_claim_reads_little_however_many_wait() {
    let ground = Ground::new().await;
    let ((large, crowded), (small, _)) = (ground.connection().await, ground.connection().await);
    ground.enqueue_copies(large, 50_000).await;
    // As many behind a party that has no place left.
    let crowd = NewJob { calls: Calls::Connection(crowded), ..ground.job(None, None) };
    ground.enqueue(large, crowd).await;
    ground
        .sql("INSERT INTO jobs SELECT (jsonb_populate_record(j, jsonb_build_object('job_id', gen_random_uuid()))).* FROM jobs j, generate_series(1, 50000) WHERE party = 'a'; ANALYZE jobs")
        .await;
    ground.enqueue(small, ground.job(None, None)).await;
    let mut turns = Turns::new(Caps { per_tenant: 100, per_party: 1 });
    turns.began(large.tenant, 1, "a");
    let read = "SELECT seq_tup_read || ' ' || idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'jobs'";
    let counted = async || {
        // A session tells what it did at the end of a transaction, at most once a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        ground.store.ping().await.unwrap();
        let said = ground.one(read).await;
        said.split(' ').map(|number| number.parse::<i64>().unwrap()).sum::<i64>()
    };
    let before = counted().await;
    let claimed = ground.claim_by(&mut turns, 8, 4).await.unwrap();
    // Half of the places are the small one's, which has one job.
    assert_eq!(claimed.len(), 5);
    assert!(claimed.iter().any(|job| job.scope == small) && claimed.iter().all(|job| job.lane.party.is_empty()));
    let rows = counted().await - before;
    assert!((1..1_000).contains(&rows), "{rows} rows were read for 5 of 100,000");
}

#[tokio::test]
async fn what_is_not_due_waits_and_somebody_who_waits_comes_first() {
    let ground = Ground::new().await;
    let (scope, _) = ground.connection().await;
    let due = now() + TimeDelta::hours(1);
    ground.enqueue(scope, NewJob { run_at: due, ..ground.job(None, Some("d")) }).await;
    assert!(ground.claim(10).await.is_empty());
    let mut tx = ground.store.begin_system().await.unwrap();
    assert_eq!(tx.jobs().next_due(QUEUE).await.unwrap(), Some(due));
    tx.commit().await.unwrap();
    ground.enqueue(scope, ground.job(None, None)).await;
    let mut tx = ground.store.begin(scope).await.unwrap();
    assert!(tx.jobs().hasten(QUEUE, "d", now()).await.unwrap());
    assert!(!tx.jobs().hasten(QUEUE, "other", now()).await.unwrap());
    tx.commit().await.unwrap();
    let first = ground.claim(1).await;
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
            let mut mine = Vec::new();
            for _ in 0..20 {
                let mut turns = Turns::new(Caps { per_tenant: 4, per_party: 4 });
                match ground.claim_by(&mut turns, 4, 4).await {
                    Ok(claimed) => mine.extend(claimed),
                    // Another worker took a job of that key at this moment.
                    Err(StoreError::Conflict { .. }) => continue,
                    Err(error) => panic!("{error}"),
                }
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

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering};

use async_trait::async_trait;
use ids::EnvironmentId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;
use crate::{DataKey, KeyHealth};

const PLACE: Place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(7) };
const LIMITS: SealerLimits = SealerLimits {
    keys: 100,
    fresh_for: Duration::from_secs(60),
    usable_for: Duration::from_secs(600),
    messages_per_key: 100,
    pause: Duration::from_secs(1),
};

/// A clock moved by hand.
struct ByHand(AtomicI64);

impl Clock for ByHand {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Counts up: different every time, and the same in every run.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// A key service whose state the test sets, and which counts what it is asked.
#[derive(Default)]
struct Scripted {
    state: Mutex<State>,
    asked: AtomicUsize,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Up,
    Sealed,
    Hanging,
    Destroyed,
}

impl Scripted {
    fn set(&self, state: State) {
        *self.state.lock().unwrap() = state;
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

fn data_key(scope: Scope) -> DataKey {
    let byte = scope.tenant.uuid().as_bytes()[15] ^ scope.environment.uuid().as_bytes()[15];
    DataKey::from_bytes(Zeroizing::new(vec![byte; 32])).unwrap()
}

#[async_trait]
impl KeyService for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }
    async fn create_tenant_key(&self, _: TenantId) -> Result<(), KeyError> {
        Ok(())
    }
    async fn generate_data_key(&self, scope: Scope) -> Result<(DataKey, WrappedKey), KeyError> {
        Ok((data_key(scope), WrappedKey::from_text("file:v1:")))
    }
    async fn unwrap_data_key(&self, scope: Scope, _: &WrappedKey) -> Result<DataKey, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let state = *self.state.lock().unwrap();
        match state {
            State::Up => Ok(data_key(scope)),
            State::Sealed => Err(KeyError::Sealed),
            State::Destroyed => Err(KeyError::NotFound),
            State::Hanging => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(KeyError::Unreachable { reason: "no answer in time".into() })
            }
        }
    }
    async fn seal_value(&self, _: TenantId, binding: &[u8], plaintext: &[u8]) -> Result<WrappedKey, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match *self.state.lock().unwrap() {
            State::Up => Ok(WrappedKey::from_text(format!("file:v1:{binding:?}|{plaintext:?}"))),
            State::Destroyed => Err(KeyError::NotFound),
            _ => Err(KeyError::Sealed),
        }
    }
    async fn open_value(
        &self,
        _: TenantId,
        binding: &[u8],
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match *self.state.lock().unwrap() {
            State::Up if sealed.as_str().starts_with(&format!("file:v1:{binding:?}|")) => Ok(b"token".to_vec().into()),
            State::Up => Err(KeyError::Corrupt { what: "a wrapped data key" }),
            State::Destroyed => Err(KeyError::NotFound),
            _ => Err(KeyError::Sealed),
        }
    }
    async fn health(&self) -> KeyHealth {
        KeyHealth::Ready
    }
}

struct Bench {
    keys: Arc<Scripted>,
    clock: Arc<ByHand>,
    sealer: Arc<Sealer>,
    scope: Scope,
    record: DataKeyRecord,
    sealed: Sealed,
}

impl Bench {
    /// A sealer that holds nothing yet, and a value sealed by another one.
    async fn cold() -> Self {
        let (keys, clock) = (Arc::new(Scripted::default()), Arc::new(ByHand(AtomicI64::new(1_000_000))));
        let make = || {
            let (keys, clock): (Arc<dyn KeyService>, Arc<dyn Clock>) = (keys.clone(), clock.clone());
            Sealer::with_limits(keys, Arc::new(Counting(AtomicU8::new(1))), clock, LIMITS)
        };
        let scope = scope(1, 2);
        let other = make();
        let record = other.create_data_key(scope, DataKeyId::from_uuid(Uuid::from_u128(3))).await.unwrap();
        let sealed = other.seal(scope, &record, PLACE, b"token").await.unwrap();
        assert_eq!(keys.asked(), 0, "a new data key is ready for use");
        Self { sealer: Arc::new(make()), keys, clock, scope, record, sealed }
    }

    async fn open(&self) -> Result<Opened, KeyError> {
        self.sealer.open(self.scope, &self.record, PLACE, &self.sealed).await
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

fn scope(tenant: u128, environment: u128) -> Scope {
    Scope {
        tenant: TenantId::from_uuid(Uuid::from_u128(tenant)),
        environment: EnvironmentId::from_uuid(Uuid::from_u128(environment)),
    }
}

#[tokio::test]
async fn se_3_a_sealed_key_service_is_bridged_for_a_bounded_time_then_refused() {
    let bench = Bench::cold().await;
    assert_eq!(*bench.open().await.unwrap(), *b"token");
    bench.keys.set(State::Sealed);
    assert_eq!(bench.keys.asked(), 1);

    bench.pass(59);
    assert!(bench.sealer.open_cached(bench.scope, PLACE, &bench.sealed).unwrap().is_ok(), "fresh: no need to ask");
    bench.pass(2);
    assert!(bench.sealer.open_cached(bench.scope, PLACE, &bench.sealed).is_none(), "stale: the slow path must ask");
    assert_eq!(*bench.open().await.unwrap(), *b"token");
    assert_eq!(bench.keys.asked(), 1, "asked, found sealed, bridged");
    assert_eq!(*bench.open().await.unwrap(), *b"token");
    assert_eq!(bench.keys.asked(), 0, "left alone for a moment");

    bench.pass(540);
    let refused = bench.open().await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "{refused:?}");
    assert!(refused.unwrap_err().retry_after().is_some());
    let refused = bench.sealer.seal(bench.scope, &bench.record, PLACE, b"new").await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "sealing never falls back: {refused:?}");

    bench.keys.set(State::Up);
    bench.pass(2);
    assert_eq!(*bench.open().await.unwrap(), *b"token", "recovers by itself");
}

#[tokio::test]
async fn se_3_a_destroyed_key_goes_when_it_is_asked_for_again() {
    let bench = Bench::cold().await;
    bench.open().await.unwrap();
    bench.keys.set(State::Destroyed);
    bench.pass(61);
    assert!(matches!(bench.open().await, Err(KeyError::NotFound)));
    assert_eq!(bench.sealer.cached_keys(), 0);
}

#[tokio::test]
async fn se_3_forgetting_a_tenant_wipes_its_keys_only() {
    let bench = Bench::cold().await;
    bench.open().await.unwrap();
    let other = scope(9, 2);
    bench.sealer.create_data_key(other, DataKeyId::from_uuid(Uuid::from_u128(4))).await.unwrap();
    bench.sealer.forget_tenant(bench.scope.tenant);
    assert!(bench.sealer.open_cached(bench.scope, PLACE, &bench.sealed).is_none());
    assert_eq!(bench.sealer.cached_keys(), 1);
}

#[tokio::test]
async fn se_3_a_crowd_asks_once_and_a_hang_is_not_queued_up_for() {
    let bench = Arc::new(Bench::cold().await);
    let crowd = |bench: &Arc<Bench>| {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let bench = Arc::clone(bench);
                tokio::spawn(async move { bench.open().await.map(|text| text.to_vec()) })
            })
            .collect();
        async move {
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            answers
        }
    };
    bench.keys.set(State::Hanging);
    let began = std::time::Instant::now();
    assert!(crowd(&bench).await.iter().all(|answer| matches!(answer, Err(KeyError::Unreachable { .. }))));
    assert!(began.elapsed() < Duration::from_secs(2), "each of fifty waited out the deadline in turn");
    assert_eq!(bench.keys.asked(), 1);

    bench.keys.set(State::Up);
    bench.pass(2);
    assert!(crowd(&bench).await.iter().all(Result::is_ok));
    assert_eq!(bench.keys.asked(), 1);
}

#[tokio::test]
async fn se_1_a_record_under_another_scope_finds_nothing_in_the_cache() {
    let bench = Bench::cold().await;
    bench.open().await.unwrap();
    assert!(bench.sealer.open_cached(scope(8, 2), PLACE, &bench.sealed).is_none());
    let foreign = bench.sealer.open(scope(8, 2), &bench.record, PLACE, &bench.sealed).await;
    assert!(matches!(foreign, Err(KeyError::Corrupt { .. })), "{foreign:?}");
}

#[tokio::test]
async fn se_3_a_clock_set_back_makes_nothing_last_longer() {
    let bench = Bench::cold().await;
    bench.open().await.unwrap();
    bench.keys.set(State::Sealed);
    bench.pass(-3600);
    assert!(bench.sealer.open_cached(bench.scope, PLACE, &bench.sealed).is_none());
    assert!(matches!(bench.open().await, Err(KeyError::Sealed)));
}

#[tokio::test]
async fn the_number_of_keys_in_memory_is_bounded() {
    let bench = Bench::cold().await;
    for n in 0..1000 {
        bench.sealer.create_data_key(bench.scope, DataKeyId::from_uuid(Uuid::from_u128(n))).await.unwrap();
    }
    assert!(bench.sealer.cached_keys() <= LIMITS.keys, "{}", bench.sealer.cached_keys());
}

#[tokio::test]
async fn d_2_in_direct_mode_every_seal_and_open_is_a_request_and_nothing_is_bridged() {
    let bench = Bench::cold().await;
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let keys: Arc<dyn KeyService> = bench.keys.clone();
    let sealer =
        Sealer::with_limits(keys, Arc::new(Counting(AtomicU8::new(1))), clock, LIMITS).sealing(Sealing::Direct);
    assert!(!sealer.is_in_mode(&bench.record) && bench.sealer.is_in_mode(&bench.record));
    let record = sealer.create_data_key(bench.scope, DataKeyId::from_uuid(Uuid::from_u128(9))).await.unwrap();
    assert!(sealer.is_in_mode(&record) && !bench.sealer.is_in_mode(&record));
    assert_eq!(record.wrapped.version(), Some(1));

    let sealed = sealer.seal(bench.scope, &record, PLACE, b"token").await.unwrap();
    assert_eq!(bench.keys.asked(), 1);
    let sealed = Sealed::from_bytes(sealed.into_bytes()).unwrap();
    assert_eq!(sealed.data_key_id(), record.id);
    for _ in 0..3 {
        assert!(sealer.open_cached(bench.scope, PLACE, &sealed).is_none());
        assert_eq!(*sealer.open(bench.scope, &record, PLACE, &sealed).await.unwrap(), *b"token");
    }
    assert_eq!((bench.keys.asked(), sealer.cached_keys()), (3, 0));
    let moved = sealer.open(bench.scope, &record, Place { row: Uuid::from_u128(8), ..PLACE }, &sealed).await;
    assert!(matches!(moved, Err(KeyError::Corrupt { what: "a sealed value" })), "{moved:?}");
    // Each kind of value needs its own kind of record, and both open whatever the mode is.
    let crossed = sealer.open(bench.scope, &record, PLACE, &bench.sealed).await;
    assert!(crossed.is_err(), "{crossed:?}");
    assert_eq!(*sealer.open(bench.scope, &bench.record, PLACE, &bench.sealed).await.unwrap(), *b"token");
    assert_eq!(*bench.sealer.open(bench.scope, &record, PLACE, &sealed).await.unwrap(), *b"token");

    bench.keys.set(State::Sealed);
    let refused = sealer.open(bench.scope, &record, PLACE, &sealed).await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "{refused:?}");
    bench.keys.asked();
    let refused = sealer.seal(bench.scope, &record, PLACE, b"token").await;
    assert!(matches!(refused, Err(KeyError::Sealed)), "{refused:?}");
    assert_eq!(bench.keys.asked(), 0, "left alone for a moment");
}

#[tokio::test]
async fn se_1_messages_are_sealed_within_what_was_reserved() {
    let bench = Bench::cold().await;
    let (sealer, id) = (&bench.sealer, bench.record.id);
    assert!(!sealer.spend(id, 1), "nothing is reserved");
    sealer.allow(id, 4);
    assert!(!sealer.spend(id, 5) && sealer.spend(id, 2));
    assert_eq!([sealer.spend(id, 1), sealer.spend(id, 1), sealer.spend(id, 1)], [true, true, false]);
    for n in 0..1000 {
        sealer.allow(DataKeyId::from_uuid(Uuid::from_u128(n)), 5);
    }
    assert!(sealer.allowances.lock().unwrap().len() <= LIMITS.keys);
}

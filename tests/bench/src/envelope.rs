//! Sealing and opening a credential as the server does, beside AES-256-GCM of the same crate with a key that is ready.

use std::{
    fs,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use chrono::{DateTime, Utc};
use domain::{Scope, clock::Clock, entropy::Entropy};
use ids::{DataKeyId, EnvironmentId, TenantId};
use uuid::Uuid;
use vault::{FileKeyring, KeyService, Place, Sealer, file_keyring::OnMissing};

use crate::{
    Outcome, ROUNDS,
    crowd::Machine,
    figures::{median, times},
    places::Places,
    stack::announce,
    table::{Row, Table, Target},
};

/// Bytes of a credential.
const BYTES: usize = 2048;
/// Looks at the clock after so many.
const AT_ONCE: u32 = 1_000;
/// How long one side takes its turn.
const TURN: Duration = Duration::from_millis(500);

/// Adds its row.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("sealing and opening …");
    let path = places.folder.join("envelope-keyring");
    let _ = fs::remove_file(&path);
    let entropy: Arc<dyn Entropy> = Arc::new(Machine);
    // The server's clock is asked at every turn; here it is the machine's as well.
    let clock: Arc<dyn Clock> = Arc::new(Started(Machine.now()));
    let failed = |error: vault::KeyError| error.to_string();
    let keys = Arc::new(FileKeyring::open(&path, OnMissing::Create, Arc::clone(&entropy)).map_err(failed)?);
    let service: Arc<dyn KeyService> = Arc::<FileKeyring>::clone(&keys);
    let sealer = Sealer::new(service, entropy, clock);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let scope = Scope {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        environment: EnvironmentId::from_uuid(Uuid::from_u128(2)),
    };
    let place = Place { table: "credentials", column: "sealed", row: Uuid::from_u128(3) };
    let credential = vec![0x5a_u8; BYTES];
    let record = runtime.block_on(async {
        keys.create_tenant_key(scope.tenant).await?;
        sealer.create_data_key(scope, DataKeyId::from_uuid(Uuid::from_u128(4))).await
    });
    let record = record.map_err(failed)?;

    let ours = || -> Outcome<f64> {
        runtime.block_on(async {
            let began = Instant::now();
            let mut done = 0_u32;
            while began.elapsed() < TURN {
                for _ in 0..AT_ONCE {
                    let sealed = sealer.seal(scope, &record, place, &credential).await.map_err(failed)?;
                    let opened = sealer.open_cached(scope, place, &sealed).ok_or("the data key is not at hand")?;
                    black_box(opened.map_err(failed)?);
                }
                done += AT_ONCE;
            }
            Ok(micros(began, done))
        })
    };
    let mut bytes = [0_u8; 32];
    Machine.fill(&mut bytes);
    let unspecified = |_: aws_lc_rs::error::Unspecified| "AES-256-GCM failed".to_owned();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).map_err(unspecified)?);
    let theirs = || -> Outcome<f64> {
        let began = Instant::now();
        let mut done = 0_u32;
        while began.elapsed() < TURN {
            for _ in 0..AT_ONCE {
                let mut nonce = [0_u8; 12];
                Machine.fill(&mut nonce);
                let mut buffer = Vec::with_capacity(BYTES + 16);
                buffer.extend_from_slice(&credential);
                let aad = [7_u8; 96];
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer)
                    .map_err(unspecified)?;
                let mut copy = buffer.clone();
                let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut copy);
                black_box(opened.map_err(unspecified)?);
            }
            done += AT_ONCE;
        }
        Ok(micros(began, done))
    };
    let (mut mine, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        mine.push(ours()?);
        reference.push(theirs()?);
    }
    let (mine, reference) = (median(mine), median(reference));
    let ratio = mine / reference;
    table.add(Row {
        what: "seal and open a credential of 2 kB, its data key at hand".to_owned(),
        ours: format!("{mine:.2} µs"),
        reference: format!("AES-256-GCM with a ready key, same crate: {reference:.2} µs"),
        ratio: times(ratio),
        target: "≤ 2.0 ×".to_owned(),
        is_met: Some(Target::AtMost(2.0).is_met_by(ratio)),
    });
    let _ = fs::remove_file(&path);
    Ok(())
}

/// Microseconds of one piece of work.
fn micros(began: Instant, done: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(done)
}

/// A clock that stands still: what it costs to ask the machine's belongs to the request.
struct Started(DateTime<Utc>);

impl Clock for Started {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

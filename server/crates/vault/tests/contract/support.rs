//! Ids, randomness and folders for tests.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use domain::{Scope, clock::Clock, entropy::Entropy};
use ids::{DataKeyId, EnvironmentId, TenantId};
use patchbay_vault::{FileKeyring, file_keyring::OnMissing};
use uuid::Uuid;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// A tenant that no other test uses.
pub fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u64_pair(0x7e57, next()))
}

pub fn scope_of(tenant: TenantId) -> Scope {
    Scope { tenant, environment: EnvironmentId::from_uuid(Uuid::from_u64_pair(0xe4, next())) }
}

pub fn data_key_id() -> DataKeyId {
    DataKeyId::from_uuid(Uuid::from_u64_pair(0xd3, next()))
}

/// Real randomness.
pub struct Random;

impl Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).unwrap();
    }
}

/// A clock that stands still.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// A folder of the test's own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("patchbay-vault-{}-{}", std::process::id(), next()));
        // One that an earlier, killed run with the same process id left.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

pub fn keyring(folder: &Folder) -> FileKeyring {
    FileKeyring::open(folder.path().join("keyring.json"), OnMissing::Create, Arc::new(Random)).unwrap()
}

//! Wakes the workers of all nodes after work was added. `NOTIFY` takes a lock at commit that the whole Postgres server
//! shares, so the transactions that add jobs never do it: after their commit a task does, at most every 20 ms. A wake-up
//! that is lost costs a worker's polling interval, nothing else.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel_async::SimpleAsyncConnection as _;
use tokio::time::Instant;

use crate::{listen, pool::Pool};

const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Bell {
    pool: Pool,
    is_pending: AtomicBool,
    last: Mutex<Option<Instant>>,
}

impl Bell {
    pub(crate) fn new(pool: Pool) -> Arc<Self> {
        Arc::new(Self { pool, is_pending: AtomicBool::new(false), last: Mutex::new(None) })
    }

    /// Rings soon, once for all who ask until then.
    pub(crate) fn ring(self: &Arc<Self>) {
        if self.is_pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let bell = Arc::clone(self);
        tokio::spawn(async move {
            let last = bell.last.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
            if let Some(last) = last {
                tokio::time::sleep_until(last + PAUSE).await;
            }
            // From here on whoever asks is not sure to be heard by this one.
            bell.is_pending.store(false, Ordering::Release);
            let Ok(mut connection) = bell.pool.get().await else { return };
            if let Err(error) = connection.batch_execute(&format!("NOTIFY {}", listen::JOBS)).await {
                tracing::debug!(%error, "workers were not woken; they will look by themselves");
            }
        });
    }
}

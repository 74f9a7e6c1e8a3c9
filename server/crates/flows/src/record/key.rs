//! The key under which a sync's records are sealed: random, made when the first record is, and itself sealed under the
//! environment's data key.

use domain::{Scope, entropy};
use ids::SyncId;
use vault::{Place, RowKey, Sealed};
use zeroize::Zeroizing;

use crate::{
    Actor, Ctx, Services,
    credentials::{SealError, open, seal},
};

const fn place(sync: SyncId) -> Place {
    Place { table: "record_keys", column: "sealed", row: sync.uuid() }
}

/// The record key of a sync, if it has one.
///
/// # Errors
/// [`SealError`].
pub(super) async fn find(services: &Services, scope: Scope, sync: SyncId) -> Result<Option<RowKey>, SealError> {
    let mut tx = services.store.begin(scope).await?;
    let sealed = tx.record_policies().key(sync).await?;
    tx.commit().await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = open(ctx(services, scope), place(sync), &Sealed::from_bytes(sealed)?).await?;
    Ok(Some(RowKey::new(&opened, scope, sync.uuid())?))
}

/// The record key of a sync. Where two make one at the same moment, both use the one that was kept.
///
/// # Errors
/// [`SealError`].
pub(crate) async fn find_or_make(services: &Services, scope: Scope, sync: SyncId) -> Result<RowKey, SealError> {
    if let Some(key) = find(services, scope, sync).await? {
        return Ok(key);
    }
    let bytes = Zeroizing::new(entropy::bytes::<{ RowKey::LENGTH }>(services.entropy.as_ref()));
    let sealed = seal(ctx(services, scope), place(sync), bytes.as_slice()).await?;
    let mut tx = services.store.begin(scope).await?;
    tx.record_policies().keep_key(sync, sealed.as_bytes(), services.now()).await?;
    tx.commit().await?;
    let kept = find(services, scope, sync).await?;
    kept.ok_or(SealError::Store(store::StoreError::NotFound))
}

fn ctx(services: &Services, scope: Scope) -> Ctx<'_> {
    services.ctx(scope, Actor::System)
}

/// Seals records, each under its own id.
///
/// # Errors
/// [`SealError`].
pub(crate) fn seal_all<'a>(
    services: &Services,
    key: &RowKey,
    records: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Vec<u8>>, SealError> {
    let one = |(id, body): (&str, &str)| {
        let salt = entropy::bytes::<{ RowKey::SALT }>(services.entropy.as_ref());
        Ok(key.seal(&salt, id, body.as_bytes())?)
    };
    records.map(one).collect()
}

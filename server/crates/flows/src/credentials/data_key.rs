//! Sealing and opening with the environment's data key, which is made when it is first needed.

use domain::Scope;
use ids::DataKeyId;
use store::{DataKeyRow, StoreError, Tx};
use vault::{DataKeyRecord, KeyError, Place, Sealed, WrappedKey};
use zeroize::Zeroizing;

use crate::Ctx;

/// Why a value was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key service is down or refuses, or the value was altered.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The data key's row could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The data key with which this environment seals now. Made if there is none yet: the key service is asked outside any
/// transaction, and where two nodes do so at once an index lets one of the keys in, which both then use.
///
/// # Errors
/// [`SealError`].
pub async fn data_key(ctx: Ctx<'_>) -> Result<DataKeyRecord, SealError> {
    if let Some(row) = current(ctx).await? {
        return Ok(record(row));
    }
    let services = ctx.services;
    let id = services.mint.id(DataKeyId::new);
    let made = match services.sealer.create_data_key(ctx.scope, id).await {
        // The tenant's key is made with the tenant. This is for a tenant whose creation broke off in between; one whose
        // key was destroyed has data keys and never gets here.
        Err(KeyError::NotFound) => {
            services.keys.create_tenant_key(ctx.scope.tenant).await?;
            services.sealer.create_data_key(ctx.scope, id).await?
        }
        made => made?,
    };
    let row = DataKeyRow { data_key_id: made.id, wrapped: made.wrapped.as_str().to_owned() };
    let mut tx = services.store.begin(ctx.scope).await?;
    let was_first = tx.data_keys().insert_first(&row, services.now()).await?;
    tx.commit().await?;
    if was_first {
        return Ok(made);
    }
    current(ctx).await?.map(record).ok_or(SealError::Store(StoreError::Superseded("the data key")))
}

/// Seals a value for its place with the environment's data key.
///
/// # Errors
/// [`SealError`].
pub async fn seal(ctx: Ctx<'_>, place: Place, plaintext: &[u8]) -> Result<Sealed, SealError> {
    let key = data_key(ctx).await?;
    Ok(ctx.services.sealer.seal(ctx.scope, &key, place, plaintext).await?)
}

/// Opens a value at its place, with the data key that it names.
///
/// # Errors
/// [`SealError`].
pub async fn open(ctx: Ctx<'_>, place: Place, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
    if let Some(opened) = ctx.services.sealer.open_cached(ctx.scope, place, sealed) {
        return Ok(opened?);
    }
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let key = record_of(&mut tx, sealed.data_key_id()).await?;
    tx.commit().await?;
    Ok(ctx.services.sealer.open(ctx.scope, &key, place, sealed).await?)
}

/// The data key that a sealed value names.
pub(super) async fn record_of(tx: &mut Tx<Scope>, id: DataKeyId) -> Result<DataKeyRecord, SealError> {
    match tx.data_keys().find(id).await {
        Ok(row) => Ok(record(row)),
        // A value that was moved here from another environment names a key that this one does not have.
        Err(StoreError::NotFound) => Err(KeyError::Corrupt { what: "a sealed value" }.into()),
        Err(error) => Err(error.into()),
    }
}

async fn current(ctx: Ctx<'_>) -> Result<Option<DataKeyRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.data_keys().current().await?;
    tx.commit().await?;
    Ok(row)
}

fn record(row: DataKeyRow) -> DataKeyRecord {
    DataKeyRecord { id: row.data_key_id, wrapped: WrappedKey::from_text(row.wrapped) }
}

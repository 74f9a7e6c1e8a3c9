//! Sealing and opening with the environment's data key, which is made when it is first needed.

use domain::Scope;
use ids::DataKeyId;
use store::{DataKeyRow, StoreError, Tx};
use vault::{DataKeyRecord, KeyError, Opened, Place, Sealed, WrappedKey};

use crate::{Ctx, keys::is_destroyed};

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

/// Messages that a process reserves at once, so that the count in the database costs one write in so many seals.
const BLOCK: u64 = 1024;
/// How often another data key is looked for, where others change it at the same moment.
const TRIES: u32 = 5;

/// The data key with which this environment seals one message now. Made if there is none yet, and replaced when it has
/// sealed as many as it may: the key service is asked outside any transaction, and where two nodes do so at once an index
/// lets one of the keys in, which both then use.
///
/// # Errors
/// [`SealError`].
pub async fn data_key(ctx: Ctx<'_>) -> Result<DataKeyRecord, SealError> {
    data_key_for(ctx, 1).await
}

/// The same for so many messages.
///
/// # Errors
/// [`SealError`].
pub(crate) async fn data_key_for(ctx: Ctx<'_>, messages: u64) -> Result<DataKeyRecord, SealError> {
    let sealer = &ctx.services.sealer;
    let mut current = current(ctx).await?.map(record);
    for _ in 0..TRIES {
        let key = match current {
            Some(key) if sealer.is_in_mode(&key) => key,
            other => another(ctx, other.as_ref()).await?,
        };
        // The key service counts for itself what it seals.
        if key.wrapped.is_direct() || sealer.spend(key.id, messages) || reserve(ctx, &key, messages).await? {
            return Ok(key);
        }
        current = Some(another(ctx, Some(&key)).await?);
    }
    Err(SealError::Store(StoreError::Superseded("the data key")))
}

/// Reserves messages of the data key in the database, these and some to come; `false` if it is used up or replaced.
async fn reserve(ctx: Ctx<'_>, key: &DataKeyRecord, messages: u64) -> Result<bool, SealError> {
    let sealer = &ctx.services.sealer;
    let cap = sealer.messages_per_key();
    // A cap so low that many nodes' blocks would not fit under it is used up by smaller ones.
    let block = messages.max(BLOCK.min(cap / 64));
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let reserved = tx.data_keys().reserve(key.id, block, cap).await?;
    tx.commit().await?;
    if reserved {
        sealer.allow(key.id, block - messages);
    }
    Ok(reserved)
}

/// A new data key in the place of that one, or the first; or whatever another node has put there meanwhile.
async fn another(ctx: Ctx<'_>, old: Option<&DataKeyRecord>) -> Result<DataKeyRecord, SealError> {
    let services = ctx.services;
    let id = services.mint.id(DataKeyId::new);
    let made = match services.sealer.create_data_key(ctx.scope, id).await {
        // The tenant's key is made with the tenant. This is for a tenant whose creation broke off in between; what was
        // destroyed is not made again.
        Err(KeyError::NotFound) if !is_destroyed(ctx.services, ctx.scope.tenant).await? => {
            services.keys.create_tenant_key(ctx.scope.tenant).await?;
            services.sealer.create_data_key(ctx.scope, id).await?
        }
        made => made?,
    };
    let row = DataKeyRow { data_key_id: made.id, wrapped: made.wrapped.as_str().to_owned() };
    let version = made.wrapped.version().unwrap_or(1);
    let mut tx = services.store.begin(ctx.scope).await?;
    let now = services.now();
    let is_ours = match old {
        None => tx.data_keys().insert_first(&row, version, now).await?,
        Some(old) => tx.data_keys().replace(old.id, &row, version, now).await?,
    };
    if is_ours {
        tx.commit().await?;
        return Ok(made);
    }
    drop(tx);
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
pub async fn open(ctx: Ctx<'_>, place: Place, sealed: &Sealed) -> Result<Opened, SealError> {
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

pub(crate) fn record(row: DataKeyRow) -> DataKeyRecord {
    DataKeyRecord { id: row.data_key_id, wrapped: WrappedKey::from_text(row.wrapped) }
}

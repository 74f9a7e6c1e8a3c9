//! Further syncs of a stream, with parameters of their own: one for each board, each mailbox, each region.

use domain::{connection::Health, run::SyncMode, run::Trigger, schedule::Schedule};
use ids::{ConnectionId, SyncId};
use serde_json::{Map, Value, json};
use store::{NewSync, StoreError, SyncRow};

use super::{
    QUEUE,
    control::break_off,
    enqueue_now,
    schedule::{every_seconds, next_run, since},
};
use crate::{Ctx, audit};

/// Syncs that a connection may have.
const MOST: i64 = 200;
/// Bytes of a sync's parameters as JSON.
const MOST_PARAMS: usize = 8 * 1024;
/// The longest window, in days.
const MOST_DAYS: u32 = 36_500;

/// A sync to make.
#[derive(Debug, Clone)]
pub struct NewVariant {
    /// Of which stream.
    pub stream: String,
    /// Its name among the stream's syncs.
    pub variant: String,
    /// What the plugin is told for it.
    pub params: Map<String, Value>,
    /// How many days back its first pull goes; the manifest's window if absent.
    pub backfill_days: Option<u32>,
}

/// Why a sync is not made, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum VariantError {
    /// No such connection or sync here.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The connection has a sync of that stream and name.
    #[error("the connection has a variant `{0}` of this stream already")]
    Taken(String),
    /// It has as many as it may.
    #[error("the connection has {MOST} syncs already; remove one first")]
    TooMany,
    /// It is the one that every connection has.
    #[error("each connection has this sync; pause it, or remove the connection")]
    NotAVariant,
    /// It is the one that every connection has, which is told nothing of its own.
    #[error("each connection has this sync, and it has no parameters; make a variant that has them")]
    NoParams,
    /// Another sync of the stream pulls the same: a variant of this name, or the one that every connection has.
    #[error("{} has these parameters already", other(.0))]
    Same(String),
    /// The connection is paused, revoked, being made or being deleted.
    #[error("the connection is {0}, so nothing is synced")]
    NotConnected(&'static str),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for VariantError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound("sync"),
            other => Self::Store(other),
        }
    }
}

/// Makes a further sync of a stream and has it run now.
///
/// # Errors
/// [`VariantError`].
pub async fn create(ctx: Ctx<'_>, connection: ConnectionId, new: NewVariant) -> Result<SyncRow, VariantError> {
    let services = ctx.services;
    check(&new)?;
    let params = Value::Object(new.params);
    let mut tx = services.store.begin(ctx.scope).await?;
    let context = tx.connections().context(connection).await.map_err(|error| match error {
        StoreError::NotFound => VariantError::NotFound("connection"),
        other => VariantError::Store(other),
    })?;
    match context.connection.health {
        Health::Active | Health::NeedsReauth(_) => {}
        other => return Err(VariantError::NotConnected(other.as_str())),
    }
    let provider = services.providers.find(&mut tx, &context.integration.provider).await?;
    let unknown = || VariantError::Field("stream", format!("the provider has no stream `{}`", short(&new.stream)));
    let manifest = provider.as_ref().map(|provider| &provider.manifest);
    let stream = manifest.and_then(|manifest| manifest.stream(&new.stream)).ok_or_else(unknown)?;
    // Two that are made at once may both be let in over this; nothing depends on the number.
    if tx.syncs().count_of(connection).await? >= MOST {
        return Err(VariantError::TooMany);
    }
    let every = every_seconds(stream);
    let id = services.mint.id(SyncId::new);
    let sync = NewSync {
        id,
        stream: stream.name.clone(),
        mode: SyncMode::from(stream.mode),
        every_seconds: every,
        since: since(services, new.backfill_days.or(stream.backfill_days)),
        next_run_at: next_run(services, &Schedule::Every(every), 0),
    };
    tx.syncs().insert_variant(connection, &sync, &new.variant, &params, services.now()).await.map_err(|error| {
        match error {
            StoreError::Conflict { .. } => VariantError::Taken(new.variant.clone()),
            other => other.into(),
        }
    })?;
    if context.connection.health == Health::Active {
        enqueue_now(&mut tx, services, id, Trigger::Api).await?;
    }
    let detail = json!({ "connection": connection, "stream": sync.stream, "variant": new.variant });
    tx.audit(audit::row(services, ctx.actor, "sync.created", id, detail)).await?;
    let row = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Removes a variant with its runs and records. A run that is under way is broken off.
///
/// # Errors
/// [`VariantError`].
pub async fn delete(ctx: Ctx<'_>, id: SyncId) -> Result<(), VariantError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().lock(id).await?;
    if sync.variant.is_empty() {
        return Err(VariantError::NotAVariant);
    }
    tx.jobs().take_all_back(QUEUE, &id.to_string()).await?;
    tx.syncs().delete(id).await?;
    let detail = json!({ "connection": sync.connection, "stream": sync.stream, "variant": sync.variant });
    tx.audit(audit::row(ctx.services, ctx.actor, "sync.deleted", id, detail)).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a variant other parameters. What it pulled with those of before may be other records: a run that is under way is
/// broken off, and the next one pulls everything anew, now where it can run. Those that it has already change nothing.
///
/// # Errors
/// [`VariantError`].
pub async fn set_params(ctx: Ctx<'_>, id: SyncId, params: Map<String, Value>) -> Result<SyncRow, VariantError> {
    let services = ctx.services;
    check_params(&params)?;
    let params = Value::Object(params);
    let mut tx = services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().lock(id).await?;
    if sync.variant.is_empty() {
        return Err(VariantError::NoParams);
    }
    if sync.params != params {
        let siblings = tx.syncs().list(Some(sync.connection), None, MOST).await?;
        let is_same = |other: &SyncRow| other.id != id && other.stream == sync.stream && other.params == params;
        if let Some(other) = siblings.into_iter().find(is_same) {
            return Err(VariantError::Same(other.variant));
        }
        let cancelled = break_off(&mut tx, ctx, id).await?;
        tx.syncs().set_params(id, &params).await?;
        let health = tx.connections().context(sync.connection).await?.connection.health;
        if health == Health::Active && sync.paused_at.is_none() {
            enqueue_now(&mut tx, services, id, Trigger::Api).await?;
        }
        let detail = json!({
            "connection": sync.connection, "stream": sync.stream, "variant": sync.variant, "cancelled": cancelled,
        });
        tx.audit(audit::row(services, ctx.actor, "sync.params_set", id, detail)).await?;
    }
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}

fn check(new: &NewVariant) -> Result<(), VariantError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let refuse = |field, said: String| Err(VariantError::Field(field, said));
    if new.variant.is_empty() || new.variant.len() > 64 || !new.variant.chars().all(fits) {
        return refuse("variant", "write 1 to 64 lower-case letters, digits, dashes and underscores".into());
    }
    check_params(&new.params)?;
    if new.backfill_days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return refuse("backfill_days", format!("must be 1 to {MOST_DAYS}"));
    }
    Ok(())
}

fn check_params(params: &Map<String, Value>) -> Result<(), VariantError> {
    let refuse = |said: String| Err(VariantError::Field("params", said));
    let text = Value::Object(params.clone()).to_string();
    if text.len() > MOST_PARAMS {
        return refuse(format!("has {} bytes; {MOST_PARAMS} are allowed", text.len()));
    }
    // Postgres' text takes no NUL; JSON has it escaped.
    if text.contains("\\u0000") {
        return refuse("must not hold the character U+0000".into());
    }
    Ok(())
}

/// Which sync it is, by its name among the stream's.
fn other(variant: &str) -> String {
    if variant.is_empty() { "the stream's own sync".to_owned() } else { format!("the stream's variant `{variant}`") }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_4_what_a_variant_must_be() {
        let good = NewVariant {
            stream: "cards".into(),
            variant: "board-17_a".into(),
            params: Map::from_iter([("board".to_owned(), json!("17"))]),
            backfill_days: Some(30),
        };
        assert!(check(&good).is_ok());
        let wrong = |new: NewVariant| match check(&new) {
            Err(VariantError::Field(field, _)) => field,
            other => panic!("{other:?}"),
        };
        for name in ["", "Board", "a b", &"x".repeat(65)] {
            assert_eq!(wrong(NewVariant { variant: name.to_owned(), ..good.clone() }), "variant");
        }
        for value in ["x".repeat(MOST_PARAMS), "a\0b".to_owned()] {
            let params = Map::from_iter([("board".to_owned(), json!(value))]);
            assert_eq!(wrong(NewVariant { params, ..good.clone() }), "params");
        }
        for days in [0, MOST_DAYS + 1] {
            assert_eq!(wrong(NewVariant { backfill_days: Some(days), ..good.clone() }), "backfill_days");
        }
    }
}

//! Giving the grants of many connections back: of a tenant's environment, of a provider, of an integration, of a window of
//! time. What is meant stops working at once; providers are asked by a job, which goes on wherever it broke off.

use std::time::Duration;

use auth::Revokes;
use domain::revocation::RevocationState;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ids::{ConnectionId, JobId, RevocationRunId};
use serde_json::json;
use store::{NewJob, RevocationFilter, RevocationRow, RevocationRunRow, RevocationScope, StateCount, StoreError};

use super::revoke::{QUEUE, RevokeJob, one};
use crate::{Ctx, audit};

/// Providers asked at the same time by one job, and connections looked up at once.
const AT_ONCE: usize = 8;
const BATCH: i64 = 64;

/// What end users and tenants read of a connection that was stopped so.
const REASON: &str = "Its access was withdrawn, with that of others.";

/// Connections of one provider that would be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// The provider's slug.
    pub provider: String,
    /// How many.
    pub connections: u64,
    /// Whether the provider can be asked to let go; `None` where it is not installed any more.
    pub revokes: Option<Revokes>,
}

/// A run and how far it has come.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run.
    pub row: RevocationRunRow,
    /// How many are in which state, by provider.
    pub tally: Vec<StateCount>,
}

impl RunView {
    /// How many are in a state.
    #[must_use]
    pub fn count(&self, state: RevocationState) -> u64 {
        let of = self.tally.iter().filter(|tally| tally.state == state.as_str()).map(|tally| tally.count);
        u64::try_from(of.sum::<i64>()).unwrap_or_default()
    }

    /// How many are settled.
    #[must_use]
    pub fn settled(&self) -> u64 {
        RevocationState::ALL.into_iter().filter(|state| state.is_settled()).map(|state| self.count(state)).sum()
    }
}

/// What became of a job's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// All are settled.
    Finished,
    /// Some are to be asked again after this.
    Later(Duration),
}

/// How many connections would be stopped, by provider, and whether those can be asked to let go.
///
/// # Errors
/// A query failed.
pub async fn count(ctx: Ctx<'_>, scope: &RevocationScope) -> Result<Vec<Concerned>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let mut counted = Vec::new();
    for one in tx.revocations().concerned(scope).await? {
        let provider = ctx.services.providers.find(&mut tx, &one.provider).await?;
        counted.push(Concerned {
            revokes: provider.map(|provider| Revokes::of(&provider.manifest)),
            provider: one.provider,
            connections: u64::try_from(one.connections).unwrap_or_default(),
        });
    }
    tx.commit().await?;
    Ok(counted)
}

/// Stops what is meant and begins to ask the providers; goes on with a run over the same that is not finished, after
/// stopping what was connected since. Gives the run.
///
/// # Errors
/// A query failed.
pub async fn begin(ctx: Ctx<'_>, scope: &RevocationScope) -> Result<RunView, StoreError> {
    let services = ctx.services;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    let open = tx.revocations().open_run(scope).await?;
    let id = match open {
        Some(run) if tx.revocations().concerned(scope).await?.is_empty() => run.id,
        _ => {
            let id = services.mint.id(RevocationRunId::new);
            let total = tx.revocations().begin(id, scope, (&ctx.actor.to_string(), REASON), now).await?;
            let detail = json!({
                "provider": scope.provider, "integration": scope.integration, "since": scope.since, "until": scope.until,
                "connections": total,
            });
            tx.audit(audit::row(services, ctx.actor, "connections.revoke_requested", id, detail)).await?;
            id
        }
    };
    let job = NewJob::about(id, services.mint.id(JobId::new), QUEUE, json!(RevokeJob::Run(id)), now);
    tx.jobs().enqueue(NewJob { priority: 0, ..job }, now).await?;
    tx.commit().await?;
    view(ctx, id).await
}

/// The run over exactly these connections that is not finished, if there is one.
///
/// # Errors
/// A query failed.
pub async fn open(ctx: Ctx<'_>, scope: &RevocationScope) -> Result<Option<RunView>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.revocations().open_run(scope).await?;
    let found = match row {
        Some(row) => Some(RunView { tally: tx.revocations().tally(row.id).await?, row }),
        None => None,
    };
    tx.commit().await?;
    Ok(found)
}

/// A run and how far it has come.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn view(ctx: Ctx<'_>, id: RevocationRunId) -> Result<RunView, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let found = RunView { row: tx.revocations().run(id).await?, tally: tx.revocations().tally(id).await? };
    tx.commit().await?;
    Ok(found)
}

/// What became of each grant, the newest connection first, before one of them; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn revocations(
    ctx: Ctx<'_>,
    filter: RevocationFilter,
    before: Option<ConnectionId>,
    limit: u32,
) -> Result<Vec<RevocationRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.revocations().list(filter, before, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Asks the providers of all that are due, and goes on until none is.
///
/// # Errors
/// A query failed; what was settled until then stays settled.
pub async fn work(ctx: Ctx<'_>, id: RevocationRunId) -> Result<Worked, StoreError> {
    let services = ctx.services;
    loop {
        let now = services.now();
        let mut tx = services.store.begin(ctx.scope).await?;
        let due = tx.revocations().due(id, now, BATCH).await?;
        if due.is_empty() {
            let next = tx.revocations().next_due(id).await?;
            let Some(next) = next else {
                if tx.revocations().finish(id, now).await? {
                    let tally = tx.revocations().tally(id).await?;
                    let detail: Vec<_> = tally
                        .iter()
                        .map(|one| json!({ "provider": one.provider, "state": one.state, "count": one.count }))
                        .collect();
                    tx.audit(audit::row(services, ctx.actor, "connections.revoked", id, json!({ "outcomes": detail })))
                        .await?;
                }
                tx.commit().await?;
                return Ok(Worked::Finished);
            };
            tx.commit().await?;
            return Ok(Worked::Later((next - now).to_std().unwrap_or_default().max(Duration::from_millis(100))));
        }
        tx.commit().await?;
        stream::iter(due)
            .map(|connection| one(ctx, connection))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
    }
}

//! Takes a call: answers a known key from its run, performs it at once, or leaves it to a worker.

use chrono::TimeDelta;
use domain::{
    connection::{Health, ReauthCause},
    content::ContentError,
    manifest::{ActionSpec, SchemaFlaw},
};
use ids::{ActionRunId, ConnectionId};
use serde_json::{Value, json};
use store::{ActionRunRow, NewActionRun, StoreError, Tx};
use vault::{KeyError, Sealed};

use super::{
    Performer,
    input::Key,
    input_place, job, output_place,
    perform::{act, finish},
    prepare::{PrepareError, Prepared, Wanted, prepare},
};
use crate::{
    Actor, Ctx, Services, audit,
    credentials::{self, FreshError, SealError},
};

/// Beyond an action's own time: for writing down how it ended. Then somebody comes looking.
const GRACE: TimeDelta = TimeDelta::seconds(30);

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// On whose account.
    pub connection: ConnectionId,
    /// What to do.
    pub action: String,
    /// With what; an object.
    pub input: Value,
    /// By what it is known again.
    pub key: Option<Key>,
    /// Whether a worker is to perform it.
    pub is_async: bool,
}

/// What became of a call so far.
#[derive(Debug)]
pub struct Called {
    /// The run; over, if it was performed at once.
    pub run: ActionRunRow,
    /// What came out, if it is known and kept.
    pub output: Option<Value>,
    /// Whether it was called before with the same key, and nothing was done now.
    pub is_replayed: bool,
}

/// Why a call was not taken. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No such connection here.
    #[error("there is no such connection")]
    NotFound,
    /// The provider has no such action.
    #[error("the provider has no action `{action}`; it has {}", known.join(", "))]
    NoAction {
        /// As it was called.
        action: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The input is not what the schema says.
    #[error("the input is not what the action's schema says")]
    Input(Vec<SchemaFlaw>),
    /// The key came with another call before.
    #[error("the Idempotency-Key came with another action or another input before")]
    KeyReused,
    /// The call with this key is being performed just now.
    #[error("the call with this Idempotency-Key is being performed just now")]
    InFlight {
        /// Its run.
        run: ActionRunId,
    },
    /// The end user must connect again.
    #[error("{}", .0.reason())]
    NeedsReauth(ReauthCause),
    /// The connection is paused, revoked, being made or being deleted.
    #[error("the connection is {state}")]
    NotUsable {
        /// Its state.
        state: &'static str,
    },
    /// As many of the tenant's calls are performed while somebody waits as may be, or of all tenants together.
    #[error("as many calls are being performed at once as may be")]
    Busy,
    /// What it needs is not at hand.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It was begun and could not be ended: whether it was performed is found out by its run.
    #[error("the call was broken off: {0}")]
    BrokenOff(String),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        match error {
            // The connection went away meanwhile.
            StoreError::NotFound | StoreError::Conflict { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

impl From<FreshError> for CallError {
    fn from(error: FreshError) -> Self {
        Self::Prepare(error.into())
    }
}

impl From<SealError> for CallError {
    fn from(error: SealError) -> Self {
        Self::Prepare(error.into())
    }
}

/// Takes a call. One that is performed at once goes on to its end also if the caller does not wait for it.
///
/// # Errors
/// [`CallError`].
pub async fn call(ctx: Ctx<'_>, call: Call) -> Result<Called, CallError> {
    let access = credentials::access(ctx, call.connection).await?;
    let manifest = &access.provider.manifest;
    let spec = manifest.action(&call.action).filter(|_| access.provider.plugin.is_some()).ok_or_else(|| {
        let known = manifest.actions.iter().map(|action| action.name.clone()).collect();
        CallError::NoAction { action: call.action.clone(), known }
    })?;
    check(spec, &call.input)?;
    let known_by = call.key.as_ref().map(|key| known_by(key, &call)).transpose()?;
    if let Some(known_by) = &known_by {
        let mut tx = ctx.services.store.begin(ctx.scope).await?;
        let known = tx.action_runs().of_key(call.connection, &known_by.0).await?;
        tx.commit().await?;
        if let Some(run) = known {
            return replay(ctx, run, &known_by.1).await;
        }
    }
    if call.is_async { take(ctx, call, known_by).await } else { at_once(ctx, call, known_by).await }
}

/// The input as JSON Schema and the store can take it.
fn check(spec: &ActionSpec, input: &Value) -> Result<(), CallError> {
    let flaws = spec.input_flaws(input);
    if !flaws.is_empty() {
        return Err(CallError::Input(flaws));
    }
    if input.is_object() {
        return Ok(());
    }
    Err(CallError::Input(vec![SchemaFlaw { field: String::new(), message: "must be an object".into() }]))
}

/// The hash of the key and the digest of what came with it.
type KnownBy = (Vec<u8>, Vec<u8>);

fn known_by(key: &Key, call: &Call) -> Result<KnownBy, CallError> {
    let unfit =
        |error: ContentError| CallError::Input(vec![SchemaFlaw { field: String::new(), message: error.to_string() }]);
    Ok((key.hash(), key.digest(&call.action, &call.input).map_err(unfit)?))
}

/// Leaves the call to a worker: accepted and in the queue, all or nothing.
async fn take(ctx: Ctx<'_>, call: Call, known_by: Option<KnownBy>) -> Result<Called, CallError> {
    let services = ctx.services;
    let id = services.mint.id(ActionRunId::new);
    let text = call.input.to_string();
    let sealed = credentials::seal(ctx, input_place(id), text.as_bytes()).await?;
    let mut tx = services.store.begin(ctx.scope).await?;
    match tx.connections().context(call.connection).await?.connection.health {
        Health::Active => {}
        Health::NeedsReauth(cause) => return Err(CallError::NeedsReauth(cause)),
        other => return Err(CallError::NotUsable { state: other.as_str() }),
    }
    let taking = Taking { id, call: &call, known_by: known_by.as_ref(), input: Some(sealed.as_bytes()) };
    if let Some(known) = taking.insert(&mut tx, services, ctx.actor).await? {
        drop(tx);
        return replay(ctx, known, &known_by.unwrap_or_default().1).await;
    }
    tx.jobs().enqueue(job(services, id, services.now()), services.now()).await?;
    let run = tx.action_runs().find(id).await?;
    tx.commit().await?;
    Ok(Called { run, output: None, is_replayed: false })
}

/// Performs the call now, on a task of its own: whoever called may hang up, and it is ended all the same.
async fn at_once(ctx: Ctx<'_>, call: Call, known_by: Option<KnownBy>) -> Result<Called, CallError> {
    // It goes where the instance goes, and is given back with it: also if whoever called hangs up.
    let place = ctx.services.calls.take(ctx.scope.tenant).ok_or(CallError::Busy)?;
    let id = ctx.services.mint.id(ActionRunId::new);
    let wanted = Wanted {
        run: id,
        connection: call.connection,
        action: &call.action,
        // Nobody can ask for it again without a key.
        is_kept: known_by.is_some(),
        last_line: 0,
        place: Some(place),
    };
    let prepared = prepare(ctx, wanted).await?;
    let performer = Performer { services: ctx.services.clone(), scope: ctx.scope };
    let (actor, digest) = (ctx.actor, known_by.as_ref().map(|(_, digest)| digest.clone()));
    let performed = tokio::spawn(async move { performer.now(prepared, call, known_by, actor).await });
    match performed.await.map_err(|error| CallError::BrokenOff(error.to_string()))?? {
        Begun::Performed(called) => Ok(*called),
        Begun::Known(run) => replay(ctx, *run, &digest.unwrap_or_default()).await,
    }
}

/// What there was to do when the call was to be taken.
enum Begun {
    /// It was performed.
    Performed(Box<Called>),
    /// Somebody else was faster with the same key.
    Known(Box<ActionRunRow>),
}

impl Performer {
    async fn now(
        self,
        prepared: Prepared,
        call: Call,
        known_by: Option<KnownBy>,
        actor: Actor,
    ) -> Result<Begun, CallError> {
        let services = &self.services;
        let (id, now) = (prepared.run, services.now());
        let mut tx = services.store.begin(self.scope).await?;
        let taking = Taking { id, call: &call, known_by: known_by.as_ref(), input: None };
        if let Some(known) = taking.insert(&mut tx, services, actor).await? {
            return Ok(Begun::Known(Box::new(known)));
        }
        let fence = tx.action_runs().take_up(id, now).await?;
        // If this process dies, a worker finds that out and says so.
        let time = TimeDelta::from_std(prepared.spec.timeout()).unwrap_or_default() + GRACE;
        tx.jobs().enqueue(job(services, id, now + time), now).await?;
        tx.commit().await?;
        let outcome = act(&self, prepared, &call.input).await;
        let performed = finish(&self, fence, outcome).await.map_err(|error| match error {
            StoreError::Superseded(why) => CallError::BrokenOff(why.to_owned()),
            other => other.into(),
        })?;
        let (run, output) = (performed.run, performed.output);
        Ok(Begun::Performed(Box::new(Called { run, output, is_replayed: false })))
    }
}

/// A call about to be written down.
struct Taking<'a> {
    id: ActionRunId,
    call: &'a Call,
    known_by: Option<&'a KnownBy>,
    input: Option<&'a [u8]>,
}

impl Taking<'_> {
    /// Writes it down with its audit row, or gives the call that came with the same key before.
    async fn insert(
        &self,
        tx: &mut Tx<domain::Scope>,
        services: &Services,
        actor: Actor,
    ) -> Result<Option<ActionRunRow>, CallError> {
        let call = self.call;
        let new = NewActionRun {
            id: self.id,
            connection: call.connection,
            action: &call.action,
            is_async: call.is_async,
            key: self.known_by.map(|(hash, digest)| (hash.as_slice(), digest.as_slice())),
            input: self.input,
            actor: &actor.to_string(),
        };
        if !tx.action_runs().insert(&new, services.now()).await? {
            let (hash, _) = self.known_by.ok_or(StoreError::Superseded("the call"))?;
            let known = tx.action_runs().of_key(call.connection, hash).await?;
            return Ok(Some(known.ok_or(StoreError::Superseded("the call"))?));
        }
        let detail = json!({ "action": call.action, "run": self.id, "is_async": call.is_async });
        tx.audit(audit::row(services, actor, "action.called", call.connection, detail)).await?;
        Ok(None)
    }
}

/// Answers a call from the run that has its key.
async fn replay(ctx: Ctx<'_>, run: ActionRunRow, digest: &[u8]) -> Result<Called, CallError> {
    if run.input_digest.as_deref() != Some(digest) {
        return Err(CallError::KeyReused);
    }
    if !run.is_async && !run.state.is_over() {
        return Err(CallError::InFlight { run: run.id });
    }
    let output = output(ctx, &run).await?;
    Ok(Called { run, output, is_replayed: true })
}

/// What came out of a call, if it is kept.
pub(super) async fn output(ctx: Ctx<'_>, run: &ActionRunRow) -> Result<Option<Value>, SealError> {
    let Some(bytes) = &run.output else { return Ok(None) };
    let sealed = Sealed::from_bytes(bytes.clone())?;
    let opened = credentials::open(ctx, output_place(run.id), &sealed).await?;
    let output = serde_json::from_slice(&opened).map_err(|_| KeyError::Corrupt { what: "an action's output" })?;
    Ok(Some(output))
}

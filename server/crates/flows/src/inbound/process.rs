//! A delivery that was taken in is processed: whom it is about, and what is to run because of it.

use std::collections::{BTreeMap, BTreeSet};

use api_types::event::EventKind;
use domain::{Scope, connection::Health, manifest::Manifest, run::InboundState};
use ids::{ConnectionId, InboundId};
use plugin_host::{PluginError, Route};
use serde_json::json;
use store::{HookRow, InboundEnd, InboundRow, IntegrationRow, StoreError, Tx};
use vault::Sealed;

use super::{Kept, hook_url, kept_place, route};
use crate::{
    Actor, Services,
    credentials::{SealError, open},
    event, sync,
};

/// The longest reason that is written down, in bytes.
const LONGEST_REASON: usize = 500;
/// So many connections are named in an event.
const MOST_NAMED: usize = 100;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processed {
    /// There was nothing to do: it is gone, or somebody else processed it.
    Nothing,
    /// So many syncs run because of it, now or as soon as they may.
    Routed(usize),
    /// Nothing runs because of it, for this reason.
    Ignored(String),
    /// It cannot be understood, for this reason.
    Failed(String),
}

/// It was not processed; try again.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The plugin host is busy or failed.
    #[error(transparent)]
    Plugin(PluginError),
    /// It could not be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A delivery with what stands above it.
struct Delivery {
    row: InboundRow,
    hook: HookRow,
    integration: IntegrationRow,
}

/// What a delivery asks for.
#[derive(Debug, Default)]
struct Wanted {
    /// The connections that it is about, each with whether it is active.
    connections: BTreeMap<ConnectionId, bool>,
    /// Streams of each that changed, with what is gone from them.
    streams: BTreeMap<(ConnectionId, String), Vec<String>>,
    /// Streams that it named and that are not real-time ones.
    strangers: BTreeSet<String>,
}

/// Processes a delivery. Doing so twice is doing it once.
///
/// # Errors
/// [`ProcessError`].
pub async fn process(services: &Services, scope: Scope, id: InboundId) -> Result<Processed, ProcessError> {
    let mut tx = services.store.begin(scope).await?;
    let row = match tx.inbound().find(id).await {
        Ok(row) if row.state == InboundState::Waiting => row,
        Ok(_) | Err(StoreError::NotFound) => return Ok(Processed::Nothing),
        Err(error) => return Err(error.into()),
    };
    let hook = tx.hooks().get(row.hook).await?;
    let integration = tx.integrations().find(hook.integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    let delivery = Delivery { row, hook, integration };
    let Some((provider, spec)) = provider.as_ref().and_then(|it| Some((it, it.manifest.webhook.as_ref()?))) else {
        let why = "the provider's webhooks are not described any more".to_owned();
        return end(services, scope, &delivery, Processed::Failed(why), &Wanted::default()).await;
    };
    let Some(kept) = read(services, scope, &delivery.row).await? else {
        let why = "what was kept of it cannot be read".to_owned();
        return end(services, scope, &delivery, Processed::Failed(why), &Wanted::default()).await;
    };
    let routes = match &provider.plugin {
        Some(plugin) if spec.routes.is_empty() => {
            match route::by_plugin(services, plugin, spec, &delivery.hook, &delivery.row, kept).await {
                Ok(routes) => routes,
                Err(error @ (PluginError::Busy { .. } | PluginError::Internal(_))) => {
                    return Err(ProcessError::Plugin(error));
                }
                Err(error) => {
                    let failed = Processed::Failed(error.to_string());
                    return end(services, scope, &delivery, failed, &Wanted::default()).await;
                }
            }
        }
        _ => {
            // A route reads the query, and no place leads to the token.
            let mut url = hook_url(&services.settings.public_url, "");
            url.set_query((!kept.query.is_empty()).then_some(kept.query.as_str()));
            route::by_manifest(spec, &delivery.row, &kept, &url)
        }
    };
    apply(services, scope, &delivery, &provider.manifest, &routes).await
}

/// Gives a delivery up that was tried too often.
///
/// # Errors
/// The database failed.
pub async fn give_up(services: &Services, scope: Scope, id: InboundId, reason: &str) -> Result<(), StoreError> {
    let mut tx = services.store.begin(scope).await?;
    let reason = short(reason);
    let end = InboundEnd { state: InboundState::Failed, reason: Some(&reason), syncs: 0, is_kept: false };
    tx.inbound().end(id, &end, services.now()).await?;
    tx.commit().await
}

async fn read(services: &Services, scope: Scope, row: &InboundRow) -> Result<Option<Kept>, SealError> {
    let Some(bytes) = row.kept.clone() else { return Ok(None) };
    let sealed = Sealed::from_bytes(bytes)?;
    let opened = open(services.ctx(scope, Actor::System), kept_place(row.id), &sealed).await?;
    Ok(Kept::from_bytes(&opened))
}

/// Finds the connections that the routes mean and has their syncs run, in one transaction with the delivery's end.
async fn apply(
    services: &Services,
    scope: Scope,
    delivery: &Delivery,
    manifest: &Manifest,
    routes: &[Route],
) -> Result<Processed, ProcessError> {
    if routes.is_empty() {
        let why = "it tells of nothing that is synced".to_owned();
        return end(services, scope, delivery, Processed::Ignored(why), &Wanted::default()).await;
    }
    let mut tx = services.store.begin(scope).await?;
    let mut wanted = Wanted::default();
    for route in routes {
        for (connection, is_active) in concerned(&mut tx, delivery, route).await? {
            wanted.connections.insert(connection, is_active);
            wanted.add(connection, route, manifest);
        }
    }
    tx.commit().await?;
    let outcome = if wanted.connections.is_empty() {
        Processed::Ignored("no connection in use has the account that it is about".to_owned())
    } else if wanted.streams.is_empty() {
        let named: Vec<&str> = wanted.strangers.iter().map(String::as_str).collect();
        Processed::Ignored(format!("it names no real-time stream: {}", named.join(", ")))
    } else {
        // How many they are is known once they are found.
        Processed::Routed(0)
    };
    end(services, scope, delivery, outcome, &wanted).await
}

/// The connections that a route means, each with whether it is active: one whose end user must connect again is told as
/// well, or nobody would know later what was gone meanwhile. What came to a connection's own URL is about that one, and
/// about no other.
async fn concerned(
    tx: &mut Tx<Scope>,
    delivery: &Delivery,
    route: &Route,
) -> Result<Vec<(ConnectionId, bool)>, StoreError> {
    let Some(own) = delivery.hook.connection else {
        let Some(account) = &route.account else { return Ok(Vec::new()) };
        return tx.inbound().connections_of(delivery.integration.id, account).await;
    };
    let connection = tx.connections().context(own).await?.connection;
    let is_other = |account: &String| connection.account.as_ref().is_some_and(|known| known != account);
    if route.account.as_ref().is_some_and(is_other) {
        return Ok(Vec::new());
    }
    Ok(match connection.health {
        Health::Active => vec![(own, true)],
        Health::NeedsReauth(_) | Health::Paused => vec![(own, false)],
        Health::Pending | Health::Revoked | Health::Deleting => Vec::new(),
    })
}

impl Wanted {
    fn add(&mut self, connection: ConnectionId, route: &Route, manifest: &Manifest) {
        let gone = route.deleted.iter().map(|(stream, ids)| (stream, ids.as_slice()));
        for (stream, ids) in route.streams.iter().map(|stream| (stream, [].as_slice())).chain(gone) {
            if manifest.stream(stream).is_some_and(|known| known.realtime) {
                self.streams.entry((connection, stream.clone())).or_default().extend_from_slice(ids);
            } else {
                self.strangers.insert(stream.chars().take(64).collect());
            }
        }
    }
}

/// Has the syncs run, tells the tenant if it wants to be told, and says what became of the delivery: all or nothing.
async fn end(
    services: &Services,
    scope: Scope,
    delivery: &Delivery,
    outcome: Processed,
    wanted: &Wanted,
) -> Result<Processed, ProcessError> {
    let Delivery { row, hook, integration } = delivery;
    let mut tx = services.store.begin(scope).await?;
    let mut syncs = 0_usize;
    if matches!(outcome, Processed::Routed(_)) {
        let connections: Vec<ConnectionId> = wanted.connections.keys().copied().collect();
        let streams: BTreeSet<&str> = wanted.streams.keys().map(|(_, stream)| stream.as_str()).collect();
        let streams: Vec<&str> = streams.into_iter().collect();
        // In the order of their ids, as everybody locks them who locks several.
        for found in tx.syncs().of_streams(&connections, &streams).await? {
            let Some(gone) = wanted.streams.get(&(found.connection, found.stream.clone())) else { continue };
            let gone = if row.is_repeat { &[] } else { gone.as_slice() };
            let is_active = wanted.connections.get(&found.connection).copied().unwrap_or_default();
            sync::told(&mut tx, services, &found, is_active, gone).await?;
            syncs += 1;
        }
    }
    let outcome = match outcome {
        Processed::Routed(_) if syncs == 0 => Processed::Ignored("the connection has no such sync".to_owned()),
        Processed::Routed(_) => Processed::Routed(syncs),
        other => other,
    };
    let (state, reason) = match &outcome {
        Processed::Routed(_) | Processed::Nothing => (InboundState::Routed, None),
        Processed::Ignored(why) => (InboundState::Ignored, Some(short(why))),
        Processed::Failed(why) => (InboundState::Failed, Some(short(why))),
    };
    let said = InboundEnd { state, reason: reason.as_deref(), syncs, is_kept: hook.forwards };
    if !tx.inbound().end(row.id, &said, services.now()).await? {
        return Ok(Processed::Nothing);
    }
    if hook.forwards && !row.is_repeat {
        let connections: Vec<&ConnectionId> = wanted.connections.keys().take(MOST_NAMED).collect();
        let data = json!({
            "inbound_id": row.id, "integration_id": integration.id, "integration": integration.slug,
            "provider": integration.provider, "event": row.event, "account": row.account,
            "connection_ids": connections, "state": state.as_str(), "received_at": row.received_at,
        });
        event::emit(&mut tx, services, EventKind::WebhookReceived, hook.connection, data).await?;
    }
    tx.commit().await?;
    Ok(outcome)
}

fn short(text: &str) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(LONGEST_REASON));
    text
}

//! The same change to what a tenant notes on many connections, all of them or none.

use std::collections::HashMap;

use api_types::event::EventKind;
use ids::{ConnectionId, DeliveryId, EventId};
use serde_json::{Value, json};
use store::{ConnectionFilter, ConnectionRow, NewDelivery, NewEvent, StoreError, Told, Tx};

use super::{
    ConnectionChanges, ListFilter, UpdateError,
    update::{apply, told},
};
use crate::{Ctx, audit, event, integration, webhook};

/// The most connections that are changed at once.
pub const MOST_UPDATED: usize = 1_000;
/// Of so many connections is told what is wrong, and of the others that there are more.
const MOST_WRONG: usize = 100;

/// Which connections are meant.
#[derive(Debug, Clone)]
pub enum Which {
    /// These; each must be there.
    Named(Vec<ConnectionId>),
    /// All that match when they are looked for.
    Matching(ListFilter),
}

/// What became of them.
#[derive(Debug, Clone)]
pub struct UpdatedMany {
    /// How many were meant.
    pub matched: usize,
    /// Those that are not as they were.
    pub changed: Vec<ConnectionId>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateManyError {
    /// Fields are not what they must be, or connections cannot be changed so: which, and why.
    #[error("{}", .0.iter().map(|(field, rule)| format!("{field}: {rule}")).collect::<Vec<_>>().join("; "))]
    Fields(Vec<(String, String)>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UpdateManyError {
    fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Fields(vec![(field.into(), rule.into())])
    }

    /// As fields, the first ones of them.
    fn wrong(mut fields: Vec<(String, String)>, of: &'static str) -> Self {
        let more = fields.len().saturating_sub(MOST_WRONG);
        if more > 0 {
            fields.truncate(MOST_WRONG);
            fields.push((of.to_owned(), format!("the same is so of {more} more")));
        }
        Self::Fields(fields)
    }
}

/// Changes what the tenant notes on many connections in one transaction. Each that changes has its event and its audit row,
/// as if it had been changed alone.
///
/// # Errors
/// [`UpdateManyError`]; nothing was changed.
pub async fn update_many(
    ctx: Ctx<'_>,
    which: Which,
    changes: ConnectionChanges,
) -> Result<UpdatedMany, UpdateManyError> {
    let services = ctx.services;
    let changes = changes.checked().map_err(|error| match error {
        UpdateError::Field(field, rule) => UpdateManyError::field(format!("change.{field}"), rule),
        UpdateError::NotFound => UpdateManyError::Store(StoreError::NotFound),
        UpdateError::Store(error) => UpdateManyError::Store(error),
    })?;
    let mut tx = services.store.begin(ctx.scope).await?;
    let (rows, places) = match which {
        Which::Named(ids) => named(&mut tx, &ids).await?,
        Which::Matching(filter) => (matching(&mut tx, filter).await?, HashMap::new()),
    };
    let matched = rows.len();
    let (mut changed, mut words, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for mut row in rows {
        match apply(services, &mut row, &changes) {
            Ok(names) if names.is_empty() => {}
            Ok(names) => {
                changed.push(row);
                words.push(names);
            }
            Err(error) => wrong.push(match places.get(&row.id) {
                Some(place) => (*place, format!("connections[{place}]"), error.to_string()),
                None => (wrong.len(), "matching".to_owned(), format!("{}: {error}", row.id)),
            }),
        }
    }
    if !wrong.is_empty() {
        // Rows come in the order of their ids; who sent them knows the order of the list.
        wrong.sort();
        let of = if places.is_empty() { "matching" } else { "connections" };
        return Err(UpdateManyError::wrong(wrong.into_iter().map(|(_, field, rule)| (field, rule)).collect(), of));
    }
    let ids: Vec<ConnectionId> = changed.iter().map(|row| row.id).collect();
    if !ids.is_empty() {
        tx.connections().note_many(&changed).await?;
        tell(&mut tx, ctx, &changed, &words).await?;
    }
    tx.commit().await?;
    ids.iter().for_each(|id| services.connections.forget(*id));
    Ok(UpdatedMany { matched, changed: ids })
}

/// Those that are named, held, and where each was named first.
async fn named(
    tx: &mut Tx<domain::Scope>,
    ids: &[ConnectionId],
) -> Result<(Vec<ConnectionRow>, HashMap<ConnectionId, usize>), UpdateManyError> {
    if ids.is_empty() || ids.len() > MOST_UPDATED {
        return Err(UpdateManyError::field("connections", format!("name 1 to {MOST_UPDATED}")));
    }
    let mut places = HashMap::with_capacity(ids.len());
    for (place, id) in ids.iter().enumerate() {
        places.entry(*id).or_insert(place);
    }
    let mut wanted: Vec<ConnectionId> = places.keys().copied().collect();
    wanted.sort();
    let rows = tx.connections().lock_many(&wanted).await?;
    if rows.len() < wanted.len() {
        let mut missing: Vec<usize> = wanted
            .iter()
            .filter(|id| rows.binary_search_by_key(*id, |row| row.id).is_err())
            .filter_map(|id| places.get(id).copied())
            .collect();
        missing.sort_unstable();
        let missing = missing.into_iter().map(|place| {
            (format!("connections[{place}]"), "there is no such connection in this environment".to_owned())
        });
        return Err(UpdateManyError::wrong(missing.collect(), "connections"));
    }
    Ok((rows, places))
}

/// Those that match, held. One that is changed by somebody else in the moment between is changed here too.
async fn matching(tx: &mut Tx<domain::Scope>, filter: ListFilter) -> Result<Vec<ConnectionRow>, UpdateManyError> {
    let integration = match &filter.integration {
        None => None,
        Some(name) => match integration::find(tx, name).await {
            Ok(row) => Some(row.id),
            Err(StoreError::NotFound) => {
                let rule = "there is no such integration in this environment";
                return Err(UpdateManyError::field("matching.integration", rule));
            }
            Err(error) => return Err(error.into()),
        },
    };
    let filter = ConnectionFilter { integration, end_user: filter.end_user, health: filter.health, tag: filter.tag };
    let limit = i64::try_from(MOST_UPDATED).unwrap_or(i64::MAX);
    let ids = tx.connections().matching(&filter, limit.saturating_add(1)).await?;
    if ids.len() > MOST_UPDATED {
        let rule = format!("more than {MOST_UPDATED} match; say more of them, or name them in `connections` in turns");
        return Err(UpdateManyError::field("matching", rule));
    }
    Ok(tx.connections().lock_many(&ids).await?)
}

/// Says of each that it was changed, to the audit log and to every endpoint that wants to know.
async fn tell(
    tx: &mut Tx<domain::Scope>,
    ctx: Ctx<'_>,
    rows: &[ConnectionRow],
    changed: &[Vec<&'static str>],
) -> Result<(), StoreError> {
    let services = ctx.services;
    let now = services.now();
    let kind = event::kind_text(EventKind::ConnectionUpdated);
    let endpoints = tx.endpoints().listening(&kind).await?;
    let data: Vec<Value> = rows.iter().zip(changed).map(|(row, changed)| told(row, changed)).collect();
    let mut all = Told::default();
    for ((row, changed), data) in rows.iter().zip(changed).zip(&data) {
        let (event, connection) = (services.mint.id(EventId::new), Some(row.id));
        all.events.push(NewEvent { id: event, kind: &kind, connection, data, at: now });
        for endpoint in &endpoints {
            let id = services.mint.id(DeliveryId::new);
            all.deliveries.push(NewDelivery { id, event, endpoint: *endpoint, connection });
            all.jobs.push(webhook::job(services, id, *endpoint, connection));
        }
        let detail = json!({ "changed": changed });
        all.audit.push(audit::row(services, ctx.actor, "connection.updated", row.id, detail));
    }
    tx.tell_many(all, now).await
}

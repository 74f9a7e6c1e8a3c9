//! Webhooks that came and were verified, until they are processed, and for some days after. What they are known by stays
//! for months after that, so that a replay is known.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, connection::Health, run::InboundState};
use ids::{ConnectionId, EnvironmentId, HookId, InboundId, IntegrationId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{connections, hooks, inbound_deliveries},
    words::word,
};

/// Connections that deliveries are about. One that cannot be used now may be again, and what happened to its account
/// meanwhile nobody tells it a second time.
const ABOUT: [&str; 3] = ["active", "needs_reauth", "paused"];

/// A delivery to take in.
#[derive(Debug, Clone)]
pub struct NewInbound {
    /// Its id.
    pub id: InboundId,
    /// Where it came.
    pub hook: HookId,
    /// What tells it from all others.
    pub fingerprint_hash: Vec<u8>,
    /// SHA-256 of what was signed.
    pub content_hash: Vec<u8>,
    /// Whether it is a repeat if one before was signed alike.
    pub is_repeat_if_alike: bool,
    /// Headers, query and raw body, sealed.
    pub kept: Vec<u8>,
    /// The kind of event.
    pub event: Option<String>,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct InboundRow {
    /// Its id.
    pub id: InboundId,
    /// Where it came.
    pub hook: HookId,
    /// The integration whose provider sent it.
    pub integration: IntegrationId,
    /// The connection to whose own URL it came.
    pub connection: Option<ConnectionId>,
    /// Whether the same was signed before, and nothing tells a replay from news.
    pub is_repeat: bool,
    /// Headers, query and raw body, sealed, as long as they are kept.
    pub kept: Option<Vec<u8>>,
    /// Where it stands.
    pub state: InboundState,
    /// Why it was ignored or given up.
    pub reason: Option<String>,
    /// The kind of event.
    pub event: Option<String>,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// How many syncs were to run because of it.
    pub syncs: i32,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was processed or given up.
    pub processed_at: Option<DateTime<Utc>>,
}

/// What became of a delivery.
#[derive(Debug, Clone)]
pub struct InboundEnd<'a> {
    /// In which state it ends.
    pub state: InboundState,
    /// Why it was ignored or given up.
    pub reason: Option<&'a str>,
    /// How many syncs are to run because of it.
    pub syncs: usize,
    /// Whether what was kept of it is kept on, for the tenant to read.
    pub is_kept: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = inbound_deliveries, check_for_backend(diesel::pg::Pg))]
struct InboundColumns {
    inbound_id: InboundId,
    hook_id: HookId,
    is_repeat: bool,
    kept: Option<Vec<u8>>,
    state: String,
    reason: Option<String>,
    event: Option<String>,
    account: Option<String>,
    syncs: i32,
    received_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
}

type Joined = (InboundColumns, IntegrationId, Option<ConnectionId>);

fn read((row, integration, connection): Joined) -> Result<InboundRow, StoreError> {
    Ok(InboundRow {
        id: row.inbound_id,
        hook: row.hook_id,
        integration,
        connection,
        is_repeat: row.is_repeat,
        kept: row.kept,
        state: word("inbound_deliveries", &row.state, InboundState::parse)?,
        reason: row.reason,
        event: row.event,
        account: row.account,
        syncs: row.syncs,
        received_at: row.received_at,
        processed_at: row.processed_at,
    })
}

/// The deliveries of one environment.
pub struct Inbound<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The webhooks that came to this environment.
    pub fn inbound(&mut self) -> Inbound<'_> {
        let scope = self.scope();
        Inbound { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, inbound_deliveries);

#[diesel::dsl::auto_type(no_type_alias)]
fn with_hook() -> _ {
    inbound_deliveries::table.inner_join(hooks::table.on(hooks::hook_id.eq(inbound_deliveries::hook_id)))
}

impl Inbound<'_> {
    /// Takes one in. Gives false, and does nothing, for a replay.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, new: &NewInbound) -> Result<bool, StoreError> {
        // Of two at once that are signed alike, both may count as the first. They pull the same.
        let is_repeat = new.is_repeat_if_alike && {
            let before = inbound_deliveries::table
                .filter(mine(self.scope))
                .filter(inbound_deliveries::hook_id.eq(new.hook))
                .filter(inbound_deliveries::content_hash.eq(&new.content_hash));
            diesel::select(diesel::dsl::exists(before)).get_result::<bool>(self.connection).await?
        };
        let inserted = diesel::insert_into(inbound_deliveries::table)
            .values((
                inbound_deliveries::inbound_id.eq(new.id),
                inbound_deliveries::tenant_id.eq(self.scope.tenant),
                inbound_deliveries::environment_id.eq(self.scope.environment),
                inbound_deliveries::hook_id.eq(new.hook),
                inbound_deliveries::fingerprint_hash.eq(&new.fingerprint_hash),
                inbound_deliveries::content_hash.eq(&new.content_hash),
                inbound_deliveries::is_repeat.eq(is_repeat),
                inbound_deliveries::kept.eq(&new.kept),
                inbound_deliveries::state.eq(InboundState::Waiting.as_str()),
                inbound_deliveries::event.eq(&new.event),
                inbound_deliveries::account.eq(&new.account),
                inbound_deliveries::received_at.eq(new.received_at),
            ))
            .on_conflict((inbound_deliveries::hook_id, inbound_deliveries::fingerprint_hash))
            .do_nothing()
            .execute(self.connection)
            .await?;
        Ok(inserted > 0)
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: InboundId) -> Result<InboundRow, StoreError> {
        let row = with_hook()
            .filter(mine(self.scope))
            .filter(inbound_deliveries::inbound_id.eq(id))
            .filter(inbound_deliveries::forgotten_at.is_null())
            .select((InboundColumns::as_select(), hooks::integration_id, hooks::connection_id))
            .first(self.connection)
            .await?;
        read(row)
    }

    /// What came, the latest first, to the URLs of one integration, of one connection, or to all, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        integration: Option<IntegrationId>,
        connection: Option<ConnectionId>,
        before: Option<InboundId>,
        limit: i64,
    ) -> Result<Vec<InboundRow>, StoreError> {
        let mut query = with_hook()
            .filter(mine(self.scope))
            .filter(inbound_deliveries::forgotten_at.is_null())
            .select((InboundColumns::as_select(), hooks::integration_id, hooks::connection_id))
            .order(inbound_deliveries::inbound_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(integration) = integration {
            query = query.filter(hooks::integration_id.eq(integration));
        }
        if let Some(connection) = connection {
            query = query.filter(hooks::connection_id.eq(connection));
        }
        if let Some(before) = before {
            query = query.filter(inbound_deliveries::inbound_id.lt(before));
        }
        query.load(self.connection).await?.into_iter().map(read).collect()
    }

    /// Says what became of a waiting one. Gives whether it still waited: whoever else
    /// processed it has done all there was to do.
    ///
    /// # Errors
    /// The update failed.
    pub async fn end(&mut self, id: InboundId, end: &InboundEnd<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let waiting = inbound_deliveries::table
            .filter(mine(self.scope))
            .filter(inbound_deliveries::inbound_id.eq(id))
            .filter(inbound_deliveries::state.eq(InboundState::Waiting.as_str()));
        let changed = diesel::update(waiting)
            .set((
                inbound_deliveries::state.eq(end.state.as_str()),
                inbound_deliveries::reason.eq(end.reason),
                inbound_deliveries::syncs.eq(i32::try_from(end.syncs).unwrap_or(i32::MAX)),
                // What is `None` here stays as it is.
                (!end.is_kept).then(|| inbound_deliveries::kept.eq(None::<Vec<u8>>)),
                inbound_deliveries::processed_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(changed > 0)
    }

    /// The connections of an integration to an account, in the order of their ids, each with whether it is active. Those
    /// that are not connected yet, were given up or are being deleted are not among them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn connections_of(
        &mut self,
        integration: IntegrationId,
        account: &str,
    ) -> Result<Vec<(ConnectionId, bool)>, StoreError> {
        let rows: Vec<(ConnectionId, String)> = connections::table
            .filter(connections::tenant_id.eq(self.scope.tenant))
            .filter(connections::environment_id.eq(self.scope.environment))
            .filter(connections::integration_id.eq(integration).and(connections::account.eq(account)))
            .filter(connections::health.eq_any(ABOUT.to_vec()))
            .order(connections::connection_id)
            .select((connections::connection_id, connections::health))
            .load(self.connection)
            .await?;
        Ok(rows.into_iter().map(|(id, health)| (id, health == Health::Active.as_str())).collect())
    }
}

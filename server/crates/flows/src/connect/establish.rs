//! Row 4c: what was granted becomes a connection, in one transaction: the connection, its credential, its syncs with
//! their first jobs, the job of its plugin's `after_connect`, the event, the session's and the attempt's end.
//!
//! An end user who connects the same account through the same integration again repairs the connection that is there
//! instead of getting a second one: its id, records and syncs stay. A session that is for repairing a connection accepts
//! that connection's account alone.

use std::collections::BTreeMap;

use api_types::event::EventKind;
use domain::{
    Scope,
    connect::{EndUser, Failure, FailureCode, SessionState},
    connection::Health,
};
use ids::{AttemptId, ConnectionId};
use serde_json::json;
use store::{ConnectSessionRow, ConnectionRow, IntegrationRow, NewCredential, RowKey, StoreError, Tx};

use super::grant::Grant;
use crate::{
    Ctx, audit,
    credentials::{SealError, credential_place, new_credential, seal},
    event, plugin, sync,
};

/// What is to become a connection.
pub(crate) struct Establish<'a> {
    /// The session that it is made in; `None` for an import.
    pub session: Option<&'a ConnectSessionRow>,
    /// The connection to repair instead of making a new one.
    pub reconnect: Option<ConnectionId>,
    /// Whose it is.
    pub end_user: EndUser,
    /// Put on the connection.
    pub tags: BTreeMap<String, String>,
    /// The tenant's own notes, for a new connection.
    pub metadata: Option<serde_json::Value>,
    /// By what an import knows it again.
    pub key: Option<RowKey>,
    /// What is done if the account is connected already.
    pub on_present: OnPresent,
    pub integration: IntegrationRow,
    /// What the provider gave.
    pub grant: Grant,
    /// The attempt that ends with it.
    pub attempt: Option<AttemptId>,
}

/// What is done if the account is connected already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnPresent {
    /// Its connection gets the new credential.
    Repair,
    /// Its connection stays as it is.
    Keep,
}

/// What became of it.
pub(crate) enum Established {
    Connected {
        connection: ConnectionId,
        account_name: Option<String>,
        /// Whether there was none before.
        is_new: bool,
    },
    /// Nothing was changed; the attempt is still to be ended.
    Failed(Failure),
    /// The session was withdrawn, or made its connection in another window. Nothing was changed.
    SessionOver,
}

enum Tried {
    Done(Established),
    /// The connection to write is another than the one that the credential was sealed for.
    Elsewhere,
}

/// Makes or repairs the connection.
pub(crate) async fn establish(ctx: Ctx<'_>, wanted: Establish<'_>) -> Result<Established, SealError> {
    // A sealed credential is bound to its connection, and sealing may have to ask the key service, which must not happen
    // inside a transaction. So the connection is looked up first, and again, locked, in the transaction.
    for _ in 0..3 {
        let (target, credential) = sealed(ctx, &wanted).await?;
        let mut tx = ctx.services.store.begin(ctx.scope).await?;
        match write(&mut tx, ctx, &wanted, target, credential.as_ref()).await? {
            Tried::Elsewhere => {}
            Tried::Done(done) => {
                if let Established::Connected { connection, .. } = &done {
                    let connection = *connection;
                    tx.commit().await?;
                    ctx.services.connections.forget(connection);
                }
                return Ok(done);
            }
        }
    }
    Err(StoreError::Superseded("the connection of this account").into())
}

/// Makes or repairs all of them in one transaction, or none. The error within is the first that cannot be, by its place.
pub(crate) async fn establish_all(
    ctx: Ctx<'_>,
    all: &[Establish<'_>],
) -> Result<Result<Vec<Established>, (usize, Failure)>, SealError> {
    'anew: for _ in 0..3 {
        let mut targets = Vec::with_capacity(all.len());
        for wanted in all {
            targets.push(sealed(ctx, wanted).await?);
        }
        let mut tx = ctx.services.store.begin(ctx.scope).await?;
        let mut done = Vec::with_capacity(all.len());
        for (at, (wanted, (target, credential))) in all.iter().zip(&targets).enumerate() {
            match write(&mut tx, ctx, wanted, *target, credential.as_ref()).await? {
                Tried::Elsewhere if all.iter().take(at).any(|earlier| earlier.is_same_account(wanted)) => {
                    let detail = "another row before it is of the same account and end user".to_owned();
                    return Ok(Err((at, Failure::new(FailureCode::DifferentAccount, detail))));
                }
                Tried::Elsewhere => continue 'anew,
                Tried::Done(Established::Failed(failure)) => return Ok(Err((at, failure))),
                Tried::Done(one) => done.push(one),
            }
        }
        tx.commit().await?;
        for one in &done {
            if let Established::Connected { connection, .. } = one {
                ctx.services.connections.forget(*connection);
            }
        }
        return Ok(Ok(done));
    }
    Err(StoreError::Superseded("the connections of these accounts").into())
}

/// Which connection to write, and the credential sealed for it.
async fn sealed(ctx: Ctx<'_>, wanted: &Establish<'_>) -> Result<(ConnectionId, Option<NewCredential>), SealError> {
    let target = target(ctx, wanted).await?;
    let Some(material) = &wanted.grant.material else { return Ok((target, None)) };
    let sealed = seal(ctx, credential_place(target), &material.to_bytes()).await?;
    Ok((target, Some(new_credential(ctx.services, sealed, material, wanted.grant.is_renewable))))
}

/// The connection to write: the one to repair, the one that has this account already, or a new one.
async fn target(ctx: Ctx<'_>, wanted: &Establish<'_>) -> Result<ConnectionId, StoreError> {
    if let Some(id) = wanted.reconnect {
        return Ok(id);
    }
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let same = match wanted.account() {
        None => None,
        Some(account) => {
            tx.connections().lock_same_account(wanted.integration.id, &wanted.end_user.id, account).await?
        }
    };
    tx.commit().await?;
    Ok(same.map_or_else(|| ctx.services.mint.id(ConnectionId::new), |row| row.id))
}

/// Writes it into the caller's transaction, which is committed only if it is connected.
async fn write(
    tx: &mut Tx<Scope>,
    ctx: Ctx<'_>,
    wanted: &Establish<'_>,
    target: ConnectionId,
    credential: Option<&NewCredential>,
) -> Result<Tried, StoreError> {
    let services = ctx.services;
    let integration = &wanted.integration;
    if let Some(session) = wanted.session
        && tx.connect_sessions().lock(session.id).await?.state != SessionState::Open
    {
        return Ok(Tried::Done(Established::SessionOver));
    }
    tx.connections().lock_end_user(integration.id, &wanted.end_user.id).await?;
    tx.connections().lock_syncs(target).await?;
    let present = match (wanted.reconnect, wanted.account()) {
        (Some(id), _) => Some(tx.connections().lock(id).await?),
        (None, Some(account)) => {
            tx.connections().lock_same_account(integration.id, &wanted.end_user.id, account).await?
        }
        (None, None) => None,
    };
    if present.as_ref().is_some_and(|row| row.id != target) {
        return Ok(Tried::Elsewhere);
    }
    let now = services.now();
    let is_new = present.is_none();
    if let Some(row) = present.as_ref().filter(|_| wanted.on_present == OnPresent::Keep) {
        let (connection, account_name) = (row.id, row.account_name.clone());
        know(tx, wanted, connection).await?;
        return Ok(Tried::Done(Established::Connected { connection, account_name, is_new }));
    }
    let row = match present {
        Some(row) => match repaired(row, wanted, now) {
            Ok(row) => row,
            Err(failure) => return Ok(Tried::Done(Established::Failed(failure))),
        },
        None => created(wanted, target, now),
    };
    if is_new {
        tx.connections().insert(&row).await?;
    } else {
        tx.connections().update(&row).await?;
    }
    if let Some(credential) = credential {
        tx.credentials().put(row.id, credential, wanted.grant.scopes_asked.as_deref(), now).await?;
    }
    know(tx, wanted, row.id).await?;
    // Whoever got this far has looked the provider up; one that is taken off meanwhile has no streams to pull.
    if let Some(provider) = services.providers.find(tx, &integration.provider).await? {
        sync::begin_for_connection(tx, services, &provider.manifest, row.id).await?;
        if provider.plugin.is_some() {
            plugin::enqueue_after_connect(tx, services, row.id).await?;
        }
    }
    let session = wanted.session.map(|session| session.id);
    let (kind, action) = if is_new {
        (EventKind::ConnectionCreated, "connection.created")
    } else {
        (EventKind::ConnectionRecovered, "connection.recovered")
    };
    let data = json!({
        "connection_id": row.id,
        "integration_id": integration.id,
        "integration": integration.slug,
        "provider": integration.provider,
        "end_user_id": row.end_user.id,
        "connect_session_id": session,
    });
    event::emit(tx, services, kind, Some(row.id), data).await?;
    let detail = json!({ "integration": integration.id, "account": row.account, "connect_session": session });
    tx.audit(audit::row(services, ctx.actor, action, row.id, detail)).await?;
    if let Some(attempt) = wanted.attempt {
        tx.connect_attempts().finish(attempt, None, now).await?;
    }
    if let Some(session) = session {
        tx.connect_sessions().end(session, SessionState::Connected, Some(row.id)).await?;
    }
    Ok(Tried::Done(Established::Connected { connection: row.id, account_name: row.account_name, is_new }))
}

/// Notes by what an import knows the connection again.
async fn know(tx: &mut Tx<Scope>, wanted: &Establish<'_>, id: ConnectionId) -> Result<(), StoreError> {
    let Some(key) = &wanted.key else { return Ok(()) };
    if tx.imports().known(wanted.integration.id, &key.key).await?.is_none() {
        tx.imports().know(wanted.integration.id, key, id).await?;
    }
    Ok(())
}

fn created(wanted: &Establish<'_>, id: ConnectionId, now: chrono::DateTime<chrono::Utc>) -> ConnectionRow {
    ConnectionRow {
        id,
        integration: wanted.integration.id,
        end_user: wanted.end_user.clone(),
        account: wanted.grant.account.clone(),
        account_name: wanted.grant.account_name.clone(),
        health: Health::Active,
        health_changed_at: now,
        variables: wanted.grant.variables.clone(),
        config: json!({}),
        metadata: wanted.metadata.clone().unwrap_or_else(|| json!({})),
        tags: wanted.tags.clone(),
        created_at: now,
        updated_at: now,
    }
}

/// The connection after its repair; configuration, metadata and the tags that the session does not name stay.
fn repaired(
    mut row: ConnectionRow,
    wanted: &Establish<'_>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<ConnectionRow, Failure> {
    let (account, account_name) = (wanted.grant.account.clone(), wanted.grant.account_name.clone());
    if let (Some(before), Some(after)) = (&row.account, &account)
        && before != after
    {
        let detail = "the end user chose another account at the provider than the one of this connection".into();
        return Err(Failure::new(FailureCode::DifferentAccount, detail));
    }
    let health = row.health.connected();
    let health = health.map_err(|error| Failure::new(FailureCode::Misconfigured, error.to_string()))?;
    row.turn(health, now);
    row.account = account.or(row.account);
    row.account_name = account_name.or(row.account_name);
    row.end_user.name = wanted.end_user.name.clone().or(row.end_user.name);
    row.variables.clone_from(&wanted.grant.variables);
    row.tags.extend(wanted.tags.clone());
    Ok(row)
}

impl<'a> Establish<'a> {
    /// What a session makes.
    pub(super) fn of_session(
        session: &'a ConnectSessionRow,
        integration: IntegrationRow,
        grant: Grant,
        attempt: Option<AttemptId>,
    ) -> Self {
        Self {
            session: Some(session),
            reconnect: session.reconnect,
            end_user: session.end_user.clone(),
            tags: session.tags.clone(),
            metadata: None,
            key: None,
            on_present: OnPresent::Repair,
            integration,
            grant,
            attempt,
        }
    }

    fn account(&self) -> Option<&str> {
        self.grant.account.as_deref()
    }

    fn is_same_account(&self, other: &Self) -> bool {
        self.account().is_some() && self.account() == other.account() && self.end_user.id == other.end_user.id
    }
}

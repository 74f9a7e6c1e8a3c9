//! Row 4c: what was granted becomes a connection, in one transaction: the connection, its credential, its syncs with
//! their first jobs, the event, the session's and the attempt's end.
//!
//! An end user who connects the same account through the same integration again repairs the connection that is there
//! instead of getting a second one: its id, records and syncs stay. A session that is for repairing a connection accepts
//! that connection's account alone.

use api_types::event::EventKind;
use domain::{
    connect::{Failure, FailureCode, SessionState},
    connection::Health,
    manifest::Variables,
};
use ids::{AttemptId, ConnectionId};
use serde_json::json;
use store::{ConnectSessionRow, ConnectionRow, IntegrationRow, NewCredential, StoreError};

use super::grant::Grant;
use crate::{
    Ctx, audit,
    credentials::{SealError, credential_place, seal},
    event, sync,
};

/// What is to become a connection.
pub(super) struct Establish<'a> {
    pub session: &'a ConnectSessionRow,
    pub integration: IntegrationRow,
    /// What the end user filled in.
    pub variables: Variables,
    /// What the provider gave; `None` where it needs no credential.
    pub grant: Option<Grant>,
    pub attempt: Option<AttemptId>,
}

/// What became of it.
pub(super) enum Established {
    Connected {
        connection: ConnectionId,
        account_name: Option<String>,
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
pub(super) async fn establish(ctx: Ctx<'_>, wanted: Establish<'_>) -> Result<Established, SealError> {
    // A sealed credential is bound to its connection, and sealing may have to ask the key service, which must not happen
    // inside a transaction. So the connection is looked up first, and again, locked, in the transaction.
    for _ in 0..3 {
        let target = target(ctx, &wanted).await?;
        let credential = match &wanted.grant {
            None => None,
            Some(grant) => Some(NewCredential {
                sealed: seal(ctx, credential_place(target), &grant.tokens.to_bytes()).await?.into_bytes(),
                refreshable: grant.tokens.refresh_token.is_some(),
                expires_at: grant.tokens.expires_at,
                scopes_granted: grant.tokens.scopes_granted.clone(),
            }),
        };
        if let Tried::Done(done) = write(ctx, &wanted, target, credential.as_ref()).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Superseded("the connection of this account").into())
}

/// The connection to write: the one to repair, the one that has this account already, or a new one.
async fn target(ctx: Ctx<'_>, wanted: &Establish<'_>) -> Result<ConnectionId, StoreError> {
    if let Some(id) = wanted.session.reconnect {
        return Ok(id);
    }
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let same = match wanted.account() {
        None => None,
        Some(account) => {
            tx.connections().lock_same_account(wanted.integration.id, &wanted.session.end_user.id, account).await?
        }
    };
    tx.commit().await?;
    Ok(same.map_or_else(|| ctx.services.mint.id(ConnectionId::new), |row| row.id))
}

async fn write(
    ctx: Ctx<'_>,
    wanted: &Establish<'_>,
    target: ConnectionId,
    credential: Option<&NewCredential>,
) -> Result<Tried, StoreError> {
    let services = ctx.services;
    let (session, integration) = (wanted.session, &wanted.integration);
    let mut tx = services.store.begin(ctx.scope).await?;
    if tx.connect_sessions().lock(session.id).await?.state != SessionState::Open {
        return Ok(Tried::Done(Established::SessionOver));
    }
    tx.connections().lock_end_user(integration.id, &session.end_user.id).await?;
    tx.connections().lock_syncs(target).await?;
    let present = match (session.reconnect, wanted.account()) {
        (Some(id), _) => Some(tx.connections().lock(id).await?),
        (None, Some(account)) => {
            tx.connections().lock_same_account(integration.id, &session.end_user.id, account).await?
        }
        (None, None) => None,
    };
    if present.as_ref().is_some_and(|row| row.id != target) {
        return Ok(Tried::Elsewhere);
    }
    let now = services.now();
    let is_new = present.is_none();
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
        tx.credentials().put(row.id, credential, now).await?;
    }
    // Whoever got this far has looked the provider up; one that is taken off meanwhile has no streams to pull.
    if let Some(provider) = services.providers.get(&integration.provider) {
        sync::begin_for_connection(&mut tx, services, &provider.manifest, row.id).await?;
    }
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
        "connect_session_id": session.id,
    });
    event::emit(&mut tx, services, kind, Some(row.id), data).await?;
    let detail = json!({ "integration": integration.id, "account": row.account, "connect_session": session.id });
    tx.audit(audit::row(services, ctx.actor, action, row.id, detail)).await?;
    if let Some(attempt) = wanted.attempt {
        tx.connect_attempts().finish(attempt, None, now).await?;
    }
    tx.connect_sessions().end(session.id, SessionState::Connected, Some(row.id)).await?;
    tx.commit().await?;
    services.connections.forget(row.id);
    Ok(Tried::Done(Established::Connected { connection: row.id, account_name: row.account_name }))
}

fn created(wanted: &Establish<'_>, id: ConnectionId, now: chrono::DateTime<chrono::Utc>) -> ConnectionRow {
    let (account, account_name) = wanted.identity();
    ConnectionRow {
        id,
        integration: wanted.integration.id,
        end_user: wanted.session.end_user.clone(),
        account,
        account_name,
        health: Health::Active,
        health_changed_at: now,
        variables: wanted.variables.clone(),
        config: json!({}),
        metadata: json!({}),
        tags: wanted.session.tags.clone(),
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
    let (account, account_name) = wanted.identity();
    if let (Some(before), Some(after)) = (&row.account, &account)
        && before != after
    {
        let detail = "the end user chose another account at the provider than the one of this connection".into();
        return Err(Failure { code: FailureCode::DifferentAccount, detail });
    }
    let health = row.health.connected();
    let health = health.map_err(|error| Failure { code: FailureCode::Misconfigured, detail: error.to_string() })?;
    if health != row.health {
        row.health = health;
        row.health_changed_at = now;
    }
    row.account = account.or(row.account);
    row.account_name = account_name.or(row.account_name);
    row.end_user.name = wanted.session.end_user.name.clone().or(row.end_user.name);
    row.variables.clone_from(&wanted.variables);
    row.tags.extend(wanted.session.tags.clone());
    row.updated_at = now;
    Ok(row)
}

impl Establish<'_> {
    fn account(&self) -> Option<&str> {
        self.grant.as_ref()?.account.as_deref()
    }

    fn identity(&self) -> (Option<String>, Option<String>) {
        self.grant.as_ref().map(|grant| (grant.account.clone(), grant.account_name.clone())).unwrap_or_default()
    }
}

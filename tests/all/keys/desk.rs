//! What these tests share: a second node beside the world's server, the hands of those who govern keys, and many sealed
//! credentials.

use std::sync::Arc;

use domain::Scope;
use flows::{Actor, Ctx, Services, keys};
use ids::ConnectionId;
use patchbay::{boot, system::SystemEntropy};
use store::{KeyRewrapRow, NewCredential};
use vault::{KeyGovernance, Place};

use crate::support::*;

/// What belongs to a world, seen from beside its server.
pub struct Desk {
    pub services: Services,
    pub governance: Arc<dyn KeyGovernance>,
    pub scope: Scope,
    // Held, so that the services hear what the server commits.
    _platform: boot::Platform,
}

impl Desk {
    pub async fn at(world: &World) -> Self {
        let scope = scope_of(world.tenant());
        let platform = boot::platform(world.config()).await.unwrap();
        let entropy = Arc::new(SystemEntropy::default());
        let governance = boot::key_governance(&world.config().keys, entropy).await.unwrap();
        Self { services: platform.services.clone(), governance, scope, _platform: platform }
    }

    pub fn ctx(&self) -> Ctx<'_> {
        self.services.ctx(self.scope, Actor::Operator)
    }

    pub async fn status(&self) -> keys::TenantKeys {
        keys::status(&self.services, self.governance.as_ref(), self.scope.tenant).await.unwrap()
    }

    pub async fn rotate(&self) -> keys::Rotated {
        let governance = self.governance.as_ref();
        keys::rotate(&self.services, governance, self.scope.tenant, Actor::Operator).await.unwrap()
    }

    pub async fn retire(&self) -> Result<keys::Retired, keys::RetireError> {
        keys::retire(&self.services, self.governance.as_ref(), self.scope.tenant, Actor::Operator).await
    }

    /// Begins a run and waits for its end.
    pub async fn rewrapped(&self) -> KeyRewrapRow {
        keys::start_rewrap(self.ctx()).await.unwrap().unwrap();
        self.ended().await
    }

    pub async fn ended(&self) -> KeyRewrapRow {
        until("the run has ended", PATIENCE, async || {
            keys::rewrap_progress(self.ctx()).await.unwrap().filter(|run| run.state == "done")
        })
        .await
    }

    /// Copies of a connection, each with a credential of its own, sealed as the server seals. Gives their ids.
    pub async fn copies_of(&self, world: &World, connection: &str, copies: usize) -> Vec<ConnectionId> {
        let first: ConnectionId = connection.parse().unwrap();
        world
            .sql(&format!(
                "INSERT INTO connections SELECT (jsonb_populate_record(c, jsonb_build_object('connection_id', \
                 gen_random_uuid(), 'account', 'copy-' || n, 'end_user_id', 'copy-' || n))).* \
                 FROM connections c, generate_series(1, {copies}) n WHERE connection_id = '{}'",
                first.uuid()
            ))
            .await;
        let ids = world.sql("SELECT connection_id FROM connections WHERE end_user_id LIKE 'copy-%' ORDER BY 1").await;
        let ids: Vec<ConnectionId> =
            ids.into_iter().map(|row| ConnectionId::from_uuid(row[0].as_ref().unwrap().parse().unwrap())).collect();
        for id in &ids {
            self.put(*id, &token_of(*id)).await;
        }
        ids
    }

    /// A credential, sealed with the data key of now.
    pub async fn put(&self, id: ConnectionId, token: &str) {
        let material = format!(r#"{{"tokens":{{"access_token":"{token}"}}}}"#);
        let sealed = flows::credentials::seal(self.ctx(), place(id), material.as_bytes()).await.unwrap();
        let new = NewCredential {
            sealed: sealed.into_bytes(),
            refreshable: false,
            expires_at: None,
            refresh_at: None,
            scopes_granted: None,
        };
        let mut tx = self.services.store.begin(self.scope).await.unwrap();
        tx.credentials().put(id, &new, None, self.services.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What lies in a connection's credential, opened.
    pub async fn opened(&self, world: &World, id: ConnectionId) -> Result<Vec<u8>, String> {
        let hex = world
            .one(&format!("SELECT encode(sealed, 'hex') FROM credentials WHERE connection_id = '{}'", id.uuid()))
            .await;
        let sealed = vault::Sealed::from_bytes(hex::decode(hex).unwrap()).map_err(|error| error.to_string())?;
        let opened = flows::credentials::open(self.ctx(), place(id), &sealed).await;
        opened.map(|opened| opened.to_vec()).map_err(|error| error.to_string())
    }

    /// Asserts that copies hold their tokens still.
    pub async fn assert_all_open(&self, world: &World, ids: &[ConnectionId]) {
        for id in ids {
            let opened = self.opened(world, *id).await.unwrap();
            assert!(String::from_utf8(opened).unwrap().contains(&token_of(*id)), "{id}");
        }
    }
}

/// The token of a copy.
pub fn token_of(id: ConnectionId) -> String {
    format!("token-of-{}", id.uuid().simple())
}

/// Where a credential lies.
pub fn place(id: ConnectionId) -> Place {
    Place { table: "credentials", column: "sealed", row: id.uuid() }
}

pub fn scope_of(tenant: &Tenant) -> Scope {
    Scope {
        tenant: tenant.tenant["id"].as_str().unwrap().parse().unwrap(),
        environment: tenant.environment["id"].as_str().unwrap().parse().unwrap(),
    }
}

/// How many of an environment's values lie under a data key that is not in use.
pub async fn under_old_keys(world: &World) -> u64 {
    let mut sum = 0;
    for column in store::SEALED_COLUMNS {
        let count = world
            .one(&format!(
                "SELECT count(*) FROM {} WHERE {1} IS NOT NULL AND encode(substring({1} from 2 for 16), 'hex')::uuid \
                 NOT IN (SELECT data_key_id FROM data_keys WHERE retired_at IS NULL)",
                column.table, column.column
            ))
            .await;
        sum += count.parse::<u64>().unwrap();
    }
    sum
}

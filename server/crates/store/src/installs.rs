//! Installs begun at a vendor's marketplace, until a connect session claims them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectSessionId, EnvironmentId, InstallId, IntegrationId, TenantId};

use crate::{StoreError, Tx, json, schema::installs};

/// An install that arrived.
#[derive(Debug, Clone)]
pub struct InstallRow {
    /// Its id.
    pub id: InstallId,
    /// Where it arrived.
    pub integration: IntegrationId,
    /// SHA-256 of the cookie of the browser that arrived; `None` where the vendor told us without one.
    pub browser_hash: Option<Vec<u8>>,
    /// SHA-256 of the code, where one came.
    pub code_hash: Option<Vec<u8>>,
    /// The code and what came with it, sealed; wiped when it is exchanged.
    pub kept: Option<Vec<u8>>,
    /// The connection's values that the vendor told.
    pub variables: BTreeMap<String, String>,
    /// When it arrived.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = installs, check_for_backend(diesel::pg::Pg))]
struct InstallColumns {
    install_id: InstallId,
    integration_id: IntegrationId,
    browser_hash: Option<Vec<u8>>,
    code_hash: Option<Vec<u8>>,
    kept: Option<Vec<u8>>,
    variables: serde_json::Value,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<InstallColumns> for InstallRow {
    type Error = StoreError;

    fn try_from(row: InstallColumns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.install_id,
            integration: row.integration_id,
            browser_hash: row.browser_hash,
            code_hash: row.code_hash,
            kept: row.kept,
            variables: json::texts("installs", "variables", row.variables)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// The installs of one environment.
pub struct Installs<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The installs of this environment.
    pub fn installs(&mut self) -> Installs<'_> {
        let scope = self.scope();
        Installs { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, installs);

impl Installs<'_> {
    /// Keeps one that arrived. Gives false, and changes nothing, where the vendor told the same code before.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &InstallRow) -> Result<bool, StoreError> {
        let inserted = diesel::insert_into(installs::table)
            .values((
                installs::install_id.eq(row.id),
                installs::tenant_id.eq(self.scope.tenant),
                installs::environment_id.eq(self.scope.environment),
                installs::integration_id.eq(row.integration),
                installs::state.eq("arrived"),
                installs::browser_hash.eq(&row.browser_hash),
                installs::code_hash.eq(&row.code_hash),
                installs::kept.eq(&row.kept),
                installs::variables.eq(json::object(&row.variables)),
                installs::created_at.eq(row.created_at),
                installs::expires_at.eq(row.expires_at),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(inserted > 0)
    }

    /// The one of that id that waits to be claimed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, its time is over, or a session has claimed it.
    pub async fn waiting(&mut self, id: InstallId, now: DateTime<Utc>) -> Result<InstallRow, StoreError> {
        installs::table
            .filter(mine(self.scope))
            .filter(installs::install_id.eq(id))
            .filter(installs::state.eq("arrived"))
            .filter(installs::expires_at.gt(now))
            .select(InstallColumns::as_select())
            .first(self.connection)
            .await?
            .try_into()
    }

    /// Claims a waiting one for a session, once. Gives whether it still waited.
    ///
    /// # Errors
    /// The query failed.
    pub async fn claim(
        &mut self,
        id: InstallId,
        session: ConnectSessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let waiting = installs::table
            .filter(mine(self.scope))
            .filter(installs::install_id.eq(id))
            .filter(installs::state.eq("arrived"))
            .filter(installs::expires_at.gt(now));
        let changed = diesel::update(waiting)
            .set((installs::state.eq("claimed"), installs::connect_session_id.eq(session)))
            .execute(self.connection)
            .await?;
        Ok(changed > 0)
    }

    /// The one that a session has claimed.
    ///
    /// # Errors
    /// The query failed.
    pub async fn of_session(&mut self, session: ConnectSessionId) -> Result<Option<InstallRow>, StoreError> {
        installs::table
            .filter(mine(self.scope))
            .filter(installs::connect_session_id.eq(session))
            .select(InstallColumns::as_select())
            .first(self.connection)
            .await
            .optional()?
            .map(TryInto::try_into)
            .transpose()
    }

    /// Takes the code of a claimed one, once: what was kept is wiped. Gives whether it was there to take. One statement,
    /// so that of two at once one gets it.
    ///
    /// # Errors
    /// The query failed.
    pub async fn take(&mut self, id: InstallId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let claimed = installs::table
            .filter(mine(self.scope))
            .filter(installs::install_id.eq(id))
            .filter(installs::state.eq("claimed"))
            .filter(installs::expires_at.gt(now));
        let changed = diesel::update(claimed)
            .set((installs::state.eq("used"), installs::kept.eq(None::<Vec<u8>>)))
            .execute(self.connection)
            .await?;
        Ok(changed > 0)
    }
}

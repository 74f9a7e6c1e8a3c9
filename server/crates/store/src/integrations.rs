//! Providers as configured in an environment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, IntegrationId, TenantId};

use crate::{
    StoreError, System, Tx, json, listen,
    schema::{connections, integrations},
};

/// An integration.
#[derive(Debug, Clone)]
pub struct IntegrationRow {
    /// Its id.
    pub id: IntegrationId,
    /// What the tenant's code calls it.
    pub slug: String,
    /// The slug of the provider's manifest.
    pub provider: String,
    /// What end users read.
    pub display_name: String,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Its secret, sealed.
    pub client_secret: Option<Vec<u8>>,
    /// Values of the integration-level secret variables, sealed together.
    pub secrets: Option<Vec<u8>>,
    /// Which secret variables are set.
    pub secret_names: Vec<String>,
    /// What is asked for; `None` for the manifest's list.
    pub scopes: Option<Vec<String>>,
    /// Values of the manifest's integration-level variables.
    pub variables: BTreeMap<String, String>,
    /// The tenant's page to which browsers go on that arrive from the vendor's marketplace.
    pub install_url: Option<String>,
    /// When it was configured.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// The columns as stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = integrations, check_for_backend(diesel::pg::Pg))]
pub(crate) struct IntegrationColumns {
    integration_id: IntegrationId,
    slug: String,
    provider: String,
    display_name: String,
    client_id: Option<String>,
    client_secret: Option<Vec<u8>>,
    secrets: Option<Vec<u8>>,
    secret_names: Vec<String>,
    scopes: Option<Vec<String>>,
    variables: serde_json::Value,
    install_url: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<IntegrationColumns> for IntegrationRow {
    type Error = StoreError;

    fn try_from(row: IntegrationColumns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.integration_id,
            slug: row.slug,
            provider: row.provider,
            display_name: row.display_name,
            client_id: row.client_id,
            client_secret: row.client_secret,
            secrets: row.secrets,
            secret_names: row.secret_names,
            scopes: row.scopes,
            variables: json::texts("integrations", "variables", row.variables)?,
            install_url: row.install_url,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The integrations of one environment.
pub struct Integrations<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The integrations of this environment.
    pub fn integrations(&mut self) -> Integrations<'_> {
        let scope = self.scope();
        Integrations { connection: self.connection(), scope }
    }
}

impl Tx<System> {
    /// Where an integration is: for requests from browsers, which name an integration and no environment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn scope_of_integration(&mut self, id: IntegrationId) -> Result<Scope, StoreError> {
        let (tenant, environment): (TenantId, EnvironmentId) = integrations::table
            .find(id)
            .select((integrations::tenant_id, integrations::environment_id))
            .first(self.connection())
            .await?;
        Ok(Scope { tenant, environment })
    }
}

crate::walls::of_environment!(fn mine, integrations);

impl Integrations<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the slug is taken.
    pub async fn insert(&mut self, row: &IntegrationRow) -> Result<(), StoreError> {
        diesel::insert_into(integrations::table)
            .values((
                integrations::integration_id.eq(row.id),
                integrations::tenant_id.eq(self.scope.tenant),
                integrations::environment_id.eq(self.scope.environment),
                integrations::slug.eq(&row.slug),
                integrations::provider.eq(&row.provider),
                integrations::display_name.eq(&row.display_name),
                integrations::client_id.eq(&row.client_id),
                integrations::client_secret.eq(&row.client_secret),
                integrations::secrets.eq(&row.secrets),
                integrations::secret_names.eq(&row.secret_names),
                integrations::scopes.eq(&row.scopes),
                integrations::variables.eq(json::object(&row.variables)),
                integrations::install_url.eq(&row.install_url),
                integrations::created_at.eq(row.created_at),
                integrations::updated_at.eq(row.updated_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Writes everything that may change. Nodes that keep the old one in memory hear of it at commit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update(&mut self, row: &IntegrationRow) -> Result<(), StoreError> {
        let changed = diesel::update(
            integrations::table.filter(mine(self.scope)).filter(integrations::integration_id.eq(row.id)),
        )
        .set((
            integrations::display_name.eq(&row.display_name),
            integrations::client_id.eq(&row.client_id),
            integrations::client_secret.eq(&row.client_secret),
            integrations::secrets.eq(&row.secrets),
            integrations::secret_names.eq(&row.secret_names),
            integrations::scopes.eq(&row.scopes),
            integrations::variables.eq(json::object(&row.variables)),
            integrations::install_url.eq(&row.install_url),
            integrations::updated_at.eq(row.updated_at),
        ))
        .execute(self.connection)
        .await?;
        if changed == 0 {
            return Err(StoreError::NotFound);
        }
        listen::notify_changed(self.connection, row.id.uuid()).await
    }

    /// Removes one that has no connections. Gives whether it had none.
    ///
    /// # Errors
    /// The query failed.
    pub async fn delete(&mut self, id: IntegrationId) -> Result<bool, StoreError> {
        let used = diesel::select(diesel::dsl::exists(connections::table.filter(connections::integration_id.eq(id))))
            .get_result::<bool>(self.connection)
            .await?;
        if used {
            return Ok(false);
        }
        diesel::delete(integrations::table.filter(mine(self.scope)).filter(integrations::integration_id.eq(id)))
            .execute(self.connection)
            .await?;
        listen::notify_changed(self.connection, id.uuid()).await?;
        Ok(true)
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: IntegrationId) -> Result<IntegrationRow, StoreError> {
        integrations::table
            .filter(mine(self.scope))
            .filter(integrations::integration_id.eq(id))
            .select(IntegrationColumns::as_select())
            .first(self.connection)
            .await?
            .try_into()
    }

    /// The one that the tenant's code calls so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find_by_slug(&mut self, slug: &str) -> Result<IntegrationRow, StoreError> {
        integrations::table
            .filter(mine(self.scope))
            .filter(integrations::slug.eq(slug))
            .select(IntegrationColumns::as_select())
            .first(self.connection)
            .await?
            .try_into()
    }

    /// Those of a list of ids, or all where there is no list; at most `limit`, by display name.
    ///
    /// # Errors
    /// The query failed.
    pub async fn choices(
        &mut self,
        only: Option<&[IntegrationId]>,
        limit: i64,
    ) -> Result<Vec<IntegrationRow>, StoreError> {
        let mut query = integrations::table
            .filter(mine(self.scope))
            .select(IntegrationColumns::as_select())
            .order((integrations::display_name, integrations::integration_id))
            .limit(limit)
            .into_boxed();
        if let Some(only) = only {
            query = query.filter(integrations::integration_id.eq_any(only.to_vec()));
        }
        query.load(self.connection).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Integrations in the order of their ids, after one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(&mut self, after: Option<IntegrationId>, limit: i64) -> Result<Vec<IntegrationRow>, StoreError> {
        let mut query = integrations::table
            .filter(mine(self.scope))
            .select(IntegrationColumns::as_select())
            .order(integrations::integration_id)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(integrations::integration_id.gt(after));
        }
        query.load(self.connection).await?.into_iter().map(TryInto::try_into).collect()
    }
}

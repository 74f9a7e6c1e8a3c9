//! What is known of a connection, from memory or from the database, and opening it for one call.

use std::sync::Arc;

use auth::{Material, Secrets};
use chrono::{DateTime, Utc};
use domain::{Scope, manifest::AuthSpec, refresh::due_at};
use ids::ConnectionId;
use store::{ConnectionContext, Tx};
use vault::{DataKeyRecord, Opened, Place, Sealed};

use super::{
    ProviderAccess,
    account::{AccountError, client_secret_place, read_client_secret, read_secrets, secrets_place},
    cache::{Known, KnownCredential},
    data_key::record_of,
    fresh::{Fresh, FreshError},
    provider_access::{Parts, access_for},
};
use crate::{Ctx, Provider};

/// Where a credential lies.
pub(crate) const fn place(id: ConnectionId) -> Place {
    Place { table: "credentials", column: "sealed", row: id.uuid() }
}

/// From memory if it lies there, else from the database. Of a connection that the caller may reach.
///
/// # Errors
/// [`FreshError`].
pub(super) async fn known(ctx: Ctx<'_>, id: ConnectionId) -> Result<Arc<Known>, FreshError> {
    // What lies in memory is shared by all callers: nothing but this stands before it.
    let reach = ctx.services.store.reach();
    let is_reached = |known: &Known| reach.is_none_or(|reach| reach.includes(id, known.integration, &known.tags));
    match ctx.services.connections.get(id, ctx.services.now()) {
        Some(known) if known.scope == ctx.scope && is_reached(&known) => Ok(known),
        Some(_) => Err(FreshError::NotFound),
        None => load(ctx, id).await,
    }
}

/// From the database; kept in memory for the next caller.
///
/// # Errors
/// [`FreshError`].
pub(super) async fn load(ctx: Ctx<'_>, id: ConnectionId) -> Result<Arc<Known>, FreshError> {
    let cache = &ctx.services.connections;
    let mark = cache.mark();
    let read_at = ctx.services.now();
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let context = tx.connections().context(id).await?;
    let credential = match &context.credential {
        None => None,
        Some(row) => {
            let sealed = Sealed::from_bytes(row.sealed.clone())?;
            Some(KnownCredential {
                generation: row.generation,
                data_key: record_of(&mut tx, sealed.data_key_id()).await?,
                sealed,
                refreshable: row.refreshable,
                expires_at: row.expires_at,
                scopes: row.scopes_granted.clone(),
                refresh_not_before: row.refresh_not_before,
                updated_at: row.updated_at,
            })
        }
    };
    // The integration's secrets are opened for each call only where calls carry them.
    let provider = ctx.services.providers.find(&mut tx, &context.integration.provider).await?;
    let carries = provider.as_ref().is_some_and(|provider| provider.manifest.carries_integration_secrets());
    let client_secret = sealed_secret(&mut tx, carries, context.integration.client_secret.as_ref()).await?;
    let integration_secrets = sealed_secret(&mut tx, carries, context.integration.secrets.as_ref()).await?;
    tx.commit().await?;
    let known = Arc::new(Known {
        scope: ctx.scope,
        integration: context.integration.id,
        tags: context.connection.tags.clone(),
        health: context.connection.health,
        current: cache.current(context.integration.id),
        access: access_of(ctx, provider, context).map(Arc::new),
        credential,
        client_secret,
        integration_secrets,
        read_at,
    });
    cache.keep(id, &known, mark);
    Ok(known)
}

async fn sealed_secret(
    tx: &mut Tx<Scope>,
    carries: bool,
    bytes: Option<&Vec<u8>>,
) -> Result<Option<(Sealed, DataKeyRecord)>, FreshError> {
    let Some(bytes) = bytes.filter(|_| carries) else { return Ok(None) };
    let sealed = Sealed::from_bytes(bytes.clone())?;
    let key = record_of(tx, sealed.data_key_id()).await?;
    Ok(Some((sealed, key)))
}

/// How a connection is called by a provider; in words, what has to be repaired first.
pub(crate) fn access_of(
    ctx: Ctx<'_>,
    provider: Option<Arc<Provider>>,
    context: ConnectionContext,
) -> Result<ProviderAccess, String> {
    let slug = &context.integration.provider;
    let provider = provider.ok_or_else(|| {
        format!(
            "the provider `{slug}` of this integration is not installed on this server; GET /v1/providers lists what is"
        )
    })?;
    access_for(Parts {
        scope: ctx.scope,
        provider,
        integration: &context.integration,
        connection: context.connection.id,
        variables: &context.connection.variables,
        account: context.connection.account,
        config: context.connection.config,
        public_url: &ctx.services.settings.public_url,
    })
}

impl KnownCredential {
    /// Whether it is time to refresh it.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= due_at(self.updated_at, expires_at))
    }
}

impl Known {
    /// How its provider is called.
    ///
    /// # Errors
    /// The integration or the manifest has to be repaired first.
    pub(super) fn access(&self) -> Result<Arc<ProviderAccess>, FreshError> {
        self.access.clone().map_err(|detail| FreshError::Misconfigured { detail })
    }

    /// Opens the token for one call.
    ///
    /// # Errors
    /// [`FreshError`].
    pub(super) async fn open(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<Fresh, FreshError> {
        let access = self.access()?;
        let secrets = self.secrets(ctx, &access).await?;
        let Some(credential) = &self.credential else {
            if !matches!(access.provider.manifest.auth, AuthSpec::None) {
                return Err(FreshError::Internal("an active connection has no credential".into()));
            }
            let material = Material::default();
            return Ok(Fresh { access, generation: 0, material, expires_at: None, scopes: None, secrets });
        };
        let opened = self.unseal(ctx, place(id), &credential.sealed, &credential.data_key).await?;
        let material = Material::from_bytes(&opened).map_err(|error| FreshError::Internal(error.to_string()))?;
        Ok(Fresh {
            access,
            generation: credential.generation,
            material,
            expires_at: credential.expires_at,
            scopes: credential.scopes.clone(),
            secrets,
        })
    }

    async fn secrets(&self, ctx: Ctx<'_>, access: &ProviderAccess) -> Result<Secrets, FreshError> {
        let mut secrets = Secrets::new();
        let misconfigured = |error: AccountError| FreshError::Misconfigured { detail: error.to_string() };
        let integration = access.integration;
        if let Some((sealed, key)) = &self.integration_secrets {
            let opened = self.unseal(ctx, secrets_place(integration), sealed, key).await?;
            secrets = read_secrets(&opened).map_err(misconfigured)?;
        }
        if let Some((sealed, key)) = &self.client_secret {
            let opened = self.unseal(ctx, client_secret_place(integration), sealed, key).await?;
            secrets.insert("client_secret".into(), read_client_secret(&opened).map_err(misconfigured)?);
        }
        Ok(secrets)
    }

    async fn unseal(
        &self,
        ctx: Ctx<'_>,
        place: Place,
        sealed: &Sealed,
        key: &DataKeyRecord,
    ) -> Result<Opened, FreshError> {
        let sealer = &ctx.services.sealer;
        match sealer.open_cached(self.scope, place, sealed) {
            Some(opened) => Ok(opened?),
            None => Ok(sealer.open(self.scope, key, place, sealed).await?),
        }
    }
}

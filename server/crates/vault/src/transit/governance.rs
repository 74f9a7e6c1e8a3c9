//! What another identity than the server's may do: see `infra/vault/rotator.hcl` and `destroy.hcl`.

use async_trait::async_trait;
use domain::Scope;
use ids::TenantId;
use vaultrs::{
    api::{
        self,
        transit::requests::{
            DataKeyType, GenerateDataKeyRequestBuilder, RewrapDataRequestBuilder, UpdateKeyConfigurationRequestBuilder,
        },
    },
    transit,
};

use super::{TransitKeys, endpoints::ReadKey, transit_text};
use crate::{KeyError, KeyGovernance, KeyVersions, WrappedKey};

#[async_trait]
impl KeyGovernance for TransitKeys {
    async fn versions(&self, tenant: TenantId) -> Result<KeyVersions, KeyError> {
        let known = self
            .call("look at a tenant's key", self.key_of(tenant), |client, on| {
                Box::pin(api::exec_with_result(client, ReadKey { mount: on.mount.clone(), name: on.key.clone() }))
            })
            .await?;
        Ok(KeyVersions { latest: known.latest_version, minimum: known.min_decryption_version })
    }

    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<u32, KeyError> {
        self.call("rotate a tenant's key", self.key_of(tenant), |client, on| {
            Box::pin(transit::key::rotate(client, &on.mount, &on.key))
        })
        .await?;
        Ok(self.versions(tenant).await?.latest)
    }

    async fn new_wrapped_key(&self, scope: Scope) -> Result<WrappedKey, KeyError> {
        let answer = self
            .call("make a wrapped data key", self.data_key_in(scope, ""), |client, on| {
                Box::pin(async move {
                    let mut options = GenerateDataKeyRequestBuilder::default();
                    options.context(on.context.as_str()).bits(256_u16);
                    let kind = DataKeyType::Wrapped;
                    transit::generate::data_key(client, &on.mount, &on.key, kind, Some(&mut options)).await
                })
            })
            .await?;
        Ok(WrappedKey::from_text(answer.ciphertext))
    }

    async fn rewrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<WrappedKey, KeyError> {
        let on = self.data_key_in(scope, transit_text(wrapped)?);
        let answer = self
            .call("rewrap a data key", on, |client, on| {
                Box::pin(async move {
                    let mut options = RewrapDataRequestBuilder::default();
                    options.context(on.context.as_str());
                    transit::data::rewrap(client, &on.mount, &on.key, &on.text, Some(&mut options)).await
                })
            })
            .await?;
        Ok(WrappedKey::from_text(answer.ciphertext))
    }

    async fn retire_versions(&self, tenant: TenantId, minimum: u32) -> Result<(), KeyError> {
        let known = self.versions(tenant).await?;
        if minimum > known.latest {
            return Err(KeyError::FutureVersion { what: "the minimum version" });
        }
        // It could be lowered again in Vault, which is nothing that happens by the way.
        if minimum <= known.minimum {
            return Ok(());
        }
        let minimum = u64::from(minimum);
        self.call("retire versions of a tenant's key", self.key_of(tenant), move |client, on| {
            Box::pin(async move {
                let mut settings = UpdateKeyConfigurationRequestBuilder::default();
                settings.min_decryption_version(minimum).min_encryption_version(minimum);
                transit::key::update(client, &on.mount, &on.key, Some(&mut settings)).await
            })
        })
        .await
    }

    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError> {
        let done = self
            .call("destroy a tenant's key", self.key_of(tenant), |client, on| {
                Box::pin(async move {
                    let mut settings = UpdateKeyConfigurationRequestBuilder::default();
                    settings.deletion_allowed(true);
                    transit::key::update(client, &on.mount, &on.key, Some(&mut settings)).await?;
                    transit::key::delete(client, &on.mount, &on.key).await
                })
            })
            .await;
        match done {
            Err(KeyError::NotFound) => Ok(()),
            done => done,
        }
    }
}

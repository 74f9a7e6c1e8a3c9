//! Tenants' keys in the transit engine of Vault, or of a server with the same API.
//!
//! One derived AES-256-GCM key per tenant, named by the tenant's id. The derivation context is the environment's id (its
//! text form), so a data key wrapped for one environment does not unwrap for another even by hand. Data keys come from
//! `datakey/plaintext` and are rewrapped by `rewrap`. Column values go to Vault in `direct` mode alone; the context is then
//! the place where the value lies, for Vault does not rewrap what has associated data.

mod config;
mod endpoints;
mod failure;
mod governance;
mod session;

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Scope;
use ids::{EnvironmentId, TenantId};
use tokio::sync::Semaphore;
use vaultrs::{
    api::{
        self,
        transit::requests::{
            DataKeyType, DecryptDataRequestBuilder, EncryptDataRequestBuilder, GenerateDataKeyRequestBuilder,
        },
    },
    client::VaultClient,
    error::ClientError,
    transit,
};
use zeroize::Zeroizing;

pub use self::config::{TransitAuth, TransitConfig};
use self::{
    endpoints::{CreateKey, Health},
    failure::{Failure, classify},
    session::SignIn,
};
use crate::{DataKey, KeyError, KeyHealth, KeyService, WrappedKey};

/// The transit engine behind [`KeyService`]. Shared behind an `Arc`; a background task keeps its token alive until dropped.
pub struct TransitKeys {
    mount: String,
    deadline: Duration,
    slots: Semaphore,
    sign_in: Arc<SignIn>,
    keep_alive: tokio::task::JoinHandle<()>,
}

impl TransitKeys {
    /// Checks the configuration and begins to sign in, in the background: a server that is down now is used when it is up.
    /// To be called within a tokio runtime. Fails as [`KeyError::Config`] only.
    pub fn start(config: TransitConfig) -> Result<Self, KeyError> {
        config::validate(&config)?;
        let http = config::http_client(&config)?;
        let (mount, deadline, slots) = (config.mount.clone(), config.deadline, Semaphore::new(config.max_in_flight));
        let sign_in = Arc::new(SignIn::new(config, http));
        let keep_alive = tokio::spawn(Arc::clone(&sign_in).keep_alive());
        Ok(Self { mount, deadline, slots, sign_in, keep_alive })
    }

    /// Runs one operation within the deadline, in a free slot, signed in; signs in again once if the token has gone.
    async fn call<T>(
        &self,
        action: &'static str,
        on: On,
        operation: impl for<'a> Fn(&'a VaultClient, &'a On) -> Answer<'a, T> + Send,
    ) -> Result<T, KeyError> {
        self.in_time(async {
            let _slot = self.slots.acquire().await.map_err(|error| KeyError::internal(action, error))?;
            let session = self.sign_in.session().await?;
            match operation(&session.client, &on).await.map_err(|error| classify(action, error)) {
                Ok(value) => Ok(value),
                Err(Failure::Forbidden) => {
                    let session = self.sign_in.after_forbidden(&session, action).await?;
                    let answer = operation(&session.client, &on).await;
                    answer.map_err(|error| classify(action, error).into_error(action))
                }
                Err(Failure::Other(error)) => Err(error),
            }
        })
        .await
    }

    /// Decrypts; gives base64.
    async fn decrypt(&self, action: &'static str, on: On) -> Result<String, KeyError> {
        let answer = self.call(action, on, |client, on| {
            Box::pin(async move {
                let mut options = DecryptDataRequestBuilder::default();
                options.context(on.context.as_str());
                transit::data::decrypt(client, &on.mount, &on.key, &on.text, Some(&mut options)).await
            })
        });
        Ok(answer.await?.plaintext)
    }

    fn key_of(&self, tenant: TenantId) -> On {
        let (context, text) = (String::new(), Zeroizing::default());
        On { mount: self.mount.clone(), key: tenant.to_string(), context, text }
    }

    fn data_key_in(&self, scope: Scope, text: &str) -> On {
        let context = BASE64_STANDARD.encode(scope.environment.to_string());
        On { context, text: Zeroizing::new(text.to_owned()), ..self.key_of(scope.tenant) }
    }

    fn value_in(&self, tenant: TenantId, binding: &[u8], text: String) -> On {
        let context = BASE64_STANDARD.encode([DIRECT, binding].concat());
        On { context, text: Zeroizing::new(text), ..self.key_of(tenant) }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, KeyError>>) -> Result<T, KeyError> {
        tokio::time::timeout(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(KeyError::Unreachable { reason: "no answer in time".into() }))
    }

    async fn check_health(&self) -> Result<(), KeyError> {
        let anonymous = self.sign_in.anonymous();
        let state = api::exec_with_no_result(&anonymous, Health)
            .await
            .map_err(|error| classify("tell its health", error).into_error("tell its health"))?;
        if !state.initialized {
            return Err(KeyError::Config("vault: the server is not initialised".into()));
        }
        if state.sealed {
            return Err(KeyError::Sealed);
        }
        let session = self.sign_in.session().await?;
        self.sign_in.check(&session).await
    }
}

impl Drop for TransitKeys {
    fn drop(&mut self) {
        self.keep_alive.abort();
    }
}

/// What an operation is about.
struct On {
    mount: String,
    /// The tenant's key.
    key: String,
    /// The environment, as the derivation context.
    context: String,
    /// A wrapped data key, or a value: sealed, or in base64.
    text: Zeroizing<String>,
}

/// Begins the derivation context of values, so that none is ever that of an environment's data keys.
const DIRECT: &[u8] = b"patchbay/direct/1";

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send + 'a>>;

/// The text that transit made; another key service's text is not sent there.
fn transit_text(wrapped: &WrappedKey) -> Result<&str, KeyError> {
    if wrapped.as_str().starts_with("vault:v") {
        Ok(wrapped.as_str())
    } else {
        Err(KeyError::Config(
            "this data key was not wrapped by vault transit: is another key service configured elsewhere?".into(),
        ))
    }
}

fn data_key(base64: String) -> Result<DataKey, KeyError> {
    let base64 = Zeroizing::new(base64);
    let bytes = BASE64_STANDARD.decode(&*base64).map_err(|_| KeyError::Corrupt { what: "a data key" })?;
    DataKey::from_bytes(Zeroizing::new(bytes))
}

#[async_trait]
impl KeyService for TransitKeys {
    fn kind(&self) -> &'static str {
        "vault transit"
    }

    async fn create_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError> {
        let on = self.key_of(tenant);
        let key = self
            .call("make a tenant's key", on, |client, on| {
                Box::pin(api::exec_with_result(client, CreateKey { mount: on.mount.clone(), name: on.key.clone() }))
            })
            .await?;
        // Making a key that is there already changes nothing, so one made by hand shows here.
        if key.kind == "aes256-gcm96" && key.derived && !key.exportable {
            Ok(())
        } else {
            Err(KeyError::Config(format!(
                "vault: the key {tenant} exists, but not as a derived aes256-gcm96 key that cannot be exported: was it \
                 made by hand?"
            )))
        }
    }

    async fn generate_data_key(&self, scope: Scope) -> Result<(DataKey, WrappedKey), KeyError> {
        let answer = self
            .call("make a data key", self.data_key_in(scope, ""), |client, on| {
                Box::pin(async move {
                    let mut options = GenerateDataKeyRequestBuilder::default();
                    options.context(on.context.as_str()).bits(256_u16);
                    let kind = DataKeyType::Plaintext;
                    transit::generate::data_key(client, &on.mount, &on.key, kind, Some(&mut options)).await
                })
            })
            .await?;
        let plaintext =
            answer.plaintext.ok_or_else(|| KeyError::internal("make a data key", "the answer holds none"))?;
        Ok((data_key(plaintext)?, WrappedKey::from_text(answer.ciphertext)))
    }

    async fn unwrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<DataKey, KeyError> {
        data_key(self.decrypt("unwrap a data key", self.data_key_in(scope, transit_text(wrapped)?)).await?)
    }

    async fn seal_value(&self, tenant: TenantId, binding: &[u8], plaintext: &[u8]) -> Result<WrappedKey, KeyError> {
        let on = self.value_in(tenant, binding, BASE64_STANDARD.encode(plaintext));
        let sealed = self
            .call("seal a value", on, |client, on| {
                Box::pin(async move {
                    let mut options = EncryptDataRequestBuilder::default();
                    options.context(on.context.as_str());
                    transit::data::encrypt(client, &on.mount, &on.key, &on.text, Some(&mut options)).await
                })
            })
            .await;
        match sealed {
            Ok(answer) => Ok(WrappedKey::from_text(answer.ciphertext)),
            // To encrypt with a key that is not there would be to make it, which the policy does not allow. So ask
            // something that says whether it is there.
            Err(KeyError::Denied { action }) => {
                let environment = EnvironmentId::from_uuid(tenant.uuid());
                match self.generate_data_key(Scope { tenant, environment }).await {
                    Err(KeyError::NotFound) => Err(KeyError::NotFound),
                    _ => Err(KeyError::Denied { action }),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn open_value(
        &self,
        tenant: TenantId,
        binding: &[u8],
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let on = self.value_in(tenant, binding, transit_text(sealed)?.to_owned());
        let plaintext = Zeroizing::new(self.decrypt("open a value", on).await?);
        BASE64_STANDARD
            .decode(&*plaintext)
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Corrupt { what: "a sealed value" })
    }

    async fn health(&self) -> KeyHealth {
        self.in_time(self.check_health()).await.map_or_else(KeyHealth::from, |()| KeyHealth::Ready)
    }
}

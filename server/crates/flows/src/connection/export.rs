//! Connections with their credentials, encrypted to the tenant's own key: JSON Lines in the format of age, of which each
//! line is a row that an import takes. Nothing of it is ever written anywhere in the clear, and it is made as it is
//! read.
//!
//! What can be had anew from what was typed in (a session, a signed token) is left out. A refresh token that the provider
//! replaces each time works for whoever uses it first: an export is for moving away, or for being put aside, not for a
//! second server beside this one.

use std::{
    io::{self, Write},
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
};

use age::{Encryptor, Recipient, stream::StreamWriter, x25519};
use auth::Material;
use bytes::Bytes;
use futures_util::{Stream, stream};
use ids::{ConnectionId, IntegrationId};
use serde_json::{Value, json};
use store::{ConnectionContext, ConnectionFilter, StoreError};
use vault::Sealed;
use zeroize::Zeroizing;

use crate::{
    Ctx, Services, audit,
    connect::is_direct,
    credentials::{SealError, credential_place, open},
    integration::find,
};

/// Connections read at once.
const BATCH: i64 = 100;

/// Why there is no export, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something of the request is wrong.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// A credential cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What a credential holds cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be encrypted.
    #[error("encryption: {0}")]
    Encrypt(String),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Seal(error.into())
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Encrypt(error.to_string())
    }
}

/// The ciphertext between who writes it and who sends it.
#[derive(Clone, Default)]
struct Ciphertext(Arc<Mutex<Vec<u8>>>);

impl Ciphertext {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Ciphertext {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An export under way.
struct Export {
    services: Services,
    scope: domain::Scope,
    actor: crate::Actor,
    filter: ConnectionFilter,
    recipient: String,
    before: Option<ConnectionId>,
    count: u64,
    ciphertext: Ciphertext,
    /// `None` when the end was written.
    writer: Option<StreamWriter<Ciphertext>>,
}

/// Exports the connections of an environment, or of one integration, that have a credential or need none. The stream ends
/// with an error if one of them cannot be opened; what came until then is then no whole age file, and says so to whoever
/// decrypts it.
///
/// # Errors
/// [`ExportError`], before anything is given.
pub async fn export(
    ctx: Ctx<'_>,
    recipient: &str,
    integration: Option<&str>,
) -> Result<impl Stream<Item = Result<Bytes, ExportError>> + Send + use<>, ExportError> {
    let recipient = recipient.trim();
    let key = x25519::Recipient::from_str(recipient).map_err(|_| {
        let words = "must be an age public key, age1…, as age-keygen prints it".to_owned();
        ExportError::Field("recipient", words)
    })?;
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration: Option<IntegrationId> = match integration {
        None => None,
        Some(name) => match find(&mut tx, name).await {
            Ok(row) => Some(row.id),
            Err(StoreError::NotFound) => {
                let words = "there is no such integration in this environment".to_owned();
                return Err(ExportError::Field("integration", words));
            }
            Err(error) => return Err(error.into()),
        },
    };
    // Said before the first byte: an export that breaks off was one, too.
    let detail = json!({ "recipient": recipient, "integration": integration });
    let row = audit::row(services, ctx.actor, "connections.export_begun", ctx.scope.environment, detail);
    tx.audit(row).await?;
    tx.commit().await?;

    let ciphertext = Ciphertext::default();
    let theirs: &dyn Recipient = &key;
    let encryptor =
        Encryptor::with_recipients(std::iter::once(theirs)).map_err(|error| ExportError::Encrypt(error.to_string()))?;
    let export = Export {
        services: services.clone(),
        scope: ctx.scope,
        actor: ctx.actor,
        filter: ConnectionFilter { integration, ..ConnectionFilter::default() },
        recipient: recipient.to_owned(),
        before: None,
        count: 0,
        writer: Some(encryptor.wrap_output(ciphertext.clone())?),
        ciphertext,
    };
    Ok(stream::unfold(Some(export), |export| async {
        let mut export = export?;
        match export.more().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(export))),
            Ok(None) => None,
            Err(error) => {
                tracing::error!(environment.id = %export.scope.environment, %error, "an export broke off");
                Some((Err(error), None))
            }
        }
    }))
}

impl Export {
    /// More of the ciphertext; `None` at its end.
    async fn more(&mut self) -> Result<Option<Bytes>, ExportError> {
        loop {
            let Some(writer) = &mut self.writer else { return Ok(None) };
            let ctx = self.services.ctx(self.scope, self.actor);
            let mut tx = self.services.store.begin(self.scope).await?;
            let rows = tx.connections().list(&self.filter, self.before, BATCH).await?;
            let mut contexts = Vec::with_capacity(rows.len());
            for (row, _) in &rows {
                match tx.connections().context(row.id).await {
                    Ok(context) => contexts.push(context),
                    // Deleted since.
                    Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            tx.commit().await?;
            let Some((last, _)) = rows.last() else {
                if let Some(writer) = self.writer.take() {
                    writer.finish()?;
                }
                self.ended().await?;
                return Ok(Some(self.ciphertext.take()));
            };
            self.before = Some(last.id);
            for context in &contexts {
                if let Some(line) = line(ctx, context).await? {
                    writer.write_all(&line)?;
                    writer.write_all(b"\n")?;
                    self.count += 1;
                }
            }
            let bytes = self.ciphertext.take();
            // The format writes in pieces of 64 KiB; there may be none yet.
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    async fn ended(&self) -> Result<(), ExportError> {
        let mut tx = self.services.store.begin(self.scope).await?;
        let detail =
            json!({ "recipient": self.recipient, "integration": self.filter.integration, "connections": self.count });
        let row = audit::row(&self.services, self.actor, "connections.exported", self.scope.environment, detail);
        tx.audit(row).await?;
        Ok(tx.commit().await?)
    }
}

/// A connection as a row that an import takes. `None` for one that holds nothing any more.
async fn line(ctx: Ctx<'_>, context: &ConnectionContext) -> Result<Option<Zeroizing<Vec<u8>>>, ExportError> {
    let (row, integration) = (&context.connection, &context.integration);
    let provider = ctx.services.provider(ctx.scope, &integration.provider).await?;
    let material = match &context.credential {
        None if matches!(row.health.as_str(), "revoked" | "deleting" | "pending") => return Ok(None),
        None => Material::default(),
        Some(credential) => {
            let sealed = Sealed::from_bytes(credential.sealed.clone()).map_err(SealError::Keys)?;
            let opened = open(ctx, credential_place(row.id), &sealed).await?;
            Material::from_bytes(&opened)
                .map_err(|error| ExportError::Unreadable(format!("the credential of {}: {error}", row.id)))?
        }
    };
    let derives = provider.as_ref().is_some_and(|provider| is_direct(&provider.manifest.auth));
    let mut fields: serde_json::Map<String, Value> =
        row.variables.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    fields.extend(material.fields.iter().map(|(name, secret)| (name.clone(), Value::from(secret.expose()))));
    let tokens = material.tokens.as_ref().filter(|_| !derives).map(|tokens| {
        json!({
            "access_token": tokens.access_token.expose(),
            "refresh_token": tokens.refresh_token.as_ref().map(domain::secret::Secret::expose),
            "token_type": tokens.token_type,
            "expires_at": tokens.expires_at,
            "refresh_expires_at": tokens.refresh_expires_at,
            "scopes": tokens.scopes_granted,
            "extra": tokens.extra,
        })
    });
    let whole = json!({
        "external_id": row.id,
        "connection_id": row.id,
        "integration": integration.slug,
        "provider": integration.provider,
        "mode": provider.as_ref().map(|provider| provider.manifest.auth.mode()),
        "end_user": { "id": row.end_user.id, "name": row.end_user.name },
        "account": row.account,
        "account_name": row.account_name,
        "health": row.health.as_str(),
        "fields": fields,
        "tokens": tokens,
        "tags": row.tags,
        "metadata": row.metadata,
        "config": row.config,
        "scopes_asked": context.credential.as_ref().and_then(|credential| credential.scopes_asked.clone()),
        "created_at": row.created_at,
    });
    let bytes = serde_json::to_vec(&whole).map_err(|error| ExportError::Unreadable(error.to_string()))?;
    Ok(Some(Zeroizing::new(bytes)))
}

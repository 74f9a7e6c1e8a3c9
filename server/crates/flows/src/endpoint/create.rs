//! Adds an endpoint.

use api_types::event::{CreateEndpoint, EventKind};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{entropy, secret::Secret};
use egress::{EgressError, Reach};
use ids::EndpointId;
use serde_json::json;
use store::{EndpointRow, StoreError};
use url::Url;

use super::secret_place;
use crate::{Ctx, audit, credentials, event};

/// More endpoints than this in one environment are refused: each event is told to each.
const MOST: i64 = 50;
/// Characters of a note.
const LONGEST_NOTE: usize = 500;

/// An endpoint just added. The secret is shown this once.
#[derive(Debug)]
pub struct Created {
    /// The endpoint.
    pub endpoint: EndpointRow,
    /// Its signing secret, `whsec_…`.
    pub secret: Secret,
}

/// Why an endpoint is not added.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A field is wrong; the text says what it must be.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it must be.
        detail: String,
    },
    /// There are as many as there may be.
    #[error("there are {MOST} endpoints already; remove one first")]
    TooMany,
    /// The secret cannot be sealed just now.
    #[error(transparent)]
    Seal(#[from] credentials::SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds an endpoint with a new signing secret, as the Standard Webhooks specification wants it: 24 to 64 random bytes in
/// base64 behind `whsec_`.
///
/// # Errors
/// [`CreateError`].
pub async fn create(ctx: Ctx<'_>, input: CreateEndpoint) -> Result<Created, CreateError> {
    let services = ctx.services;
    let url = checked_url(ctx, &input.url)?;
    if input.description.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE || note.contains('\0')) {
        return Err(invalid("description", format!("at most {LONGEST_NOTE} characters")));
    }
    let kinds = input.events.as_deref().map(kinds).transpose()?;
    let id = services.mint.id(EndpointId::new);
    let secret = Secret::new(format!("whsec_{}", STANDARD.encode(entropy::bytes::<32>(services.entropy.as_ref()))));
    let sealed = credentials::seal(ctx, secret_place(id), secret.expose().as_bytes()).await?;
    let endpoint = EndpointRow {
        endpoint_id: id,
        url: url.into(),
        description: input.description,
        kinds,
        secret: sealed.into_bytes(),
        disabled_at: None,
        disabled_reason: None,
        created_at: services.now(),
    };
    let mut tx = services.store.begin(ctx.scope).await?;
    if tx.endpoints().count().await? >= MOST {
        return Err(CreateError::TooMany);
    }
    tx.endpoints().insert(&endpoint).await?;
    tx.audit(audit::row(services, ctx.actor, "endpoint.created", id, json!({ "url": endpoint.url }))).await?;
    tx.commit().await?;
    Ok(Created { endpoint, secret })
}

fn invalid(field: &'static str, detail: impl Into<String>) -> CreateError {
    CreateError::Invalid { field, detail: detail.into() }
}

fn checked_url(ctx: Ctx<'_>, text: &str) -> Result<Url, CreateError> {
    let url: Url = text.parse().map_err(|_| invalid("url", "an absolute https URL"))?;
    if text.len() > 2_000 {
        return Err(invalid("url", "at most 2000 characters"));
    }
    if url.fragment().is_some() {
        return Err(invalid("url", "without a fragment: it would not be sent"));
    }
    match ctx.services.egress.check(&url, &Reach::hosts_of([&url])) {
        Ok(()) => Ok(url),
        Err(EgressError::Address { class, .. }) => {
            Err(invalid("url", format!("a public address: this one is {class}, which this server does not post to")))
        }
        Err(error) => Err(invalid("url", error.to_string())),
    }
}

fn kinds(events: &[EventKind]) -> Result<Vec<String>, CreateError> {
    if events.is_empty() {
        return Err(invalid("events", "at least one; leave it out for all"));
    }
    let mut kinds: Vec<String> = events.iter().map(|kind| event::kind_text(*kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

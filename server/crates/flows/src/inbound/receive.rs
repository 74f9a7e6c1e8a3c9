//! A delivery comes: it is verified, kept and acknowledged, and nothing else.

use std::sync::Arc;

use domain::{
    Scope,
    manifest::{WebhookScheme, WebhookSpec},
    secret::Secret,
};
use http::HeaderMap;
use ids::{InboundId, JobId};
use serde_json::json;
use store::{HookOf, HookRow, NewInbound, NewJob, StoreError};
use url::Url;
use vault::Sealed;

use super::{HandshakeAnswer, InboundJob, Kept, QUEUE, handshake, hook_url, kept_place, secret_place};
use crate::{
    Actor, Ctx, Provider, Services,
    credentials::{SealError, open, seal},
    sha256,
};

/// Bytes of a delivery's body.
pub const MOST_BYTES: usize = 4 << 20;

/// What came to one of our URLs.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// What stood in the path.
    pub token: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The query as it came; empty for none.
    pub query: &'a str,
    /// The body as it came, at most [`MOST_BYTES`].
    pub body: &'a [u8],
}

/// It is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It will be processed.
    Taken(InboundId),
    /// It came before: nothing is done.
    Again,
    /// It is a handshake: this is sent back, and nothing is done.
    Answered(HandshakeAnswer),
}

/// Why it is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is no such URL.
    #[error("there is no such URL")]
    Unknown,
    /// The tenant has to repair something first.
    #[error("{0}")]
    Misconfigured(&'static str),
    /// It is not the provider's, or too old.
    #[error(transparent)]
    Refused(#[from] auth::webhook::Refused),
    /// It is a handshake, and what it wants to have sent back is not.
    #[error("the handshake asks for an answer that is missing, too long or no plain text")]
    OddHandshake,
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::Unknown,
            other => Self::Store(other),
        }
    }
}

/// Somebody looks whether there is anything at a URL: gives what is sent back if that is a handshake.
///
/// # Errors
/// [`ReceiveError`]; of what is no handshake, only that there is no such URL.
pub async fn look(services: &Services, arrived: Arrived<'_>) -> Result<Option<HandshakeAnswer>, ReceiveError> {
    let (scope, hook) = hook_of(services, arrived.token).await?;
    let seen = look_at(services.ctx(scope, Actor::System), &hook, arrived).await;
    if let Err(error) = &seen {
        note_refusal(services, scope, &hook, error).await?;
    }
    seen
}

async fn look_at(ctx: Ctx<'_>, hook: &HookRow, arrived: Arrived<'_>) -> Result<Option<HandshakeAnswer>, ReceiveError> {
    let Arrived { token, headers, query, body } = arrived;
    let (provider, verifier) = known_of(ctx, hook).await?;
    let spec = provider.as_ref().and_then(|provider| provider.manifest.webhook.as_ref());
    let Some(spec) = spec.filter(|spec| spec.handshake.is_some()) else { return Ok(None) };
    let url = url_of(ctx.services, token, query);
    // Most only look. There is no body to be read before it is known whose it is.
    let asked = handshake::answer(spec, headers, body, &url)?;
    if asked.is_some() && !comes_unsigned(spec) {
        let secret = secret(ctx, verifier.as_ref().unwrap_or(hook)).await?;
        auth::webhook::verify(spec, &secret, headers, body, &url, ctx.services.now())?;
    }
    Ok(asked)
}

/// Verifies a delivery and takes it in. No connection to the database is held while a secret is opened.
///
/// # Errors
/// [`ReceiveError`]; then nothing is taken in, and the URL says when and why.
pub async fn receive(services: &Services, arrived: Arrived<'_>) -> Result<Received, ReceiveError> {
    let (scope, hook) = hook_of(services, arrived.token).await?;
    let taken = take_in(services.ctx(scope, Actor::System), &hook, arrived).await;
    if let Err(error) = &taken {
        note_refusal(services, scope, &hook, error).await?;
    }
    taken
}

async fn hook_of(services: &Services, token: &str) -> Result<(Scope, HookRow), StoreError> {
    let mut tx = services.store.begin_system().await?;
    let found = tx.hook_of_token(&sha256(token.as_bytes())).await;
    tx.commit().await?;
    found
}

/// The provider that sends to a URL, and the URL whose secret verifies if this one has none of its own.
async fn known_of(ctx: Ctx<'_>, hook: &HookRow) -> Result<(Option<Arc<Provider>>, Option<HookRow>), ReceiveError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = tx.integrations().find(hook.integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    let shared = match (hook.connection, &hook.secret) {
        (Some(_), None) => tx.hooks().find(HookOf::Integration(integration.id)).await.ok(),
        _ => None,
    };
    tx.commit().await?;
    Ok((provider, shared))
}

/// The URL as the provider called it.
fn url_of(services: &Services, token: &str, query: &str) -> Url {
    let mut url = hook_url(&services.settings.public_url, token);
    url.set_query((!query.is_empty()).then_some(query));
    url
}

fn comes_unsigned(spec: &WebhookSpec) -> bool {
    spec.handshake.as_ref().is_some_and(|handshake| handshake.unsigned)
}

async fn take_in(ctx: Ctx<'_>, hook: &HookRow, arrived: Arrived<'_>) -> Result<Received, ReceiveError> {
    let services = ctx.services;
    let Arrived { token, headers, query, body } = arrived;
    let (provider, shared) = known_of(ctx, hook).await?;
    let spec = provider.as_ref().and_then(|provider| provider.manifest.webhook.as_ref());
    let spec = spec.ok_or(ReceiveError::Misconfigured("the provider's webhooks are not described any more"))?;
    let url = url_of(services, token, query);
    let asked = || handshake::answer(spec, headers, body, &url);
    if comes_unsigned(spec)
        && let Some(answer) = asked()?
    {
        return Ok(Received::Answered(answer));
    }
    let secret = secret(ctx, shared.as_ref().unwrap_or(hook)).await?;

    let now = services.now();
    let verified = auth::webhook::verify(spec, &secret, headers, body, &url, now)?;
    if !comes_unsigned(spec)
        && let Some(answer) = asked()?
    {
        return Ok(Received::Answered(answer));
    }

    let id = services.mint.id(InboundId::new);
    let prints = Prints::of(spec, headers, body, &url, verified.id.as_deref(), id);
    let secret_header = (spec.scheme == WebhookScheme::Token).then_some(spec.header.as_str());
    let kept = Kept::of(headers, secret_header, query, body);
    let new = NewInbound {
        id,
        hook: hook.id,
        fingerprint_hash: prints.fingerprint,
        content_hash: prints.content,
        is_repeat_if_alike: spec.is_repeat_if_alike(),
        kept: seal(ctx, kept_place(id), &kept.to_bytes()).await?.into_bytes(),
        event: verified.event,
        account: verified.account,
        received_at: now,
    };
    let payload = json!(InboundJob { inbound: id });
    // Real time is what somebody waits for.
    let job = NewJob { priority: 0, ..NewJob::about(id, services.mint.id(JobId::new), QUEUE, payload, now) };
    let mut tx = services.store.begin(ctx.scope).await?;
    if !tx.inbound().insert(&new).await? {
        return Ok(Received::Again);
    }
    tx.jobs().enqueue(job, now).await?;
    tx.commit().await?;
    Ok(Received::Taken(id))
}

async fn secret(ctx: Ctx<'_>, hook: &HookRow) -> Result<Secret, ReceiveError> {
    let sealed = hook.secret.clone().ok_or(ReceiveError::Misconfigured("no secret was set for these webhooks yet"))?;
    let sealed = Sealed::from_bytes(sealed).map_err(SealError::Keys)?;
    let opened = open(ctx, secret_place(hook.id), &sealed).await?;
    let text = std::str::from_utf8(&opened).map_err(|_| ReceiveError::Misconfigured("the secret is no text"))?;
    Ok(Secret::new(text))
}

/// Has the URL say when and why something was refused, if it was.
async fn note_refusal(
    services: &Services,
    scope: Scope,
    hook: &HookRow,
    error: &ReceiveError,
) -> Result<(), ReceiveError> {
    let why = match error {
        ReceiveError::Refused(_) | ReceiveError::Misconfigured(_) | ReceiveError::OddHandshake => error.to_string(),
        ReceiveError::Unknown | ReceiveError::Seal(_) | ReceiveError::Store(_) => return Ok(()),
    };
    tracing::info!(hook.id = %hook.id, why = why.as_str(), "a webhook was refused");
    let mut tx = services.store.begin(scope).await?;
    tx.hooks().refused(hook.id, &why, services.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// What a delivery is known again by.
struct Prints {
    /// Of what was signed.
    content: Vec<u8>,
    /// Of what no other delivery has.
    fingerprint: Vec<u8>,
}

impl Prints {
    fn of(
        spec: &WebhookSpec,
        headers: &HeaderMap,
        body: &[u8],
        url: &Url,
        told_id: Option<&str>,
        id: InboundId,
    ) -> Self {
        let content = sha256(&auth::webhook::content(spec, headers, body, url));
        let fingerprint = match told_id {
            _ if spec.signs_each_once() => content.clone(),
            // The same words under another id may be news; under the same id they are what the provider sends again.
            Some(told) => sha256(&[content.as_slice(), told.as_bytes()].concat()),
            None => sha256(&[content.as_slice(), id.uuid().as_bytes().as_slice()].concat()),
        };
        Self { content, fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(spec: &serde_json::Value, told: Option<&str>, id: u8) -> (Vec<u8>, Vec<u8>) {
        let spec: WebhookSpec = serde_json::from_value(spec.clone()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-sign", "t=1000,v1=00".parse().unwrap());
        let url = Url::parse("https://hooks.example/inbound/x").unwrap();
        let prints = Prints::of(&spec, &headers, b"{}", &url, told, InboundId::new(1, [id; 10]));
        (prints.content, prints.fingerprint)
    }

    #[test]
    fn f_3_what_is_known_again_depends_on_what_is_signed() {
        let once = json!({ "scheme": "hmac", "header": "x-sign", "prefix": "v1=", "hash": "sha256",
            "message": "{timestamp}.{body}", "timestamp": "t=" });
        assert_eq!(prints(&once, Some("a"), 1), prints(&once, Some("b"), 2), "an id that is not signed says nothing");
        let body = json!({ "scheme": "hmac", "header": "x-sign", "hash": "sha256" });
        assert_eq!(prints(&body, Some("a"), 1), prints(&body, Some("a"), 2), "the provider sends it again");
        let (one, other) = (prints(&body, Some("a"), 1), prints(&body, Some("b"), 2));
        assert!(one.0 == other.0 && one.1 != other.1, "the same words, and perhaps news");
        let (one, other) = (prints(&body, None, 1), prints(&body, None, 2));
        assert!(one.0 == other.0 && one.1 != other.1);
    }

    #[test]
    fn f_3_a_delivery_is_a_repeat_only_where_something_is_signed_and_may_be_signed_twice() {
        for (spec, expected) in [
            (json!({ "scheme": "hmac", "header": "x-sign", "hash": "sha256" }), true),
            (json!({ "scheme": "hmac", "header": "x-sign", "hash": "sha256", "message": "{id}.{body}" }), false),
            (json!({ "scheme": "token", "header": "x-token" }), false),
        ] {
            let read: WebhookSpec = serde_json::from_value(spec.clone()).unwrap();
            assert_eq!(read.is_repeat_if_alike(), expected, "{spec}");
        }
    }
}

//! Row 4: the provider sends the end user back.

use auth::callback::{self, Answer, Callback};
use domain::{
    Scope,
    connect::{Display, Failure, FailureCode, SessionState},
    secret::Secret,
};
use ids::{ConnectSessionId, ConnectionId, IntegrationId};
use store::{AttemptRow, ConnectSessionRow, IntegrationRow, Presented, StoreError};

use super::{
    attempt,
    establish::{Establish, Established, establish},
    grant::{tried, worded},
    install::REDIRECT_URI,
    launch::browser_cookie,
    pending::Pending,
    refused::{browser_hash, note_unknown, refused},
    result::return_to,
    session::scopes_of,
};
use crate::{
    Actor, Ctx, Services,
    credentials::{AccountError, SealError, account, outside},
    sha256,
};

/// What the end user reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// It is connected.
    Connected,
    /// They said no.
    ConsentDenied,
    /// The provider answered with an error.
    ProviderError,
    /// The provider could not be reached.
    ProviderUnreachable,
    /// The tenant has to repair the integration.
    Misconfigured,
    /// They chose another account than the one being repaired.
    DifferentAccount,
    /// This link was used before.
    StateReplayed,
    /// This link belongs to nothing that we began.
    StateUnknown,
    /// It took too long, or the session is over.
    AttemptExpired,
    /// It was begun in another browser.
    WrongBrowser,
}

/// What became of a callback.
#[derive(Debug)]
pub struct Completion {
    /// What the end user reads.
    pub screen: Screen,
    /// Where the provider's page was opened, if the callback belongs to an attempt.
    pub display: Option<Display>,
    /// The session, likewise.
    pub session: Option<ConnectSessionId>,
    /// What the end user reads of the integration.
    pub integration_name: Option<String>,
    /// What was connected.
    pub connection: Option<ConnectionId>,
    /// What people call the account.
    pub account_name: Option<String>,
    /// Where the same tab goes on, with the signed result.
    pub return_to: Option<Secret>,
    /// The cookie that has done its work.
    pub spent_cookie: Option<String>,
}

impl Completion {
    pub(super) fn of(screen: Screen) -> Self {
        Self {
            screen,
            display: None,
            session: None,
            integration_name: None,
            connection: None,
            account_name: None,
            return_to: None,
            spent_cookie: None,
        }
    }
}

/// Completes the attempt that a callback belongs to. `query` is the callback's, without the question mark; `cookie` gives
/// the value of a cookie that the browser sent.
///
/// # Errors
/// The database failed. What the provider or the end user did wrong is a [`Screen`].
pub async fn complete(
    services: &Services,
    integration: IntegrationId,
    query: &str,
    cookie: impl FnOnce(&str) -> Option<Secret>,
) -> Result<Completion, StoreError> {
    let callback = match callback::parse(query) {
        Ok(callback) => callback,
        Err(error) => {
            note_unknown(services, integration, &error.to_string()).await?;
            return Ok(Completion::of(Screen::StateUnknown));
        }
    };
    let cookie_name = browser_cookie(callback.state.expose());
    let state_hash = sha256(callback.state.expose().as_bytes());
    let browser_hash = browser_hash(cookie(&cookie_name).as_ref());
    let presented = Presented { state_hash: &state_hash, browser_hash: &browser_hash, integration };

    // Row 4a.
    let mut tx = services.store.begin_system().await?;
    let taken = tx.consume_attempt(presented, services.now()).await?;
    tx.commit().await?;
    let Some((scope, attempt)) = taken else { return refused(services, presented).await };

    // From here on it is carried through even if the browser goes away: the code is spent, and the end of a flow must not
    // be lost because a window was.
    let services = services.clone();
    let work = tokio::spawn(async move { carry_through(&services, scope, attempt, callback).await });
    match work.await {
        Ok(done) => Ok(Completion { spent_cookie: Some(cookie_name), ..done? }),
        Err(error) => {
            tracing::error!(%error, "completing an attempt broke off");
            Ok(Completion { spent_cookie: Some(cookie_name), ..Completion::of(Screen::ProviderError) })
        }
    }
}

pub(super) async fn carry_through(
    services: &Services,
    scope: Scope,
    attempt: AttemptRow,
    callback: Callback,
) -> Result<Completion, StoreError> {
    let ctx = services.ctx(scope, Actor::EndUser(attempt.session));
    let mut tx = services.store.begin(scope).await?;
    let session = tx.connect_sessions().find(attempt.session).await?;
    let integration = tx.integrations().find(attempt.integration).await?;
    tx.commit().await?;
    let integration_name = integration.display_name.clone();
    let outcome = connect(ctx, &session, integration, &attempt, &callback).await;
    let completion = Completion {
        display: Some(attempt.display),
        session: Some(session.id),
        integration_name: Some(integration_name),
        ..Completion::of(Screen::Connected)
    };
    let failure = match outcome {
        Ok(Established::Connected { connection, account_name, .. }) => {
            return Ok(Completion {
                connection: Some(connection),
                account_name,
                return_to: return_to(&session, attempt.display, Ok(connection)),
                ..completion
            });
        }
        Ok(Established::SessionOver) => session_over(),
        Ok(Established::Failed(failure)) => failure,
        Err(Trouble::Failed(failure)) => failure,
        Err(Trouble::Ours(error)) => {
            // The code is spent. The end user begins anew; what went wrong is ours to find.
            tracing::error!(connect_session.id = %session.id, %error, "a connection was not stored");
            let detail = "our side failed while the connection was stored; a new attempt may be made".into();
            Failure::new(FailureCode::ProviderUnreachable, detail)
        }
    };
    let mut tx = services.store.begin(scope).await?;
    attempt::fail(&mut tx, ctx, &attempt, &failure).await?;
    tx.commit().await?;
    let screen = match failure.code {
        FailureCode::ConsentDenied => Screen::ConsentDenied,
        FailureCode::ProviderError => Screen::ProviderError,
        FailureCode::ProviderUnreachable => Screen::ProviderUnreachable,
        FailureCode::Misconfigured => Screen::Misconfigured,
        FailureCode::DifferentAccount => Screen::DifferentAccount,
        FailureCode::Expired => Screen::AttemptExpired,
    };
    let return_to = return_to(&session, attempt.display, Err(failure.code));
    Ok(Completion { screen, return_to, ..completion })
}

/// Why there is no connection.
enum Trouble {
    Failed(Failure),
    Ours(SealError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SealError> for Trouble {
    fn from(error: SealError) -> Self {
        Self::Ours(error)
    }
}

impl From<AccountError> for Trouble {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Misconfigured(detail) => misconfigured(detail).into(),
            AccountError::Seal(error) => Self::Ours(error),
        }
    }
}

fn misconfigured(detail: String) -> Failure {
    Failure::new(FailureCode::Misconfigured, detail)
}

fn session_over() -> Failure {
    Failure::new(FailureCode::Expired, "the connect session was withdrawn or has done its work".into())
}

async fn connect(
    ctx: Ctx<'_>,
    session: &ConnectSessionRow,
    integration: IntegrationRow,
    attempt: &AttemptRow,
    callback: &Callback,
) -> Result<Established, Trouble> {
    let services = ctx.services;
    if session.state != SessionState::Open {
        return Ok(Established::SessionOver);
    }
    let provider = services.provider(ctx.scope, &integration.provider).await.map_err(SealError::from)?;
    let provider = provider.ok_or_else(|| misconfigured(format!("`{}` is not installed", integration.provider)))?;
    let pending = Pending::open(ctx, attempt.id, attempt.kept.as_ref()).await?;
    let mut account = account(ctx, &provider.manifest, &integration, &attempt.variables, &pending.fields).await?;
    account.scopes = scopes_of(session, &integration);
    if let Some(uri) = pending.kept.0.get(REDIRECT_URI).and_then(|uri| uri.expose().parse().ok()) {
        account.redirect_uri = uri;
    }
    // Whoever it is that answers must be the one that was asked, whatever the answer (RFC 9207 §2.4).
    if let Err(failure) = account.check_issuer(&pending.kept, callback) {
        return Err(worded("the callback was refused", &failure).into());
    }
    match &callback.answer {
        Answer::Code(_) | Answer::Bare => {}
        Answer::Denied => {
            let detail = "the end user said no at the provider".into();
            return Err(Failure::new(FailureCode::ConsentDenied, detail).into());
        }
        Answer::Error { code, description } => {
            let said = description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            let detail = format!("the provider sent the end user back with `{code}`{said}");
            return Err(Failure::new(FailureCode::of_callback(code), detail).into());
        }
    }
    // Row 4b.
    let material = account.finish(outside(services, None), &pending.kept, callback).await;
    let mut material = material.map_err(|failure| worded("the code was not exchanged", &failure))?;
    material.fields.extend(pending.fields);
    let id = session.reconnect.unwrap_or_else(|| services.mint.id(ConnectionId::new));
    let grant = tried(ctx, &provider, &integration, id, &mut account, material).await?;
    // Row 4c.
    Ok(establish(ctx, Establish::of_session(session, integration, grant, Some(attempt.id))).await?)
}

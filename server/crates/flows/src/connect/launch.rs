//! Row 3: the end user picked a provider and leaves for it.

use std::collections::BTreeMap;

use auth::Beginning;
use chrono::{DateTime, Utc};
use domain::{
    connect::{ATTEMPT_LIFETIME, Display, Failure},
    manifest::InstallBegins,
    secret::Secret,
};
use ids::{AttemptId, ConnectSessionId, ConnectionId, IntegrationId};
use store::StoreError;
use url::Url;

use super::{
    attempt::{self, Attempt},
    complete::Completion,
    enter::{Filled, enter_filled, filled, is_direct},
    establish::Established,
    grant::worded,
    install,
    pending::Pending,
    session::{SessionError, scopes_of},
};
use crate::{
    Services,
    credentials::{AccountError, SealError, account, outside},
    sha256,
};

/// An attempt to begin.
#[derive(Debug)]
pub struct NewAttempt {
    /// The session's token.
    pub token: Secret,
    /// What was picked.
    pub integration: IntegrationId,
    /// Where the provider's page is opened.
    pub display: Display,
    /// What the end user filled in, secrets among it.
    pub fields: BTreeMap<String, Secret>,
}

/// Where the end user goes now.
pub enum Launched {
    /// To the provider.
    ToProvider {
        /// The provider's page. It holds the state: for the browser alone.
        url: Url,
        /// Binds the attempt to this browser.
        cookie: BrowserCookie,
        /// What the end user reads of the integration.
        integration_name: String,
    },
    /// Nowhere: the provider needs no consent, and the connection is made.
    Connected {
        /// The session.
        session: ConnectSessionId,
        /// The connection.
        connection: ConnectionId,
        /// What the end user reads of the integration.
        integration_name: String,
        /// Where the same tab goes on, with the signed result.
        return_to: Option<Secret>,
    },
    /// Nowhere: the code of an install at the vendor's marketplace was there already, and was exchanged.
    Finished(Box<Completion>),
}

/// The cookie that binds an attempt to its browser. One per attempt, so that two at once do not disturb each other.
#[derive(Debug, Clone)]
pub struct BrowserCookie {
    /// Its name.
    pub name: String,
    /// Its value: 32 random bytes.
    pub value: Secret,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Why an attempt was not begun.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The token opens no session.
    #[error(transparent)]
    Session(SessionError),
    /// The session has made its connection.
    #[error("the connect session has done its work")]
    Done,
    /// The integration is not among those that may be picked.
    #[error("the integration is not offered in this session")]
    NotOffered,
    /// What was filled in is not what it must be.
    #[error("some fields are not what they must be")]
    Fields(Vec<(String, String)>),
    /// The integration has to be repaired by the tenant.
    #[error("{0}")]
    Misconfigured(String),
    /// The install arrived in another browser, which alone may go on with it.
    #[error("the install arrived in another browser")]
    WrongBrowser,
    /// The install's code was exchanged before, or its hour is over.
    #[error("the install was used before, or waited too long")]
    InstallOver,
    /// The provider refuses what was entered, or does not answer.
    #[error("{}", .0.detail)]
    Refused(Failure),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SessionError> for LaunchError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<AccountError> for LaunchError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Misconfigured(detail) => Self::Misconfigured(detail),
            AccountError::Seal(error) => Self::Seal(error),
        }
    }
}

/// The name of the cookie that belongs to a state parameter. It follows from the state, so that the callback knows which
/// of several cookies to compare; the hash tells nothing about the state.
#[must_use]
pub fn browser_cookie(state: &str) -> String {
    let hash = hex::encode(sha256(state.as_bytes()));
    format!("__Host-patchbay-connect-{}", hash.get(..16).unwrap_or_default())
}

/// Begins an attempt. `cookie` gives the value of a cookie that the browser sent.
///
/// # Errors
/// [`LaunchError`].
pub async fn launch(
    services: &Services,
    new: NewAttempt,
    cookie: impl FnOnce(&str) -> Option<Secret>,
) -> Result<Launched, LaunchError> {
    let (ctx, mut filled) = filled(services, &new.token, new.integration, new.fields).await?;
    let begins = filled.provider.manifest.auth.install().map(|install| install.begins);
    if begins == Some(InstallBegins::Code)
        && let Some(install) = filled.install.take()
    {
        let done = install::finish(ctx, filled, install, new.display, cookie).await?;
        return Ok(Launched::Finished(Box::new(done)));
    }
    let integration_name = filled.integration.display_name.clone();
    if is_direct(&filled.provider.manifest.auth) {
        let session = &filled.session;
        return match enter_filled(ctx, &filled).await? {
            Established::Connected { connection, .. } => Ok(Launched::Connected {
                session: session.id,
                connection,
                integration_name,
                return_to: super::result::return_to(session, new.display, Ok(connection)),
            }),
            Established::Failed(failure) => Err(LaunchError::Refused(failure)),
            Established::SessionOver => Err(LaunchError::Done),
        };
    }
    let Filled { session, integration, provider, variables, fields, .. } = filled;
    let mut account = account(ctx, &provider.manifest, &integration, &variables, &fields).await?;
    account.scopes = scopes_of(&session, &integration);
    let beginning = account.begin(outside(services, None)).await;
    let begun = match beginning.map_err(|failure| worded("the provider was not asked", &failure))? {
        Beginning::Browser(begun) => begun,
        Beginning::Device(_) | Beginning::Direct => {
            return Err(LaunchError::Misconfigured("this provider is connected by a code on another device".into()));
        }
    };
    let id = services.mint.id(AttemptId::new);
    let now = services.now();
    let cookie = BrowserCookie {
        name: browser_cookie(begun.state.expose()),
        value: Secret::new(services.random_token()),
        expires_at: now + ATTEMPT_LIFETIME,
    };
    let pending = Pending { kept: begun.kept, fields };
    let attempt = Attempt { id, session: &session, integration: &integration, display: new.display, variables };
    let hashes = (sha256(begun.state.expose().as_bytes()), sha256(cookie.value.expose().as_bytes()));
    let row = attempt.row(ctx, &pending, hashes.1, (now, cookie.expires_at)).await?;
    let mut tx = services.store.begin(ctx.scope).await?;
    attempt::store(&mut tx, ctx, &row, &hashes.0).await?;
    tx.commit().await?;
    Ok(Launched::ToProvider { url: begun.url, cookie, integration_name })
}

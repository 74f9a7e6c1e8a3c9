//! Row 3: the end user picked a provider and leaves for it.

use chrono::{DateTime, Utc};
use domain::{
    connect::{ATTEMPT_LIFETIME, AttemptState, Display, SessionState},
    manifest::{AuthSpec, VariableLevel, Variables},
    secret::Secret,
};
use ids::{AttemptId, ConnectSessionId, ConnectionId, IntegrationId};
use serde_json::json;
use store::{AttemptRow, StoreError};
use url::Url;
use vault::Place;

use super::{
    establish::{Establish, Established, establish},
    session::{SessionError, by_token, ctx_of},
};
use crate::{
    Services, audit,
    credentials::{ClientError, SealError, authorization_code_client, seal},
    integration::check_variables,
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
    /// What the end user filled in.
    pub fields: Variables,
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

impl From<ClientError> for LaunchError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Misconfigured(detail) => Self::Misconfigured(detail),
            ClientError::Seal(error) => Self::Seal(error),
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

/// Where an attempt's PKCE verifier lies.
pub(super) const fn verifier_place(id: AttemptId) -> Place {
    Place { table: "connect_attempts", column: "verifier", row: id.uuid() }
}

/// Begins an attempt.
///
/// # Errors
/// [`LaunchError`].
pub async fn launch(services: &Services, new: NewAttempt) -> Result<Launched, LaunchError> {
    let (scope, session) = by_token(services, &new.token).await?;
    if session.state != SessionState::Open {
        return Err(LaunchError::Done);
    }
    if services.now() >= session.expires_at {
        return Err(LaunchError::Session(SessionError::Expired));
    }
    let ctx = ctx_of(services, scope, &session);
    if session.integrations.as_ref().is_some_and(|offered| !offered.contains(&new.integration)) {
        return Err(LaunchError::NotOffered);
    }
    let mut tx = services.store.begin(scope).await?;
    let integration = tx.integrations().find(new.integration).await.map_err(|error| match error {
        StoreError::NotFound => LaunchError::NotOffered,
        other => other.into(),
    })?;
    let mut variables = match session.reconnect {
        Some(id) => tx.connections().context(id).await?.connection.variables,
        None => Variables::new(),
    };
    tx.commit().await?;
    // Forms send empty fields too; an empty one is one that was not filled in.
    variables.extend(new.fields.into_iter().filter(|(_, value)| !value.trim().is_empty()));
    let provider = services.providers.get(&integration.provider);
    let not_installed =
        || LaunchError::Misconfigured(format!("the provider `{}` is not installed", integration.provider));
    let manifest = &provider.ok_or_else(not_installed)?.manifest;
    let mut wrong = Vec::new();
    check_variables(&mut wrong, manifest, VariableLevel::Connection, &variables, "fields");
    if !wrong.is_empty() {
        return Err(LaunchError::Fields(wrong));
    }

    if matches!(manifest.auth, AuthSpec::None) {
        let integration_name = integration.display_name.clone();
        let wanted = Establish { session: &session, integration, variables, grant: None, attempt: None };
        return match establish(ctx, wanted).await? {
            Established::Connected { connection, .. } => Ok(Launched::Connected {
                session: session.id,
                connection,
                integration_name,
                return_to: super::result::return_to(&session, new.display, Ok(connection)),
            }),
            Established::Failed(failure) => Err(LaunchError::Misconfigured(failure.detail)),
            Established::SessionOver => Err(LaunchError::Done),
        };
    }

    let client = authorization_code_client(ctx, manifest, &integration, &variables).await?;
    let begun =
        client.begin(services.entropy.as_ref()).map_err(|failure| LaunchError::Misconfigured(failure.to_string()))?;
    let id = services.mint.id(AttemptId::new);
    let verifier = match &begun.verifier {
        None => None,
        Some(verifier) => Some(seal(ctx, verifier_place(id), verifier.expose().as_bytes()).await?.into_bytes()),
    };
    let now = services.now();
    let cookie = BrowserCookie {
        name: browser_cookie(begun.state.expose()),
        value: Secret::new(services.random_token()),
        expires_at: now + ATTEMPT_LIFETIME,
    };
    let row = AttemptRow {
        id,
        session: session.id,
        integration: integration.id,
        state: AttemptState::Pending,
        display: new.display,
        browser_hash: sha256(cookie.value.expose().as_bytes()),
        verifier,
        variables,
        created_at: now,
        expires_at: cookie.expires_at,
    };
    let mut tx = services.store.begin(scope).await?;
    tx.connect_attempts().insert(&row, &sha256(begun.state.expose().as_bytes())).await?;
    let detail = json!({ "attempt": id, "integration": integration.id });
    tx.audit(audit::row(services, ctx.actor, "connect.launched", session.id, detail)).await?;
    tx.commit().await?;
    Ok(Launched::ToProvider { url: begun.url, cookie, integration_name: integration.display_name })
}

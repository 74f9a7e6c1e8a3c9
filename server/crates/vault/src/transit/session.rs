//! Being signed in: one session for all callers, renewed before it expires and replaced when it is gone.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use domain::secret::Secret;
use tokio::{sync::Notify, time::Instant};
use vaultrs::{
    api::{self, AuthInfo, EndpointMiddleware},
    client::{Client, VaultClient, VaultClientSettings},
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    config::{TransitAuth, TransitConfig, is_header_text},
    endpoints::LookupSelf,
    failure::{Failure, classify},
};
use crate::KeyError;

const SIGN_IN: &str = "sign in";
/// A token without expiry is looked at this often.
const IDLE: Duration = Duration::from_secs(60 * 60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A token and the client that carries it.
pub(super) struct Session {
    pub client: VaultClient,
    generation: u64,
    lease: Mutex<Lease>,
}

/// How long a token lasts.
#[derive(Clone, Copy)]
struct Lease {
    /// What the sign-in gave; a renewal that gives much less is near the token's final end.
    granted: Duration,
    /// When it ends; `None` for never.
    ends: Option<Instant>,
    /// When to renew it.
    renew_at: Option<Instant>,
    renewable: bool,
}

impl Lease {
    fn new(seconds: u64, renewable: bool, granted: Option<Duration>) -> Self {
        let now = Instant::now();
        let time = Duration::from_secs(seconds);
        let limited = seconds > 0;
        Self {
            granted: granted.unwrap_or(time),
            ends: limited.then(|| now + time),
            renew_at: limited.then(|| now + time.mul_f32(0.6)),
            renewable,
        }
    }

    fn left(&self) -> Duration {
        self.ends.map_or(IDLE, |ends| ends.saturating_duration_since(Instant::now()))
    }
}

impl Session {
    fn lease(&self) -> Lease {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.client.middle.token.zeroize();
    }
}

/// Signs in, once at a time, and keeps the session.
pub(super) struct SignIn {
    config: TransitConfig,
    http: reqwest::Client,
    current: RwLock<Option<Arc<Session>>>,
    turn: tokio::sync::Mutex<u64>,
    changed: Notify,
}

impl SignIn {
    pub fn new(config: TransitConfig, http: reqwest::Client) -> Self {
        Self { config, http, current: RwLock::new(None), turn: tokio::sync::Mutex::new(0), changed: Notify::new() }
    }

    /// The client without a token, for what needs none.
    pub fn anonymous(&self) -> VaultClient {
        self.client("")
    }

    /// The session, signing in if there is none.
    pub async fn session(&self) -> Result<Arc<Session>, KeyError> {
        match self.current() {
            Some(session) => Ok(session),
            None => self.sign_in(None).await,
        }
    }

    /// After a 403: a new session if the old token is not valid any more; else the policy said no.
    pub async fn after_forbidden(&self, old: &Session, action: &'static str) -> Result<Arc<Session>, KeyError> {
        match self.look_up(&old.client).await {
            Ok(_) => Err(KeyError::Denied { action }),
            Err(Failure::Forbidden) => self.sign_in(Some(old.generation)).await,
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Whether the token is valid now.
    pub async fn check(&self, session: &Session) -> Result<(), KeyError> {
        match self.look_up(&session.client).await {
            Ok(_) => Ok(()),
            Err(Failure::Forbidden) => self.sign_in(Some(session.generation)).await.map(|_| ()),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Keeps the session alive, for ever. A new session, made by a caller, wakes it.
    pub async fn keep_alive(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let wait = match self.tend().await {
                Ok(wait) => {
                    pause = FIRST_PAUSE;
                    wait
                }
                Err(error) => {
                    tracing::warn!(%error, retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "vault sign-in");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Signs in or renews if it is time; says when to come again.
    async fn tend(&self) -> Result<Duration, KeyError> {
        let session = self.session().await?;
        let lease = session.lease();
        match lease.renew_at {
            None => Ok(IDLE),
            Some(at) if Instant::now() < at => Ok(at.saturating_duration_since(Instant::now())),
            Some(_) => self.renew(&session, lease).await,
        }
    }

    async fn renew(&self, session: &Session, lease: Lease) -> Result<Duration, KeyError> {
        let may_sign_in = self.config.auth.may_sign_in_again();
        if lease.renewable {
            match vaultrs::token::renew_self(&session.client, None).await.map_err(|e| classify("renew the token", e)) {
                Ok(mut answer) => {
                    answer.client_token.zeroize();
                    let renewed = Lease::new(answer.lease_duration, answer.renewable, Some(lease.granted));
                    *session.lease.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
                    let ending = renewed.left() * 2 < lease.granted;
                    if !(ending && may_sign_in) {
                        return Ok(pause_before(renewed));
                    }
                }
                Err(Failure::Forbidden) => {}
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        if !may_sign_in && !lease.left().is_zero() {
            // Nothing more can be done for a token that was handed to us; it serves until it ends.
            tracing::warn!(seconds_left = lease.left().as_secs(), "the vault token ends and cannot be renewed");
            return Ok(lease.left().max(Duration::from_secs(1)));
        }
        let session = self.sign_in(Some(session.generation)).await?;
        Ok(pause_before(session.lease()))
    }

    fn current(&self) -> Option<Arc<Session>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs in unless someone else has since `replacing`.
    async fn sign_in(&self, replacing: Option<u64>) -> Result<Arc<Session>, KeyError> {
        let mut generation = self.turn.lock().await;
        if let Some(session) = self.current().filter(|session| Some(session.generation) != replacing) {
            return Ok(session);
        }
        let (client, lease) = match &self.config.auth {
            TransitAuth::Token(token) => {
                let client = self.client(token.expose());
                let answer = self.look_up(&client).await.map_err(|failure| failure.into_error(SIGN_IN))?;
                (client, Lease::new(answer.ttl, answer.renewable, None))
            }
            TransitAuth::AppRole { mount, role_id, secret_id } => {
                self.signed_in(self.app_role(mount, role_id, secret_id).await?)?
            }
            TransitAuth::Kubernetes { mount, role, token_file } => {
                self.signed_in(self.kubernetes(mount, role, token_file).await?)?
            }
        };
        *generation += 1;
        let session = Arc::new(Session { client, generation: *generation, lease: Mutex::new(lease) });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        self.changed.notify_one();
        tracing::info!(sign_in = *generation, lease_seconds = lease.granted.as_secs(), "signed in to vault");
        Ok(session)
    }

    async fn app_role(&self, mount: &str, role_id: &Secret, secret_id: &Secret) -> Result<AuthInfo, KeyError> {
        vaultrs::auth::approle::login(&self.anonymous(), mount, role_id.expose(), secret_id.expose())
            .await
            .map_err(|error| classify(SIGN_IN, error).into_error(SIGN_IN))
    }

    async fn kubernetes(&self, mount: &str, role: &str, token_file: &Path) -> Result<AuthInfo, KeyError> {
        let read = tokio::fs::read_to_string(token_file).await.map(Zeroizing::new).map_err(|error| {
            KeyError::Config(format!(
                "vault: the service account's token {} cannot be read: {error}. Is it mounted into the pod?",
                token_file.display()
            ))
        })?;
        vaultrs::auth::kubernetes::login(&self.anonymous(), mount, role, read.trim())
            .await
            .map_err(|error| classify(SIGN_IN, error).into_error(SIGN_IN))
    }

    /// What a sign-in brought.
    fn signed_in(&self, answer: AuthInfo) -> Result<(VaultClient, Lease), KeyError> {
        let token = Secret::new(answer.client_token);
        if !is_header_text(token.expose()) {
            return Err(KeyError::internal(SIGN_IN, "the token that came back cannot be one"));
        }
        Ok((self.client(token.expose()), Lease::new(answer.lease_duration, answer.renewable, None)))
    }

    async fn look_up(&self, client: &impl Client) -> Result<super::endpoints::TokenAnswer, Failure> {
        api::exec_with_result(client, LookupSelf).await.map_err(|error| classify("look up the token", error))
    }

    /// vaultrs's client around our own HTTP client. Made by hand: its builder reads the environment (token, address,
    /// certificate checks off) and its own HTTP client follows redirects. The token goes into the one place that is sent.
    fn client(&self, token: &str) -> VaultClient {
        let address = &self.config.address;
        VaultClient {
            http: rustify::Client::new(address.as_str(), self.http.clone()),
            middle: EndpointMiddleware {
                token: token.to_owned(),
                version: "v1".into(),
                wrap: None,
                namespace: self.config.namespace.clone(),
            },
            settings: VaultClientSettings {
                address: address.clone(),
                ca_certs: Vec::new(),
                identity: None,
                timeout: Some(self.config.deadline),
                token: String::new(),
                verify: true,
                version: 1,
                wrapping: false,
                namespace: self.config.namespace.clone(),
                proxy: None,
            },
        }
    }
}

fn pause_before(lease: Lease) -> Duration {
    lease.renew_at.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()))
}

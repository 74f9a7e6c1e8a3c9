//! One connection's life at one provider: connected, tried, renewed, used, given back; each step looked at from both sides.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    connect::{Display, EndUser},
    manifest::{AuthSpec, Manifest, SignSpec},
    secret::Secret,
};
use flows::{
    Actor, Ctx, Services,
    connect::{self, Asked, LaunchError, Launched, NewAttempt, NewSession, Screen},
    connection::{self, Deleted},
    credentials,
    integration::{self, NewIntegration},
};
use ids::{AttemptId, ConnectionId, IntegrationId};

use super::{
    house::{Hand, House},
    provider::{Provider, Role},
    script::Script,
};
use crate::support::TestClock;

/// Somebody on their way.
pub struct Walk<'w> {
    pub house: &'w House,
    pub hand: &'w Hand,
    pub services: &'w Services,
    pub clock: &'w TestClock,
    pub integration: IntegrationId,
}

/// Goes the whole way; the error says what was not as it should be.
pub async fn walk(house: &House, hand: &Hand, manifest: Manifest) -> Result<(), String> {
    let clock = Arc::new(TestClock::default());
    let services = house.services(hand, &clock);
    let mut script = Script::new(manifest, &house.authority)?;
    let ctx = services.ctx(house.scope, Actor::System);
    let (variables, secrets) = script.of_integration();
    let is_ours = !auth::brings_client(&script.manifest);
    let new = NewIntegration {
        provider: script.manifest.slug.clone(),
        slug: None,
        display_name: None,
        client_id: script.client_id.clone().filter(|_| is_ours),
        client_secret: script.client_secret.as_deref().filter(|_| is_ours).map(Secret::new),
        secrets,
        scopes: None,
        variables,
        install_url: None,
    };
    let made = integration::create(ctx, new).await.map_err(|error| format!("the integration: {error:?}"))?;
    script.redirect_uri = made.redirect_uri.to_string();
    if matches!(script.manifest.auth, AuthSpec::Mcp(_)) {
        // A client that introduces itself: by the address of its metadata document.
        script.client_id = Some(format!("https://patchbay.example/connect/clients/{}", made.row.id));
    }
    *lock_all(hand) = Some(Provider::new(script, services.clock.now()));
    let walk = Walk { house, hand, services: &services, clock: &clock, integration: made.row.id };
    let gone = walk.all(ctx).await;
    let complaints = walk.provider(|provider| provider.complaints.clone());
    *lock_all(hand) = None;
    match (gone, complaints.is_empty()) {
        (Ok(()), true) => Ok(()),
        (Ok(()), false) => Err(complaints.join(" | ")),
        (Err(error), true) => Err(error),
        (Err(error), false) => Err(format!("{error} | {}", complaints.join(" | "))),
    }
}

fn lock_all(hand: &Hand) -> MutexGuard<'_, Option<Provider>> {
    hand.shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Walk<'_> {
    /// Looks at the provider, or changes it.
    pub fn provider<T>(&self, look: impl FnOnce(&mut Provider) -> T) -> T {
        look(lock_all(self.hand).as_mut().unwrap())
    }

    async fn all(&self, ctx: Ctx<'_>) -> Result<(), String> {
        self.mistyped(ctx).await?;
        let id = self.connected(ctx).await?;
        self.identified(ctx, id).await?;
        self.first_call(ctx, id).await?;
        self.renewed(ctx, id).await?;
        self.pages(ctx, id).await?;
        self.moved(ctx, id).await?;
        self.asked_to_wait(ctx, id).await?;
        self.given_back(ctx, id).await
    }

    async fn open(&self, ctx: Ctx<'_>) -> Result<Secret, String> {
        let new = NewSession {
            end_user: EndUser { id: "ada".into(), name: Some("Ada Okafor".into()) },
            integrations: Some(vec![self.integration.to_string()]),
            connection: None,
            install: None,
            allowed_origins: vec!["https://app.lamplight.example".into()],
            return_url: None,
            language: None,
            scopes: None,
            tags: Default::default(),
        };
        Ok(connect::open(ctx, new).await.map_err(|error| format!("the session: {error:?}"))?.token)
    }

    /// What is mistyped is refused while the end user is there to see it.
    async fn mistyped(&self, ctx: Ctx<'_>) -> Result<(), String> {
        let (fields, is_tried) = self.provider(|provider| {
            let manifest = &provider.script.manifest;
            let identity = manifest.identity.as_ref().and_then(|spec| spec.url.as_ref());
            let is_asked = manifest.verification.is_some() || identity.is_some();
            let is_exchanged = !matches!(manifest.auth, AuthSpec::Key | AuthSpec::None) && !signs_alone(&manifest.auth);
            let is_tried =
                connect::is_direct(&manifest.auth) && provider.script.has_typed_secrets() && (is_asked || is_exchanged);
            (provider.script.of_connection(true), is_tried)
        });
        if !is_tried {
            return Ok(());
        }
        self.provider(|provider| provider.is_trial = true);
        let token = self.open(ctx).await?;
        let entered = connect::enter(self.services, &token, self.integration, fields).await;
        let refused = self.provider(|provider| {
            provider.is_trial = false;
            provider.counts.clear();
            provider.access = None;
            provider.taken.clear();
            provider.role_keys = None;
            provider.refused
        });
        match entered {
            Err(LaunchError::Refused(_)) if refused > 0 => Ok(()),
            Err(LaunchError::Refused(failure)) => Err(format!("what was mistyped was refused unasked: {failure:?}")),
            Ok(_) => Err("what was mistyped was taken".into()),
            Err(error) => Err(format!("what was mistyped: {error:?}")),
        }
    }

    async fn connected(&self, ctx: Ctx<'_>) -> Result<ConnectionId, String> {
        let token = self.open(ctx).await?;
        let (fields, is_direct, is_device) = self.provider(|provider| {
            let auth = &provider.script.manifest.auth;
            let is_device = matches!(auth, AuthSpec::OAuth2Device(_));
            (provider.script.of_connection(false), connect::is_direct(auth), is_device)
        });
        if is_direct {
            let entered = connect::enter(self.services, &token, self.integration, fields).await;
            return Ok(entered.map_err(|error| format!("what was entered: {}", said(&error)))?.connection);
        }
        if is_device {
            let shown = connect::show_code(self.services, &token, self.integration, fields).await;
            let shown = shown.map_err(|error| format!("no code: {}", said(&error)))?;
            if shown.user_code != "WDJB-MJHT" {
                return Err(format!("another code is shown: {}", shown.user_code));
            }
            return self.typed_in(ctx, &token).await;
        }
        let attempt = NewAttempt { token, integration: self.integration, display: Display::Popup, fields };
        let launched = connect::launch(self.services, attempt, |_| None).await;
        let Launched::ToProvider { url, cookie, .. } = launched.map_err(|error| format!("launch: {}", said(&error)))?
        else {
            return Err("nobody was sent to the provider".into());
        };
        let page = self.hand.browser.get(url).send().await.map_err(|error| format!("the page: {error:?}"))?;
        let back = page.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
        let back = back.ok_or_else(|| format!("the page answers {}", page.status()))?;
        let home = self.provider(|provider| provider.script.redirect_uri.clone());
        let query = back.strip_prefix(&home).and_then(|rest| rest.strip_prefix('?'));
        let query = query.ok_or_else(|| format!("the way back is {back}"))?;
        let value = |name: &str| (name == cookie.name).then(|| cookie.value.clone());
        let done = connect::complete(self.services, self.integration, query, value).await;
        let done = done.map_err(|error| format!("the callback: {error:?}"))?;
        match (done.screen, done.connection) {
            (Screen::Connected, Some(id)) => Ok(id),
            (screen, _) => Err(format!("the callback shows {screen:?}: {}", self.why(ctx).await)),
        }
    }

    /// Why the last attempt failed.
    async fn why(&self, _: Ctx<'_>) -> String {
        let sql = format!(
            "SELECT failure_code, failure_detail FROM connect_attempts WHERE integration_id = '{}' ORDER BY created_at DESC",
            self.integration.uuid()
        );
        format!("{:?}", self.house.database.sql(&sql).await.first())
    }

    /// The end user types the code in elsewhere, while a job asks after it.
    async fn typed_in(&self, ctx: Ctx<'_>, token: &Secret) -> Result<ConnectionId, String> {
        let sql = format!(
            "SELECT payload->>'attempt' FROM jobs WHERE queue = '{}' ORDER BY created_at DESC LIMIT 1",
            connect::DEVICE_QUEUE
        );
        let rows = self.house.database.sql(&sql).await;
        let attempt: AttemptId = rows.first().and_then(|row| row[0].as_deref()?.parse().ok()).ok_or("no job asks")?;
        match connect::ask_after_code(ctx, attempt).await {
            Ok(Asked::Wait(wait)) if wait == Duration::from_secs(5) => {}
            other => return Err(format!("asked too early: {other:?}")),
        }
        match connect::ask_after_code(ctx, attempt).await {
            Ok(Asked::Over) => {}
            other => return Err(format!("asked after the consent: {other:?}")),
        }
        let progress = connect::progress(self.services, token).await.map_err(|error| error.to_string())?;
        let made = progress.account.map(|account| account.connection);
        made.ok_or_else(|| format!("no connection: {:?}", progress.failure))
    }

    /// The provider was asked whether the credential works, and whose account it is.
    async fn identified(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        let row = connection::get(ctx, id).await.map_err(|error| error.to_string())?.row;
        self.provider(|provider| {
            let manifest = &provider.script.manifest;
            let asked = [Role::Verification, Role::Identity].map(|role| provider.count(&role));
            let identity = manifest.identity.as_ref().and_then(|spec| spec.url.as_ref());
            let wanted = [u32::from(manifest.verification.is_some()), u32::from(identity.is_some())];
            // One request may be the one and the other.
            if asked.iter().sum::<u32>() != wanted.iter().sum::<u32>() {
                return Err(format!("verification and identity were asked for {asked:?} times"));
            }
            if let Some(spec) = &manifest.identity {
                let told = spec.account_variable.as_ref().and_then(|name| provider.script.values.get(name)).cloned();
                let account = told.unwrap_or_else(|| provider.script.account.clone());
                let name = spec.name.as_ref().map(|_| provider.script.account_name.clone());
                if row.account.as_ref() != Some(&account) || row.account_name != name {
                    return Err(format!("the account is {:?}, {:?}", row.account, row.account_name));
                }
            }
            for (name, _) in provider.script.answers_by_name() {
                let same = row.variables.get(&name) == provider.script.values.get(&name);
                if !same {
                    return Err(format!("{name} is {:?}", row.variables.get(&name)));
                }
            }
            Ok(())
        })
    }

    /// A token that ends is renewed once, however many ask for it.
    async fn renewed(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        let before = credentials::fresh(ctx, id).await.map_err(|error| format!("fresh: {error}"))?;
        let (renews, role) = self.provider(|provider| how_it_renews(provider));
        let earlier = self.provider(|provider| provider.count(&role));
        let ends = before.expires_at.filter(|_| renews);
        if let Some(ends) = ends {
            self.clock.advance(ends - self.services.clock.now() + TimeDelta::seconds(1));
        }
        self.provider(|provider| provider.now = self.services.clock.now());
        let both = tokio::join!(credentials::fresh(ctx, id), credentials::fresh(ctx, id));
        let (one, other) = (both.0.map_err(|error| format!("renewed: {error}"))?, both.1.map_err(|e| e.to_string())?);
        let now = self.provider(|provider| provider.count(&role));
        if one.generation != other.generation {
            return Err("two callers at once got two generations".into());
        }
        match (ends.is_some(), one.generation - before.generation, now - earlier) {
            (true, 1, 1) | (false, 0, 0) => Ok(()),
            // Nothing is asked for where we sign by ourselves.
            (true, 1, 0) if self.provider(|provider| signs_alone(&provider.script.manifest.auth)) => Ok(()),
            (_, generations, asked) => Err(format!("renewed {generations} times by {asked} requests of {role:?}")),
        }
    }

    /// The connection goes, and so does the grant.
    async fn given_back(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        let had = self.provider(|provider| (provider.access.is_some(), provider.refresh.is_some()));
        match connection::delete(ctx, id).await {
            Ok(Deleted::Gone) => {}
            other => return Err(format!("the deletion: {other:?}")),
        }
        if connection::get(ctx, id).await.is_ok() {
            return Err("the connection is still there".into());
        }
        self.provider(|provider| {
            let roles = [Role::RevokeCall, Role::RevokeRefresh, Role::RevokeAccess];
            let seen = roles.map(|role| provider.count(&role));
            let manifest = &provider.script.manifest;
            let by_endpoint = provider.spoken().is_some_and(|spec| spec.revocation_url.is_some());
            let wanted = match (manifest.revocation.is_some(), by_endpoint) {
                (true, _) => [1, 0, 0],
                (false, true) => [0, u32::from(had.1), u32::from(had.0)],
                (false, false) => [0, 0, 0],
            };
            if seen == wanted { Ok(()) } else { Err(format!("revocations came {seen:?} times, not {wanted:?}")) }
        })
    }
}

/// Whether the token is one that we sign ourselves, so that nobody is asked for it.
fn signs_alone(auth: &AuthSpec) -> bool {
    matches!(auth, AuthSpec::Jwt(spec) if spec.exchange.is_none())
}

/// Whether there is a way to a next token, and which request brings it.
fn how_it_renews(provider: &Provider) -> (bool, Role) {
    let manifest = &provider.script.manifest;
    match &manifest.auth {
        AuthSpec::OAuth2Code(_) | AuthSpec::OAuth2Device(_) | AuthSpec::Mcp(_) => {
            (provider.refresh.is_some(), Role::Refresh)
        }
        AuthSpec::OAuth2ClientCredentials(_) => (true, Role::ClientCredentials),
        AuthSpec::Session(spec) => (true, Role::Step(spec.steps.len() - 1)),
        AuthSpec::Jwt(_) => (true, Role::Exchange),
        AuthSpec::AppInstallation(_) => (true, Role::InstallationToken),
        AuthSpec::Key => {
            let sign = &manifest.api.credential.sign;
            (matches!(sign, Some(SignSpec::AwsSigv4 { role_url: Some(_), .. })), Role::Assumption)
        }
        AuthSpec::OAuth1(_) | AuthSpec::None => (false, Role::Refresh),
    }
}

fn said(error: &LaunchError) -> String {
    match error {
        LaunchError::Fields(fields) => format!("{fields:?}"),
        other => other.to_string(),
    }
}

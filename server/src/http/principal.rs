//! Who is asking. A handler names what it needs in its signature, `caller: Caller<ConnectionsRead>`, and is only reached
//! by somebody who may: forgetting the check does not compile.

use std::{future::Future, marker::PhantomData, pin::Pin, sync::Arc, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::Method, web};
use api_types::ProblemCode;
use domain::{
    Scope, api_key,
    permission::{Permission, Permissions},
    reach::Reach,
};
use flows::{Actor, Ctx, Services, tenant::authenticate};
use ids::TenantId;

use super::{AppState, extract, problem::Fail, request_log};

pub use flows::tenant::authenticate::KeyCache;

/// The cookie of a signed-in browser.
pub const PORTAL_COOKIE: &str = "__Host-patchbay-portal";

/// A permission as a type, for handlers' signatures.
pub trait Needs: 'static {
    /// Which one.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident = $permission:ident;)*) => {$(
        #[doc = concat!("Needs `Permission::", stringify!($permission), "`.")]
        pub struct $name;
        impl Needs for $name {
            const PERMISSION: Permission = Permission::$permission;
        }
    )*};
}

needs! {
    IntegrationsRead = INTEGRATIONS_READ;
    IntegrationsWrite = INTEGRATIONS_WRITE;
    ConnectRead = CONNECT_READ;
    ConnectWrite = CONNECT_WRITE;
    ConnectionsRead = CONNECTIONS_READ;
    ConnectionsWrite = CONNECTIONS_WRITE;
    CredentialsRead = CREDENTIALS_READ;
    SyncsRead = SYNCS_READ;
    SyncsWrite = SYNCS_WRITE;
    RecordsRead = RECORDS_READ;
    Proxy = PROXY;
    EventsRead = EVENTS_READ;
    EventsWrite = EVENTS_WRITE;
    KeysRead = KEYS_READ;
    KeysWrite = KEYS_WRITE;
    CredentialsExport = CREDENTIALS_EXPORT;
    ActionsRead = ACTIONS_READ;
    ActionsRun = ACTIONS_RUN;
    PluginsRead = PLUGINS_READ;
    PluginsWrite = PLUGINS_WRITE;
}

/// Somebody who may: a tenant's backend by its key, or a member by the portal's cookie.
pub struct Caller<P> {
    state: web::Data<AppState>,
    /// The services within what the caller's key reaches, if that is not all of the environment.
    bound: Option<Box<Services>>,
    scope: Scope,
    actor: Actor,
    permissions: Permissions,
    needs: PhantomData<P>,
}

impl<P> Caller<P> {
    /// The context for the flow.
    #[must_use]
    pub fn ctx(&self) -> Ctx<'_> {
        self.bound.as_deref().unwrap_or(&self.state.services).ctx(self.scope, self.actor)
    }

    /// The same for what concerns the environment as a whole.
    ///
    /// # Errors
    /// 403 if the caller's key reaches a part of it alone.
    pub fn whole(&self) -> Result<Ctx<'_>, Fail> {
        if self.bound.is_some() {
            let detail =
                "This concerns the whole environment, and the API key reaches a part of it alone (its `only`).";
            return Err(Fail::new(ProblemCode::MissingScope, detail));
        }
        Ok(self.ctx())
    }

    /// What else the caller may do.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }
}

/// The operator, by the token of the configuration.
pub struct Operator {
    state: web::Data<AppState>,
}

impl Operator {
    /// The services.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.state.services
    }
}

/// A signed-in member, in no environment in particular.
pub struct Member {
    state: web::Data<AppState>,
    /// Who.
    pub session: authenticate::MemberSession,
}

impl Member {
    /// The services.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.state.services
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Fail>>>>;

impl<P: Needs> FromRequest for Caller<P> {
    type Error = Fail;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = state(&request)?;
            let (scope, actor, permissions, reach) = match bearer(&request) {
                Some(token) => by_key(&state, token).await?,
                None => by_cookie(&state, &request).await?,
            };
            request_log::note_caller(actor, Some(scope.tenant));
            let bucket = match actor {
                Actor::Key(id) => id.uuid(),
                Actor::Member(id) => id.uuid(),
                Actor::EndUser(id) => id.uuid(),
                Actor::Operator | Actor::System => uuid::Uuid::nil(),
            };
            request_log::note_rate(state.limiter.take(bucket)?);
            if !permissions.allow(P::PERMISSION) {
                let detail = format!("This needs the scope `{}`.", P::PERMISSION.as_str());
                return Err(Fail::new(ProblemCode::MissingScope, detail));
            }
            extract::url_without_nul(request.uri())?;
            let bound = reach.map(|reach| Box::new(state.services.within(reach)));
            Ok(Self { state, bound, scope, actor, permissions, needs: PhantomData })
        })
    }
}

impl FromRequest for Operator {
    type Error = Fail;
    type Future = std::future::Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(state(request).and_then(|state| {
            let given = bearer(request).map(|token| flows::sha256(token.as_bytes()));
            match (&state.operator_token_hash, given) {
                // Hashes are compared, so the time it takes tells nothing about the token.
                (Some(expected), Some(given)) if *expected == given => {
                    request_log::note_caller(Actor::Operator, None);
                    Ok(Self { state })
                }
                _ => Err(unauthenticated("Send the operator's token as `Authorization: Bearer …`.")),
            }
        }))
    }
}

impl FromRequest for Member {
    type Error = Fail;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = state(&request)?;
            let session = member(&state, &request).await?;
            Ok(Self { state, session })
        })
    }
}

/// The token of `Authorization: Bearer …`, if there is one.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The shared state.
pub(super) fn state(request: &HttpRequest) -> Result<web::Data<AppState>, Fail> {
    request
        .app_data::<web::Data<AppState>>()
        .cloned()
        .ok_or_else(|| Fail::new(ProblemCode::Internal, "The server was put together wrongly."))
}

pub(super) fn unauthenticated(detail: &str) -> Fail {
    Fail::new(ProblemCode::Unauthenticated, detail)
}

/// Where somebody may do what, and how far they reach there.
type Claim = (Scope, Actor, Permissions, Option<Arc<Reach>>);

async fn by_key(state: &AppState, token: &str) -> Result<Claim, Fail> {
    let refused = || unauthenticated("The API key is unknown, revoked or expired.");
    if !api_key::well_formed(token) {
        return Err(unauthenticated("That is no API key: send `Authorization: Bearer pbk_…`, whole and unchanged."));
    }
    let key = authenticate::by_key(&state.services, &state.keys, token).await?.ok_or_else(refused)?;
    Ok((key.scope, Actor::Key(key.id), key.permissions, key.reach.clone()))
}

async fn by_cookie(state: &AppState, request: &HttpRequest) -> Result<Claim, Fail> {
    let session = member(state, request).await?;
    let environment =
        request.headers().get("patchbay-environment").and_then(|value| value.to_str().ok()).ok_or_else(|| {
            Fail::new(ProblemCode::BadRequest, "Name the environment in the header patchbay-environment.")
        })?;
    let known = environment.parse().ok().filter(|id| session.environments.contains(id));
    let environment = known.ok_or_else(|| Fail::not_found("environment"))?;
    let scope = Scope { tenant: session.tenant, environment };
    Ok((scope, Actor::Member(session.member), Permissions::of_role(&session.role), None))
}

async fn member(state: &AppState, request: &HttpRequest) -> Result<authenticate::MemberSession, Fail> {
    let cookie = request.cookie(PORTAL_COOKIE).ok_or_else(|| {
        unauthenticated("Send an API key as `Authorization: Bearer pbk_…`, or sign in to the portal.")
    })?;
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if writes {
        same_origin(state, request)?;
    }
    let session = authenticate::by_cookie(&state.services, cookie.value()).await?;
    let session = session.ok_or_else(|| unauthenticated("You are signed out. Sign in again."))?;
    request_log::note_caller(Actor::Member(session.member), Some::<TenantId>(session.tenant));
    Ok(session)
}

/// Refuses a write that another site's page made the browser send: such a page can neither set our header nor claim our
/// origin.
pub(super) fn same_origin(state: &AppState, request: &HttpRequest) -> Result<(), Fail> {
    let origin = request.headers().get("origin").and_then(|value| value.to_str().ok());
    let ours = state.services.settings.public_url.origin().ascii_serialization();
    let marked = request.headers().contains_key("patchbay-csrf");
    if marked && origin.is_none_or(|origin| origin == ours) {
        Ok(())
    } else {
        Err(Fail::new(
            ProblemCode::ForbiddenOrigin,
            "Send this from the portal's own pages, with the header patchbay-csrf.",
        ))
    }
}

/// How long a key may be taken from memory after it was read; a revocation is heard of at once, this is for when it is
/// not heard.
pub const KEY_LIFETIME: Duration = Duration::from_secs(5);

//! Who holds a connect session's token.

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use api_types::ProblemCode;
use domain::secret::Secret;
use flows::Services;

use super::super::{
    AppState,
    principal::{bearer, state},
    problem::Fail,
    request_log,
};

/// A connect session's token as it was sent; the flow finds out whether it opens anything.
pub struct SessionToken {
    state: web::Data<AppState>,
    /// The token.
    pub token: Secret,
}

impl SessionToken {
    /// The services.
    pub(super) fn services(&self) -> &Services {
        &self.state.services
    }
}

impl FromRequest for SessionToken {
    type Error = Fail;
    type Future = std::future::Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(state(request).and_then(|state| {
            let token = bearer(request).filter(|token| token.starts_with("cst_")).ok_or_else(|| {
                let detail = "Send a connect session's token as `Authorization: Bearer cst_…`.";
                Fail::new(ProblemCode::Unauthenticated, detail)
            })?;
            take(&state, token)?;
            let token = Secret::new(token);
            Ok(Self { state, token })
        }))
    }
}

/// Takes one request out of the bucket of whoever sends this token.
pub(super) fn take(state: &AppState, token: &str) -> Result<(), Fail> {
    let hash = flows::sha256(token.as_bytes());
    let bucket = hash.first_chunk::<16>().copied().unwrap_or_default();
    request_log::note_rate(state.limiter.take(uuid::Uuid::from_bytes(bucket))?);
    Ok(())
}

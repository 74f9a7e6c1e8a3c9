//! `POST /portal/api/sign-in`

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use api_types::{ProblemCode, portal::SignIn};
use domain::secret::Secret;
use flows::tenant::sign_in::{self, SignInError};

use super::super::{extract::Json, principal, problem::Fail};

impl From<SignInError> for Fail {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(ProblemCode::Unauthenticated, "Address and password do not match."),
            SignInError::Wait(seconds) => {
                let detail = format!("There were too many tries with wrong passwords. Try again in {seconds} s.");
                Self::new(ProblemCode::RateLimited, detail)
                    .retry_after(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)))
            }
            SignInError::Store(error) => error.into(),
        }
    }
}

/// Signs a member in.
///
/// # Errors
/// 401 if address and password do not match, 429 after too many wrong ones or too many tries of one sender, 403 from another site's page.
pub async fn sign_in(request: HttpRequest, Json(body): Json<SignIn>) -> Result<HttpResponse, Fail> {
    let state = principal::state(&request)?;
    principal::same_origin(&state, &request)?;
    state.senders.sign_in(&request)?;
    let signed_in = sign_in::sign_in(&state.services, &body.email, Secret::new(body.password)).await?;
    let shown = super::me::show(&state.services, signed_in.member.tenant_id, signed_in.member.member_id).await?;
    Ok(HttpResponse::Ok().cookie(super::cookie(signed_in.token.expose().to_owned())).json(shown))
}

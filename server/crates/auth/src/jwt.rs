//! JWTs that we sign (RFC 7515, RFC 7519), alone or exchanged for a token (RFC 7523).

use domain::manifest::Jwt;

use crate::{
    account::{Account, Outside},
    failure::{Failure, Misconfigured},
    tokens::TokenSet,
};

impl Account<'_> {
    pub(crate) async fn mint_jwt(&self, _out: Outside<'_>, _spec: &Jwt) -> Result<TokenSet, Failure> {
        Err(missing())
    }
}

fn missing() -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request("not built yet".into()))
}

//! Session login: one or more requests exchange what was typed in for a token.

use domain::manifest::Session;

use crate::{
    account::{Account, Outside},
    failure::{Failure, Misconfigured},
    tokens::TokenSet,
};

impl Account<'_> {
    pub(crate) async fn sign_in(&self, _out: Outside<'_>, _spec: &Session) -> Result<TokenSet, Failure> {
        Err(missing())
    }
}

fn missing() -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request("not built yet".into()))
}

//! OAuth 1.0a (RFC 5849).

use domain::manifest::OAuth1;

use crate::{
    account::{Account, Outside},
    failure::{Failure, Misconfigured},
    callback::Callback,
    material::Material,
    mode::{Begun, Kept},
};

impl Account<'_> {
    pub(crate) async fn begin_oauth1(&self, _out: Outside<'_>, _spec: &OAuth1) -> Result<Begun, Failure> {
        Err(missing())
    }

    pub(crate) async fn finish_oauth1(
        &self,
        _out: Outside<'_>,
        _spec: &OAuth1,
        _kept: &Kept,
        _callback: &Callback,
        _verifier: &domain::secret::Secret,
    ) -> Result<Material, Failure> {
        Err(missing())
    }
}

fn missing() -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request("not built yet".into()))
}

//! App installation: the end user installs the tenant's app at the vendor.

use domain::manifest::AppInstallation;

use crate::{
    account::{Account, Outside},
    failure::{Failure, Misconfigured},
    callback::Callback,
    material::Material,
    mode::{Begun, Kept},
    tokens::TokenSet,
};

impl Account<'_> {
    pub(crate) fn begin_installation(&self, _out: Outside<'_>, _spec: &AppInstallation) -> Result<Begun, Failure> {
        Err(missing())
    }

    pub(crate) async fn finish_installation(
        &self,
        _out: Outside<'_>,
        _spec: &AppInstallation,
        _kept: &Kept,
        _callback: &Callback,
        _code: Option<&domain::secret::Secret>,
    ) -> Result<Material, Failure> {
        Err(missing())
    }

    pub(crate) async fn renew_installation(
        &self,
        _out: Outside<'_>,
        _spec: &AppInstallation,
        _old: &TokenSet,
    ) -> Result<TokenSet, Failure> {
        Err(missing())
    }
}

fn missing() -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request("not built yet".into()))
}

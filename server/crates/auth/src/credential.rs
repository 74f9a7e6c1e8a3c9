//! How a request to a provider's API carries the credential, as the manifest says it.

use domain::{
    manifest::{AuthSpec, Placement},
    secret::Secret,
};
use egress::Credential;
use http::HeaderName;

use crate::{
    account::{Account, Known},
    failure::{Failure, Misconfigured},
    material::Material,
};

impl Account<'_> {
    /// The credential for a request; `None` where the provider needs none.
    ///
    /// # Errors
    /// [`Failure::ClientMisconfigured`] where the placement cannot be used.
    pub fn credential(&self, material: &Material) -> Result<Option<Credential>, Failure> {
        if matches!(self.manifest.auth, AuthSpec::None) {
            return Ok(None);
        }
        let token = material.tokens.as_ref().map(|tokens| &tokens.access_token);
        let known: Vec<(&str, &Secret)> = token.map(|token| ("access_token", token)).into_iter().collect();
        let placement = &self.manifest.api.credential;
        match token {
            Some(token) if *placement == Placement::default() => Ok(Some(Credential::bearer(token))),
            _ => self.place(placement, &known).map(Some),
        }
    }

    fn place(&self, placement: &Placement, known: Known<'_>) -> Result<Credential, Failure> {
        let mut credential = Credential::default();
        for (name, value) in &placement.headers {
            let bad = || Failure::ClientMisconfigured(Misconfigured::Request(format!("`{name}` is no header")));
            let name: HeaderName = name.parse().map_err(|_| bad())?;
            if let Some(value) = self.text(value, known)? {
                credential = credential.and(Credential::header(name, "", &value, ""));
            }
        }
        for (name, value) in &placement.query {
            if let Some(value) = self.text(value, known)? {
                credential = credential.and(Credential::query(name, &value));
            }
        }
        if let Some(basic) = &placement.basic {
            let username = self.text(&basic.username, known)?.unwrap_or_else(|| Secret::new(""));
            let password = self.text(&basic.password, known)?.unwrap_or_else(|| Secret::new(""));
            credential = credential.and(Credential::basic(username.expose(), &password));
        }
        // Whatever a text around them makes of them, the secrets themselves must not come back in an answer.
        for (_, secret) in known {
            credential = credential.and_hide(secret);
        }
        for secret in self.secrets.values() {
            credential = credential.and_hide(secret);
        }
        Ok(credential)
    }
}

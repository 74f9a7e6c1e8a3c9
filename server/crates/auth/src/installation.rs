//! App installation: the end user installs the tenant's app at the vendor. An app JWT is then exchanged for tokens of that
//! installation, again and again.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    entropy,
    manifest::{AppInstallation, AuthSpec, InstallationsSpec, OAuth2},
    secret::Secret,
};
use serde_json::Value;

use crate::{
    account::{Account, Outside},
    answer::{self, OURS, TokenAnswer, Unreadable},
    callback::Callback,
    failure::Failure,
    material::Material,
    mode::{Begun, Kept},
    path,
    tokens::TokenSet,
};

/// Ids are short, and go into URLs.
const LONGEST_ID: usize = 128;

impl Account<'_> {
    pub(crate) fn begin_installation(&self, out: Outside<'_>, spec: &AppInstallation) -> Result<Begun, Failure> {
        let state = Secret::new(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>(out.entropy)));
        let mut url = self.url(&spec.install_url)?;
        url.query_pairs_mut().append_pair("state", state.expose());
        Ok(Begun { url, state, kept: Kept::default() })
    }

    pub(crate) async fn finish_installation(
        &self,
        out: Outside<'_>,
        spec: &AppInstallation,
        kept: &Kept,
        callback: &Callback,
        code: Option<&Secret>,
    ) -> Result<Material, Failure> {
        let refused = |code: &str| Failure::Refused { code: code.into(), description: None };
        let id = callback.params.get(&spec.installation_param).ok_or_else(|| refused("no_installation"))?;
        // What is put into URLs and sent along comes from the browser: letters, digits and dashes are what ids have.
        let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(is_id) {
            return Err(refused("no_installation"));
        }
        let user = match (&spec.user, code) {
            (Some(user), Some(code)) => Some(self.installing_user(out, user, kept, callback, code).await?),
            (Some(_), None) if spec.installations.is_some() => return Err(refused("no_code")),
            _ => None,
        };
        if let (Some(listed), Some(user)) = (&spec.installations, &user)
            && !self.may_see(out, listed, user, id).await?
        {
            return Err(refused("foreign_installation"));
        }
        let mut tokens = self.installation_token(out, spec, &Secret::new(id.as_str())).await?;
        if let Some(user) = user {
            tokens.extra.insert(ours("user_token"), user.expose().into());
        }
        Ok(Material::of(tokens))
    }

    /// The token of the person who installs.
    async fn installing_user(
        &self,
        out: Outside<'_>,
        spec: &OAuth2,
        kept: &Kept,
        callback: &Callback,
        code: &Secret,
    ) -> Result<Secret, Failure> {
        let client = self.oauth2_client(spec)?;
        let tokens = client.exchange(out, code, kept, callback.iss.as_deref()).await?;
        Ok(tokens.access_token)
    }

    /// Whether the installation is among those that the person may see.
    async fn may_see(
        &self,
        out: Outside<'_>,
        spec: &InstallationsSpec,
        user: &Secret,
        id: &str,
    ) -> Result<bool, Failure> {
        let answered = self.call(out, &spec.call, &[("access_token", user)], None).await?;
        if !answered.response.status.is_success() {
            return Err(answered.failure(&[user]));
        }
        let body = answered.body.as_ref().ok_or(Unreadable::Malformed)?;
        let list = match &spec.items {
            Some(items) => path::find(body, items),
            None => Some(body),
        };
        let list = list.and_then(Value::as_array).ok_or(Unreadable::NoAccount)?;
        Ok(list.iter().any(|item| path::text(item, &spec.id).as_deref() == Some(id)))
    }

    async fn installation_token(
        &self,
        out: Outside<'_>,
        spec: &AppInstallation,
        id: &Secret,
    ) -> Result<TokenSet, Failure> {
        let (jwt, _) = self.signed_jwt(out, &spec.jwt, &[("installation_id", id)])?;
        let known: [(&str, &Secret); 2] = [("installation_id", id), ("jwt", &jwt)];
        let answered = self.call(out, &spec.token, &known, None).await?;
        let is_success = answered.response.status.is_success();
        let mut tokens = match answer::parse(&answered.response.body, &spec.token_paths, " ", out.now) {
            Ok(TokenAnswer::Tokens(tokens)) if is_success => *tokens,
            Err(unreadable) if is_success => return Err(unreadable.into()),
            // The installation was removed at the vendor.
            _ if matches!(answered.response.status.as_u16(), 404 | 410) => {
                return Err(Failure::Revoked { code: "not_installed".into() });
            }
            _ => return Err(answered.failure(&[&jwt])),
        };
        tokens.extra.insert(ours("installation_id"), id.expose().into());
        Ok(tokens)
    }

    pub(crate) async fn renew_installation(
        &self,
        out: Outside<'_>,
        spec: &AppInstallation,
        old: &TokenSet,
    ) -> Result<TokenSet, Failure> {
        let id = kept_of(old, "installation_id").ok_or(Failure::Expired)?;
        self.installation_token(out, spec, &id).await
    }

    /// The token with which it is asked whose account it is: that of the person who installs, while it is kept.
    pub(crate) fn identity_token(material: &Material) -> Option<Secret> {
        kept_of(material.tokens.as_ref()?, "user_token")
    }

    /// What calls beside the API's know of an installation: its id, and a JWT of the app.
    pub(crate) fn app_secrets(
        &self,
        out: Outside<'_>,
        material: &Material,
    ) -> Result<Vec<(&'static str, Secret)>, Failure> {
        match (&self.manifest.auth, &material.tokens) {
            (AuthSpec::AppInstallation(spec), Some(tokens)) => {
                let id = kept_of(tokens, "installation_id").ok_or(Failure::Expired)?;
                let (jwt, _) = self.signed_jwt(out, &spec.jwt, &[("installation_id", &id)])?;
                Ok(vec![("installation_id", id), ("jwt", jwt)])
            }
            (AuthSpec::Jwt(spec), _) => Ok(vec![("jwt", self.signed_jwt(out, spec, &[])?.0)]),
            _ => Ok(Vec::new()),
        }
    }
}

/// The name of what is kept beside the tokens and never leaves.
fn ours(name: &str) -> String {
    format!("{OURS}{name}")
}

fn kept_of(tokens: &TokenSet, name: &str) -> Option<Secret> {
    tokens.extra.get(&ours(name)).and_then(Value::as_str).map(Secret::new)
}

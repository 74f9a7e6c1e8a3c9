//! Model Context Protocol servers, authorization of 2026-07-28: the server says who grants access to it, that one says how,
//! and the client is known to it by our client id metadata document, by the integration's own registration, or by one
//! made on the way. Whatever is learnt is bound to the issuer that it was learnt from.

mod challenge;
mod metadata;
mod registration;

use domain::{manifest::Mcp, secret::Secret};
use serde_json::{Value, json};
use url::Url;

use crate::{
    account::{Account, Outside},
    callback::Callback,
    failure::{Failure, Misconfigured},
    material::Material,
    mode::{Begun, Kept},
    revoke::Revocation,
    tokens::TokenSet,
};

use registration::Registration;

/// Where the registration lies between beginning and end of a flow, and then beside the tokens.
const KEPT_AS: &str = "patchbay_mcp";
/// Asked for where the authorization server knows it, so that there is a refresh token.
const OFFLINE: &str = "offline_access";

/// The client id metadata document (draft-ietf-oauth-client-id-metadata-document) to serve at `url`, which is the client's
/// id. `name` is what end users are shown.
#[must_use]
pub fn client_metadata(url: &Url, name: &str, redirect_uris: &[Url]) -> Value {
    json!({
        "client_id": url.as_str(),
        "client_name": name,
        "client_uri": url.origin().ascii_serialization(),
        "redirect_uris": redirect_uris.iter().map(Url::as_str).collect::<Vec<_>>(),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    })
}

/// The issuer that a callback must name: always where the authorization server announces that it names itself, and where
/// it does so unannounced too.
pub(crate) fn expected_issuer(kept: &Kept, callback: &Callback) -> Option<String> {
    let registration = Registration::from_text(kept.get(KEPT_AS)?)?;
    (registration.announces_iss || callback.iss.is_some()).then_some(registration.issuer)
}

impl Account<'_> {
    pub(crate) async fn begin_mcp(&self, out: Outside<'_>, spec: &Mcp) -> Result<Begun, Failure> {
        let server = self.url(&spec.server_url)?;
        let challenge = challenge::of(out, &server).await?;
        let resource = metadata::resource(out, &server, &challenge).await?;
        let authority = metadata::authority(out, &resource).await?;
        self.check_authority(spec, &authority.issuer)?;
        let mut scopes = match &self.scopes {
            Some(wanted) => wanted.clone(),
            None => challenge.scopes.or(resource.scopes).unwrap_or_else(|| spec.scopes.clone()),
        };
        if authority.scopes.iter().any(|scope| scope == OFFLINE) && !scopes.iter().any(|scope| scope == OFFLINE) {
            scopes.push(OFFLINE.into());
        }
        let registration = self.introduce(out, &authority, &resource.id, &scopes).await?;
        let mut client = registration.client(self)?;
        client.authorization_url = Some(authority.authorization_url);
        if scopes.iter().any(|scope| scope == OFFLINE) {
            // OpenID Connect Core §11: without it, the scope is to be ignored.
            client.authorize_params.insert("prompt".into(), "consent".into());
        }
        client.scopes = scopes;
        let begun = client.begin(out.entropy)?;
        Ok(Begun { kept: begun.kept.with(KEPT_AS, registration.to_text()), ..begun })
    }

    pub(crate) async fn finish_mcp(
        &self,
        out: Outside<'_>,
        spec: &Mcp,
        kept: &Kept,
        callback: &Callback,
        code: &Secret,
    ) -> Result<Material, Failure> {
        let registration = kept.get(KEPT_AS).and_then(Registration::from_text).ok_or_else(lost)?;
        self.check_authority(spec, &registration.issuer)?;
        let mut client = registration.client(self)?;
        client.expected_issuer = expected_issuer(kept, callback);
        let mut tokens = client.exchange(out, code, kept, callback.iss.as_deref()).await?;
        tokens.extra.insert(KEPT_AS.to_owned(), registration.to_value());
        Ok(Material::of(tokens))
    }

    pub(crate) async fn refresh_mcp(&self, out: Outside<'_>, spec: &Mcp, old: &TokenSet) -> Result<TokenSet, Failure> {
        let registration = old.extra.get(KEPT_AS).and_then(Registration::from_value).ok_or(Failure::Expired)?;
        self.check_authority(spec, &registration.issuer)?;
        let server = self.url(&spec.server_url)?;
        if !metadata::covers(&registration.resource, &server) {
            return Err(misconfigured("the tokens are for another server than the one that the integration names now"));
        }
        // A client that was registered on the way and is over cannot refresh any more; a new flow registers anew.
        if registration.secret_expires_at.is_some_and(|end| end <= out.now.timestamp()) {
            return Err(Failure::Expired);
        }
        registration.client(self)?.refresh(out, old).await
    }

    pub(crate) async fn revoke_mcp(&self, out: Outside<'_>, tokens: &TokenSet) -> Result<Revocation, Failure> {
        match tokens.extra.get(KEPT_AS).and_then(Registration::from_value) {
            Some(registration) => registration.client(self)?.revoke(out, tokens).await,
            None => Ok(Revocation::Unsupported),
        }
    }

    /// A client that the tenant registered is of use at the authorization server where that was done, and nowhere else.
    fn check_authority(&self, spec: &Mcp, issuer: &str) -> Result<(), Failure> {
        match self.issuer_of(spec.issuer.as_ref())? {
            Some(expected) if expected != issuer => {
                Err(misconfigured("the server names another authorization server than the one that is expected"))
            }
            None if self.client_id.is_some() && self.secrets.contains_key("client_secret") => Err(misconfigured(
                "a client secret needs the `issuer` it belongs to, so that it is shown to nobody else",
            )),
            _ => Ok(()),
        }
    }
}

fn lost() -> Failure {
    misconfigured("what the flow began with is lost")
}

fn misconfigured(what: &str) -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request(what.to_owned()))
}

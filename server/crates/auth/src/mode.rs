//! The modes side by side: how each begins, ends, renews and lets go.
//!
//! * [`Account::begin`] says where the flow goes: to the provider's page, to a code shown to the end user, or nowhere.
//! * [`Account::finish`] takes the callback, [`Account::poll`] asks for a device code's answer, [`Account::enter`] turns what
//!   was typed in or imported into a credential. Each leaves the values that the provider gave in `variables`.
//! * [`Account::renew`] brings the next token where the mode has one; [`crate::Material`] that does not end needs none.
//! * [`Account::revoke`] lets go.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    manifest::{AuthSpec, ClientOwner, Manifest, VariableLevel},
    secret::Secret,
};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    account::{Account, Outside, Secrets, secrets_from_bytes, secrets_to_bytes},
    answer::OURS,
    callback::{Answer, Callback},
    failure::{Failure, Misconfigured},
    material::Material,
    path,
    revoke::Revocation,
    tokens::TOKEN_SECRET,
};

/// Where a flow goes.
pub enum Beginning {
    /// To the provider's page.
    Browser(Begun),
    /// To a code that the end user types in elsewhere (RFC 8628).
    Device(DeviceBegun),
    /// Nowhere: what was typed in suffices, see [`Account::enter`].
    Direct,
}

/// A flow that leads over the provider's page.
#[derive(Clone)]
pub struct Begun {
    /// Where to send the end user. It holds the state: for the browser only, never for a log.
    pub url: Url,
    /// Comes back in the callback: 32 random bytes in base64url. Keep its hash.
    pub state: Secret,
    /// To be sealed with the attempt.
    pub kept: Kept,
}

/// A flow in which the end user types a code in elsewhere.
#[derive(Clone)]
pub struct DeviceBegun {
    /// The code that the end user reads.
    pub user_code: String,
    /// Where they type it in.
    pub verification_url: Url,
    /// The same with the code in it, for a link or QR code.
    pub verification_url_complete: Option<Url>,
    /// Seconds between polls.
    pub interval: u32,
    /// When the code ends.
    pub expires_at: DateTime<Utc>,
    /// To be sealed with the attempt.
    pub kept: Kept,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What a flow keeps sealed from its beginning to its end, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept(pub Secrets);

impl Kept {
    /// The bytes to seal.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        secrets_to_bytes(&self.0)
    }

    /// Reads unsealed bytes; `None` if they are not [`Kept::to_bytes`]'s.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        secrets_from_bytes(bytes).map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    pub(crate) fn with(mut self, name: &str, value: Secret) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled {
    /// The end user has not answered yet; ask again after so many seconds.
    Wait(u32),
    /// They said yes.
    Granted(Box<Material>),
}

impl Account<'_> {
    /// Begins a flow.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn begin(&self, out: Outside<'_>) -> Result<Beginning, Failure> {
        match &self.manifest.auth {
            AuthSpec::OAuth2Code(spec) => self.oauth2_client_before(spec)?.begin(out.entropy).map(Beginning::Browser),
            AuthSpec::OAuth1(spec) => self.begin_oauth1(out, spec).await.map(Beginning::Browser),
            AuthSpec::AppInstallation(spec) => self.begin_installation(out, spec).map(Beginning::Browser),
            AuthSpec::Mcp(spec) => self.begin_mcp(out, spec).await.map(Beginning::Browser),
            AuthSpec::OAuth2Device(spec) => self.begin_device(out, spec).await.map(Beginning::Device),
            AuthSpec::OAuth2ClientCredentials(_)
            | AuthSpec::Key
            | AuthSpec::Session(_)
            | AuthSpec::Jwt(_)
            | AuthSpec::None => Ok(Beginning::Direct),
        }
    }

    /// Whether whoever answers is the one that was asked (RFC 9207), whatever the answer.
    ///
    /// # Errors
    /// [`Failure::IssuerMismatch`]; nothing may then be sent to any token endpoint.
    pub fn check_issuer(&self, kept: &Kept, callback: &Callback) -> Result<(), Failure> {
        let expected = match &self.manifest.auth {
            AuthSpec::OAuth2Code(spec) => self.issuer_of(spec.issuer.as_ref())?,
            AuthSpec::Mcp(_) => crate::mcp::expected_issuer(kept, callback),
            _ => None,
        };
        match expected {
            Some(expected) if callback.iss.as_deref() != Some(expected.as_str()) => Err(Failure::IssuerMismatch),
            _ => Ok(()),
        }
    }

    /// Ends a flow that led over the provider's page.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn finish(&mut self, out: Outside<'_>, kept: &Kept, callback: &Callback) -> Result<Material, Failure> {
        self.check_issuer(kept, callback)?;
        let code_param = self.code_param();
        let code = match &callback.answer {
            Answer::Code(_) | Answer::Bare => callback.code(code_param),
            Answer::Denied => return Err(Failure::Refused { code: "access_denied".into(), description: None }),
            Answer::Error { code, description } => {
                return Err(Failure::Refused { code: code.clone(), description: description.clone() });
            }
        };
        let code = code.as_ref();
        let need = || code.ok_or_else(|| Failure::Refused { code: "no_code".into(), description: None });
        let told: BTreeMap<_, _> = callback.params.iter().filter(|(name, _)| *name != code_param).collect();
        self.absorb("callback", &serde_json::json!(told))?;
        let manifest = self.manifest;
        let material = match &manifest.auth {
            AuthSpec::OAuth2Code(spec) => {
                let client = self.oauth2_client(spec)?;
                let iss = callback.iss.as_deref();
                let tokens = client.exchange(out, need()?, kept, iss).await?;
                Material::of(self.long_lived(out, spec, tokens).await?)
            }
            AuthSpec::OAuth1(spec) => self.finish_oauth1(out, spec, kept, callback, need()?).await?,
            AuthSpec::AppInstallation(spec) => self.finish_installation(out, spec, kept, callback, code).await?,
            AuthSpec::Mcp(spec) => self.finish_mcp(out, spec, kept, callback, need()?).await?,
            _ => return Err(no_flow()),
        };
        self.absorb_tokens(&material)?;
        Ok(material)
    }

    /// What the provider calls the code in the callback.
    fn code_param(&self) -> &str {
        match &self.manifest.auth {
            AuthSpec::OAuth2Code(spec) => &spec.callback_code_param,
            AuthSpec::AppInstallation(spec) => spec.user.as_ref().map_or("code", |user| &user.callback_code_param),
            _ => "code",
        }
    }

    /// Makes a credential of what was typed in or imported: `secrets` holds it.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn enter(&mut self, out: Outside<'_>) -> Result<Material, Failure> {
        let mut material = Material { fields: self.own_fields(), tokens: None };
        let manifest = self.manifest;
        material.tokens = match &manifest.auth {
            AuthSpec::Key => match self.role()? {
                Some(role) => Some(self.assume_role(out, role).await?),
                None => None,
            },
            AuthSpec::None => None,
            AuthSpec::OAuth2ClientCredentials(spec) => Some(self.client_credentials(out, spec, None).await?),
            AuthSpec::Session(spec) => Some(self.sign_in(out, spec).await?),
            AuthSpec::Jwt(spec) => Some(self.mint_jwt(out, spec).await?),
            AuthSpec::OAuth2Code(_)
            | AuthSpec::OAuth2Device(_)
            | AuthSpec::OAuth1(_)
            | AuthSpec::AppInstallation(_)
            | AuthSpec::Mcp(_) => return Err(no_flow()),
        };
        self.absorb_tokens(&material)?;
        Ok(material)
    }

    /// Asks whether a device code was answered.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Expired`] when the code is over.
    pub async fn poll(&mut self, out: Outside<'_>, kept: &Kept) -> Result<Polled, Failure> {
        let manifest = self.manifest;
        let AuthSpec::OAuth2Device(spec) = &manifest.auth else { return Err(no_flow()) };
        let polled = self.poll_device(out, spec, kept).await?;
        if let Polled::Granted(material) = &polled {
            self.absorb_tokens(material)?;
        }
        Ok(polled)
    }

    /// The next token. `secrets` holds the connection's fields.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Expired`] without a call when there is nothing to renew with.
    pub async fn renew(&self, out: Outside<'_>, old: &Material) -> Result<Material, Failure> {
        let tokens = old.tokens.as_ref();
        let renewed = match &self.manifest.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2Device(spec) => {
                self.refresh_oauth2(out, spec, tokens.ok_or(Failure::Expired)?).await?
            }
            AuthSpec::OAuth2ClientCredentials(spec) => self.client_credentials(out, spec, tokens).await?,
            AuthSpec::Session(spec) => self.sign_in(out, spec).await?,
            AuthSpec::Jwt(spec) => self.mint_jwt(out, spec).await?,
            AuthSpec::AppInstallation(spec) => {
                self.renew_installation(out, spec, tokens.ok_or(Failure::Expired)?).await?
            }
            AuthSpec::Mcp(spec) => self.refresh_mcp(out, spec, tokens.ok_or(Failure::Expired)?).await?,
            AuthSpec::Key => self.assume_role(out, self.role()?.ok_or(Failure::Expired)?).await?,
            AuthSpec::OAuth1(_) | AuthSpec::None => return Err(Failure::Expired),
        };
        Ok(Material { fields: old.fields.clone(), tokens: Some(renewed) })
    }

    /// Whether [`Account::renew`] can bring a next token for this.
    #[must_use]
    pub fn is_renewable(&self, material: &Material) -> bool {
        let Some(tokens) = &material.tokens else { return false };
        match &self.manifest.auth {
            AuthSpec::OAuth2Code(_) | AuthSpec::OAuth2Device(_) | AuthSpec::Mcp(_) => tokens.refresh_token.is_some(),
            AuthSpec::OAuth2ClientCredentials(_)
            // A key has tokens where a role is assumed with it.
            | AuthSpec::Key
            | AuthSpec::Session(_)
            | AuthSpec::Jwt(_)
            | AuthSpec::AppInstallation(_) => true,
            AuthSpec::OAuth1(_) | AuthSpec::None => false,
        }
    }

    /// Lets go at the provider.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::ProviderDown`] and [`Failure::Throttled`] are worth another try later.
    pub async fn revoke(&self, out: Outside<'_>, material: &Material) -> Result<Revocation, Failure> {
        if let Some(spec) = &self.manifest.revocation {
            return self.revoke_by_call(out, spec, material).await;
        }
        let Some(tokens) = &material.tokens else { return Ok(Revocation::Unsupported) };
        match &self.manifest.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2Device(spec) | AuthSpec::OAuth2ClientCredentials(spec) => {
                self.oauth2_client(spec)?.revoke(out, tokens).await
            }
            AuthSpec::Mcp(_) => self.revoke_mcp(out, tokens).await,
            _ => Ok(Revocation::Unsupported),
        }
    }

    /// The connection's own secret fields among `secrets`.
    fn own_fields(&self) -> BTreeMap<String, Secret> {
        let of_connection = |name: &String| {
            let declared = self.manifest.variables.get(name);
            match declared {
                Some(spec) => spec.at == VariableLevel::Connection,
                None => brings_client(self.manifest) && matches!(name.as_str(), "client_id" | "client_secret"),
            }
        };
        self.secrets.iter().filter(|(name, _)| of_connection(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    fn absorb_tokens(&mut self, material: &Material) -> Result<(), Failure> {
        match &material.tokens {
            Some(tokens) => {
                // What is ours beside them, keys and clients, is no answer of the provider's.
                let theirs = tokens.extra.iter().filter(|(name, _)| !name.starts_with(OURS));
                let theirs = theirs.map(|(name, value)| (name.clone(), value.clone())).collect();
                self.absorb("token", &serde_json::Value::Object(theirs))
            }
            None => Ok(()),
        }
    }

    /// Takes the values that the provider gave in an answer: those of the variables with `from = "<origin>.…"`.
    pub(crate) fn absorb(&mut self, origin: &str, answer: &serde_json::Value) -> Result<(), Failure> {
        for (name, spec) in &self.manifest.variables {
            let at = spec.from.as_deref().and_then(|from| from.strip_prefix(origin)?.strip_prefix('.'));
            let is_ours = |at: &&str| at.starts_with(OURS) || at.starts_with(TOKEN_SECRET);
            let Some(at) = at.filter(|at| spec.at == VariableLevel::Answer && !is_ours(at)) else { continue };
            let Some(value) = path::text(answer, at) else { continue };
            let value = self.manifest.handed_over(name, &value);
            spec.accept(name, value).map_err(|error| {
                Failure::ClientMisconfigured(Misconfigured::Request(format!("the provider's {origin}: {error}")))
            })?;
            self.variables.insert(name.clone(), value.to_owned());
        }
        Ok(())
    }
}

/// Whether each connection brings an OAuth client of its own: its fields `client_id` and `client_secret`.
#[must_use]
pub fn brings_client(manifest: &Manifest) -> bool {
    matches!(&manifest.auth, AuthSpec::OAuth2ClientCredentials(spec) if spec.client == ClientOwner::Connection)
}

fn no_flow() -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request("this way of connecting does not go by this step".into()))
}

//! An account's way in: the manifest with the values and secrets of one integration and of one connection, which may yet
//! be to be made. What every mode starts from.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    entropy::Entropy,
    manifest::{Hole, Manifest, Template, TextTemplate, Variables},
    secret::Secret,
};
use egress::{Budget, Egress};
use url::Url;
use zeroize::Zeroizing;

use crate::failure::{Failure, Misconfigured};

/// Secrets by the name under which templates know them.
pub type Secrets = BTreeMap<String, Secret>;

/// The bytes of secrets, to be sealed.
#[must_use]
pub fn secrets_to_bytes(secrets: &Secrets) -> Zeroizing<Vec<u8>> {
    let plain: BTreeMap<&str, &str> = secrets.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    Zeroizing::new(serde_json::to_vec(&plain).unwrap_or_default())
}

/// Reads what [`secrets_to_bytes`] wrote; `None` if it did not.
#[must_use]
pub fn secrets_from_bytes(bytes: &[u8]) -> Option<Secrets> {
    serde_json::from_slice(bytes).ok()
}

/// A manifest with everything that its holes are filled with.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Values of the manifest's variables that are no secrets.
    pub variables: Variables,
    /// Values of those that are: the integration's and the connection's. `client_secret` is among them under this name
    /// where there is one.
    pub secrets: Secrets,
    /// The OAuth client's identifier, or the OAuth 1 consumer key.
    pub client_id: Option<String>,
    /// Where the provider sends the end user back, exactly as registered.
    pub redirect_uri: Url,
    /// Where our client id metadata document lies (MCP); an https URL that is the client's identifier.
    pub client_metadata_url: Option<Url>,
    /// Asked for instead of the manifest's scopes.
    pub scopes: Option<Vec<String>>,
}

/// What an exchange with the outside needs.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// HTTP out.
    pub egress: &'a Egress,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
    /// Whose rate budget is spent by calls to the API; token endpoints have none.
    pub budget: Option<&'a Budget>,
}

impl std::fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a flow knows beside variables and secrets, by the name of the hole: `access_token`, `jwt`, `code`.
pub(crate) type Known<'a> = &'a [(&'a str, &'a Secret)];

impl Account<'_> {
    /// A URL of the manifest; a path is put below the API's base URL.
    pub(crate) fn url(&self, template: &Template) -> Result<Url, Failure> {
        self.url_knowing(template, &[])
    }

    /// As [`Account::url`], with what the flow knows: `{installation_id}`. The client's id is known always.
    pub(crate) fn url_knowing(&self, template: &Template, known: Known<'_>) -> Result<Url, Failure> {
        let specs = &self.manifest.variables;
        let wrong = |error: domain::manifest::TemplateError| {
            Failure::ClientMisconfigured(Misconfigured::Request(error.to_string()))
        };
        let mut values = std::borrow::Cow::Borrowed(&self.variables);
        for name in template.holes().filter(|name| !specs.contains_key(*name)) {
            let known = known.iter().find(|(known, _)| *known == name).map(|(_, value)| value.expose());
            let client_id = self.client_id.as_deref().filter(|_| name == "client_id");
            if let Some(value) = known.or(client_id) {
                values.to_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        if !template.is_path() {
            return template.url(specs, &values).map_err(wrong);
        }
        let base = self.manifest.api.base_url.url(specs, &values).map_err(wrong)?;
        template.url_below(&base, specs, &values).map_err(wrong)
    }

    /// A text of the manifest. `None` where it names an optional variable that was left empty: what it is for is then
    /// left out.
    pub(crate) fn text(&self, template: &TextTemplate, known: Known<'_>) -> Result<Option<Secret>, Failure> {
        self.text_in(template, known, |text| text)
    }

    /// As [`Account::text`], with each value escaped for the place where it goes.
    pub(crate) fn text_in(
        &self,
        template: &TextTemplate,
        known: Known<'_>,
        escape: impl Fn(Secret) -> Secret,
    ) -> Result<Option<Secret>, Failure> {
        if self.leaves_out(template, known) {
            return Ok(None);
        }
        template.render(|hole| Ok(escape(self.value(hole, known)?))).map(Some)
    }

    /// Whether a text names an optional variable that was left empty.
    pub(crate) fn leaves_out(&self, template: &TextTemplate, known: Known<'_>) -> bool {
        template.holes().any(|hole| self.is_left_out(hole, known))
    }

    fn is_left_out(&self, hole: &Hole, known: Known<'_>) -> bool {
        let is_optional = self.manifest.variables.get(&hole.name).is_some_and(|spec| spec.optional);
        is_optional && self.whole(hole, known).is_none()
    }

    fn whole(&self, hole: &Hole, known: Known<'_>) -> Option<Secret> {
        let name = hole.name.as_str();
        if let Some((_, value)) = known.iter().find(|(known, _)| *known == name) {
            return Some((*value).clone());
        }
        if let Some(secret) = self.secrets.get(name) {
            return Some(secret.clone());
        }
        if let Some(value) = self.variables.get(name) {
            return Some(Secret::new(value.as_str()));
        }
        if name == "client_id" {
            return self.client_id.as_deref().map(Secret::new);
        }
        self.manifest.variables.get(name)?.default.as_deref().map(Secret::new)
    }

    /// The value of a hole, or of the part of it that is meant.
    pub(crate) fn value(&self, hole: &Hole, known: Known<'_>) -> Result<Secret, Failure> {
        let misconfigured = |what: String| Failure::ClientMisconfigured(Misconfigured::Request(what));
        let whole = self.whole(hole, known).ok_or_else(|| misconfigured(format!("`{}` is missing", hole.name)))?;
        let Some(group) = &hole.group else { return Ok(whole) };
        let spec = self.manifest.variables.get(&hole.name);
        spec.and_then(|spec| spec.group(whole.expose(), group))
            .map(Secret::new)
            .ok_or_else(|| misconfigured(format!("`{}` has no part `{group}`", hole.name)))
    }

    /// The scopes that this mode asks for; `None` for a mode without scopes.
    #[must_use]
    pub fn asked_scopes(&self) -> Option<&[String]> {
        self.manifest.auth.scopes().map(|of_manifest| self.scopes(of_manifest))
    }

    /// The scopes to ask for: those of the session or integration, else the manifest's.
    #[must_use]
    pub fn scopes<'b>(&'b self, of_manifest: &'b [String]) -> &'b [String] {
        self.scopes.as_deref().unwrap_or(of_manifest)
    }
}

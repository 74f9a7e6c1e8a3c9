//! What one provider and one account are: the manifest, and a value for everything that it leaves open.

use std::collections::BTreeMap;

use auth::Secrets;
use domain::{
    manifest::{
        AuthSpec, ClientAuth, ClientNeed, Jwt, Manifest, OAuth1Signature, OAuth2, Piece, SignSpec, Template,
        TextTemplate, VariableLevel, VariableSpec, VariableType, Variables,
    },
    secret::Secret,
};
use url::Url;

use super::{
    authority::Authority,
    values::{self, Seed, Use},
};

/// The values of a provider's side. Both sides know them; only this one knows which are right.
#[derive(Debug, Clone)]
pub struct Script {
    pub manifest: Manifest,
    /// All variables' values, secrets and the provider's answers among them, as they are sent.
    pub values: BTreeMap<String, String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub redirect_uri: String,
    pub account: String,
    pub account_name: String,
}

/// Names that are known beside the variables where a template stands.
pub type Known<'k> = &'k [(&'k str, String)];

/// What stands for a text that only the other side knows, such as a state or a JWT: it is read from the request.
pub fn unknown(name: &str) -> String {
    format!("\u{1}{name}\u{2}")
}

impl Script {
    /// Values for all that a manifest leaves open.
    pub fn new(manifest: Manifest, authority: &Authority) -> Result<Self, String> {
        let slug = manifest.slug.clone();
        let mut values = BTreeMap::new();
        for (name, spec) in &manifest.variables {
            if spec.optional && spec.at != VariableLevel::Answer && name.len() % 2 == 0 {
                continue;
            }
            let seed = Seed::new(&format!("{slug}/{name}"));
            let used = used_as(&manifest, name);
            let value = values::value(spec, used, seed).map_err(|error| format!("no value for {name}: {error}"))?;
            values.insert(name.clone(), value);
        }
        let oauth2 = oauth2(&manifest);
        if oauth2.is_some_and(|spec| spec.client_auth == ClientAuth::Tls) {
            let (certificate, key) = authority.client(&slug);
            values.insert("client_certificate".into(), certificate);
            values.insert("client_key".into(), key);
        }
        let brings_client = auth::brings_client(&manifest);
        let need = manifest.auth.client();
        let mut seed = Seed::new(&format!("{slug}/client"));
        let has_id = brings_client || matches!(need, Some(ClientNeed::WithSecret | ClientNeed::IdAlone));
        let has_secret = brings_client || need == Some(ClientNeed::WithSecret);
        let client_id = has_id.then(|| format!("cid {}+", seed.hex(12)));
        let client_secret = has_secret.then(|| format!("cs/{}&=%", seed.hex(24)));
        let account = format!("acct-{}", seed.hex(8));
        let account_name = format!("Account {}", seed.hex(4));
        Ok(Self { manifest, values, client_id, client_secret, redirect_uri: String::new(), account, account_name })
    }

    /// A value by name.
    pub fn value(&self, name: &str, known: Known<'_>) -> Option<String> {
        let known = known.iter().find(|(have, _)| *have == name).map(|(_, value)| value.clone());
        known.or_else(|| self.values.get(name).cloned()).or_else(|| match name {
            "client_id" => self.client_id.clone(),
            "client_secret" => self.client_secret.clone(),
            _ => None,
        })
    }

    /// A text with its holes filled; `None` where an optional variable was left empty.
    pub fn text(&self, template: &TextTemplate, known: Known<'_>) -> Option<String> {
        self.text_in(template, known, |text| text)
    }

    /// The same with each value written for the place that it goes to.
    pub fn text_in(
        &self,
        template: &TextTemplate,
        known: Known<'_>,
        write: impl Fn(String) -> String,
    ) -> Option<String> {
        let mut text = String::new();
        for piece in template.pieces() {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Hole(hole) => {
                    let whole = self.value(&hole.name, known)?;
                    let value = match &hole.group {
                        None => whole,
                        Some(group) => self.manifest.variables.get(&hole.name)?.group(&whole, group)?,
                    };
                    text.push_str(&write(value));
                }
            }
        }
        Some(text)
    }

    /// A URL with its holes filled, as it is sent.
    pub fn url(&self, template: &Template, known: Known<'_>) -> Result<Url, String> {
        let specs = &self.manifest.variables;
        let mut plain: Variables = self.values.clone();
        plain.extend(known.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if let (false, Some(id)) = (specs.contains_key("client_id"), &self.client_id) {
            plain.insert("client_id".into(), id.clone());
        }
        let base = self.manifest.api.base_url.url(specs, &plain).map_err(|error| error.to_string())?;
        template.url_below(&base, specs, &plain).map_err(|error| error.to_string())
    }

    /// The API's base URL.
    pub fn base(&self) -> Result<Url, String> {
        self.url(&self.manifest.api.base_url, &[])
    }

    /// What the admin enters for the integration: variables, and secrets.
    pub fn of_integration(&self) -> (Variables, Secrets) {
        let mut variables = Variables::new();
        let mut secrets = Secrets::new();
        for (name, spec) in self.at(VariableLevel::Integration) {
            let Some(value) = self.values.get(name) else { continue };
            let typed = values::typed(spec, value);
            if spec.kind == VariableType::Secret {
                secrets.insert(name.clone(), Secret::new(typed));
            } else {
                variables.insert(name.clone(), typed.to_owned());
            }
        }
        (variables, secrets)
    }

    /// What the end user types in. With `wrong`, every secret is another one.
    pub fn of_connection(&self, wrong: bool) -> BTreeMap<String, Secret> {
        let mut fields = BTreeMap::new();
        for (name, spec) in self.at(VariableLevel::Connection) {
            let Some(value) = self.values.get(name) else { continue };
            let mut value = value.clone();
            if wrong && spec.kind == VariableType::Secret {
                let seed = Seed::new(&format!("wrong/{}/{name}", self.manifest.slug));
                value = values::value(spec, used_as(&self.manifest, name), seed).unwrap_or_default();
            }
            fields.insert(name.clone(), Secret::new(values::typed(spec, &value)));
        }
        if auth::brings_client(&self.manifest) {
            fields.extend(self.client_id.iter().map(|id| ("client_id".to_owned(), Secret::new(id.as_str()))));
            let secret = if wrong { Some("wrong") } else { self.client_secret.as_deref() };
            fields.extend(secret.map(|secret| ("client_secret".to_owned(), Secret::new(secret))));
        }
        fields
    }

    /// Whether there is anything secret that an end user could mistype.
    pub fn has_typed_secrets(&self) -> bool {
        let is_secret = |(_, spec): (&String, &VariableSpec)| spec.kind == VariableType::Secret;
        self.at(VariableLevel::Connection).any(is_secret) || auth::brings_client(&self.manifest)
    }

    fn at(&self, level: VariableLevel) -> impl Iterator<Item = (&String, &VariableSpec)> {
        self.manifest.variables.iter().filter(move |(_, spec)| spec.at == level)
    }

    /// The variables that the provider fills, by name, with their values.
    pub fn answers_by_name(&self) -> Vec<(String, String)> {
        let ours = self.at(VariableLevel::Answer);
        ours.filter_map(|(name, _)| Some((name.clone(), self.values.get(name)?.clone()))).collect()
    }

    /// The variables that the provider fills in an answer: the path in it, and the value.
    pub fn answers(&self, origin: &str) -> Vec<(String, String)> {
        let ours = self.at(VariableLevel::Answer).filter_map(|(name, spec)| {
            let at = spec.from.as_deref()?.strip_prefix(origin)?.strip_prefix('.')?;
            Some((at.to_owned(), self.values.get(name)?.clone()))
        });
        ours.collect()
    }
}

/// The OAuth 2 description, if the mode has one of its own.
pub fn oauth2(manifest: &Manifest) -> Option<&OAuth2> {
    match &manifest.auth {
        AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
            Some(spec)
        }
        _ => None,
    }
}

fn used_as(manifest: &Manifest, name: &str) -> Use {
    let names = |text: &TextTemplate| text.holes().any(|hole| hole.name == name && hole.group.is_none());
    let of = |jwt: &Jwt| names(&jwt.key).then_some(Use::Key(jwt.algorithm));
    let found = match &manifest.auth {
        AuthSpec::Jwt(jwt) => of(jwt),
        AuthSpec::AppInstallation(app) => of(&app.jwt),
        AuthSpec::Session(session) => session.steps.iter().filter_map(|step| step.jwt.as_ref()).find_map(of),
        AuthSpec::OAuth1(spec) if spec.signature == OAuth1Signature::RsaSha1 && name == "client_key" => {
            Some(Use::RsaSha1)
        }
        _ => None,
    };
    let by_oauth2 =
        oauth2(manifest).filter(|spec| spec.client_auth == ClientAuth::PrivateKeyJwt && name == "client_key");
    let signs = match &manifest.api.credential.sign {
        Some(SignSpec::OAuth1 { signature: OAuth1Signature::RsaSha1, .. }) if name == "client_key" => {
            Some(Use::RsaSha1)
        }
        _ => None,
    };
    found.or(by_oauth2.map(|_| Use::Key(domain::manifest::JwtAlgorithm::ES256))).or(signs).unwrap_or(Use::Text)
}

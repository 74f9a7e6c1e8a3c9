//! How a request to a provider's API carries the credential, as the manifest says it.

use std::sync::Arc;

use domain::{
    manifest::{AuthSpec, Hole, Placement, REQUEST_HOLES, SIGNATURE_HOLE, SignSpec, TextTemplate},
    secret::Secret,
};
use egress::{
    Credential,
    sign::{self, hmac::key_bytes},
};
use http::HeaderName;

use crate::{
    account::{Account, Known},
    dpop,
    failure::{Failure, Misconfigured},
    material::Material,
    tokens::TokenSet,
};

fn misconfigured(what: impl Into<String>) -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request(what.into()))
}

fn header_name(name: &str) -> Result<HeaderName, Failure> {
    name.parse().map_err(|_| misconfigured(format!("`{name}` is no header")))
}

impl Account<'_> {
    /// The credential for a request; `None` where the provider needs none.
    ///
    /// # Errors
    /// [`Failure::ClientMisconfigured`] where the placement cannot be used.
    pub fn credential(&self, material: &Material) -> Result<Option<Credential>, Failure> {
        let tokens = material.tokens.as_ref();
        match (&self.manifest.auth, tokens) {
            (AuthSpec::None, _) => return Ok(None),
            (AuthSpec::OAuth1(spec), Some(tokens)) => return self.oauth1_credential(spec, tokens).map(Some),
            (AuthSpec::OAuth1(_), None) => return Err(misconfigured("the token is missing")),
            _ => {}
        }
        let token = tokens.map(|tokens| &tokens.access_token);
        let known: Vec<(&str, &Secret)> = token.map(|token| ("access_token", token)).into_iter().collect();
        let placement = &self.manifest.api.credential;
        if let Some(bound) = tokens.and_then(dpop::Signer::of) {
            let proven = Credential::sign(Arc::new(bound));
            return Ok(Some(match token {
                Some(token) if *placement == Placement::default() => {
                    Credential::header(http::header::AUTHORIZATION, "DPoP ", token, "").and(proven)
                }
                _ => self.place(placement, &known, tokens)?.and(proven),
            }));
        }
        match token {
            Some(token) if *placement == Placement::default() => Ok(Some(Credential::bearer(token))),
            _ => self.place(placement, &known, tokens).map(Some),
        }
    }

    fn place(&self, placement: &Placement, known: Known<'_>, tokens: Option<&TokenSet>) -> Result<Credential, Failure> {
        let mut credential = Credential::default();
        for (name, value) in &placement.headers {
            let name = header_name(name)?;
            if let Some(value) = self.text(value, known)? {
                credential = credential.and(Credential::header(name, "", &value, ""));
            }
        }
        for (name, value) in &placement.query {
            if let Some(value) = self.text(value, known)? {
                credential = credential.and(Credential::query(name, &value));
            }
        }
        for (name, value) in &placement.body {
            if let Some(value) = self.text(value, known)? {
                credential = credential.and(Credential::field(name, &value));
            }
        }
        if let Some(path) = &placement.path
            && let Some(path) = self.text_in(path, known, |value| segment(&value))?
        {
            let base = self.url(&self.manifest.api.base_url)?;
            credential = credential.and(Credential::path(base, &path));
        }
        if let Some(basic) = &placement.basic {
            let username = self.text(&basic.username, known)?.unwrap_or_else(|| Secret::new(""));
            let password = self.text(&basic.password, known)?.unwrap_or_else(|| Secret::new(""));
            credential = credential.and(Credential::basic(username.expose(), &password));
        }
        if let Some(sign) = &placement.sign {
            credential = credential.and(self.signature(sign, known, tokens)?);
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

    fn signature(&self, spec: &SignSpec, known: Known<'_>, tokens: Option<&TokenSet>) -> Result<Credential, Failure> {
        let text = |template: &TextTemplate| self.text(template, known);
        let filled = |template: &TextTemplate, what: &str| {
            text(template)?.ok_or_else(|| misconfigured(format!("`{what}` of the signature is missing")))
        };
        match spec {
            SignSpec::OAuth1 { consumer_key, consumer_secret, token, token_secret, realm, signature } => {
                let token = text(token)?.filter(|token| !token.expose().is_empty());
                let token_secret = text(token_secret)?.unwrap_or_else(|| Secret::new(""));
                Ok(Credential::sign(Arc::new(sign::OAuth1 {
                    consumer_key: filled(consumer_key, "consumer_key")?,
                    consumer_secret: text(consumer_secret)?.unwrap_or_else(|| Secret::new("")),
                    token: token.map(|token| (token, token_secret)),
                    realm: text(realm)?.map(|realm| realm.expose().to_owned()).unwrap_or_default(),
                    signature: *signature,
                    client_key: self.secrets.get("client_key").cloned(),
                    protocol: Vec::new(),
                })))
            }
            SignSpec::AwsSigv4 { .. } => {
                if tokens.is_none() && self.role()?.is_some() {
                    return Err(misconfigured("the role was not assumed yet"));
                }
                let by = self.sigv4_signer(tokens)?;
                let hidden = [Some(by.secret_key.clone()), by.session_token.clone()];
                let credential = Credential::sign(Arc::new(by));
                Ok(hidden.iter().flatten().fold(credential, |credential, secret| credential.and_hide(secret)))
            }
            SignSpec::Wsse { username, password, hex_first } => {
                let username = filled(username, "username")?;
                let password = filled(password, "password")?;
                Ok(Credential::sign(Arc::new(sign::Wsse { username, password, hex_first: *hex_first })))
            }
            SignSpec::Hmac { hash, key, key_encoding, message, encoding, headers, query } => {
                let key = filled(key, "key")?;
                let key_text = key.clone();
                let key = key_bytes(&key, *key_encoding).map_err(|unsigned| misconfigured(unsigned.to_string()))?;
                let mut named = Vec::new();
                for (name, template) in headers.iter().filter(|(_, template)| !self.leaves_out(template, known)) {
                    named.push((header_name(name)?, template.clone()));
                }
                let query: Vec<(String, TextTemplate)> = query
                    .iter()
                    .filter(|(_, template)| !self.leaves_out(template, known))
                    .map(|(name, template)| (name.clone(), template.clone()))
                    .collect();
                let all = named.iter().map(|(_, template)| template).chain(query.iter().map(|(_, template)| template));
                let values = self.values(std::iter::once(message).chain(all), known)?;
                let by = sign::HmacTemplate {
                    hash: *hash,
                    key,
                    message: message.clone(),
                    encoding: *encoding,
                    headers: named,
                    query,
                    values,
                };
                Ok(Credential::sign(Arc::new(by)).and_hide(&key_text))
            }
        }
    }

    /// The values of the holes that the request itself does not fill.
    fn values<'t>(
        &self,
        templates: impl Iterator<Item = &'t TextTemplate>,
        known: Known<'_>,
    ) -> Result<Vec<(Hole, Secret)>, Failure> {
        let mut values: Vec<(Hole, Secret)> = Vec::new();
        for hole in templates.flat_map(TextTemplate::holes) {
            let is_requests = hole.group.is_none()
                && (REQUEST_HOLES.contains(&hole.name.as_str()) || hole.name == SIGNATURE_HOLE)
                && !self.manifest.variables.contains_key(&hole.name);
            if is_requests || values.iter().any(|(have, _)| have == hole) {
                continue;
            }
            values.push((hole.clone(), self.value(hole, known)?));
        }
        Ok(values)
    }
}

/// A value as part of a path: what could end the path or begin another segment is encoded. A colon stays, as bot tokens
/// have one.
fn segment(value: &Secret) -> Secret {
    let mut out = zeroize::Zeroizing::new(String::with_capacity(value.expose().len()));
    for byte in value.expose().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    Secret::new(out.as_str())
}

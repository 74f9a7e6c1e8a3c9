//! OAuth 2 from a manifest: the client of an integration, and the grants that go without a browser.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    manifest::{OAuth2, Template, TextTemplate, VariableLevel},
    secret::Secret,
};
use egress::Reach;
use url::Url;

use crate::{
    account::{Account, Outside},
    answer::{self, TokenAnswer},
    client::{OAuth2Client, missing},
    failure::Failure,
    tokens::TokenSet,
};

/// The variable that says by which name the provider knows the client's key (`kid`), where it has several.
const KEY_ID: &str = "client_key_id";

impl Account<'_> {
    /// The OAuth 2 client of the integration or of the connection, with the manifest's holes filled in.
    pub(crate) fn oauth2_client(&self, spec: &OAuth2) -> Result<OAuth2Client, Failure> {
        self.oauth2_client_at(spec, |template| self.url(template))
    }

    /// The same before the end user leaves for the provider's page: an endpoint that lies where the callback will say is
    /// not known yet, and nobody is sent there with this client.
    pub(crate) fn oauth2_client_before(&self, spec: &OAuth2) -> Result<OAuth2Client, Failure> {
        let comes_later = |name: &str| {
            let declared = self.manifest.variables.get(name);
            declared.is_some_and(|spec| spec.at == VariableLevel::Answer) && !self.variables.contains_key(name)
        };
        self.oauth2_client_at(spec, |template| match &spec.authorization_url {
            Some(page) if template.holes().any(comes_later) => self.url(page),
            _ => self.url(template),
        })
    }

    fn oauth2_client_at(
        &self,
        spec: &OAuth2,
        url: impl Fn(&Template) -> Result<Url, Failure>,
    ) -> Result<OAuth2Client, Failure> {
        let client_id = match (&self.client_id, self.secrets.get("client_id")) {
            (_, Some(own)) => own.expose().to_owned(),
            (Some(id), None) => id.clone(),
            (None, None) => return Err(missing("client_id")),
        };
        let optional = |template: &Option<Template>| template.as_ref().map(&url).transpose();
        let mut client = OAuth2Client::new(client_id, url(&spec.token_url)?, self.redirect_uri.clone());
        client.authorization_url = optional(&spec.authorization_url)?;
        client.device_url = optional(&spec.device_authorization_url)?;
        client.refresh_url = optional(&spec.refresh_url)?;
        client.revocation_url = optional(&spec.revocation_url)?;
        client.introspection_url = optional(&spec.introspection_url)?;
        let beside = [&client.device_url, &client.refresh_url, &client.revocation_url, &client.introspection_url];
        client.reach = Reach::hosts_of(std::iter::once(&client.token_url).chain(beside.into_iter().flatten()));
        client.client_secret = self.secrets.get("client_secret").cloned();
        client.client_key = self.secrets.get("client_key").cloned();
        let usual_key_id = || self.manifest.variables.get(KEY_ID)?.default.clone();
        client.client_key_id = self.variables.get(KEY_ID).cloned().or_else(usual_key_id);
        client.client_certificate = self.secrets.get("client_certificate").cloned();
        client.scopes = self.scopes(&spec.scopes).to_vec();
        client.scope_separator.clone_from(&spec.scope_separator);
        client.pkce = spec.pkce;
        client.client_auth = spec.client_auth;
        client.body = spec.body;
        client.rename.clone_from(&spec.rename);
        let open = self.params(&spec.authorize_params)?.into_iter();
        client.authorize_params = open.map(|(name, value)| (name, value.expose().to_owned())).collect();
        client.token_params = self.params(&spec.token_params)?;
        client.refresh_params = self.params(&spec.refresh_params)?;
        client.token_headers = self.params(&spec.token_headers)?;
        for resource in &spec.resource {
            client.resource.extend(self.text(resource, &[])?.map(|text| text.expose().to_owned()));
        }
        client.failures.clone_from(&self.manifest.failures);
        client.response = spec.token_paths.clone();
        let seconds = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        client.expires_in = seconds(spec.expires_in);
        client.refresh_expires_in = seconds(spec.refresh_expires_in);
        client.dpop = spec.dpop;
        client.expected_issuer = self.issuer_of(spec.issuer.as_ref())?;
        Ok(client)
    }

    /// The texts of a table of templates, without those that are left out.
    fn params(&self, templates: &BTreeMap<String, TextTemplate>) -> Result<BTreeMap<String, Secret>, Failure> {
        let mut params = BTreeMap::new();
        for (name, template) in templates {
            if let Some(value) = self.text(template, &[])? {
                params.insert(name.clone(), value);
            }
        }
        Ok(params)
    }

    /// The issuer's text. A URL without a path is written with a slash by the parser; issuers mostly are not, and they
    /// are compared byte for byte.
    pub(crate) fn issuer_of(&self, template: Option<&Template>) -> Result<Option<String>, Failure> {
        let Some(template) = template else { return Ok(None) };
        let url = self.url(template)?;
        let text = if template.source().ends_with('/') { url.as_str() } else { url.as_str().trim_end_matches('/') };
        Ok(Some(text.to_owned()))
    }

    pub(crate) async fn refresh_oauth2(
        &self,
        out: Outside<'_>,
        spec: &OAuth2,
        old: &TokenSet,
    ) -> Result<TokenSet, Failure> {
        self.oauth2_client(spec)?.refresh(out, old).await
    }

    /// The second exchange for a token that lasts longer, where the provider has one.
    pub(crate) async fn long_lived(
        &self,
        out: Outside<'_>,
        spec: &OAuth2,
        tokens: TokenSet,
    ) -> Result<TokenSet, Failure> {
        let Some(call) = &spec.long_lived else { return Ok(tokens) };
        let known: [(&str, &Secret); 1] = [("access_token", &tokens.access_token)];
        let answered = self.call(out, call, &known, None).await?;
        let is_success = answered.response.status.is_success();
        match answer::parse(&answered.response.body, &spec.token_paths, &spec.scope_separator, out.now) {
            Ok(TokenAnswer::Tokens(longer)) if is_success => {
                Ok(tokens.refreshed(self.oauth2_client(spec)?.with_usual_ends(*longer, out.now)))
            }
            Err(unreadable) if is_success => Err(unreadable.into()),
            _ => {
                let mut secrets = vec![&tokens.access_token];
                secrets.extend(self.secrets.values());
                Err(answered.failure(&secrets))
            }
        }
    }

    pub(crate) async fn client_credentials(
        &self,
        out: Outside<'_>,
        spec: &OAuth2,
        old: Option<&TokenSet>,
    ) -> Result<TokenSet, Failure> {
        self.oauth2_client(spec)?.client_credentials(out, old).await
    }
}

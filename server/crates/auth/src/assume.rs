//! Temporary keys for requests that are signed by Signature Version 4: a role is assumed with the keys that were typed in.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use domain::{
    manifest::{AuthSpec, SignSpec, Template},
    secret::Secret,
};
use egress::{Credential, Reach, Request, sign::SigV4};
use http::{
    HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    account::{Account, Outside},
    answer::{OURS, Unreadable},
    call::Answered,
    failure::{Failure, Misconfigured},
    path,
    tokens::TokenSet,
};

/// As short as the service allows by default, and long enough that keys are seldom asked for.
const SECONDS: &str = "3600";

/// Whose keys they are and which role to assume with them.
pub(crate) struct Role {
    signer: SigV4,
    url: Template,
    arn: Secret,
    external_id: Option<Secret>,
}

impl Account<'_> {
    /// The role that requests are signed as, if there is one.
    pub(crate) fn role(&self) -> Result<Option<Role>, Failure> {
        let AuthSpec::Key = &self.manifest.auth else { return Ok(None) };
        let Some(SignSpec::AwsSigv4 { role_arn, external_id, role_url: Some(url), .. }) =
            &self.manifest.api.credential.sign
        else {
            return Ok(None);
        };
        let Some(arn) = self.text(role_arn, &[])?.filter(|arn| !arn.expose().is_empty()) else { return Ok(None) };
        let external_id = self.text(external_id, &[])?.filter(|id| !id.expose().is_empty());
        let signer = SigV4 { service: "sts".into(), ..self.sigv4_signer(None)? };
        Ok(Some(Role { signer, url: url.clone(), arn, external_id }))
    }

    /// The signer with the keys that were typed in, or with those of the role.
    pub(crate) fn sigv4_signer(&self, tokens: Option<&TokenSet>) -> Result<SigV4, Failure> {
        let missing = |what: &str| Failure::ClientMisconfigured(Misconfigured::Request(format!("{what} is missing")));
        let Some(SignSpec::AwsSigv4 { access_key, secret_key, session_token, region, service, .. }) =
            &self.manifest.api.credential.sign
        else {
            return Err(missing("api.credential.sign"));
        };
        let plain = |template, what| self.text(template, &[])?.ok_or_else(|| missing(what));
        let [region, service] = [plain(region, "the region")?, plain(service, "the service")?];
        let given = |name: &str| {
            let value = tokens.and_then(|tokens| tokens.extra.get(&ours(name)));
            value.and_then(Value::as_str).map(Secret::new)
        };
        let (access_key, secret_key, session_token) = match (given("access_key"), given("secret_key"), tokens) {
            (Some(access_key), Some(secret_key), Some(tokens)) => {
                (access_key, secret_key, Some(tokens.access_token.clone()))
            }
            _ => {
                let session = self.text(session_token, &[])?.filter(|token| !token.expose().is_empty());
                (plain(access_key, "the access key")?, plain(secret_key, "the secret key")?, session)
            }
        };
        let (region, service) = (region.expose().to_owned(), service.expose().to_owned());
        Ok(SigV4 { access_key, secret_key, session_token, region, service })
    }

    /// Assumes the role. The keys that it gives last an hour.
    pub(crate) async fn assume_role(&self, out: Outside<'_>, role: Role) -> Result<TokenSet, Failure> {
        let url = self.url(&role.url)?;
        let external_id = role.external_id.as_ref().map(|id| ("ExternalId", id.expose()));
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Action", "AssumeRole"), ("Version", "2011-06-15")])
            .extend_pairs([("RoleArn", role.arn.expose()), ("RoleSessionName", "patchbay")])
            .append_pair("DurationSeconds", SECONDS)
            .extend_pairs(external_id)
            .finish();
        let mut request = Request::new(Method::POST, url.clone(), Reach::hosts_of([&url]));
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/xml;q=0.9"));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.body = form.into();
        request.credential = Some(Credential::sign(Arc::new(role.signer)));
        request.deadline = Some(Duration::from_secs(30));
        request.max_response = Some(64 << 10);
        let answered = Answered::of(out.egress.send(request).await?);
        if !answered.response.status.is_success() {
            return Err(self.not_let_in(&answered, &[]));
        }
        let body = answered.body.as_ref().ok_or(Unreadable::Malformed)?;
        let at = "AssumeRoleResponse.AssumeRoleResult.Credentials";
        let text = |name: &str| path::text(body, &format!("{at}.{name}"));
        let need = |name: &str| text(name).ok_or(Unreadable::NoToken);
        let mut tokens = TokenSet::bare(Secret::new(need("SessionToken")?));
        tokens.extra.insert(ours("access_key"), need("AccessKeyId")?.into());
        tokens.extra.insert(ours("secret_key"), need("SecretAccessKey")?.into());
        tokens.expires_at = text("Expiration").and_then(|end| expiration(&end));
        Ok(tokens)
    }
}

/// RFC 3339 in XML, Unix seconds in JSON.
fn expiration(text: &str) -> Option<DateTime<chrono::Utc>> {
    crate::answer::moment(Some(&Value::from(text))).end()
}

/// The name of what is kept beside the tokens and never leaves.
fn ours(name: &str) -> String {
    format!("{OURS}{name}")
}

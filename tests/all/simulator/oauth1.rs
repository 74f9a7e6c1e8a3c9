//! The OAuth 1.0a side (RFC 5849): three legs, each signature made again from the specification's text.

use domain::manifest::{OAuth1, OAuth1Signature, SignSpec};
use serde_json::json;
use url::Url;

use super::{
    expected::{Compared, Expected},
    provider::{Provider, Role},
    script::unknown,
    signed::{self, OAuth1Keys},
    wire::{Reply, Seen},
};

impl Provider {
    pub(super) fn oauth1_candidates(&self, spec: &OAuth1, all: &mut Vec<(Role, Result<Expected, String>)>) {
        let signed = |url| {
            let mut it = Expected::to("POST", &self.script.url(url, &[])?);
            it.signed.push("authorization".into());
            Ok(it)
        };
        all.push((Role::RequestToken, signed(&spec.request_token_url)));
        all.push((Role::AccessToken, signed(&spec.token_url)));
        if let Some((token, ..)) = &self.temporary {
            let page = self.script.url(&spec.authorization_url, &[]).map(|url| {
                let mut it = Expected::to("GET", &url);
                it.query.push(("oauth_token".into(), token.clone()));
                let more = spec.authorize_params.iter();
                it.query.extend(more.filter_map(|(name, text)| Some((name.clone(), self.script.text(text, &[])?))));
                it
            });
            all.push((Role::Authorize, page));
        }
    }

    /// The client's keys, with the token's where one goes along.
    fn oauth1_keys(&self, spec: &OAuth1, token: Option<(&str, &str)>) -> OAuth1Keys {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        OAuth1Keys {
            consumer_key: text(self.script.client_id.as_ref()),
            consumer_secret: text(self.script.client_secret.as_ref()),
            token: token.map(|(token, secret)| (token.to_owned(), secret.to_owned())),
            realm: None,
            signature: spec.signature,
            client_key: self.script.value("client_key", &[]),
        }
    }

    pub(super) fn oauth1_signature(&mut self, role: &Role, seen: &Seen) -> Result<(), String> {
        let domain::manifest::AuthSpec::OAuth1(spec) = self.script.manifest.auth.clone() else {
            return Err("no OAuth 1".into());
        };
        let token = self.temporary.clone().filter(|_| *role == Role::AccessToken);
        let keys = self.oauth1_keys(&spec, token.as_ref().map(|(token, secret, _)| (token.as_str(), secret.as_str())));
        let params = signed::oauth1(seen, &keys)?;
        self.nonce_is_new(&params)?;
        let param = |name: &str| params.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone());
        if *role == Role::AccessToken {
            let is_right = param("oauth_verifier").is_some() && param("oauth_verifier") == self.verifier;
            return if is_right { Ok(()) } else { Err("the verifier is not the one given out".into()) };
        }
        let callback = param("oauth_callback").ok_or("there is no oauth_callback")?;
        if callback.split('?').next() != Some(self.script.redirect_uri.as_str()) {
            return Err(format!("the callback is {callback}"));
        }
        self.temporary = Some((self.fresh("temporary"), self.fresh("secret"), callback));
        Ok(())
    }

    fn nonce_is_new(&mut self, params: &[(String, String)]) -> Result<(), String> {
        let nonce = params.iter().find(|(name, _)| name == "oauth_nonce").map(|(_, value)| value.clone());
        let nonce = nonce.ok_or("there is no nonce")?;
        // A request is looked at once for each thing that it may be.
        let first = *self.nonces.entry(nonce).or_insert(self.requests);
        if first == self.requests { Ok(()) } else { Err("the nonce was used before".into()) }
    }

    pub(super) fn oauth1_consent(&mut self, _: &Compared) -> Result<Reply, String> {
        let (token, _, callback) = self.temporary.clone().ok_or("nothing was asked for")?;
        let verifier = self.fresh("verifier");
        let mut back: Url = callback.parse().map_err(|_| "the callback is no URL")?;
        back.query_pairs_mut().append_pair("oauth_token", &token).append_pair("oauth_verifier", &verifier);
        back.query_pairs_mut().extend_pairs(self.script.answers("callback"));
        self.verifier = Some(verifier);
        Ok(Reply::redirect(back.as_str()))
    }

    pub(super) fn oauth1_grant(&mut self, role: &Role) -> Reply {
        let Some((token, secret, _)) = self.temporary.clone() else { return Reply::json(400, &json!({})) };
        if *role == Role::RequestToken {
            let confirmed = ("oauth_callback_confirmed", "true");
            return Reply::form(200, &[("oauth_token", &token), ("oauth_token_secret", &secret), confirmed]);
        }
        self.verifier = None;
        let access = self.fresh("at");
        self.token_secret = self.fresh("ts");
        self.access = Some(access.clone());
        let answers = self.script.answers("token");
        let mut fields = vec![("oauth_token", access.as_str()), ("oauth_token_secret", self.token_secret.as_str())];
        fields.extend(answers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Reply::form(200, &fields)
    }

    /// The signature of a request to the API, if requests are signed.
    pub(super) fn api_signature(&mut self, seen: &Seen) -> Result<(), String> {
        if let domain::manifest::AuthSpec::OAuth1(spec) = self.script.manifest.auth.clone() {
            let access = self.access.clone().ok_or("no token was given out")?;
            let secret = self.token_secret.clone();
            let params = signed::oauth1(seen, &self.oauth1_keys(&spec, Some((&access, &secret))))?;
            return self.nonce_is_new(&params);
        }
        let Some(sign) = self.script.manifest.api.credential.sign.clone() else { return Ok(()) };
        match &sign {
            SignSpec::OAuth1 { consumer_key, consumer_secret, token, token_secret, realm, signature } => {
                let text = |text| self.script.text(text, &[]).unwrap_or_default();
                let keys = OAuth1Keys {
                    consumer_key: text(consumer_key),
                    consumer_secret: text(consumer_secret),
                    token: Some((text(token), text(token_secret))).filter(|(token, _)| !token.is_empty()),
                    realm: Some(text(realm)).filter(|realm| !realm.is_empty()),
                    signature: *signature,
                    client_key: self.script.value("client_key", &[]),
                };
                let params = signed::oauth1(seen, &keys)?;
                self.nonce_is_new(&params)
            }
            SignSpec::AwsSigv4 { .. } => {
                let mut keys = signed::AwsKeys::of(&self.script, &sign)?;
                if let (Some((access_key, secret_key)), Some(session)) = (&self.role_keys, &self.access) {
                    keys.access_key.clone_from(access_key);
                    keys.secret_key.clone_from(secret_key);
                    keys.session_token = Some(session.clone());
                }
                signed::sigv4(seen, &keys)
            }
            SignSpec::Wsse { .. } => signed::wsse(&self.script, &sign, seen),
            SignSpec::Hmac { .. } => signed::hmac(&self.script, &sign, seen),
        }
    }

    /// The headers and parameters that a signature sets.
    pub(super) fn signature_sets(&self) -> Vec<String> {
        let manifest = &self.script.manifest;
        if matches!(manifest.auth, domain::manifest::AuthSpec::OAuth1(_)) {
            return vec!["authorization".into()];
        }
        match &manifest.api.credential.sign {
            None => Vec::new(),
            Some(SignSpec::Hmac { headers, query, .. }) => {
                let headers = headers.keys().map(|name| name.to_ascii_lowercase());
                headers.chain(query.keys().map(|name| format!("?{name}"))).collect()
            }
            Some(_) => vec!["authorization".into()],
        }
    }

    /// A role was assumed: keys for an hour, in XML as the service's query protocol has it.
    pub(super) fn assumed(&mut self) -> Reply {
        let keys = (self.fresh("ASIA"), self.fresh("role-secret"));
        let session = self.fresh("session");
        let end = (self.now + chrono::TimeDelta::hours(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let body = format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{session}</SessionToken>\
             <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            keys.0, keys.1
        );
        self.role_keys = Some(keys);
        self.access = Some(session);
        Reply::new(200, "text/xml", body)
    }

    /// The request that assumes a role, if there is one.
    pub(super) fn role_candidate(&self) -> Option<Result<Expected, String>> {
        let Some(SignSpec::AwsSigv4 { role_arn, external_id, role_url: Some(url), .. }) =
            &self.script.manifest.api.credential.sign
        else {
            return None;
        };
        let arn = self.script.text(role_arn, &[])?;
        let mut fields = vec![
            ("Action".to_owned(), "AssumeRole".to_owned()),
            ("Version".into(), "2011-06-15".into()),
            ("RoleArn".into(), arn),
            ("RoleSessionName".into(), unknown("session_name")),
            ("DurationSeconds".into(), unknown("seconds")),
        ];
        let external = self.script.text(external_id, &[]).filter(|id| !id.is_empty());
        fields.extend(external.map(|id| ("ExternalId".to_owned(), id)));
        Some(self.script.url(url, &[]).map(|url| {
            let mut it = Expected::to("POST", &url);
            it.body = super::expected::Body::Form(fields);
            it.signed.push("authorization".into());
            it
        }))
    }
}

/// The method's name.
pub fn method_name(signature: OAuth1Signature) -> &'static str {
    match signature {
        OAuth1Signature::HmacSha1 => "HMAC-SHA1",
        OAuth1Signature::HmacSha256 => "HMAC-SHA256",
        OAuth1Signature::RsaSha1 => "RSA-SHA1",
        OAuth1Signature::Plaintext => "PLAINTEXT",
    }
}

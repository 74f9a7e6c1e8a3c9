//! The OAuth 2 side: consent, tokens, refreshes with rotation, device codes, revocation (RFC 6749, 7009, 7636, 8628, 9207).

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::manifest::{AuthSpec, ClientAuth, JwtAlgorithm, OAuth2, Template, TextTemplate, TokenBody, TokenPaths};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

use super::{
    exchanges::INSTALLATION,
    expected::{Body, Compared, Expected, basic, put},
    jose,
    provider::{Provider, Role},
    script::{oauth2, unknown},
    wire::Reply,
};

/// How long tokens last, in seconds.
pub const LIFETIME: i64 = 3600;

type Candidates = Vec<(Role, Result<Expected, String>)>;

impl Provider {
    pub(super) fn oauth2_candidates(&self, auth: &AuthSpec, spec: &OAuth2, all: &mut Candidates) {
        let token = |params: Vec<(&str, String)>, extra| self.token_request(spec, &spec.token_url, params, extra, true);
        match auth {
            AuthSpec::OAuth2Code(_) => {
                if spec.authorization_url.is_some() {
                    all.push((Role::Authorize, self.authorization(spec)));
                }
                all.push((Role::Code, self.code_request(spec)));
            }
            AuthSpec::OAuth2ClientCredentials(_) => {
                let mut params = vec![("grant_type", "client_credentials".to_owned())];
                params.extend(scope(spec).map(|scope| ("scope", scope)));
                all.push((Role::ClientCredentials, token(params, &spec.token_params)));
            }
            _ => {
                if let Some(url) = &spec.device_authorization_url {
                    let params = scope(spec).map(|scope| ("scope", scope)).into_iter().collect();
                    all.push((Role::Device, self.token_request(spec, url, params, &spec.authorize_params, true)));
                }
                if let Some(device) = &self.device {
                    let grant = "urn:ietf:params:oauth:grant-type:device_code".to_owned();
                    let params = vec![("grant_type", grant), ("device_code", device.clone())];
                    all.push((Role::Poll, token(params, &spec.token_params)));
                }
            }
        }
        if let (Some(call), Some(access)) = (&spec.long_lived, &self.access) {
            all.push((Role::LongLived, Expected::call(&self.script, call, &[("access_token", access.clone())])));
        }
        if let Some(refresh) = &self.refresh {
            let params = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh.clone())];
            let url = spec.refresh_url.as_ref().unwrap_or(&spec.token_url);
            all.push((Role::Refresh, self.token_request(spec, url, params, &spec.refresh_params, true)));
        }
        if let Some(url) = &spec.revocation_url {
            let revoked = [
                (Role::RevokeRefresh, &self.refresh, "refresh_token"),
                (Role::RevokeAccess, &self.access, "access_token"),
            ];
            for (role, token, hint) in revoked {
                let Some(token) = token else { continue };
                let params = vec![("token", token.clone()), ("token_type_hint", hint.to_owned())];
                all.push((role, self.token_request(spec, url, params, &BTreeMap::new(), false)));
            }
        }
    }

    fn authorization(&self, spec: &OAuth2) -> Result<Expected, String> {
        let page = self.script.url(spec.authorization_url.as_ref().ok_or("no page")?, &[])?;
        let mut it = Expected::to("GET", &page);
        let mut params = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.script.client_id.clone().unwrap_or_default()),
            ("redirect_uri", self.script.redirect_uri.clone()),
            ("state", unknown("state")),
        ];
        params.extend(scope(spec).map(|scope| ("scope", scope)));
        if spec.pkce {
            params.extend([("code_challenge", unknown("challenge")), ("code_challenge_method", "S256".to_owned())]);
        }
        for resource in &spec.resource {
            params.extend(self.script.text(resource, &[]).map(|resource| ("resource", resource)));
        }
        if spec.dpop {
            params.push(("dpop_jkt", unknown("dpop_jkt")));
        }
        let more = self.filled(&spec.authorize_params);
        let named = params.into_iter().map(|(name, value)| (renamed(spec, name), value));
        it.query.extend(named.filter(|(name, _)| !more.contains_key(name)));
        it.query.extend(more);
        Ok(it)
    }

    pub(super) fn code_request(&self, spec: &OAuth2) -> Result<Expected, String> {
        let code = self.code.clone().ok_or("no code was given out")?;
        let mut params = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", self.script.redirect_uri.clone()),
        ];
        if spec.pkce {
            params.push(("code_verifier", unknown("verifier")));
        }
        self.token_request(spec, &spec.token_url, params, &spec.token_params, true)
    }

    fn filled(&self, table: &BTreeMap<String, TextTemplate>) -> BTreeMap<String, String> {
        table.iter().filter_map(|(name, text)| Some((name.clone(), self.script.text(text, &[])?))).collect()
    }

    fn token_request(
        &self,
        spec: &OAuth2,
        url: &Template,
        params: Vec<(&str, String)>,
        extra: &BTreeMap<String, TextTemplate>,
        with_resource: bool,
    ) -> Result<Expected, String> {
        let mut it = Expected::to("POST", &self.script.url(url, &[])?).header("accept", "application/json");
        let extra = self.filled(extra);
        let may_be_replaced = |name: &str| matches!(name, "grant_type" | "redirect_uri");
        let mut pairs: Vec<(String, String)> = params
            .into_iter()
            .filter(|(name, _)| !(may_be_replaced(name) && extra.contains_key(&renamed(spec, name))))
            .map(|(name, value)| (renamed(spec, name), value))
            .collect();
        for resource in spec.resource.iter().filter(|_| with_resource) {
            pairs.extend(self.script.text(resource, &[]).map(|resource| (renamed(spec, "resource"), resource)));
        }
        let id = self.script.client_id.clone().unwrap_or_default();
        let mut push = |name: &str, value: String| pairs.push((renamed(spec, name), value));
        match (spec.client_auth, &self.script.client_secret) {
            (ClientAuth::Basic, Some(secret)) => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                it.headers.insert("authorization".into(), basic(&encoded(&id), &encoded(secret)));
            }
            (ClientAuth::Body, Some(secret)) => {
                push("client_id", id);
                push("client_secret", secret.clone());
            }
            (ClientAuth::PrivateKeyJwt, _) => {
                push("client_id", id);
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                push("client_assertion_type", kind.to_owned());
                push("client_assertion", unknown("client_assertion"));
            }
            _ => push("client_id", id),
        }
        pairs.extend(extra);
        match spec.body {
            TokenBody::Form => it.body = Body::Form(pairs),
            TokenBody::Query => it.query.extend(pairs),
            TokenBody::Json => {
                let object: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
                it.body = Body::Json(Value::Object(object));
            }
        }
        let headers = self.filled(&spec.token_headers);
        it.headers.extend(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
        if spec.dpop {
            it.headers.insert("dpop".into(), unknown("dpop"));
        }
        Ok(it)
    }

    /// The end user says yes.
    pub(super) fn consent(&mut self, compared: &Compared) -> Result<Reply, String> {
        let state = compared.read.get("state").cloned().unwrap_or_default();
        let mut back: Url = self.script.redirect_uri.parse().map_err(|_| "no way back")?;
        let auth = self.script.manifest.auth.clone();
        match &auth {
            AuthSpec::OAuth1(_) => return self.oauth1_consent(compared),
            AuthSpec::AppInstallation(spec) => {
                back.query_pairs_mut().append_pair(&spec.installation_param, INSTALLATION);
            }
            _ => {}
        }
        if state.len() < 22 {
            return Err(format!("the state `{state}` can be guessed"));
        }
        self.challenge = compared.read.get("challenge").cloned();
        // By the provider's own name for it.
        let code_param = match &auth {
            AuthSpec::OAuth2Code(spec) => Some(spec.callback_code_param.clone()),
            AuthSpec::AppInstallation(spec) => spec.user.as_ref().map(|user| user.callback_code_param.clone()),
            _ => Some("code".into()),
        };
        {
            let code = code_param.map(|name| (name, self.fresh("code")));
            self.code = code.as_ref().map(|(_, code)| code.clone());
            let mut query = back.query_pairs_mut();
            query.extend_pairs(code);
            query.append_pair("state", &state);
            query.extend_pairs(self.script.answers("callback"));
        }
        if let Some(issuer) = self.spoken().and_then(|spec| spec.issuer) {
            let url = self.script.url(&issuer, &[])?;
            // As issuers write themselves: without the slash that a parser puts behind a bare host.
            let iss = if issuer.source().ends_with('/') { url.as_str() } else { url.as_str().trim_end_matches('/') };
            back.query_pairs_mut().append_pair("iss", iss);
        }
        Ok(Reply::redirect(back.as_str()))
    }

    pub(super) fn pkce(&self, compared: &Compared) -> Result<(), String> {
        let Some(verifier) = compared.read.get("verifier") else { return Ok(()) };
        if !(43..=128).contains(&verifier.len()) {
            return Err(format!("a verifier of {} characters", verifier.len()));
        }
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        let same = self.challenge.as_deref() == Some(URL_SAFE_NO_PAD.encode(hash.as_ref()).as_str());
        if same { Ok(()) } else { Err("the verifier is not the challenge's".into()) }
    }

    pub(super) fn client_assertion(&self, assertion: &str) -> Result<(), String> {
        let spec = oauth2(&self.script.manifest).ok_or("no client")?;
        let key = self.script.value("client_key", &[]).ok_or("no key")?;
        let claims = jose::verified(assertion, JwtAlgorithm::ES256, key.as_bytes())?.1;
        let id = self.script.client_id.as_deref();
        let audience = self.script.url(spec.issuer.as_ref().unwrap_or(&spec.token_url), &[])?;
        let is_for_us = claims["aud"]
            .as_str()
            .is_some_and(|aud| aud.trim_end_matches('/') == audience.as_str().trim_end_matches('/'));
        let is_theirs = claims["iss"].as_str() == id && claims["sub"].as_str() == id && claims["jti"].is_string();
        let is_timely = claims["exp"].as_i64().is_some_and(|end| end > self.now.timestamp());
        if is_for_us && is_theirs && is_timely { Ok(()) } else { Err(format!("it says {claims}")) }
    }

    /// Tokens, or a device code.
    pub(super) fn grant(&mut self, role: &Role) -> Result<Reply, String> {
        let auth = self.script.manifest.auth.clone();
        let spec = self.spoken().ok_or("no grant")?;
        match role {
            Role::Device => {
                let device = self.fresh("device");
                self.device = Some(device.clone());
                let answer = json!({
                    "device_code": device, "user_code": "WDJB-MJHT", "verification_uri": "https://sim.example/device",
                    "expires_in": 1800, "interval": 5,
                });
                return Ok(Reply::json(200, &answer));
            }
            Role::Poll => {
                self.polls += 1;
                if self.polls == 1 {
                    return Ok(Reply::json(400, &json!({ "error": "authorization_pending" })));
                }
            }
            _ => {}
        }
        self.code = None;
        self.access = Some(self.fresh("at"));
        let renews = spec.long_lived.is_none() && !matches!(auth, AuthSpec::OAuth2ClientCredentials(_));
        self.refresh = if renews { Some(self.fresh("rt")) } else { None };
        let granted = scope(&spec).filter(|_| *role != Role::LongLived);
        Ok(Reply::json(200, &self.tokens(&spec.token_paths, granted, spec.expires_in.is_none())?))
    }

    /// The token answer in the provider's own envelope.
    pub(super) fn tokens(&self, paths: &TokenPaths, scope: Option<String>, says_end: bool) -> Result<Value, String> {
        let mut body = json!({});
        let usual = TokenPaths::default();
        put(&mut body, &paths.access_token, self.access.clone().into())?;
        if let Some(refresh) = &self.refresh {
            put(&mut body, &paths.refresh_token, refresh.clone().into())?;
            if paths.refresh_expires_in != usual.refresh_expires_in {
                put(&mut body, &paths.refresh_expires_in, json!(30 * 86_400))?;
            }
        }
        if let Some(scope) = scope {
            put(&mut body, &paths.scope, scope.into())?;
        }
        if says_end {
            let end = self.now.timestamp() + LIFETIME;
            if paths.expires_at != usual.expires_at {
                put(&mut body, &paths.expires_at, json!(end))?;
            } else {
                put(&mut body, &paths.expires_in, json!(LIFETIME))?;
            }
        }
        if paths.error != usual.error {
            put(&mut body, &paths.error, json!(0))?;
        }
        let beside =
            paths.access_token.rsplit_once('.').map_or("token_type".to_owned(), |(at, _)| format!("{at}.token_type"));
        put(&mut body, &beside, "Bearer".into())?;
        self.with_answers(&mut body, "token")?;
        Ok(body)
    }
}

/// What the provider calls a parameter.
pub fn renamed(spec: &OAuth2, name: &str) -> String {
    spec.rename.get(name).cloned().unwrap_or_else(|| name.to_owned())
}

/// The scopes that are asked for.
pub fn scope(spec: &OAuth2) -> Option<String> {
    (!spec.scopes.is_empty()).then(|| spec.scopes.join(&spec.scope_separator))
}

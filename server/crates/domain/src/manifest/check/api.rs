//! Rules for the API: where it is, how requests carry the credential, limits and pages.

use super::{
    Rules,
    holes::{Known, Moment},
    names,
};
use crate::manifest::{
    AuthSpec, OAuth1Signature, PaginationSpec, Placement, REQUEST_HOLES, SIGNATURE_HOLE, SignSpec, TextTemplate,
};

impl Rules<'_> {
    pub(super) fn api(&mut self) {
        let manifest = self.manifest;
        let api = &manifest.api;
        self.url("api.base_url", &api.base_url, Known::at(Moment::Use, &[]));
        if api.base_url.source().contains(['?', '#']) {
            self.refuse("api.base_url", "paths are put behind it: leave the query out");
        }
        for (at, pattern) in api.hosts.iter().enumerate() {
            if !names::is_host_pattern(pattern) {
                let message = format!("`{pattern}` is no host: write `api.example.com` or `*.example.com`");
                self.refuse(format!("api.hosts[{at}]"), message);
            }
        }
        let client: Vec<&str> = self.client_holes().iter().copied().filter(|name| *name == "client_id").collect();
        self.headers("api.headers", &api.headers, Known::at(Moment::Ask, &client).public());
        self.placement(&api.credential);
        self.asking();
    }

    /// What is known of the token once there is one.
    pub(super) fn token_holes(&self) -> &'static [&'static str] {
        match self.manifest.auth {
            AuthSpec::Key | AuthSpec::None => &[],
            _ => &["access_token", "refresh_token"],
        }
    }

    /// What else a flow knows.
    pub(super) fn flow_holes(&self) -> &'static [&'static str] {
        match self.manifest.auth {
            AuthSpec::AppInstallation(_) => &["jwt", "installation_id"],
            AuthSpec::Jwt(_) => &["jwt"],
            _ => &[],
        }
    }

    fn placement(&mut self, placement: &Placement) {
        let field = "api.credential";
        let is_default = *placement == Placement::default();
        let mut names = self.client_holes().to_vec();
        names.extend(self.token_holes().iter().filter(|name| **name == "access_token"));
        let known = Known::at(Moment::Ask, &names);
        self.headers(&format!("{field}.headers"), &placement.headers, known);
        self.texts(&format!("{field}.query"), &placement.query, known);
        self.texts(&format!("{field}.body"), &placement.body, known);
        if let Some(path) = &placement.path {
            self.text(&format!("{field}.path"), path, known);
            let begins = path.source().starts_with('/') && !path.source().ends_with('/');
            let odd = |text: &str| text.contains(['?', '#', '\\']) || text.contains("//") || text.contains("..");
            if !begins || path.fixed().any(odd) {
                self.refuse(
                    format!("{field}.path"),
                    "write a path such as `/bot{token}`, with a slash in front and none behind",
                );
            }
        }
        if let Some(basic) = &placement.basic {
            self.basic(&format!("{field}.basic"), basic, known);
        }
        let authorizations = placement.headers.keys().filter(|name| name.eq_ignore_ascii_case("authorization")).count()
            + usize::from(placement.basic.is_some());
        if authorizations > 1 {
            self.refuse(field, "a request has one Authorization header: leave one of them out");
        }
        if let Some(sign) = &placement.sign {
            self.sign(&format!("{field}.sign"), sign, &names);
        }
        let texts = placement.texts();
        let names_token = || texts.iter().flat_map(|text| text.holes()).any(|hole| hole.name == "access_token");
        let names_secret = || texts.iter().flat_map(|text| text.holes()).any(|hole| self.is_secret(hole));
        let refused = match &self.manifest.auth {
            AuthSpec::None if !is_default => Some("mode none has no credential: leave this out"),
            AuthSpec::OAuth1(_) if !is_default => Some("mode oauth1 signs requests by itself: leave this out"),
            AuthSpec::None | AuthSpec::OAuth1(_) => None,
            AuthSpec::Key if is_default => {
                Some("mode key needs it: say where the key goes, such as { headers = { X-Api-Key = \"{api_key}\" } }")
            }
            AuthSpec::Key => {
                (!names_secret()).then_some("no secret is carried: name a variable with type = \"secret\"")
            }
            _ if is_default || placement.sign.is_some() || names_token() => None,
            _ => Some("the token is not carried: name it, `{access_token}`"),
        };
        if let Some(message) = refused {
            self.refuse(field, message);
        }
    }

    fn sign(&mut self, field: &str, sign: &SignSpec, names: &[&str]) {
        let known = Known::at(Moment::Ask, names);
        for (name, text) in sign_texts(sign) {
            self.text(&format!("{field}.{name}"), text, known);
        }
        match sign {
            SignSpec::OAuth1 { signature: OAuth1Signature::RsaSha1, .. } => {
                self.needs_secret(&format!("{field}.signature"), "client_key", "rsa-sha1");
            }
            SignSpec::AwsSigv4 { role_arn, external_id, .. } if role_arn.is_empty() && !external_id.is_empty() => {
                self.refuse(format!("{field}.external_id"), "goes with `role_arn`, which is missing");
            }
            SignSpec::AwsSigv4 { role_arn, role_url, .. } if role_arn.is_empty() != role_url.is_none() => {
                self.refuse(format!("{field}.role_url"), "`role_arn` and `role_url` go together");
            }
            SignSpec::AwsSigv4 { role_url: Some(url), .. } => {
                self.url(&format!("{field}.role_url"), url, Known::at(Moment::Begin, &[]));
            }
            SignSpec::Hmac { key, message, headers, query, .. } => {
                let mut all: Vec<&str> = names.to_vec();
                all.extend(REQUEST_HOLES);
                self.text(&format!("{field}.message"), message, Known { names: &all, ..known });
                if !key
                    .holes()
                    .any(|hole| self.is_secret(hole) || hole.name == "client_secret" || hole.name == "access_token")
                {
                    self.refuse(format!("{field}.key"), "a key is a secret variable, such as `{secret}`");
                }
                all.push(SIGNATURE_HOLE);
                let with_signature = Known { names: &all, ..known };
                self.headers(&format!("{field}.headers"), headers, with_signature);
                self.texts(&format!("{field}.query"), query, with_signature);
                let is_sent = headers.values().chain(query.values()).flat_map(TextTemplate::holes);
                if !is_sent.into_iter().any(|hole| hole.name == "signature") {
                    self.refuse(field, "the signature is not sent: name `{signature}` in `headers` or `query`");
                }
            }
            _ => {}
        }
    }

    pub(super) fn limits(&mut self) {
        let Some(limit) = &self.manifest.rate_limit else { return };
        let counts = [
            ("requests", limit.requests),
            ("per_seconds", Some(limit.per_seconds)),
            ("per_integration", limit.per_integration),
        ];
        for (name, count) in counts {
            if count == Some(0) {
                let message = "zero would never let anything through: write at least 1";
                self.refuse(format!("rate_limit.{name}"), message);
            }
        }
        let headers = [
            ("limit_header", &limit.limit_header),
            ("remaining_header", &limit.remaining_header),
            ("reset_header", &limit.reset_header),
        ];
        for (name, header) in headers {
            self.header_name(&format!("rate_limit.{name}"), header.as_deref());
        }
        if limit.requests.is_none()
            && limit.per_integration.is_none()
            && headers.iter().all(|(_, h)| h.is_none())
            && !self.places.has("rate_limit.throttled_statuses")
        {
            self.refuse("rate_limit", "says nothing: write `requests` or the name of a header, or leave it out");
        }
        self.statuses("rate_limit.throttled_statuses", &limit.throttled_statuses);
    }

    pub(super) fn pagination(&mut self) {
        let Some(spec) = &self.manifest.pagination else { return };
        let (param, next, size_param, items) = match spec {
            PaginationSpec::Link { size_param, items, .. } => (None, None, size_param, items),
            PaginationSpec::Cursor { param, next, size_param, items, .. } => {
                (Some(param), Some(next), size_param, items)
            }
            PaginationSpec::NextUrl { next, size_param, items, .. } => (None, Some(next), size_param, items),
            PaginationSpec::Page { param, size_param, items, .. }
            | PaginationSpec::Offset { param, size_param, items, .. } => (Some(param), None, size_param, items),
        };
        for (name, param) in [("param", param), ("size_param", size_param.as_ref())] {
            if param.is_some_and(|param| !names::is_parameter(param)) {
                self.refuse(format!("pagination.{name}"), "write the name of a parameter");
            }
        }
        for (name, path) in [("next", next), ("items", items.as_ref())] {
            if let Some(path) = path {
                self.path(&format!("pagination.{name}"), path);
            }
        }
        if let (Some(param), Some(size)) = (param, size_param)
            && param == size
        {
            self.refuse("pagination.size_param", format!("`{size}` is the parameter of the page already"));
        }
    }
}

/// The texts of a signature that know nothing of the request.
fn sign_texts(sign: &SignSpec) -> Vec<(&'static str, &TextTemplate)> {
    match sign {
        SignSpec::OAuth1 { consumer_key, consumer_secret, token, token_secret, realm, .. } => vec![
            ("consumer_key", consumer_key),
            ("consumer_secret", consumer_secret),
            ("token", token),
            ("token_secret", token_secret),
            ("realm", realm),
        ],
        SignSpec::AwsSigv4 {
            access_key, secret_key, session_token, region, service, role_arn, external_id, ..
        } => vec![
            ("access_key", access_key),
            ("secret_key", secret_key),
            ("session_token", session_token),
            ("region", region),
            ("service", service),
            ("role_arn", role_arn),
            ("external_id", external_id),
        ],
        SignSpec::Wsse { username, password, .. } => vec![("username", username), ("password", password)],
        SignSpec::Hmac { key, .. } => vec![("key", key)],
    }
}

//! Rules for the OAuth 2 grants.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Rules, closest,
    holes::{Known, Moment},
    names,
};
use crate::manifest::{ClientAuth, ClientOwner, InstallBegins, OAuth2, TextTemplate};

/// The parameters of the protocol: a manifest may give them the provider's own names, and may not replace them by extra
/// parameters.
const PARAMETERS: [&str; 19] = [
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "dpop_jkt",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "resource",
    "response_type",
    "scope",
    "state",
    "token",
    "token_type_hint",
];

/// Which grant the table is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    Code,
    ClientCredentials,
    Device,
    /// The consent that goes with the installation of an app.
    InstallingUser,
}

impl Grant {
    /// How the mode is written.
    const fn name(self) -> &'static str {
        match self {
            Self::Code => "oauth2_code",
            Self::ClientCredentials => "oauth2_client_credentials",
            Self::Device => "oauth2_device",
            Self::InstallingUser => "app_installation",
        }
    }

    /// The fields that it has no use for.
    const fn foreign(self) -> &'static [&'static str] {
        match self {
            Self::Code => &["device_authorization_url"],
            Self::ClientCredentials => &[
                "authorization_url",
                "device_authorization_url",
                "authorize_params",
                "refresh_url",
                "refresh_params",
                "refresh_expires_in",
                "issuer",
                "pkce",
                "callback_code_param",
                "install",
            ],
            Self::Device => &["authorization_url", "issuer", "pkce", "callback_code_param", "install"],
            Self::InstallingUser => &["device_authorization_url", "install", "long_lived"],
        }
    }
}

impl Rules<'_> {
    pub(super) fn oauth2(&mut self, field: &str, spec: &OAuth2, grant: Grant) {
        for name in grant.foreign() {
            let part = format!("{field}.{name}");
            if self.places.has(&part) {
                self.refuse(part, format!("mode {} has no use for this field: leave it out", grant.name()));
            }
        }
        let needed = match grant {
            Grant::Code if spec.authorization_url.is_none() => Some("authorization_url"),
            Grant::Device if spec.device_authorization_url.is_none() => Some("device_authorization_url"),
            _ => None,
        };
        if let Some(name) = needed {
            self.refuse(format!("{field}.{name}"), format!("is missing: mode {} needs it", grant.name()));
        }
        self.oauth2_urls(field, spec, grant);
        self.scopes(field, &spec.scopes, &spec.scope_separator);
        self.oauth2_params(field, spec, grant);
        self.token_paths(&format!("{field}.token_paths"), &spec.token_paths);
        for (name, seconds) in [("expires_in", spec.expires_in), ("refresh_expires_in", spec.refresh_expires_in)] {
            if seconds == Some(0) {
                self.refuse(format!("{field}.{name}"), "write at least 1, in seconds");
            }
        }
        self.oauth2_client(field, spec, grant);
        if let Some(call) = &spec.long_lived {
            let known = ["client_id", "client_secret", "access_token"];
            self.call(&format!("{field}.long_lived"), call, Known::at(Moment::Exchange, &known));
        }
        let code_param = spec.callback_code_param.as_str();
        if !names::is_parameter(code_param) || ["state", "iss", "error", "error_description"].contains(&code_param) {
            self.refuse(format!("{field}.callback_code_param"), "write the name of the callback's parameter");
        }
        if let Some(install) = &spec.install {
            self.install(&format!("{field}.install"), install);
            if install.begins == InstallBegins::Code && spec.dpop {
                let message = "a code that nobody asked for is bound to no key, so its tokens cannot be (RFC 9449 §10)";
                self.refuse(format!("{field}.install.begins"), message);
            }
            if install.hmac_param.is_some() && !matches!(spec.client_auth, ClientAuth::Body | ClientAuth::Basic) {
                let message = "the signature is keyed with the client secret, and this client has none";
                self.refuse(format!("{field}.install.hmac_param"), message);
            }
        }
    }

    fn oauth2_urls(&mut self, field: &str, spec: &OAuth2, grant: Grant) {
        let first = if matches!(grant, Grant::Code | Grant::InstallingUser) { Moment::Exchange } else { Moment::Begin };
        let urls = [
            ("authorization_url", spec.authorization_url.as_ref(), Moment::Begin),
            ("device_authorization_url", spec.device_authorization_url.as_ref(), Moment::Begin),
            ("token_url", Some(&spec.token_url), first),
            ("refresh_url", spec.refresh_url.as_ref(), Moment::Use),
            ("revocation_url", spec.revocation_url.as_ref(), Moment::Use),
            ("introspection_url", spec.introspection_url.as_ref(), Moment::Use),
            ("issuer", spec.issuer.as_ref(), Moment::Exchange),
        ];
        for (name, url, moment) in urls {
            if let Some(url) = url {
                self.url(&format!("{field}.{name}"), url, Known::at(moment, &[]));
            }
        }
        if spec.issuer.as_ref().is_some_and(|issuer| issuer.source().contains(['?', '#'])) {
            self.refuse(format!("{field}.issuer"), "an issuer has no query (RFC 8414 §2)");
        }
    }

    /// Scopes and what stands between them.
    pub(super) fn scopes(&mut self, field: &str, scopes: &[String], separator: &str) {
        let separates = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !c.is_ascii_control();
        if separator.is_empty() || separator.len() > 3 || !separator.chars().all(separates) {
            self.refuse(format!("{field}.scope_separator"), "write one to three characters such as a space or a comma");
            return;
        }
        let mut seen = BTreeSet::new();
        for (at, scope) in scopes.iter().enumerate() {
            let part = format!("{field}.scopes[{at}]");
            if !names::is_scope(scope) {
                let rule = "RFC 6749 has printable ASCII without spaces, quotes and backslashes";
                self.refuse(&part, format!("`{}` is no scope: {rule}", scope.escape_debug()));
            } else if separator != " " && scope.contains(separator) {
                self.refuse(&part, format!("`{scope}` contains the separator `{separator}`: write several scopes"));
            } else if !seen.insert(scope) {
                self.refuse(&part, format!("`{scope}` stands there twice"));
            }
        }
    }

    fn oauth2_params(&mut self, field: &str, spec: &OAuth2, grant: Grant) {
        let client = ["client_id", "client_secret"];
        let begin = Known::at(Moment::Begin, &["client_id"]).public();
        let first = if matches!(grant, Grant::Code | Grant::InstallingUser) { Moment::Exchange } else { Moment::Begin };
        let exchange = Known::at(first, &client);
        let refresh = Known::at(Moment::Use, &client);
        self.extra(&format!("{field}.authorize_params"), spec, &spec.authorize_params, begin);
        self.extra(&format!("{field}.token_params"), spec, &spec.token_params, exchange);
        self.extra(&format!("{field}.refresh_params"), spec, &spec.refresh_params, refresh);
        self.headers(&format!("{field}.token_headers"), &spec.token_headers, exchange);
        for (at, resource) in spec.resource.iter().enumerate() {
            let part = format!("{field}.resource[{at}]");
            let begins = resource.source();
            if !begins.starts_with('{') && (!begins.contains(':') || begins.contains('#')) {
                self.refuse(&part, "a resource is an absolute URI without a fragment (RFC 8707 §2)");
            }
            self.text(&part, resource, begin);
        }
        let mut taken = BTreeSet::new();
        for (parameter, name) in &spec.rename {
            let part = format!("{field}.rename.{parameter}");
            if !PARAMETERS.contains(&parameter.as_str()) {
                let message = format!("`{parameter}` is no parameter of the protocol: {}", PARAMETERS.join(", "));
                let suggestion = closest(parameter, PARAMETERS.iter().copied()).map(Into::into);
                self.found.push(Finding { suggestion, ..Finding::new(&part, message) });
            }
            let replaces = PARAMETERS.contains(&name.as_str()) && !spec.rename.contains_key(name);
            if !names::is_parameter(name) || replaces || !taken.insert(name) {
                self.refuse(part, format!("`{name}` cannot be its name: it is taken, or no name for a parameter"));
            }
        }
    }

    fn extra(&mut self, field: &str, spec: &OAuth2, params: &BTreeMap<String, TextTemplate>, known: Known<'_>) {
        for name in params.keys() {
            let renamed = spec.rename.values().any(|own| own == name);
            let replaceable = matches!(name.as_str(), "redirect_uri" | "grant_type");
            if renamed || (PARAMETERS.contains(&name.as_str()) && !replaceable) {
                let way = match name.as_str() {
                    "scope" => "write `scopes`",
                    "client_id" | "client_secret" => "they are the integration's",
                    "resource" => "write auth.resource",
                    _ => "it is set as the protocol says",
                };
                self.refuse(format!("{field}.{name}"), format!("may not replace the protocol's parameter: {way}"));
            }
        }
        self.texts(field, params, known);
    }

    fn oauth2_client(&mut self, field: &str, spec: &OAuth2, grant: Grant) {
        if spec.client == ClientOwner::Connection && grant != Grant::ClientCredentials {
            let message = "only oauth2_client_credentials can have a client that each connection brings";
            self.refuse(format!("{field}.client"), message);
        }
        let part = format!("{field}.client_auth");
        match spec.client_auth {
            ClientAuth::PrivateKeyJwt => self.needs_secret(&part, "client_key", "private_key_jwt"),
            ClientAuth::Tls => {
                self.needs_secret(&part, "client_certificate", "tls");
                self.needs_secret(&part, "client_key", "tls");
            }
            ClientAuth::None if grant == Grant::ClientCredentials => {
                self.refuse(part, "a client without a secret has no credentials to show: write \"body\" or \"basic\"");
            }
            ClientAuth::Body | ClientAuth::Basic | ClientAuth::None => {}
        }
    }
}

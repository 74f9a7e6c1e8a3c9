//! Rules for the ways in.

use std::collections::BTreeSet;

use super::{
    Finding, Rules, closest,
    holes::{Known, Moment},
    names,
    oauth2::Grant,
};
use crate::manifest::{
    AppInstallation, AuthSpec, Hole, Install, Jwt, Mcp, OAuth1, OAuth1Signature, Session, SessionStep, TextTemplate,
    TokenPaths, VariableLevel, VariableType,
};

/// More requests than any honest login needs.
const MOST_STEPS: usize = 8;
/// The longest lifetime of a JWT or session, in seconds: ten years.
const LONGEST: u32 = 315_360_000;

impl Rules<'_> {
    pub(super) fn auth(&mut self) {
        let manifest = self.manifest;
        match &manifest.auth {
            AuthSpec::OAuth2Code(spec) => self.oauth2("auth", spec, Grant::Code),
            AuthSpec::OAuth2ClientCredentials(spec) => self.oauth2("auth", spec, Grant::ClientCredentials),
            AuthSpec::OAuth2Device(spec) => self.oauth2("auth", spec, Grant::Device),
            AuthSpec::OAuth1(spec) => self.oauth1(spec),
            AuthSpec::Session(spec) => self.session(spec),
            AuthSpec::Jwt(spec) => self.jwt("auth", spec, Known::at(Moment::Begin, &[]), true),
            AuthSpec::AppInstallation(spec) => self.app_installation(spec),
            AuthSpec::Mcp(spec) => self.mcp(spec),
            // Reading takes any field beside a mode that has none.
            AuthSpec::Key | AuthSpec::None => {
                for field in self.places.below("auth") {
                    if field != "auth.mode" {
                        self.refuse(
                            field,
                            "this mode has no fields beside `mode`: say in api.credential how it is used",
                        );
                    }
                }
            }
        }
    }

    fn oauth1(&mut self, spec: &OAuth1) {
        self.url("auth.request_token_url", &spec.request_token_url, Known::at(Moment::Begin, &[]));
        self.url("auth.authorization_url", &spec.authorization_url, Known::at(Moment::Begin, &[]));
        self.url("auth.token_url", &spec.token_url, Known::at(Moment::Exchange, &[]));
        if spec.signature == OAuth1Signature::RsaSha1 {
            self.needs_secret("auth.signature", "client_key", "rsa-sha1");
        }
        for name in spec.authorize_params.keys() {
            if name.starts_with("oauth_") {
                self.refuse(format!("auth.authorize_params.{name}"), "may not replace the protocol's parameter");
            }
        }
        let known = Known::at(Moment::Begin, &["client_id"]).public();
        self.texts("auth.authorize_params", &spec.authorize_params, known);
    }

    fn session(&mut self, spec: &Session) {
        if spec.steps.is_empty() || spec.steps.len() > MOST_STEPS {
            self.refuse("auth.steps", format!("write one to {MOST_STEPS} requests, [[auth.steps]]"));
        }
        let mut taken: Vec<&str> = Vec::new();
        for (at, step) in spec.steps.iter().enumerate() {
            let field = format!("auth.steps[{at}]");
            self.cycle(&field, spec, at, &taken);
            if let Some(jwt) = &step.jwt {
                self.jwt(&format!("{field}.jwt"), jwt, Known::at(Moment::Begin, &taken), false);
            }
            let mut known = taken.clone();
            known.extend(step.jwt.as_ref().map(|_| "jwt"));
            self.call(&format!("{field}.call"), &step.call, Known::at(Moment::Begin, &known));
            self.takes(&format!("{field}.take"), step, &mut taken);
        }
        let known = Known::at(Moment::Begin, &taken);
        if spec.access_token.holes().next().is_none() {
            self.refuse("auth.access_token", "name what the steps took, such as `{token}`");
        }
        self.text("auth.access_token", &spec.access_token, known);
        for (name, text) in [("expires_in", &spec.expires_in), ("expires_at", &spec.expires_at)] {
            if let Some(text) = text {
                self.text(&format!("auth.{name}"), text, known);
            }
        }
        self.lifetime("auth.lifetime", spec.lifetime.unwrap_or(1));
    }

    /// What a step takes from its answer.
    fn takes<'s>(&mut self, field: &str, step: &'s SessionStep, taken: &mut Vec<&'s str>) {
        for (name, place) in &step.take {
            let part = format!("{field}.{name}");
            if !names::is_plain(name) {
                self.refuse(&part, "name it in lower-case letters, digits and underscores, a letter first");
            } else if name == "jwt" || self.manifest.variables.contains_key(name) || taken.contains(&name.as_str()) {
                self.refuse(&part, format!("`{name}` is the name of something else already"));
            }
            let is_place = match place.split_once('.') {
                None => place == "text",
                Some(("body", path)) => names::is_path(path),
                Some(("header", header)) => names::is_header(header),
                Some(("cookie", cookie)) => names::is_header(cookie),
                Some(_) => false,
            };
            if !is_place {
                let message = format!("`{place}` is no place: write `body.…`, `header.…`, `cookie.…` or `text`");
                self.refuse(part, message);
            }
            taken.push(name);
        }
    }

    /// A step cannot need what itself or a later one takes.
    fn cycle(&mut self, field: &str, spec: &Session, at: usize, taken: &[&str]) {
        let later: BTreeSet<&str> =
            spec.steps.iter().skip(at).flat_map(|step| step.take.keys()).map(String::as_str).collect();
        let Some(step) = spec.steps.get(at) else { return };
        let call = &step.call;
        let in_jwt = step.jwt.iter().flat_map(jwt_texts);
        let holes = call.texts().into_iter().chain(in_jwt).flat_map(TextTemplate::holes).map(|hole| hole.name.as_str());
        let cyclic: BTreeSet<&str> = holes
            .chain(call.url.holes())
            .filter(|name| later.contains(name) && !taken.contains(name))
            .filter(|name| !self.manifest.variables.contains_key(*name))
            .collect();
        for name in cyclic {
            let message =
                format!("a cyclic step: `{{{name}}}` is taken from the answer of this step or of a later one");
            self.refuse(field, message);
        }
    }

    /// A JWT; `whole` where it is a way in and not a part of one.
    pub(super) fn jwt(&mut self, field: &str, spec: &Jwt, known: Known<'_>, whole: bool) {
        let mut names: Vec<&str> = known.names.to_vec();
        names.extend(self.client_holes().iter().filter(|name| !known.names.contains(name)));
        let known = Known { names: &names, ..known };
        if spec.key.holes().next().is_none() {
            self.refuse(format!("{field}.key"), "a key is a secret variable, such as `{private_key}`");
        }
        self.text(&format!("{field}.key"), &spec.key, known);
        for (part, texts) in [("header", &spec.header), ("claims", &spec.claims)] {
            for (name, text) in texts {
                let is_ours = match part {
                    "header" => name == "alg",
                    _ => matches!(name.as_str(), "iat" | "exp") || (name == "jti" && spec.jti),
                };
                if is_ours {
                    self.refuse(format!("{field}.{part}.{name}"), "this is added when the token is signed");
                }
                self.text(&format!("{field}.{part}.{name}"), text, known);
            }
        }
        for name in spec.fixed_claims.keys() {
            if matches!(name.as_str(), "iat" | "exp" | "jti") || spec.claims.contains_key(name) {
                self.refuse(format!("{field}.fixed_claims.{name}"), "this claim is there already");
            }
        }
        self.lifetime(&format!("{field}.lifetime"), spec.lifetime);
        let Some(exchange) = &spec.exchange else { return };
        let part = format!("{field}.exchange");
        if !whole {
            return self.refuse(part, "here the JWT is used by the request beside it: leave `exchange` out");
        }
        let with_jwt: Vec<&str> = names.iter().copied().chain(["jwt"]).collect();
        self.call(&part, exchange, Known { names: &with_jwt, ..known });
    }

    fn app_installation(&mut self, spec: &AppInstallation) {
        self.url("auth.install_url", &spec.install_url, Known::at(Moment::Begin, &[]));
        if !names::is_parameter(&spec.installation_param) {
            self.refuse("auth.installation_param", "write the name of a parameter of the callback");
        }
        let known = ["installation_id"];
        self.jwt("auth.jwt", &spec.jwt, Known::at(Moment::Exchange, &known), false);
        let mut known = vec!["installation_id", "jwt"];
        known.extend(self.client_holes());
        self.call("auth.token", &spec.token, Known::at(Moment::Exchange, &known));
        self.token_paths("auth.token_paths", &spec.token_paths);
        if let Some(user) = &spec.user {
            self.oauth2("auth.user", user, Grant::InstallingUser);
        }
        if let Some(listed) = &spec.installations {
            let field = "auth.installations";
            if spec.user.is_none() {
                self.refuse(field, "is asked with the token of the person who installs: add `auth.user`");
            }
            self.call(&format!("{field}.call"), &listed.call, Known::at(Moment::Exchange, &["access_token"]));
            self.path(&format!("{field}.id"), &listed.id);
            if let Some(items) = &listed.items {
                self.path(&format!("{field}.items"), items);
            }
        }
    }

    fn mcp(&mut self, spec: &Mcp) {
        self.url("auth.server_url", &spec.server_url, Known::at(Moment::Begin, &[]));
        self.scopes("auth", &spec.scopes, " ");
        if let Some(issuer) = &spec.issuer {
            self.url("auth.issuer", issuer, Known::at(Moment::Begin, &[]));
        }
    }

    /// An install that begins at the vendor's marketplace.
    pub(super) fn install(&mut self, field: &str, spec: &Install) {
        for (variable, parameter) in &spec.fill {
            let part = format!("{field}.fill.{variable}");
            match self.manifest.variables.get(variable) {
                None => {
                    let close = closest(variable, self.manifest.variables.keys().map(String::as_str));
                    let suggestion = close.map(Into::into);
                    let message = format!("`{variable}` is not declared: add [variables.{variable}]");
                    self.found.push(Finding { suggestion, ..Finding::new(&part, message) });
                }
                Some(spec) if spec.kind == VariableType::Secret || spec.at != VariableLevel::Connection => {
                    self.refuse(&part, "only what belongs to the connection and is no secret can come in a link");
                }
                Some(_) => {}
            }
            if !names::is_parameter(parameter) {
                self.refuse(part, "write the name of a parameter of the arriving link");
            }
        }
        if spec.hmac_param.as_ref().is_some_and(|name| !names::is_parameter(name)) {
            self.refuse(format!("{field}.hmac_param"), "write the name of a parameter of the arriving link");
        }
    }

    /// Paths into a token answer.
    pub(super) fn token_paths(&mut self, field: &str, paths: &TokenPaths) {
        let all = [
            ("access_token", &paths.access_token),
            ("refresh_token", &paths.refresh_token),
            ("expires_in", &paths.expires_in),
            ("expires_at", &paths.expires_at),
            ("refresh_expires_in", &paths.refresh_expires_in),
            ("scope", &paths.scope),
            ("error", &paths.error),
            ("error_description", &paths.error_description),
        ];
        for (name, path) in all {
            self.path(&format!("{field}.{name}"), path);
        }
    }

    /// A dotted path into an answer.
    pub(super) fn path(&mut self, field: &str, path: &str) {
        if !names::is_path(path) {
            self.refuse(field, format!("`{path}` is no path: write names with dots between them, such as `data.0.id`"));
        }
    }

    fn lifetime(&mut self, field: &str, seconds: u32) {
        if seconds == 0 || seconds > LONGEST {
            self.refuse(field, format!("write seconds, 1 to {LONGEST}"));
        }
    }

    /// Whether a hole names a secret of the account.
    pub(super) fn is_secret(&self, hole: &Hole) -> bool {
        self.manifest.variables.get(&hole.name).is_some_and(|spec| spec.kind == VariableType::Secret)
    }
}

/// All texts of a JWT.
pub(super) fn jwt_texts(jwt: &Jwt) -> impl Iterator<Item = &TextTemplate> {
    let exchange = jwt.exchange.iter().flat_map(|call| call.texts());
    [&jwt.key].into_iter().chain(jwt.header.values()).chain(jwt.claims.values()).chain(exchange)
}

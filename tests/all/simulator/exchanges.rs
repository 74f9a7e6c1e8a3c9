//! What is exchanged for a token without a page: session logins, JWTs, app installations.

use domain::manifest::{AppInstallation, AuthSpec, CallBody, Jwt, Session};
use serde_json::{Value, json};

use super::{
    expected::{Expected, put},
    oauth2::LIFETIME,
    provider::{Provider, Role},
    script::unknown,
    wire::Reply,
};

/// The installation that is made.
pub const INSTALLATION: &str = "4711";

type Candidates = Vec<(Role, Result<Expected, String>)>;

impl Provider {
    pub(super) fn session_candidates(&self, spec: &Session, all: &mut Candidates) {
        for (at, step) in spec.steps.iter().enumerate() {
            let mut known: Vec<(&str, String)> =
                self.taken.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            if step.jwt.is_some() {
                known.push(("jwt", unknown("jwt")));
            }
            all.push((Role::Step(at), Expected::call(&self.script, &step.call, &known)));
        }
    }

    /// The answer of a step, shaped as the manifest takes from it.
    pub(super) fn step(&mut self, at: usize) -> Result<Reply, String> {
        let AuthSpec::Session(spec) = self.script.manifest.auth.clone() else { return Err("no session".into()) };
        let step = spec.steps.get(at).ok_or("no such step")?;
        if at == 0 {
            self.taken.clear();
        }
        let names = |text: &Option<domain::manifest::TextTemplate>, name: &str| {
            text.as_ref().is_some_and(|text| text.holes().any(|hole| hole.name == name))
        };
        let mut body = json!({});
        let mut reply = Reply::json(200, &Value::Null);
        let mut text = None;
        for (name, place) in &step.take {
            let value = if names(&spec.expires_in, name) {
                LIFETIME.to_string()
            } else if names(&spec.expires_at, name) {
                (self.now.timestamp() + LIFETIME).to_string()
            } else {
                self.fresh("taken")
            };
            match place.split_once('.') {
                _ if place == "text" => text = Some(value.clone()),
                Some(("body", path)) => {
                    let number = value.parse::<i64>().map_or_else(|_| Value::from(value.clone()), Value::from);
                    put(&mut body, path, number)?;
                }
                Some(("header", name)) => reply = reply.with(name, value.clone()),
                Some(("cookie", name)) => {
                    let cookie = format!("{name}={value}; Path=/; HttpOnly; Secure");
                    reply = reply.with("set-cookie", "other=1; Path=/").with("set-cookie", cookie);
                }
                _ => return Err(format!("`{place}` is no place")),
            }
            self.taken.push((name.clone(), value));
        }
        if at + 1 == spec.steps.len() {
            self.with_answers(&mut body, "token")?;
            let known: Vec<(&str, String)> =
                self.taken.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            self.access = self.script.text(&spec.access_token, &known);
        }
        let (kind, bytes) = match text {
            Some(text) => ("text/plain", text.into_bytes()),
            None if step.call.body == CallBody::Xml => {
                ("text/xml", format!("<?xml version=\"1.0\"?>{}", xml(&body)).into_bytes())
            }
            None => ("application/json", body.to_string().into_bytes()),
        };
        reply.headers.retain(|(name, _)| name != "content-type");
        reply.body = bytes;
        Ok(reply.with("content-type", kind))
    }

    pub(super) fn jwt_candidates(&self, spec: &Jwt, all: &mut Candidates) {
        if let Some(call) = &spec.exchange {
            all.push((Role::Exchange, Expected::call(&self.script, call, &[("jwt", unknown("jwt"))])));
        }
    }

    pub(super) fn exchanged(&mut self) -> Result<Reply, String> {
        let access = self.fresh("at");
        self.access = Some(access.clone());
        let mut body = json!({ "access_token": access, "token_type": "Bearer", "expires_in": LIFETIME });
        self.with_answers(&mut body, "token")?;
        Ok(Reply::json(200, &body))
    }

    /// The JWT that goes along with a request of that kind.
    pub(super) fn jwt_of(&self, role: &Role) -> Option<Jwt> {
        match (&self.script.manifest.auth, role) {
            (AuthSpec::Jwt(spec), _) => Some((**spec).clone()),
            (AuthSpec::AppInstallation(spec), _) => Some(spec.jwt.clone()),
            (AuthSpec::Session(spec), Role::Step(at)) => spec.steps.get(*at)?.jwt.clone(),
            _ => None,
        }
    }

    pub(super) fn installation_candidates(&self, spec: &AppInstallation, all: &mut Candidates) {
        let page = self.script.url(&spec.install_url, &[]).map(|url| {
            let mut it = Expected::to("GET", &url);
            it.query.push(("state".into(), unknown("state")));
            it
        });
        all.push((Role::Authorize, page));
        if let Some(user) = &spec.user {
            all.push((Role::UserCode, self.code_request(user)));
        }
        if let (Some(listed), Some(person)) = (&spec.installations, &self.person) {
            let known = [("access_token", person.clone())];
            all.push((Role::Installations, Expected::call(&self.script, &listed.call, &known)));
        }
        let known = [("installation_id", INSTALLATION.to_owned()), ("jwt", unknown("jwt"))];
        all.push((Role::InstallationToken, Expected::call(&self.script, &spec.token, &known)));
    }

    pub(super) fn installation(&mut self, role: &Role) -> Result<Reply, String> {
        let AuthSpec::AppInstallation(spec) = self.script.manifest.auth.clone() else { return Err("no app".into()) };
        match role {
            Role::UserCode => {
                let person = self.fresh("ut");
                self.code = None;
                self.person = Some(person.clone());
                let mut body = json!({});
                let paths = spec.user.as_ref().map(|user| user.token_paths.clone()).unwrap_or_default();
                put(&mut body, &paths.access_token, person.into())?;
                Ok(Reply::json(200, &body))
            }
            Role::Installations => {
                let listed = spec.installations.as_ref().ok_or("no list")?;
                let mut mine = json!({});
                put(&mut mine, &listed.id, json!(4711))?;
                let list = json!([{ "other": true }, mine]);
                let mut body = json!({});
                match &listed.items {
                    Some(path) => put(&mut body, path, list)?,
                    None => body = list,
                }
                Ok(Reply::json(200, &body))
            }
            _ => {
                let access = self.fresh("at");
                self.access = Some(access.clone());
                let mut body = json!({});
                put(&mut body, &spec.token_paths.access_token, access.into())?;
                let end = self.now + chrono::TimeDelta::seconds(LIFETIME);
                put(
                    &mut body,
                    &spec.token_paths.expires_at,
                    end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
                )?;
                self.with_answers(&mut body, "token")?;
                Ok(Reply::json(201, &body))
            }
        }
    }
}

/// A value as XML: members are elements.
fn xml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, inner)| format!("<{name}>{}</{name}>", xml(inner))).collect()
        }
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;"),
        other => other.to_string(),
    }
}

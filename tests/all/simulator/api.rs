//! The API side: what takes the credential, says whose account it is, lists things page by page and asks to wait.

use domain::manifest::{AuthSpec, PaginationSpec, ResetFormat};
use serde_json::{Value, json};
use url::Url;

use super::{
    exchanges::INSTALLATION,
    expected::{Body, Expected, method, put},
    provider::{Provider, Role},
    script::unknown,
    wire::{Reply, Seen},
};

/// Below the base URL: a list of things.
pub const THINGS: &str = "/patchbay-simulator/things";
/// Below the base URL: what asks to wait.
pub const TOO_MANY: &str = "/patchbay-simulator/too-many";
/// For so long, in seconds.
pub const WAIT: i64 = 120;
/// How many pages there are.
pub const PAGES: usize = 3;

impl Provider {
    pub(super) fn api_candidates(&self, all: &mut Vec<(Role, Result<Expected, String>)>) {
        let manifest = &self.script.manifest;
        all.extend(self.role_candidate().map(|expected| (Role::Assumption, expected)));
        if let Some(spec) = &manifest.revocation {
            let mut known: Vec<(&str, String)> = vec![("jwt", unknown("jwt"))];
            known.extend(self.access.iter().map(|access| ("access_token", access.clone())));
            known.extend(self.refresh.iter().map(|refresh| ("refresh_token", refresh.clone())));
            if matches!(manifest.auth, AuthSpec::AppInstallation(_)) {
                known.push(("installation_id", INSTALLATION.to_owned()));
            }
            let call = Expected::call(&self.script, &spec.call, &known);
            let call = call.map(|it| if spec.with_credential { self.with_credential(it, false) } else { it });
            all.push((Role::RevokeCall, call));
        }
        if let Some(spec) = &manifest.verification {
            let call = self.asked(method(spec.method), &spec.url, spec.json.as_deref());
            all.push((Role::Verification, call));
        }
        if let Some((spec, url)) = manifest.identity.as_ref().and_then(|spec| Some((spec, spec.url.as_ref()?))) {
            all.push((Role::Identity, self.asked(method(spec.method), url, spec.json.as_deref())));
        }
        for (role, path) in [(Role::Things, THINGS), (Role::TooMany, TOO_MANY)] {
            let call = self.script.base().and_then(|base| {
                let front = base.as_str().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_owned();
                let url: Url = format!("{front}{path}").parse().map_err(|_| "no URL")?;
                let mut it = Expected::to(if self.posts() { "POST" } else { "GET" }, &url);
                if self.posts() {
                    it.body = Body::Json(json!({}));
                }
                if let Some((name, _)) = self.page_param().filter(|_| role == Role::Things) {
                    it.query.push((name, unknown("page")));
                }
                if let Some(name) = self.size_param().filter(|_| role == Role::Things) {
                    it.query.push((name, "2".into()));
                }
                Ok(self.with_credential(it, true))
            });
            all.push((role, call));
        }
    }

    fn asked(&self, by: &str, url: &domain::manifest::Template, json: Option<&str>) -> Result<Expected, String> {
        let mut it = Expected::to(by, &self.script.url(url, &[])?).header("accept", "application/json");
        if let Some(json) = json {
            it.body = Body::Json(serde_json::from_str(json).map_err(|error| error.to_string())?);
        }
        Ok(self.with_credential(it, true))
    }

    /// Whether the credential needs a body to be in.
    pub fn posts(&self) -> bool {
        !self.script.manifest.api.credential.body.is_empty()
    }

    fn with_credential(&self, mut it: Expected, with_headers: bool) -> Expected {
        let manifest = &self.script.manifest;
        if with_headers {
            for (name, text) in &manifest.api.headers {
                if let Some(value) = self.script.text(text, &[]) {
                    it.headers.insert(name.to_ascii_lowercase(), value);
                }
            }
        }
        let token = match &manifest.auth {
            AuthSpec::Jwt(spec) if spec.exchange.is_none() => Some(unknown("jwt")),
            AuthSpec::None | AuthSpec::Key | AuthSpec::OAuth1(_) => None,
            // Nobody has one yet: none is right.
            _ => Some(self.access.clone().unwrap_or_else(|| "\u{0}none".into())),
        };
        let placement = &manifest.api.credential;
        it.signed = self.signature_sets();
        match &token {
            Some(token) if *placement == domain::manifest::Placement::default() => {
                it.header("authorization", format!("Bearer {token}"))
            }
            _ => {
                let known: Vec<(&str, String)> = token.iter().map(|token| ("access_token", token.clone())).collect();
                it.placed(&self.script, placement, &known)
            }
        }
    }

    /// Whose account it is, and that the credential works, wherever the manifest looks for it.
    pub(super) fn described(&mut self, seen: &Seen) -> Result<Reply, String> {
        let manifest = self.script.manifest.clone();
        let mut body = Value::Null;
        let mut status = 200;
        let is_asked = |by, url: Option<&domain::manifest::Template>| {
            url.is_some_and(|url| self.asked(method(by), url, None).is_ok_and(|expected| expected.is_for(seen)))
        };
        let identity = manifest.identity.as_ref().filter(|spec| is_asked(spec.method, spec.url.as_ref()));
        let verification = manifest.verification.as_ref().filter(|spec| is_asked(spec.method, Some(&spec.url)));
        if let Some(spec) = identity {
            self.with_answers(&mut body, "identity")?;
            let told = self.script.answers("identity");
            let told = |path: &String| told.iter().find(|(at, _)| at == path).map(|(_, value)| value.clone());
            if let Some(path) = &spec.account {
                // A value that the manifest takes from the same place is the account's id, too.
                self.script.account = told(path).unwrap_or_else(|| self.script.account.clone());
                put(&mut body, path, self.script.account.clone().into())?;
            }
            if let Some(path) = &spec.name {
                let same = spec.account.as_ref() == Some(path);
                let name = if same { self.script.account.clone() } else { self.script.account_name.clone() };
                self.script.account_name = told(path).unwrap_or(name);
                put(&mut body, path, self.script.account_name.clone().into())?;
            }
        }
        if let Some(spec) = verification {
            status = spec.statuses.first().copied().unwrap_or(200);
            let there = |body: &Value, path: &str| path.split('.').try_fold(body, |at, name| at.get(name)).is_some();
            if let Some(path) = spec.present.as_ref().filter(|path| !there(&body, path)) {
                put(&mut body, path, json!(true))?;
            }
        }
        let body = if body.is_null() { json!({}) } else { body };
        Ok(self.with_limits(Reply::json(status, &body), 41, 60))
    }

    /// The answer to too many requests.
    pub(super) fn too_many(&self) -> Reply {
        let spec = self.script.manifest.rate_limit.as_ref();
        let status = spec.and_then(|spec| spec.throttled_statuses.first().copied()).unwrap_or(429);
        let reply = Reply::json(status, &json!({ "error": "rate_limited" }));
        let says_when = spec.is_some_and(|spec| spec.reset_header.is_some() && spec.remaining_header.is_some());
        let reply = if says_when { reply } else { reply.with("retry-after", WAIT.to_string()) };
        self.with_limits(reply, 0, WAIT)
    }

    /// The headers in which the provider says what is left.
    fn with_limits(&self, mut reply: Reply, left: u32, seconds: i64) -> Reply {
        let Some(spec) = &self.script.manifest.rate_limit else { return reply };
        let set: Vec<String> = reply.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let is_set = |name: &String| set.contains(&name.to_ascii_lowercase());
        if let Some(name) = &spec.limit_header {
            reply = reply.with(name, "100");
        }
        if let Some(name) = &spec.remaining_header {
            reply = reply.with(name, left.to_string());
        }
        if let Some(name) = spec.reset_header.as_ref().filter(|name| !is_set(name)) {
            // By the clock of the outbound client, which is the system's.
            let end = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
            let text = match spec.reset_format {
                ResetFormat::Unix => end.timestamp().to_string(),
                ResetFormat::UnixMs => end.timestamp_millis().to_string(),
                ResetFormat::Seconds => seconds.to_string(),
                ResetFormat::Milliseconds => (seconds * 1000).to_string(),
                ResetFormat::Rfc3339 => end.to_rfc3339(),
            };
            reply = reply.with(name, text);
        }
        reply
    }

    /// The parameter that says which page, and what it says of the first.
    pub fn page_param(&self) -> Option<(String, String)> {
        match self.pagination()? {
            PaginationSpec::Page { param, first, .. } => Some((param.clone(), first.to_string())),
            PaginationSpec::Offset { param, .. } => Some((param.clone(), "0".into())),
            PaginationSpec::Cursor { param, .. } => Some((param.clone(), "begin".into())),
            PaginationSpec::Link { .. } | PaginationSpec::NextUrl { .. } => Some(("simulated_page".into(), "0".into())),
        }
    }

    /// The parameter with a page's size, where it is not the one with the page.
    pub fn size_param(&self) -> Option<String> {
        match self.pagination()? {
            PaginationSpec::Page { size_param, .. }
            | PaginationSpec::Offset { size_param, .. }
            | PaginationSpec::Cursor { size_param, .. }
            | PaginationSpec::Link { size_param, .. }
            | PaginationSpec::NextUrl { size_param, .. } => size_param.clone(),
        }
    }

    /// Where the items are. Where the manifest does not say, and they cannot be the whole answer, they are `things`.
    pub fn items_path(&self) -> Option<String> {
        let usual = || Some("things".to_owned());
        match self.pagination()? {
            PaginationSpec::Cursor { items, .. } | PaginationSpec::NextUrl { items, .. } => {
                items.clone().or_else(usual)
            }
            PaginationSpec::Page { items, .. }
            | PaginationSpec::Offset { items, .. }
            | PaginationSpec::Link { items, .. } => items.clone(),
        }
    }

    /// A page of things.
    pub(super) fn things(&mut self, seen: &Seen) -> Result<Reply, String> {
        let Some(spec) = self.pagination().cloned() else {
            return Ok(self.with_limits(Reply::json(200, &json!({ "things": [1, 2] })), 40, 60));
        };
        let (param, _) = self.page_param().ok_or("no page")?;
        let asked = seen.param(&param).ok_or("no page was asked for")?;
        let number = asked.parse::<usize>();
        let at = match &spec {
            PaginationSpec::Page { first, .. } => {
                number.ok().and_then(|n| n.checked_sub(usize::try_from(*first).ok()?))
            }
            PaginationSpec::Offset { .. } => number.ok().map(|n| n / 2),
            PaginationSpec::Cursor { .. } => match asked.strip_prefix("cursor ") {
                Some(n) => n.parse().ok(),
                None => (asked == "begin").then_some(0),
            },
            PaginationSpec::Link { .. } | PaginationSpec::NextUrl { .. } => number.ok(),
        };
        let at = at.filter(|at| *at < PAGES).ok_or_else(|| format!("there is no page {asked}"))?;
        let items = json!([{ "id": at * 2 }, { "id": at * 2 + 1 }]);
        let mut body = Value::Null;
        match self.items_path() {
            Some(path) => put(&mut body, &path, items)?,
            None => body = items,
        }
        let is_last = at + 1 == PAGES;
        let next_url = || {
            let mut url: Url = format!("https://{}{}", seen.host, seen.path).parse().map_err(|_| "no URL")?;
            let size = self.size_param();
            let kept = seen.params().into_iter().filter(|(name, _)| size.as_ref() == Some(name));
            let pairs: Vec<(String, String)> = kept.chain([(param.clone(), (at + 1).to_string())]).collect();
            url.query_pairs_mut().extend_pairs(pairs);
            Ok::<_, String>(url)
        };
        let mut link = None;
        match &spec {
            PaginationSpec::Cursor { next, .. } if !is_last => {
                put(&mut body, next, format!("cursor {}", at + 1).into())?;
            }
            PaginationSpec::NextUrl { next, .. } if !is_last => {
                put(&mut body, next, next_url()?.as_str().into())?;
            }
            PaginationSpec::Link { .. } if !is_last => link = Some(next_url()?),
            _ => {}
        }
        let reply = self.with_limits(Reply::json(200, &body), 40, 60);
        Ok(match link {
            Some(url) => reply.with("link", format!("<{url}>; rel=\"next\"")),
            None => reply,
        })
    }
}

//! A request as it must come, and in what the one that came differs.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::manifest::{BasicPlacement, CallBody, CallMethod, CallSpec, Placement};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{
    script::{Known, Script},
    wire::Seen,
};

/// A body as it must come.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Body {
    #[default]
    None,
    Form(Vec<(String, String)>),
    Json(Value),
    Text(String),
}

/// A request as it must come.
#[derive(Debug, Clone)]
pub struct Expected {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub body: Body,
    /// Headers and parameters that a signature sets: checked by whoever checks the signature.
    pub signed: Vec<String>,
}

/// In what a request differs, and what was read where only the other side knew the text.
#[derive(Debug, Default)]
pub struct Compared {
    pub complaints: Vec<String>,
    pub read: BTreeMap<String, String>,
}

impl Expected {
    /// A request to a URL, with its query.
    pub fn to(method: &str, url: &Url) -> Self {
        Self {
            method: method.to_owned(),
            host: host_of(url),
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers: BTreeMap::new(),
            body: Body::None,
            signed: Vec::new(),
        }
    }

    /// A call of the manifest.
    pub fn call(script: &Script, spec: &CallSpec, known: Known<'_>) -> Result<Self, String> {
        let mut it = Self::to(method(spec.method), &script.url(&spec.url, known)?);
        let texts = |table: &BTreeMap<String, domain::manifest::TextTemplate>| -> Vec<(String, String)> {
            table.iter().filter_map(|(name, text)| Some((name.clone(), script.text(text, known)?))).collect()
        };
        it.query.extend(texts(&spec.query));
        it.headers.extend(texts(&spec.headers).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
        if let Some(basic) = &spec.basic {
            it.headers.insert("authorization".into(), authorization(script, basic, known));
        }
        it.body = match (&spec.content, spec.body) {
            (_, CallBody::None) => Body::None,
            (Some(content), CallBody::Json) => {
                let text = script.text_in(content, known, |value| {
                    let quoted = Value::from(value).to_string();
                    quoted[1..quoted.len() - 1].to_owned()
                });
                let text = text.unwrap_or_default();
                Body::Json(serde_json::from_str(&text).map_err(|error| format!("the content is no JSON: {error}"))?)
            }
            (Some(content), CallBody::Xml) => {
                let escape = |value: String| {
                    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                    value.replace('"', "&quot;").replace('\'', "&apos;")
                };
                Body::Text(script.text_in(content, known, escape).unwrap_or_default())
            }
            (Some(content), CallBody::Form) => {
                let text = script.text_in(content, known, |value| {
                    form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
                });
                Body::Form(form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect())
            }
            (None, CallBody::Json) => {
                let mut object = Value::Object(Map::new());
                for (name, value) in texts(&spec.fields) {
                    put(&mut object, &name, value.into())?;
                }
                Body::Json(object)
            }
            (None, _) => Body::Form(texts(&spec.fields)),
        };
        Ok(it)
    }

    /// With a credential as the API takes it, signatures aside.
    pub fn placed(mut self, script: &Script, placement: &Placement, known: Known<'_>) -> Self {
        for (name, text) in &placement.headers {
            if let Some(value) = script.text(text, known) {
                self.headers.insert(name.to_ascii_lowercase(), value);
            }
        }
        for (name, text) in &placement.query {
            if let Some(value) = script.text(text, known) {
                self.query.retain(|(have, _)| have != name);
                self.query.push((name.clone(), value));
            }
        }
        for (name, text) in &placement.body {
            let Some(value) = script.text(text, known) else { continue };
            match &mut self.body {
                Body::Json(Value::Object(members)) => {
                    members.insert(name.clone(), value.into());
                }
                Body::Form(fields) => fields.push((name.clone(), value)),
                _ => {}
            }
        }
        if let (Some(text), Ok(base)) = (&placement.path, script.base()) {
            let front = base.path().trim_end_matches('/').to_owned();
            let beginning = script.text(text, known).unwrap_or_default();
            let rest = self.path.strip_prefix(front.as_str()).unwrap_or_default().to_owned();
            self.path = [front, beginning, rest].concat();
        }
        if let Some(basic) = &placement.basic {
            self.headers.insert("authorization".into(), authorization(script, basic, known));
        }
        self
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// Whether a request goes there at all.
    pub fn is_for(&self, seen: &Seen) -> bool {
        self.method == seen.method && self.host == seen.host && decoded(&self.path) == decoded(&seen.path)
    }

    /// In what a request that goes there differs.
    pub fn compare(&self, seen: &Seen) -> Compared {
        let mut out = Compared::default();
        let query: Vec<(String, String)> =
            seen.params().into_iter().filter(|(name, _)| !self.signed.contains(&format!("?{name}"))).collect();
        let wanted: Vec<(String, String)> =
            self.query.iter().filter(|(name, _)| !self.signed.contains(&format!("?{name}"))).cloned().collect();
        out.pairs("query", &wanted, &query);
        for (name, wanted) in &self.headers {
            match seen.header(name) {
                None => out.complaints.push(format!("there is no header {name}")),
                Some(found) => out.text(&format!("header {name}"), wanted, found),
            }
        }
        let may_authorize =
            self.headers.contains_key("authorization") || self.signed.contains(&"authorization".to_owned());
        if let (false, Some(found)) = (may_authorize, seen.header("authorization")) {
            out.complaints.push(format!("an Authorization header that nobody asked for: {found}"));
        }
        match &self.body {
            Body::None if seen.body.is_empty() => {}
            Body::None => out.complaints.push(format!("a body that nobody asked for: {}", seen.text())),
            Body::Form(wanted) => {
                out.kind(seen, "application/x-www-form-urlencoded", &self.headers);
                out.pairs("form", wanted, &seen.form());
            }
            Body::Json(wanted) => {
                out.kind(seen, "application/json", &self.headers);
                match seen.json() {
                    Some(found) => out.json("body", wanted, &found),
                    None => out.complaints.push(format!("the body is no JSON: {}", seen.text())),
                }
            }
            Body::Text(wanted) => out.text("body", wanted, &seen.text()),
        }
        out
    }
}

impl Compared {
    fn kind(&mut self, seen: &Seen, wanted: &str, headers: &BTreeMap<String, String>) {
        let found = seen.header("content-type").unwrap_or_default();
        if !headers.contains_key("content-type") && found.split(';').next() != Some(wanted) {
            self.complaints.push(format!("the body's type is `{found}`, not {wanted}"));
        }
    }

    /// Each wanted pair once, and nothing else.
    fn pairs(&mut self, what: &str, wanted: &[(String, String)], found: &[(String, String)]) {
        let mut left: Vec<&(String, String)> = found.iter().collect();
        for (name, value) in wanted {
            let same = left.iter().position(|(have, text)| have == name && is(value, text).is_some());
            match same.or_else(|| left.iter().position(|(have, _)| have == name)) {
                Some(at) => {
                    let (_, text) = left.remove(at);
                    self.text(&format!("{what} {name}"), value, text);
                }
                None => self.complaints.push(format!("{what} {name} is missing")),
            }
        }
        for (name, value) in left {
            self.complaints.push(format!("{what} {name}={value} was not asked for"));
        }
    }

    fn text(&mut self, what: &str, wanted: &str, found: &str) {
        match is(wanted, found) {
            Some(read) => self.read.extend(read),
            None => self.complaints.push(format!("{what} is `{found}`, not `{}`", shown(wanted))),
        }
    }

    fn json(&mut self, what: &str, wanted: &Value, found: &Value) {
        match (wanted, found) {
            (Value::String(wanted), Value::String(found)) => self.text(what, wanted, found),
            (Value::Object(members), Value::Object(have)) if members.len() == have.len() => {
                for (name, wanted) in members {
                    match have.get(name) {
                        Some(found) => self.json(&format!("{what}.{name}"), wanted, found),
                        None => self.complaints.push(format!("{what}.{name} is missing")),
                    }
                }
            }
            _ if wanted == found => {}
            _ => self.complaints.push(format!("{what} is {found}, not {wanted}")),
        }
    }
}

/// Whether a text is the wanted one; gives what stands where the wanted one says [`super::script::unknown`].
pub fn is(wanted: &str, found: &str) -> Option<Vec<(String, String)>> {
    let Some((before, rest)) = wanted.split_once('\u{1}') else { return (wanted == found).then(Vec::new) };
    let (name, after) = rest.split_once('\u{2}')?;
    let inner = found.strip_prefix(before)?;
    // Up to what comes next, or to the end.
    let next = after.split('\u{1}').next().unwrap_or_default();
    let end = if next.is_empty() { inner.len() } else { inner.find(next)? };
    let (value, tail) = inner.split_at(end);
    let mut read = is(after, tail)?;
    (!value.is_empty()).then(|| read.push((name.to_owned(), value.to_owned())))?;
    Some(read)
}

fn shown(wanted: &str) -> String {
    wanted.replace('\u{1}', "<").replace('\u{2}', ">")
}

fn decoded(path: &str) -> String {
    let plus = path.replace('+', "%2B");
    form_urlencoded::parse(format!("p={plus}").replace('&', "%26").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Host, and port where the URL names one.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `Authorization: Basic`.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn authorization(script: &Script, spec: &BasicPlacement, known: Known<'_>) -> String {
    let of = |text| script.text(text, known).unwrap_or_default();
    basic(&of(&spec.username), &of(&spec.password))
}

/// The method's name.
pub fn method(of: CallMethod) -> &'static str {
    match of {
        CallMethod::Get => "GET",
        CallMethod::Post => "POST",
        CallMethod::Put => "PUT",
        CallMethod::Delete => "DELETE",
    }
}

/// Puts a value at a dotted path; numbers make lists.
pub fn put(at: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let bare = at.is_null() || at.as_object().is_some_and(Map::is_empty);
    let next = match first.parse::<usize>() {
        Ok(index) if bare || at.is_array() => {
            if bare {
                *at = Value::Array(Vec::new());
            }
            let items = at.as_array_mut().ok_or("no list")?;
            while items.len() <= index {
                items.push(Value::Null);
            }
            &mut items[index]
        }
        _ => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let members = at.as_object_mut().ok_or_else(|| format!("`{path}` lies below what is no object"))?;
            members.entry(first).or_insert(Value::Null)
        }
    };
    match rest {
        Some(rest) => put(next, rest, value),
        None if next.is_null() || *next == value => {
            *next = value;
            Ok(())
        }
        None => Err(format!("two values for `{path}`: {next} and {value}")),
    }
}

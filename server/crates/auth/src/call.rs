//! A request that a manifest describes, made, and what is taken from its answer.

use std::time::Duration;

use domain::{
    manifest::{CallBody, CallMethod, CallSpec},
    secret::Secret,
};
use egress::{Credential, Masker, Reach, Request, Response};
use http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, SET_COOKIE},
};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::{
    account::{Account, Known, Outside},
    answer::Refusal,
    failure::{Failure, Misconfigured},
    path, xml,
};

/// No honest answer to a sign-in is longer, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;
/// Longest wait; slow ones take half a minute.
const DEADLINE: Duration = Duration::from_secs(45);

/// An answer, with its body read as far as it can be.
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// The body as JSON; XML as elements by name, text under its element.
    pub(crate) body: Option<Value>,
    /// Whether it came as XML.
    pub(crate) is_xml: bool,
}

pub(crate) fn method(method: CallMethod) -> Method {
    match method {
        CallMethod::Get => Method::GET,
        CallMethod::Post => Method::POST,
        CallMethod::Put => Method::PUT,
        CallMethod::Delete => Method::DELETE,
    }
}

impl Account<'_> {
    /// Makes a call of the manifest. `credential` goes along with it if there is one. An error status is an answer.
    pub(crate) async fn call(
        &self,
        out: Outside<'_>,
        spec: &CallSpec,
        known: Known<'_>,
        credential: Option<Credential>,
    ) -> Result<Answered, Failure> {
        let mut url = self.url_knowing(&spec.url, known)?;
        let reach = Reach::hosts_of([&url]);
        // Secrets of the call travel as a credential: no log of the outbound client names them.
        let mut carried = credential.unwrap_or_default();
        for (name, template) in &spec.query {
            if let Some(value) = self.text(template, known)? {
                if template.holes().next().is_some() {
                    carried = carried.and(Credential::query(name, &value));
                } else {
                    url.query_pairs_mut().append_pair(name, value.expose());
                }
            }
        }
        let mut request = Request::new(method(spec.method), url, reach);
        let accept = if spec.body == CallBody::Xml { "text/xml, application/xml" } else { "application/json" };
        request.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        for (name, template) in &spec.headers {
            let Some(value) = self.text(template, known)? else { continue };
            let bad = || Failure::ClientMisconfigured(Misconfigured::Request(format!("`{name}` is no header")));
            let name: HeaderName = name.parse().map_err(|_| bad())?;
            if template.holes().next().is_some() {
                carried = carried.and(Credential::header(name, "", &value, ""));
            } else {
                request.headers.insert(name, HeaderValue::from_str(value.expose()).map_err(|_| bad())?);
            }
        }
        if let Some(basic) = &spec.basic {
            let user = self.text(&basic.username, known)?.unwrap_or_else(|| Secret::new(""));
            let password = self.text(&basic.password, known)?.unwrap_or_else(|| Secret::new(""));
            carried = carried.and(Credential::basic(user.expose(), &password));
        }
        if let Some((kind, body)) = self.body(spec, known)? {
            if !request.headers.contains_key(CONTENT_TYPE) {
                request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            request.body = body.expose().to_owned().into();
        }
        request.credential = Some(carried);
        request.deadline = Some(DEADLINE);
        request.max_response = Some(LONGEST_ANSWER);
        Ok(Answered::of(out.egress.send(request).await?))
    }

    fn body(&self, spec: &CallSpec, known: Known<'_>) -> Result<Option<(&'static str, Secret)>, Failure> {
        let kind = match spec.body {
            CallBody::None => return Ok(None),
            CallBody::Form => "application/x-www-form-urlencoded",
            CallBody::Json => "application/json",
            CallBody::Xml => "text/xml; charset=utf-8",
        };
        if let Some(content) = &spec.content {
            let escape = |value: Secret| escaped(spec.body, &value);
            let text = self.text_in(content, known, escape)?.unwrap_or_else(|| Secret::new(""));
            return Ok(Some((kind, text)));
        }
        let mut fields = Vec::new();
        for (name, template) in &spec.fields {
            if let Some(value) = self.text(template, known)? {
                fields.push((name.as_str(), value));
            }
        }
        let text = match spec.body {
            CallBody::Json => nested(&fields).to_string(),
            _ => form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields.iter().map(|(name, value)| (*name, value.expose())))
                .finish(),
        };
        Ok(Some((kind, Secret::new(text))))
    }
}

/// The fields as a JSON object; a dot in a name leads one object deeper.
fn nested(fields: &[(&str, Secret)]) -> Value {
    let mut root = Map::new();
    for (name, value) in fields {
        put(&mut root, name, value.expose());
    }
    Value::Object(root)
}

fn put(at: &mut Map<String, Value>, name: &str, value: &str) {
    match name.split_once('.') {
        None => {
            at.insert(name.to_owned(), value.into());
        }
        Some((parent, rest)) => {
            if let Value::Object(members) = at.entry(parent).or_insert_with(|| Value::Object(Map::new())) {
                put(members, rest, value);
            }
        }
    }
}

/// A value in the form that a body of that kind needs inside a text of the manifest.
fn escaped(body: CallBody, value: &Secret) -> Secret {
    match body {
        CallBody::Json => {
            let quoted = Value::from(value.expose()).to_string();
            Secret::new(quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default())
        }
        CallBody::Form => Secret::new(form_urlencoded::byte_serialize(value.expose().as_bytes()).collect::<String>()),
        CallBody::Xml => Secret::new(
            value
                .expose()
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
        ),
        CallBody::None => value.clone(),
    }
}

impl Answered {
    pub(crate) fn of(response: Response) -> Self {
        let body = serde_json::from_slice(&response.body).ok();
        let is_xml = body.is_none() && response.body.trim_ascii_start().starts_with(b"<");
        let body = if is_xml { xml::read(&response.body) } else { body };
        Self { response, body, is_xml }
    }

    /// What lies at a place of the answer: `body.a.0.b`, `header.x-session`, `cookie.sid`, `text`.
    pub(crate) fn take(&self, place: &str) -> Option<Secret> {
        if place == "text" {
            let text = std::str::from_utf8(&self.response.body).ok()?.trim();
            return (!text.is_empty()).then(|| Secret::new(text));
        }
        let (kind, name) = place.split_once('.')?;
        match kind {
            "body" => path::text(self.body.as_ref()?, name).map(Secret::new),
            "header" => self.response.headers.get(name)?.to_str().ok().map(Secret::new),
            "cookie" => self.response.headers.get_all(SET_COOKIE).iter().find_map(|header| {
                let (found, rest) = header.to_str().ok()?.split_once('=')?;
                (found.trim() == name).then(|| Secret::new(rest.split(';').next().unwrap_or_default().trim()))
            }),
            _ => None,
        }
    }

    /// The refusal that the answer words, in the provider's words but without what was sent.
    pub(crate) fn refusal(&self, secrets: &[&Secret]) -> Option<Refusal> {
        let masker = Masker::new(secrets.iter().map(|secret| secret.expose()));
        let masked = masker.mask(self.response.body.clone());
        if self.is_xml { xml::refusal(&xml::read(&masked)?) } else { crate::answer::refusal_in(&masked) }
    }

    /// The refusal that the answer is, whether it words one or not.
    pub(crate) fn failure(&self, secrets: &[&Secret]) -> Failure {
        let refusal = self.refusal(secrets).unwrap_or_else(|| Refusal {
            code: match self.response.status.as_u16() {
                401 => "invalid_credentials".into(),
                status => format!("status_{status}"),
            },
            description: None,
        });
        crate::refused::sort(self.response.status, self.response.retry_after, refusal)
    }
}

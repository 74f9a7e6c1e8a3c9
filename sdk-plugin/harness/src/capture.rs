//! Recording a fixture from a live provider. What the plugin says and hears passes here on the inner side of the host's
//! HTTP: the credential has not been added yet, and what the provider reflects of it is masked already. What looks like
//! another secret is taken out before it is kept, in fields, headers, cursors and the queries of links, there and where the
//! link is followed; and the recording is replayed at once, so that one that was broken by that is never written. What is no
//! JSON is looked through for links alone, and said to be.

mod secrets;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use plugin_host::{Connection, HostHttp, HttpFault, HttpRequest, HttpResponse, Plugin, PluginError};
use serde_json::{Value, json};

use self::secrets::{is_key, is_secret, looks_drawn, looks_like_a_token, opens, parameter};
use crate::{
    Call, Fixture, Mismatch, ProviderFolder,
    expectation::{blame_name, cursor_value},
    replay,
    stage::{Played, Source, Stage, Way},
};

/// What stands in place of what was taken out.
pub const STRIPPED: &str = "stripped";

/// What is recorded.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The stream.
    pub stream: String,
    /// Where to begin; nothing for the beginning.
    pub cursor: Option<String>,
    /// A walk that takes more pages is refused: a fixture is to be read.
    pub most_pages: usize,
    /// What the host's clock says all the while, in the recording as well.
    pub now: DateTime<Utc>,
}

/// A recording.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The fixture's text.
    pub fixture: String,
    /// How many requests there were.
    pub exchanges: usize,
    /// How many pages came of them.
    pub pages: usize,
    /// What was taken out, by the path in the answer, `GET /me: body.token`.
    pub stripped: Vec<String>,
    /// Bodies that are no JSON, likewise: nobody has looked for secrets in them but in the queries of links.
    pub unreviewed: Vec<String>,
}

/// Pulls the stream for a connection, and makes a fixture of it that replays.
///
/// # Errors
/// The plugin failed before the first answer, the walk is too long, an answer is not text, or the recording does not
/// replay.
pub async fn capture(
    provider: &ProviderFolder,
    plugin: &Plugin,
    connection: &Connection,
    http: Box<dyn HostHttp>,
    wanted: &Wanted,
) -> Result<Captured, Mismatch> {
    let call = Call::Pull { stream: wanted.stream.clone(), cursor: wanted.cursor.as_deref().map(cursor_value) };
    let live = Fixture::live(connection, wanted.now, call);
    let recorder = Recorder::around(http);
    let way = Way { now: wanted.now, cursor: wanted.cursor.clone(), most_pages: wanted.most_pages };
    let played = Stage { plugin, fixture: &live }.play(&recorder, way).await?;
    let mut kept = recorder.taken();
    if let Some(reason) = kept.unfit.take() {
        return Err(Mismatch(reason));
    }
    if played.endless {
        return Err(Mismatch(format!(
            "stream `{}` goes on after {} pages, which is more than one reads: begin later with --cursor, or make the connection's pages larger",
            wanted.stream, wanted.most_pages
        )));
    }
    if let Some(error) = played.outcome.failure.as_ref().filter(|_| kept.exchanges.is_empty()) {
        return Err(Mismatch(format!("nothing was recorded, for the plugin asked nothing: {error}")));
    }
    let text = written(&live, wanted, &played, &mut kept)?;
    let fixture: Fixture = serde_json::from_str(&text).map_err(|error| Mismatch(error.to_string()))?;
    replay(provider, plugin, "recording", &fixture).await.map_err(|Mismatch(why)| {
        let taken = if kept.stripped.is_empty() {
            String::new()
        } else {
            format!(" (taken out: {})", kept.stripped.join(", "))
        };
        Mismatch(format!("what was recorded does not replay{taken}: {why}"))
    })?;
    Ok(Captured {
        fixture: text,
        exchanges: kept.exchanges.len(),
        pages: played.outcome.pages.len(),
        stripped: kept.stripped,
        unreviewed: kept.unreviewed,
    })
}

fn written(live: &Fixture, wanted: &Wanted, played: &Played, kept: &mut Kept) -> Result<String, Mismatch> {
    let pages = &played.outcome.pages;
    let ids: Vec<&String> = pages.iter().flat_map(|page| &page.items).map(|item| &item.id).collect();
    let deleted: Vec<&String> = pages.iter().flat_map(|page| &page.deleted).collect();
    let mut expect = json!({ "items": ids, "deleted": deleted, "pages": pages.len() });
    match &played.outcome.failure {
        None => {
            // What was taken out of an answer is not in the cursor that comes of it either.
            let mut cursor = pages.last().and_then(|page| page.cursor.as_deref()).map_or(Value::Null, cursor_value);
            kept.strip(&mut cursor, "the last cursor");
            put(&mut expect, "cursor", cursor);
        }
        Some(error) => {
            let wait = match error {
                PluginError::Failure(failure) => failure.retry_after.map(|wait| wait.as_secs()),
                _ => None,
            };
            put(&mut expect, "failure", json!({ "blame": blame_name(error.blame()), "retry_after": wait }));
        }
    }
    let mut pull = json!({ "stream": wanted.stream });
    if let Call::Pull { cursor: Some(cursor), .. } = &live.call {
        let mut cursor = cursor.clone();
        kept.strip(&mut cursor, "the first cursor");
        put(&mut pull, "cursor", cursor);
    }
    let (mut config, mut params) = (json!(live.config), json!(live.params));
    kept.strip(&mut config, "config");
    kept.strip(&mut params, "params");
    let mut fixture = json!({
        "about": format!("Recorded at the provider on {}.", wanted.now.format("%Y-%m-%d")),
        "now": live.now,
        "variables": live.variables,
        "config": config,
    });
    if let Some(account) = &live.account {
        put(&mut fixture, "account", json!(account));
    }
    // The address for webhooks is left out: whoever knows it can knock there.
    if params.as_object().is_some_and(|params| !params.is_empty()) {
        put(&mut fixture, "params", params);
    }
    if let Some(since) = live.since {
        put(&mut fixture, "since", json!(since));
    }
    put(&mut fixture, "call", json!({ "pull": pull }));
    put(&mut fixture, "exchanges", json!(kept.exchanges));
    put(&mut fixture, "expect", expect);
    serde_json::to_string_pretty(&fixture).map(|text| text + "\n").map_err(|error| Mismatch(error.to_string()))
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// Passes requests on and keeps what was said.
#[derive(Clone)]
struct Recorder {
    http: Arc<tokio::sync::Mutex<Box<dyn HostHttp>>>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    exchanges: Vec<Value>,
    stripped: Vec<String>,
    unreviewed: Vec<String>,
    unfit: Option<String>,
}

impl Recorder {
    fn around(http: Box<dyn HostHttp>) -> Self {
        Self { http: Arc::new(tokio::sync::Mutex::new(http)), kept: Arc::default() }
    }

    fn taken(&self) -> Kept {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Source for Recorder {
    fn used(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).exchanges.len()
    }
}

#[async_trait]
impl HostHttp for Recorder {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let answer = self.http.lock().await.fetch(request.clone()).await;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(&request, &answer);
        answer
    }
}

impl Kept {
    fn keep(&mut self, request: &HttpRequest, answer: &Result<HttpResponse, HttpFault>) {
        let place = format!("{} {}", request.method, request.url.split('?').next().unwrap_or_default());
        let url = self.links(&request.url, &place, false);
        let mut asked = json!({ "method": request.method, "url": url });
        let headers = self.headers(&request.headers, &format!("{place}: request header"));
        if !headers.is_empty() {
            put(&mut asked, "headers", json!(headers));
        }
        if let Some(body) = &request.body {
            let body = self.body(body, &format!("{place}: request body"));
            put(&mut asked, "body", body);
        }
        let mut exchange = json!({ "request": asked });
        match answer {
            Ok(response) => {
                let headers = self.headers(&response.headers, &format!("{place}: header"));
                let body = self.body(&response.body, &format!("{place}: body"));
                let response = json!({ "status": response.status, "headers": headers, "body": body });
                put(&mut exchange, "response", response);
            }
            Err(fault) => {
                if let HttpFault::Denied(why) = fault {
                    self.unfit.get_or_insert_with(|| format!("{place}: {why}"));
                }
                put(&mut exchange, "fault", fault_value(fault));
            }
        }
        self.exchanges.push(exchange);
    }

    fn headers(&mut self, headers: &[(String, String)], place: &str) -> BTreeMap<String, String> {
        let mut kept = BTreeMap::new();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            // What binds a session to a caller says nothing to a fixture.
            if matches!(name.as_str(), "set-cookie" | "set-cookie2" | "cookie" | "www-authenticate") || is_secret(&name)
            {
                self.stripped.push(format!("{place} {name}"));
            } else {
                let value = self.links(value, &format!("{place} {name}"), false);
                kept.insert(name, value);
            }
        }
        kept
    }

    fn body(&mut self, bytes: &[u8], place: &str) -> Value {
        if bytes.is_empty() {
            return Value::Null;
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
            self.strip(&mut value, place);
            // A JSON text alone would be read as the text that it holds.
            return if value.is_string() { Value::String(value.to_string()) } else { value };
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.unreviewed.push(place.to_owned());
                Value::String(self.links(text, place, true))
            }
            Err(_) => {
                self.unfit.get_or_insert_with(|| format!("{place} is not text, which a fixture cannot hold"));
                Value::Null
            }
        }
    }

    fn strip(&mut self, value: &mut Value, place: &str) {
        match value {
            Value::Object(object) => {
                for (name, value) in object.iter_mut() {
                    let place = format!("{place}.{name}");
                    let is_taken = value.as_str().is_some_and(|text| {
                        !text.is_empty() && (is_secret(name) || (is_key(name) && looks_drawn(text)))
                    });
                    if is_taken {
                        *value = json!(STRIPPED);
                        self.stripped.push(place);
                    } else {
                        self.strip(value, &place);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.strip(value, place)),
            Value::String(text) if looks_like_a_token(text) => {
                *value = json!(STRIPPED);
                self.stripped.push(place.to_owned());
            }
            Value::String(text) if text.contains("://") || text.starts_with(['/', '?']) => {
                *text = self.links(text, place, false);
            }
            _ => {}
        }
    }

    /// A text without the secrets in its links' queries and fragments. A form is a query alone.
    fn links(&mut self, text: &str, place: &str, is_form: bool) -> String {
        let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
        let mut may_begin = is_form;
        loop {
            if may_begin
                && let Some((name, value, after)) = parameter(rest)
                && !value.is_empty()
                && opens(name)
            {
                self.stripped.push(format!("{place}?{name}"));
                kept.push_str(name);
                kept.push('=');
                kept.push_str(STRIPPED);
                rest = after;
            }
            let Some(next) = rest.chars().next() else { return kept };
            may_begin = matches!(next, '?' | '&' | ';' | '#');
            kept.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
}

fn fault_value(fault: &HttpFault) -> Value {
    match fault {
        HttpFault::Timeout => json!("timeout"),
        HttpFault::TooLarge => json!("too_large"),
        HttpFault::Throttled(wait) => json!({ "throttled": u32::try_from(wait.as_secs()).unwrap_or(u32::MAX) }),
        HttpFault::Unauthorized => json!("unauthorized"),
        HttpFault::Denied(why) | HttpFault::Transport(why) => json!({ "transport": why }),
        HttpFault::Exhausted => json!({ "transport": "the call has used up its requests" }),
    }
}

#[cfg(test)]
mod tests;

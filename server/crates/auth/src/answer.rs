//! The token endpoint's answer, read tolerantly. RFC 6749 §5 says JSON with a few fields; providers send forms, numbers
//! as text, envelopes, JSON inside a JSON text, errors with status 200, pages of HTML, or nothing. Pure: no input makes
//! it panic, and each kind of answer has an outcome of its own.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{manifest::TokenPaths, secret::Secret};
use serde_json::{Map, Value};

use crate::{path, refused::shown, tokens::TokenSet};

/// What the answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// Tokens.
    Tokens(Box<TokenSet>),
    /// A refusal, with whatever status it came.
    Refused(Refusal),
}

/// A refusal as the provider words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's error code, cut short. Text of the provider's: it may repeat what was sent to it.
    pub code: String,
    /// Its description, cut short. Text of the provider's: it may repeat what was sent to it.
    pub description: Option<String>,
}

/// An answer that is neither tokens nor a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// A page for people.
    #[error("it is an HTML page")]
    Html,
    /// Neither JSON nor a form.
    #[error("it is neither JSON nor a form")]
    Malformed,
    /// JSON, but a list of none or several things.
    #[error("it is a list")]
    List,
    /// JSON, but a text, number or the like by itself.
    #[error("it is a bare value")]
    Bare,
    /// Readable, but there is no access token where the manifest says.
    #[error("it holds no access token")]
    NoToken,
    /// Readable, but there is no account id where the manifest says.
    #[error("it holds no account id")]
    NoAccount,
    /// A token with characters that cannot be sent in a header.
    #[error("its access token cannot be sent")]
    OddToken,
}

/// How long something lasts, as an answer says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Nothing is said.
    Unsaid,
    /// It ends then.
    Until(DateTime<Utc>),
    /// Zero or less, by which some providers mean "for ever" and others nothing at all.
    Nonpositive,
    /// Something is said that is no time.
    Unreadable,
}

impl Lifetime {
    /// When it ends, if that was said.
    #[must_use]
    pub const fn end(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Until(end) => Some(end),
            Self::Unsaid | Self::Nonpositive | Self::Unreadable => None,
        }
    }
}

/// What is kept beside the tokens and is ours: no answer may set it.
pub(crate) const OURS: &str = "patchbay_";
/// Numbers above this are points in time, not lifetimes: no token lives for thirty years.
const A_LIFETIME: f64 = 1_000_000_000.0;
/// Points in time above this are in milliseconds.
const IN_SECONDS: f64 = A_LIFETIME * 100.0;
/// What lies beyond is no time.
const NO_TIME: f64 = A_LIFETIME * 10_000.0;
/// What providers call the lifetime of the refresh token, beside the access token's.
const REFRESH_LIFETIMES: [&str; 3] = ["refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in"];

/// Reads an answer. `separator` is what stands between the scopes, beside white space and commas.
///
/// # Errors
/// [`Unreadable`].
pub fn parse(body: &[u8], paths: &TokenPaths, separator: &str, now: DateTime<Utc>) -> Result<TokenAnswer, Unreadable> {
    let mut value = read(body)?;
    let token = path::find(&value, &paths.access_token).and_then(Value::as_str).filter(|t| !t.is_empty());
    let Some(token) = token else {
        return refusal(&value, paths).map(TokenAnswer::Refused).ok_or(Unreadable::NoToken);
    };
    // A token with an error beside it is a contradiction; RFC 6749 gives the error the word.
    if let Some(refusal) = stated_error(&value, paths) {
        return Ok(TokenAnswer::Refused(refusal));
    }
    if !token.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(Unreadable::OddToken);
    }
    let access_token = Secret::new(token);
    let refresh_token = path::text(&value, &paths.refresh_token).map(Secret::new);
    let parent = paths.access_token.rsplit_once('.').map_or("", |(parent, _)| parent);
    let beside = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let at = |path: &str| path::find(&value, path);
    let expires_at = lifetime(at(&paths.expires_in), now).end().or_else(|| moment(at(&paths.expires_at)).end());
    let of_refresh = std::iter::once(paths.refresh_expires_in.clone()).chain(REFRESH_LIFETIMES.map(beside));
    let refresh_expires_at = of_refresh.into_iter().find_map(|name| lifetime(at(&name), now).end());
    let scopes_granted = at(&paths.scope).and_then(|v| scopes(v, separator));
    let token_type = path::text(&value, &beside("token_type")).unwrap_or_else(|| "Bearer".into());
    for secret in [&paths.access_token, &paths.refresh_token] {
        remove(&mut value, secret);
    }
    let extra = match value {
        Value::Object(members) => members.into_iter().filter(|(name, _)| !name.starts_with(OURS)).collect(),
        _ => Map::new(),
    };
    let tokens =
        TokenSet { access_token, refresh_token, token_type, expires_at, refresh_expires_at, scopes_granted, extra };
    Ok(TokenAnswer::Tokens(Box::new(tokens)))
}

/// The refusal that a body words, if it does.
pub(crate) fn refusal_in(body: &[u8]) -> Option<Refusal> {
    refusal(&read(body).ok()?, &TokenPaths::default())
}

/// The body as a JSON object, whatever the content type claims.
fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
    let text = trimmed(text);
    match text.chars().next() {
        None => Err(Unreadable::Empty),
        Some('<') => Err(Unreadable::Html),
        Some('{' | '[') => object(serde_json::from_str(text).map_err(|_| Unreadable::Malformed)?),
        // An answer that was written as JSON twice.
        Some('"') => match serde_json::from_str::<String>(text) {
            Ok(inner) if trimmed(&inner).is_empty() => Err(Unreadable::Empty),
            Ok(inner) => match serde_json::from_str(trimmed(&inner)) {
                Ok(value) => object(value),
                Err(_) => Err(Unreadable::Bare),
            },
            Err(_) => Err(Unreadable::Malformed),
        },
        Some(_) if text.contains('=') && !text.contains(char::is_whitespace) => {
            let members = url::form_urlencoded::parse(text.as_bytes());
            Ok(Value::Object(members.map(|(n, v)| (n.into_owned(), Value::from(v.into_owned()))).collect()))
        }
        Some(_) => Err(match serde_json::from_str::<Value>(text) {
            Ok(_) => Unreadable::Bare,
            Err(_) => Unreadable::Malformed,
        }),
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

fn object(value: Value) -> Result<Value, Unreadable> {
    match value {
        Value::Object(_) => Ok(value),
        // One provider's habit: the answer as the only element of a list.
        Value::Array(items) => {
            let mut items = items.into_iter();
            match (items.next(), items.next()) {
                (Some(only @ Value::Object(_)), None) => Ok(only),
                _ => Err(Unreadable::List),
            }
        }
        _ => Err(Unreadable::Bare),
    }
}

/// How long something lasts: seconds as number or text, or, as some providers have it, a point in time.
#[must_use]
pub fn lifetime(value: Option<&Value>, now: DateTime<Utc>) -> Lifetime {
    timed(
        value,
        |number| if number > A_LIFETIME { at_unix(number) } else { now.checked_add_signed(seconds_of(number)?) },
    )
}

/// When something ends: Unix seconds or milliseconds as number or text, or RFC 3339.
#[must_use]
pub fn moment(value: Option<&Value>) -> Lifetime {
    timed(value, at_unix)
}

fn timed(value: Option<&Value>, end: impl Fn(f64) -> Option<DateTime<Utc>>) -> Lifetime {
    let number = match value {
        None | Some(Value::Null) => return Lifetime::Unsaid,
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => match text.trim() {
            "" => return Lifetime::Unsaid,
            text => match text.parse::<f64>() {
                Ok(number) => Some(number),
                Err(_) => {
                    let read = DateTime::parse_from_rfc3339(text);
                    return read.map_or(Lifetime::Unreadable, |end| Lifetime::Until(end.to_utc()));
                }
            },
        },
        Some(_) => None,
    };
    match number {
        Some(number) if number.is_finite() && number <= 0.0 => Lifetime::Nonpositive,
        Some(number) if number.is_finite() && number <= NO_TIME => {
            end(number).map_or(Lifetime::Unreadable, Lifetime::Until)
        }
        _ => Lifetime::Unreadable,
    }
}

fn at_unix(number: f64) -> Option<DateTime<Utc>> {
    let seconds = if number > IN_SECONDS { number / 1_000.0 } else { number };
    DateTime::UNIX_EPOCH.checked_add_signed(seconds_of(seconds)?)
}

fn seconds_of(seconds: f64) -> Option<TimeDelta> {
    TimeDelta::from_std(std::time::Duration::try_from_secs_f64(seconds.floor()).ok()?).ok()
}

fn scopes(value: &Value, separator: &str) -> Option<Vec<String>> {
    let list: Vec<String> = match value {
        Value::String(text) => {
            let spaced = if separator.is_empty() { text.clone() } else { text.replace(separator, " ") };
            spaced.split(|c: char| c == ',' || c.is_whitespace()).filter(|s| !s.is_empty()).map(Into::into).collect()
        }
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(Into::into).collect(),
        _ => return None,
    };
    Some(list)
}

/// The error that the answer states outright, where the manifest says that errors are.
fn stated_error(value: &Value, paths: &TokenPaths) -> Option<Refusal> {
    match path::find(value, &paths.error)? {
        Value::String(code) if is_bad(code) => Some(worded(code, value, paths)),
        error @ Value::Object(members) if !members.is_empty() => {
            let code = ["code", "type", "status", "error", "message"].iter().find_map(|n| path::text(error, n));
            let said = path::text(error, "message").or_else(|| path::text(error, "description"));
            let code = shown(&code.unwrap_or_else(|| "error".into()));
            let said = said.or_else(|| path::text(value, &paths.error_description));
            Some(Refusal { code, description: said.map(|s| shown(&s)) })
        }
        Value::Number(number) if is_bad(&number.to_string()) => Some(worded(&number.to_string(), value, paths)),
        Value::Array(items) if !items.is_empty() => {
            let code = items.first().and_then(Value::as_str).unwrap_or("error");
            Some(worded(code, value, paths))
        }
        Value::Bool(true) => Some(worded("error", value, paths)),
        _ => None,
    }
}

fn is_bad(code: &str) -> bool {
    !code.is_empty() && !["ok", "0", "0.0", "false", "null"].iter().any(|fine| code.eq_ignore_ascii_case(fine))
}

/// The error in an answer without a token, in whatever words.
fn refusal(value: &Value, paths: &TokenPaths) -> Option<Refusal> {
    stated_error(value, paths).or_else(|| stated_error(value, &TokenPaths::default())).or_else(|| {
        [
            "error_code",
            "errorCode",
            "errcode",
            "code",
            "errors.0.code",
            "errors.0.message",
            "message",
            "error_description",
        ]
        .iter()
        .find_map(|n| path::text(value, n))
        .or_else(|| path::find(value, "error").filter(|found| found.is_object()).map(|_| "error".into()))
        .map(|code| worded(&code, value, paths))
    })
}

fn worded(code: &str, value: &Value, paths: &TokenPaths) -> Refusal {
    let of_manifest = path::text(value, &paths.error_description);
    let usual = ["error_description", "errorDescription", "errorMessage", "errmsg", "message", "errors.0.message"];
    let description = of_manifest.or_else(|| usual.iter().find_map(|n| path::text(value, n)));
    Refusal { code: shown(code), description: description.map(|text| shown(&text)) }
}

/// Takes out what lies at the path, so that it is kept in one place only.
fn remove(value: &mut Value, path: &str) {
    if let Some(members) = value.as_object_mut()
        && members.shift_remove(path).is_some()
    {
        return;
    }
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(p, l)| (p, l));
    let mut at = value;
    for name in parents.split('.').filter(|n| !n.is_empty()) {
        let next = match at {
            Value::Object(members) => members.get_mut(name),
            Value::Array(items) => name.parse::<usize>().ok().and_then(|n| items.get_mut(n)),
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    if let Some(members) = at.as_object_mut() {
        members.shift_remove(last);
    }
}

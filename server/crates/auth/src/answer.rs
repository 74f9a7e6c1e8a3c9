//! The token endpoint's answer, read tolerantly. RFC 6749 §5 says JSON with a few fields; providers send forms, numbers
//! as text, envelopes, errors with status 200, pages of HTML, or nothing. Pure: no input makes it panic.

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

/// Numbers above this are points in time, not lifetimes: no token lives for thirty years.
const A_LIFETIME: f64 = 1_000_000_000.0;
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
        return refusal(&value).map(TokenAnswer::Refused).ok_or(Unreadable::NoToken);
    };
    // A token with an error beside it is a contradiction; RFC 6749 gives the error the word.
    if let Some(refusal) = stated_error(&value) {
        return Ok(TokenAnswer::Refused(refusal));
    }
    if !token.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(Unreadable::OddToken);
    }
    let access_token = Secret::new(token);
    let refresh_token = path::text(&value, &paths.refresh_token).map(Secret::new);
    let parent = paths.access_token.rsplit_once('.').map_or("", |(parent, _)| parent);
    let beside = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let expires_at = path::find(&value, &paths.expires_in).and_then(|v| end(v, now));
    let refresh_expires_at = REFRESH_LIFETIMES.iter().find_map(|n| end(path::find(&value, &beside(n))?, now));
    let scopes_granted = path::find(&value, &paths.scope).and_then(|v| scopes(v, separator));
    let token_type = path::text(&value, &beside("token_type")).unwrap_or_else(|| "Bearer".into());
    for secret in [&paths.access_token, &paths.refresh_token] {
        remove(&mut value, secret);
    }
    let extra = match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let tokens =
        TokenSet { access_token, refresh_token, token_type, expires_at, refresh_expires_at, scopes_granted, extra };
    Ok(TokenAnswer::Tokens(Box::new(tokens)))
}

/// The body as JSON, whatever the content type claims.
fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(Unreadable::Empty),
        Some('<') => Err(Unreadable::Html),
        Some('{' | '[') => match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            // One provider's habit: the answer as the only element of a list.
            Ok(Value::Array(items)) => {
                let mut items = items.into_iter();
                match (items.next(), items.next()) {
                    (Some(only @ Value::Object(_)), None) => Ok(only),
                    _ => Err(Unreadable::Malformed),
                }
            }
            _ => Err(Unreadable::Malformed),
        },
        Some(_) if text.contains('=') && !text.contains(char::is_whitespace) => {
            let members = url::form_urlencoded::parse(text.as_bytes());
            Ok(Value::Object(members.map(|(n, v)| (n.into_owned(), Value::from(v.into_owned()))).collect()))
        }
        Some(_) => Err(Unreadable::Malformed),
    }
}

/// When something ends: a lifetime in seconds as number or text, or a point in time. Zero and less say nothing: some
/// providers mean "never" by it.
fn end(value: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => number,
            Err(_) => return Some(DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc()),
        },
        _ => return None,
    };
    if !number.is_finite() || number <= 0.0 || number > A_LIFETIME * 10_000.0 {
        return None;
    }
    if number > A_LIFETIME {
        let seconds = if number > A_LIFETIME * 100.0 { number / 1_000.0 } else { number };
        return DateTime::UNIX_EPOCH.checked_add_signed(seconds_of(seconds)?);
    }
    now.checked_add_signed(seconds_of(number)?)
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

/// The error that the answer states outright.
fn stated_error(value: &Value) -> Option<Refusal> {
    match value.get("error")? {
        Value::String(code) if !code.is_empty() => Some(worded(code, value)),
        error @ Value::Object(_) => {
            let code = ["code", "type", "status", "error", "message"].iter().find_map(|n| path::text(error, n));
            let said = path::text(error, "message").or_else(|| path::text(error, "description"));
            let code = shown(&code.unwrap_or_else(|| "error".into()));
            Some(Refusal { code, description: said.map(|s| shown(&s)) })
        }
        Value::Bool(true) => Some(worded("error", value)),
        _ => None,
    }
}

/// The error in an answer without a token, in whatever words.
fn refusal(value: &Value) -> Option<Refusal> {
    stated_error(value).or_else(|| {
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
        .map(|code| worded(&code, value))
    })
}

fn worded(code: &str, value: &Value) -> Refusal {
    let description =
        ["error_description", "errorDescription", "errorMessage", "errmsg", "message", "errors.0.message"]
            .iter()
            .find_map(|n| path::text(value, n))
            .map(|text| shown(&text));
    Refusal { code: shown(code), description }
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

//! How bodies, queries and paths are read, and what is said when they cannot be.

use std::{fmt::Display, future::Future, pin::Pin, str::FromStr};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use api_types::ProblemCode;
use serde::de::DeserializeOwned;

use super::problem::Fail;

/// The most that a JSON body may weigh, in bytes.
pub const MOST_JSON_BYTES: usize = 256 * 1024;
/// How deep lists and objects of a body may lie in each other.
pub const MOST_DEPTH: usize = 100;
/// The most items on a page of a list.
pub const MOST_PER_PAGE: u32 = 100;

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Fail;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fail>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json =
            request.headers().get("content-type").and_then(|value| value.to_str().ok()).is_some_and(|value| {
                value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
            });
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                let detail = "Send JSON with `content-type: application/json`.";
                return Err(Fail::new(ProblemCode::UnsupportedMediaType, detail));
            }
            let body = body.await.map_err(|error| body_failure(&error))?;
            parse(&body).map(Self)
        })
    }
}

/// Reads a JSON body, naming the field and the place where it fails.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fail> {
    let bad = |error: &dyn Display| Fail::new(ProblemCode::BadJson, format!("The body is not valid JSON: {error}."));
    // serde_json skips over fields that it does not know without looking at their bytes; RFC 8259 wants UTF-8 throughout.
    let text = std::str::from_utf8(body).map_err(|error| bad(&error))?;
    let shape = Shape::of(text);
    if shape.is_too_deep {
        return Err(bad(&format_args!("it is nested deeper than {MOST_DEPTH} levels")));
    }
    // serde would fill a struct's fields from a list too, by their order.
    if text.trim_start().starts_with('[') {
        return Err(Fail::new(ProblemCode::InvalidFields, "The body must be a JSON object, not a list."));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let said = without_value(error.to_string());
        match path.as_str() {
            _ if !error.is_data() => bad(&error),
            "." => Fail::new(ProblemCode::InvalidFields, format!("The body is not what is expected here: {said}.")),
            _ => Fail::field(path, said),
        }
    })?;
    reader.end().map_err(|error| bad(&error))?;
    if shape.has_nul {
        let detail = "The body holds a NUL (`\\u0000`), which no text can be kept with: leave it out.";
        return Err(Fail::new(ProblemCode::InvalidFields, detail));
    }
    Ok(value)
}

/// Refuses a URL with a NUL in it: no name, id or text has one. What goes through the proxy is the provider's to read.
///
/// # Errors
/// 400, saying so.
pub(super) fn url_without_nul(url: &actix_web::http::Uri) -> Result<(), Fail> {
    let holds = |part: &str| part.contains("%00");
    if !url.path().starts_with("/v1/proxy/") && (holds(url.path()) || url.query().is_some_and(holds)) {
        return Err(Fail::new(ProblemCode::BadRequest, "The URL holds a NUL (`%00`), which no name, id or text has."));
    }
    Ok(())
}

/// What serde says of a value, without the value: a text in a wrong place may be a secret, and answers are logged elsewhere.
fn without_value(said: String) -> String {
    match said.split_once('"').map(|(before, rest)| (before, rest.rsplit_once('"'))) {
        Some((before, Some((_, behind)))) => format!("{}{behind}", before.trim_end()),
        _ => said,
    }
}

/// What serde_json does not tell of a JSON text.
#[derive(Default)]
struct Shape {
    /// Whether lists and objects lie deeper in each other than they may. serde_json counts only those that it reads, not
    /// those in fields that are unknown.
    is_too_deep: bool,
    /// Whether there is a NUL in it. Postgres keeps none, whatever the field.
    has_nul: bool,
}

impl Shape {
    /// What is too deep is not looked at to its end.
    fn of(text: &str) -> Self {
        let mut shape = Self::default();
        let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
        let mut rest = text.as_bytes();
        while let Some((&byte, behind)) = rest.split_first() {
            match byte {
                _ if is_escaped => {
                    is_escaped = false;
                    shape.has_nul |= rest.starts_with(b"u0000");
                }
                b'\\' => is_escaped = in_text,
                b'"' => in_text = !in_text,
                b'[' | b'{' if !in_text => depth += 1,
                b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MOST_DEPTH {
                shape.is_too_deep = true;
                return shape;
            }
            rest = behind;
        }
        shape
    }
}

/// What is said when a body cannot be received.
pub(super) fn body_failure(error: &actix_web::Error) -> Fail {
    if error.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("The body may have {MOST_JSON_BYTES} bytes at most.");
        Fail::new(ProblemCode::BodyTooLarge, detail)
    } else {
        Fail::new(ProblemCode::BadRequest, "The body broke off or is not sent as HTTP asks.")
    }
}

/// The query's parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Fail;
    type Future = std::future::Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string())
            .map(|query| Self(query.into_inner()))
            .map_err(|error| Fail::new(ProblemCode::InvalidFields, format!("The query cannot be read: {error}.")));
        std::future::ready(read)
    }
}

/// An id out of the path; a text that is no id of that kind names nothing that exists.
///
/// # Errors
/// 404 with the form that an id has.
pub fn id<T: FromStr<Err = ids::ParseIdError>>(text: &str, what: &str) -> Result<T, Fail> {
    text.parse().map_err(|error| Fail::new(ProblemCode::NotFound, format!("There is no such {what}: {error}.")))
}

/// `limit` and `cursor` of a list. The cursor is the last id of the page before.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many, 1 to 100; 50 if absent.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    /// How many to read.
    ///
    /// # Errors
    /// 422 outside 1 to 100.
    pub fn limit(&self) -> Result<u32, Fail> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=MOST_PER_PAGE => Ok(limit),
            _ => Err(Fail::field("limit", format!("must be 1 to {MOST_PER_PAGE}"))),
        }
    }

    /// After which id to go on.
    ///
    /// # Errors
    /// 400 if it is not a cursor that we gave out.
    pub fn after<T: FromStr>(&self) -> Result<Option<T>, Fail> {
        self.cursor.as_deref().map(str::parse).transpose().map_err(|_| {
            Fail::new(ProblemCode::BadCursor, "Give `next_cursor` of the page before, unchanged, or nothing.")
        })
    }
}

/// A page of what is shown, which is one more than `limit` if there is more. `cursor` names the last one of a page.
pub fn page<T, C: Display>(mut shown: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> web::Json<api_types::Page<T>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = shown.len() > limit;
    shown.truncate(limit);
    let next_cursor = shown.last().filter(|_| more).map(|last| cursor(last).to_string());
    web::Json(api_types::Page { data: shown, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_and_only_a_nul() {
        for text in [r#"{"a":"\u0000"}"#, r#"{"a":"\\\u0000"}"#, r#"{"\u0000":1}"#, r#"["\n\u0000"]"#, r#""\u00000""#] {
            assert!(Shape::of(text).has_nul, "{text}");
        }
        for text in [r#"{"a":"\\u0000"}"#, r#"{"a":"u0000"}"#, r#"{"a":"\u0001"}"#, r#""\\""#] {
            assert!(!Shape::of(text).has_nul, "{text}");
        }
    }

    #[test]
    fn a_url_is_read_as_it_was_sent() {
        let refused = |url: &str| url_without_nul(&url.parse().unwrap()).is_err();
        assert!(refused("/v1/plugins/%00/versions") && refused("/v1/runs?cursor=a%00"));
        assert!(!refused("/v1/proxy/a%00?b=%00") && !refused("/v1/runs?cursor=%2500"));
    }
}

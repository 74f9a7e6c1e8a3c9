//! Fields that are added to a JSON object or a form, without touching what else is in it.

use bytes::Bytes;
use domain::secret::Secret;
use http::{
    HeaderMap, HeaderValue, Method,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::error::EgressError;

/// How errors call it.
pub(crate) const PLACE: &str = "field of the body: only a JSON object or a form can take one";

/// The body with the fields. An empty body of a method that has one becomes a form or object by its content type, an
/// object where there is none.
pub(crate) fn add(
    body: &Bytes,
    method: &Method,
    headers: &mut HeaderMap,
    fields: &[(String, Secret)],
) -> Result<Bytes, EgressError> {
    let refused = || EgressError::Credential { place: PLACE };
    if headers.contains_key(CONTENT_ENCODING) || matches!(*method, Method::GET | Method::HEAD) {
        return Err(refused());
    }
    if !headers.contains_key(CONTENT_TYPE) && body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).ok_or_else(refused)?;
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Ok(add_to_form(body, fields)),
        "application/json" => add_to_object(body, fields).ok_or_else(refused),
        other if other.ends_with("+json") => add_to_object(body, fields).ok_or_else(refused),
        _ => Err(refused()),
    }
}

fn add_to_form(body: &Bytes, fields: &[(String, Secret)]) -> Bytes {
    let ours = |pair: &[u8]| {
        let name = form_urlencoded::parse(pair).next();
        name.is_some_and(|(name, _)| fields.iter().any(|(ours, _)| *ours == name))
    };
    let mut kept: Vec<Vec<u8>> =
        body.split(|b| *b == b'&').filter(|pair| !pair.is_empty() && !ours(pair)).map(<[u8]>::to_vec).collect();
    for (name, value) in fields {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value.expose()).finish();
        kept.push(pair.into_bytes());
    }
    kept.join(&b'&').into()
}

/// The members of an object as they were written, numbers to the last digit.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn add_to_object(body: &Bytes, fields: &[(String, Secret)]) -> Option<Bytes> {
    let Members(mut members) =
        if body.trim_ascii().is_empty() { Members(Vec::new()) } else { serde_json::from_slice(body).ok()? };
    members.retain(|(name, _)| !fields.iter().any(|(ours, _)| ours == name));
    for (name, value) in fields {
        members.push((name.clone(), serde_json::value::to_raw_value(value.expose()).ok()?));
    }
    let written: Option<Vec<String>> = members
        .iter()
        .map(|(name, value)| Some(format!("{}:{}", serde_json::to_string(name).ok()?, value.get())))
        .collect();
    Some(format!("{{{}}}", written?.join(",")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(kind: Option<&str>, method: Method, body: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        }
        let fields = [("key".to_owned(), Secret::new("a\"&b"))];
        let body = add(&Bytes::from_static(body.as_bytes()), &method, &mut headers, &fields).ok()?;
        Some(String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_5_objects_and_forms_take_the_field_and_keep_the_rest_to_the_byte() {
        let json = Some("application/json; charset=utf-8");
        let form = Some("application/x-www-form-urlencoded");
        for (kind, body, expected) in [
            (
                json,
                r#"{"n": 1.10e400, "big": 123456789012345678901, "key": "forged"}"#,
                r#"{"n":1.10e400,"big":123456789012345678901,"key":"a\"&b"}"#,
            ),
            (json, "{}", r#"{"key":"a\"&b"}"#),
            (json, "", r#"{"key":"a\"&b"}"#),
            (None, "", r#"{"key":"a\"&b"}"#),
            (Some("application/vnd.api+json"), "{\"a\":[]}", r#"{"a":[],"key":"a\"&b"}"#),
            (form, "a=%7e+b&k%65y=forged&c", "a=%7e+b&c&key=a%22%26b"),
            (form, "", "key=a%22%26b"),
        ] {
            assert_eq!(added(kind, Method::POST, body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn a_5_what_cannot_take_a_field_is_refused() {
        for (kind, method, body) in [
            (Some("application/json"), Method::POST, "[1]"),
            (Some("application/json"), Method::POST, "{"),
            (Some("application/json"), Method::POST, "{} {}"),
            (Some("text/plain"), Method::POST, "x"),
            (None, Method::POST, "x"),
            (Some("multipart/form-data; boundary=x"), Method::POST, "--x"),
            (None, Method::GET, ""),
        ] {
            assert_eq!(added(kind, method.clone(), body), None, "{method} {body}");
        }
    }
}

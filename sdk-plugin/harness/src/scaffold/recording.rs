//! The new plugin's fixtures: a walk to the last page, and a credential that is refused.

use std::collections::BTreeMap;

use domain::manifest::{Manifest, PaginationSpec};
use serde_json::{Map, Value, json};
use url::Url;

use super::listing::{Listing, SIZE, pointer, size_param};
use crate::Mismatch;

/// Fixtures of one list, by file name.
pub(super) fn fixtures(
    manifest: &Manifest,
    listing: &Listing,
    pagination: &PaginationSpec,
    values: &BTreeMap<String, String>,
) -> Result<Vec<(String, Value)>, Mismatch> {
    let base = manifest.api.base_url.url(&manifest.variables, values).map_err(|error| Mismatch(error.to_string()))?;
    let stream = &listing.stream;
    let call = json!({ "pull": { "stream": stream } });
    let (exchanges, pages) = walk(listing, pagination, &base);
    let first = exchanges.first().and_then(|exchange| exchange.get("request")).cloned().unwrap_or_default();
    let whole = json!({
        "about": "From the beginning to the last page.",
        "variables": values,
        "call": call,
        "exchanges": exchanges,
        "expect": { "items": ["1", "2", "3"], "pages": pages, "cursor": null }
    });
    let refused = json!({
        "about": "The provider does not accept the credential any more: the end user must connect again.",
        "variables": values,
        "call": call,
        "exchanges": [{ "request": first, "response": { "status": 401, "body": { "message": "Unauthorized" } } }],
        "expect": { "pages": 0, "failure": { "blame": "end_user", "message": "401" } }
    });
    Ok(vec![(format!("{stream}.json"), whole), (format!("{stream}-refused.json"), refused)])
}

/// The exchanges of a walk over three records, and how many pages it takes.
fn walk(listing: &Listing, pagination: &PaginationSpec, base: &Url) -> (Vec<Value>, usize) {
    let size = size_param(pagination).map(|param| format!("{}={SIZE}", encoded(param)));
    let asked = |more: Option<String>| {
        let query: Vec<String> = size.iter().cloned().chain(more).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", listing.path, query.join("&"))
    };
    let at = listing.pointer(pagination);
    let pages = [vec![1, 2], vec![3], vec![]];
    let body = |page: usize| {
        let numbers = pages.get(page).into_iter().flatten();
        let records = numbers.map(|number| record(listing, *number)).collect();
        put(Value::Null, &at, Value::Array(records))
    };
    let exchange = |url: &str, headers: Value, body: Value| json!({ "request": { "method": "GET", "url": url }, "response": { "status": 200, "headers": headers, "body": body } });
    let json_type = json!({ "content-type": "application/json" });
    let second = format!("{}{}?page=2", base.as_str().trim_end_matches('/'), listing.path);
    match pagination {
        PaginationSpec::Link { .. } => {
            let link = json!({ "content-type": "application/json", "link": format!("<{second}>; rel=\"next\"") });
            (vec![exchange(&asked(None), link, body(0)), exchange(&second, json_type, body(1))], 2)
        }
        PaginationSpec::NextUrl { next, .. } => {
            let first = put(body(0), &pointer(next), json!(second));
            let last = put(body(1), &pointer(next), Value::Null);
            (vec![exchange(&asked(None), json_type.clone(), first), exchange(&second, json_type, last)], 2)
        }
        PaginationSpec::Cursor { param, next, .. } => {
            let first = put(body(0), &pointer(next), json!("c2"));
            let last = put(body(1), &pointer(next), Value::Null);
            let second = asked(Some(format!("{}=c2", encoded(param))));
            (vec![exchange(&asked(None), json_type.clone(), first), exchange(&second, json_type, last)], 2)
        }
        PaginationSpec::Page { param, first, .. } => {
            let one = |page: usize, number: u32| {
                exchange(&asked(Some(format!("{}={number}", encoded(param)))), json_type.clone(), body(page))
            };
            (vec![one(0, *first), one(1, first.saturating_add(1)), one(2, first.saturating_add(2))], 3)
        }
        PaginationSpec::Offset { param, .. } => {
            let one = |page: usize, skipped: usize| {
                exchange(&asked(Some(format!("{}={skipped}", encoded(param)))), json_type.clone(), body(page))
            };
            (vec![one(0, 0), one(1, 2), one(2, 3)], 3)
        }
    }
}

/// The sample with an id of its own, of the kind that the sample's has.
fn record(listing: &Listing, number: u32) -> Value {
    let mut record = listing.sample.clone();
    let is_number = record.get(&listing.id).is_some_and(Value::is_number);
    record.insert(listing.id.clone(), if is_number { json!(number) } else { json!(number.to_string()) });
    Value::Object(record)
}

/// The body with a value at a JSON Pointer, objects made on the way to it. An answer that is a list itself stays one.
fn put(body: Value, at: &str, value: Value) -> Value {
    let Some((first, rest)) = at.strip_prefix('/').map(|at| at.split_once('/').unwrap_or((at, ""))) else {
        return value;
    };
    let mut object = match body {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => return other,
    };
    let name = first.replace("~1", "/").replace("~0", "~");
    let inner = object.remove(&name).unwrap_or_default();
    let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
    object.insert(name, put(inner, &rest, value));
    Value::Object(object)
}

/// A parameter's name as the plugin's crate writes it into a query (RFC 3986, unreserved characters as they are).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

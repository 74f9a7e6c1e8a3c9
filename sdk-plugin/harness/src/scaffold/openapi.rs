//! Lists in an OpenAPI document (3.0 and 3.1): addresses without holes whose answer holds records of the same kind.

use serde_json::{Map, Value, json};

use super::listing::Listing;

/// Streams that a new plugin begins with at most: enough to see how, few enough to look through.
const MOST: usize = 3;
/// References that are followed one after the other.
const DEEPEST_REFERENCE: usize = 16;
/// Objects within objects that a sample shows.
const DEEPEST_SAMPLE: usize = 3;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) listings: Vec<Listing>,
    /// The manifest's `[pagination]`, where the lists' parameters tell it.
    pub(super) pagination: Option<String>,
}

/// Looks through the document. A document without a list gives nothing.
pub(super) fn find(document: &Value) -> Found {
    let mut found = Found::default();
    let document = Document(document);
    for (path, item) in document.0.get("paths").and_then(Value::as_object).into_iter().flatten() {
        if found.listings.len() >= MOST {
            break;
        }
        let Some((listing, pagination)) = document.listing(path, item) else { continue };
        // All streams of the new plugin go on in one way: the first one's.
        let fits = found.listings.is_empty() || found.pagination == pagination;
        if fits && !found.listings.iter().any(|known| known.stream == listing.stream) {
            found.listings.push(listing);
            found.pagination = pagination;
        }
    }
    found
}

struct Document<'a>(&'a Value);

impl<'a> Document<'a> {
    fn listing(&self, path: &str, item: &'a Value) -> Option<(Listing, Option<String>)> {
        if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b)) {
            return None;
        }
        let get = item.get("get")?;
        let parameters: Vec<&Value> = [item, get]
            .into_iter()
            .filter_map(|holder| holder.get("parameters")?.as_array())
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .collect();
        let is_required = |p: &&Value| p.get("required").and_then(Value::as_bool) == Some(true);
        if parameters.iter().any(is_required) {
            return None;
        }
        let schema = self.answer(get)?;
        let segment = path.rsplit('/').find(|segment| !segment.is_empty())?;
        let (records, record) = self.records(schema, segment)?;
        let properties = record.get("properties")?.as_object()?;
        let id = ["id", "gid", "uuid", "uid", "key", "slug", "code", "number"]
            .into_iter()
            .find(|name| properties.contains_key(*name))?;
        let sample = self.sample(record, 0).as_object().cloned().unwrap_or_default();
        let listing = Listing { stream: stream_name(segment)?, path: path.to_owned(), records, id: id.into(), sample };
        let queries: Vec<&str> = parameters
            .into_iter()
            .filter(|parameter| text(parameter, "in") == Some("query"))
            .filter_map(|parameter| text(parameter, "name"))
            .collect();
        Some((listing, self.pagination(&queries, schema)))
    }

    /// The schema of a success.
    fn answer(&self, operation: &'a Value) -> Option<&'a Value> {
        let responses = operation.get("responses")?;
        let response = ["200", "2XX", "default"].into_iter().find_map(|status| responses.get(status))?;
        let content = self.resolved(response).get("content")?.as_object()?;
        let media = content.iter().find(|(kind, _)| kind.contains("json")).map(|(_, media)| media)?;
        Some(self.resolved(media.get("schema")?))
    }

    /// Where the records are in an answer, and the schema of one.
    fn records(&self, schema: &'a Value, segment: &str) -> Option<(Option<String>, &'a Value)> {
        if let Some(items) = schema.get("items") {
            return Some((None, self.resolved(items)));
        }
        let properties = schema.get("properties")?.as_object()?;
        let lists: Vec<(&String, &Value)> = properties
            .iter()
            .filter_map(|(name, property)| Some((name, self.resolved(self.resolved(property).get("items")?))))
            .filter(|(name, record)| record.get("properties").is_some() && !name.contains('.'))
            .collect();
        let usual = |name: &str| name == segment || ["data", "items", "results", "records", "values"].contains(&name);
        let named = lists.iter().find(|(name, _)| usual(name));
        let only = if lists.len() == 1 { lists.first() } else { None };
        named.or(only).map(|(name, record)| (Some((*name).clone()), *record))
    }

    fn pagination(&self, queries: &[&str], schema: &'a Value) -> Option<String> {
        let known = |names: &[&'static str]| names.iter().copied().find(|name| queries.contains(name));
        let size = known(&["per_page", "page_size", "pageSize", "limit", "max_results", "maxResults", "count"]);
        let size = size.map(|name| format!("size_param = \"{name}\"\n")).unwrap_or_default();
        let cursor = known(&["cursor", "after", "starting_after", "page_token", "pageToken", "next_token"]);
        let next = ["next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "next", "cursor"];
        let next = next.into_iter().find(|name| schema.get("properties").is_some_and(|p| p.get(name).is_some()));
        let style = if let (Some(param), Some(next)) = (cursor, next) {
            format!("style = \"cursor\"\nparam = \"{param}\"\nnext = \"{next}\"\n")
        } else if let Some(param) = known(&["page", "page_number", "pageNumber"]) {
            format!("style = \"page\"\nparam = \"{param}\"\n")
        } else if let Some(param) = known(&["offset", "skip"]) {
            format!("style = \"offset\"\nparam = \"{param}\"\n")
        } else {
            return None;
        };
        Some(format!("\n[pagination]\n{style}{size}"))
    }

    /// What a reference leads to; the first of what is put together with `allOf`.
    fn resolved(&self, mut value: &'a Value) -> &'a Value {
        for _ in 0..DEEPEST_REFERENCE {
            let referred = text(value, "$ref").and_then(|reference| reference.strip_prefix('#'));
            let all = value.get("allOf").and_then(Value::as_array);
            match (referred.and_then(|pointer| self.0.pointer(pointer)), all) {
                (Some(found), _) => value = found,
                (None, Some(parts)) if value.get("properties").is_none() => match parts.first() {
                    Some(first) => value = first,
                    None => return value,
                },
                _ => return value,
            }
        }
        value
    }

    /// A value of the schema: its example, or one that is made up.
    fn sample(&self, schema: &'a Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        let first = |list: &str| schema.get(list).and_then(Value::as_array).and_then(|values| values.first());
        let given =
            [schema.get("example"), first("examples"), schema.get("const"), schema.get("default"), first("enum")];
        if let Some(given) = given.into_iter().flatten().find(|value| !value.is_null()) {
            return given.clone();
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").unwrap_or(""),
            _ if schema.get("properties").is_some() => "object",
            _ => "",
        };
        match kind {
            "string" => json!(match text(schema, "format") {
                Some("date-time") => "2026-01-01T00:00:00Z",
                Some("date") => "2026-01-01",
                Some("email") => "someone@example.com",
                Some("uri" | "url") => "https://example.com/",
                Some("uuid") => "00000000-0000-4000-8000-000000000000",
                _ => "text",
            }),
            "integer" => json!(1),
            "number" => json!(1.5),
            "boolean" => json!(true),
            "array" => json!([]),
            "object" if depth < DEEPEST_SAMPLE => {
                let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
                let fields = properties.map(|(name, property)| (name.clone(), self.sample(property, depth + 1)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            _ => Value::Null,
        }
    }
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

/// A stream's name made of a path's last segment: `purchaseOrders.json` becomes `purchase_orders`.
fn stream_name(segment: &str) -> Option<String> {
    let bare = segment.strip_suffix(".json").unwrap_or(segment);
    let mut name = String::new();
    for letter in bare.chars() {
        if letter.is_ascii_uppercase() && name.ends_with(|c: char| c.is_ascii_lowercase()) {
            name.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_').to_owned();
    (name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 48).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "paths": {
                "/orders/{id}": { "get": { "responses": { "200": { "content": {} } } } },
                "/health": { "get": { "responses": { "200": { "content": { "application/json": { "schema": { "type": "object" } } } } } } },
                "/v1/purchaseOrders": { "get": {
                    "parameters": [{ "$ref": "#/components/parameters/after" }, { "in": "query", "name": "limit" }],
                    "responses": { "200": { "$ref": "#/components/responses/orders" } }
                } },
                "/v1/reports": { "get": {
                    "parameters": [{ "in": "query", "name": "year", "required": true }],
                    "responses": { "200": { "$ref": "#/components/responses/orders" } }
                } },
                "/v1/tags": { "get": { "responses": { "200": { "$ref": "#/components/responses/orders" } } } },
            },
            "components": {
                "parameters": { "after": { "in": "query", "name": "after" } },
                "responses": { "orders": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Orders" } } } } },
                "schemas": {
                    "Orders": { "properties": {
                        "next_cursor": { "type": "string" },
                        "warnings": { "items": { "type": "string" } },
                        "data": { "type": "array", "items": { "allOf": [{ "$ref": "#/components/schemas/Order" }] } }
                    } },
                    "Order": { "type": "object", "properties": {
                        "id": { "type": "integer" }, "at": { "type": "string", "format": "date-time" },
                        "state": { "enum": ["paid"] }, "again": { "$ref": "#/components/schemas/Order" },
                        "note": { "type": ["null", "string"], "example": null }
                    } }
                }
            }
        })
    }

    #[test]
    fn lists_are_found_with_where_their_records_are_and_how_they_go_on() {
        let found = find(&document());
        let [orders] = &found.listings[..] else { panic!("{found:?}") };
        assert_eq!((orders.stream.as_str(), orders.path.as_str()), ("purchase_orders", "/v1/purchaseOrders"));
        assert_eq!((orders.records.as_deref(), orders.id.as_str()), (Some("data"), "id"));
        assert_eq!((&orders.sample["state"], &orders.sample["note"]), (&json!("paid"), &json!("text")));
        assert_eq!(orders.sample["again"]["again"]["again"], Value::Null);
        let pagination =
            "\n[pagination]\nstyle = \"cursor\"\nparam = \"after\"\nnext = \"next_cursor\"\nsize_param = \"limit\"\n";
        assert_eq!(found.pagination.as_deref(), Some(pagination));
    }

    #[test]
    fn documents_that_lead_nowhere_give_nothing() {
        let round = json!({ "paths": { "/a": { "get": { "responses": { "200": { "$ref": "#/x" } } } } }, "x": { "$ref": "#/x" } });
        for document in [json!(null), json!([]), json!({ "paths": [] }), json!({ "paths": { "/a": 1 } }), round] {
            assert!(find(&document).listings.is_empty(), "{document}");
        }
    }
}

//! The OpenAPI document: complete, and the same as the routing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tree;

/// The document as served.
pub(crate) fn document() -> Value {
    serde_json::from_str(&patchbay::http::openapi::document().to_json().unwrap()).unwrap()
}

/// Every operation as `(method, path, operation)`.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if methods.contains(&method.as_str()) {
                found.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

/// What is documented beside the table, because it takes every method: how it stands in the document, and its handler.
const BESIDE: (&str, &str, [&str; 3]) = ("get", "/v1/proxy/{path}", ["proxy", "send", "send_proxy"]);

/// The file and the handler that are called after a flow, not after a verb of HTTP.
const DESCRIBES: (&str, &str) = ("describe", "get_connect_page");

/// The lines of the routing's table, and what stands beside it, as `(method, path, handler's path)`.
pub(crate) fn routes() -> Vec<(String, String, Vec<String>)> {
    let source = tree::text("server/src/http/routes.rs");
    let lines = source.lines().filter_map(|line| {
        let (route, handler) = line.trim().strip_suffix(';')?.split_once(" => ")?;
        let (method, path) = route.split_once(' ')?;
        let path = path.strip_prefix('"')?.strip_suffix('"')?;
        Some((method.to_owned(), path.to_owned(), handler.split("::").map(str::to_owned).collect()))
    });
    let (method, path, handler) = BESIDE;
    let beside = (method.to_owned(), path.to_owned(), handler.map(str::to_owned).to_vec());
    let registered = format!("\"{}\").route(web::to({}))", path.replace('}', ":.*}"), handler.join("::"));
    assert!(source.contains(&registered), "{registered}");
    lines.chain([beside]).collect()
}

#[test]
fn the_document_and_the_routing_are_one() {
    let document = document();
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let routed: BTreeSet<_> = routes().into_iter().map(|(method, path, _)| (method, path)).collect();
    let table = patchbay::http::routes::TABLE.iter().copied().chain([(BESIDE.0, BESIDE.1)]);
    let table: BTreeSet<_> = table.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(routed, table, "routes.rs was read as it is compiled");
    assert_eq!(documented, table);
}

#[test]
fn operation_ids_are_unique_and_name_their_handlers() {
    let document = document();
    let mut seen = BTreeMap::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id")).to_owned();
        assert_eq!(seen.insert(id.clone(), path.clone()), None, "{id} is used twice");
    }
    for (method, path, handler) in routes() {
        let (function, file) = (handler[handler.len() - 1].as_str(), handler[handler.len() - 2].as_str());
        assert!(seen.contains_key(function), "{method} {path}: its operation id is not `{function}`");
        // A file is called after its verb, or after the part of the resource that it shows; one shows what its flow
        // describes.
        let verb = |name: &str| name.split('_').next().unwrap().to_owned();
        let fits = verb(function) == verb(file) || function.ends_with(file) || (file, function) == DESCRIBES;
        assert!(fits, "{method} {path}: `{file}` does not say what `{function}` does");
    }
}

#[test]
fn every_operation_says_who_may_and_what_comes_back() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let permissions: BTreeSet<_> = domain::permission::Permission::ALL.iter().map(|(_, text)| *text).collect();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{name}: who may call it?"));
        assert!(!security.is_empty(), "{name}: who may call it?");
        for requirement in security {
            for (scheme, scopes) in requirement.as_object().unwrap() {
                assert!(schemes.contains_key(scheme), "{name}: no scheme {scheme}");
                let scopes: Vec<_> = scopes.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
                let wanted = usize::from(scheme == "api_key");
                assert_eq!(scopes.len(), wanted, "{name}: an API key's operation names its one scope");
                assert!(scopes.iter().all(|scope| permissions.contains(scope)), "{name}: {scopes:?} is no scope");
            }
        }
        let responses = operation["responses"].as_object().unwrap_or_else(|| panic!("{name}: no responses"));
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: what does success look like?");
        assert!(responses.contains_key("default"), "{name}: failures are problem documents");
        let described = operation["description"].is_string() || operation["summary"].is_string();
        assert!(described && operation["tags"].is_array(), "{name}: what is it for?");
        for parameter in path.split(['{', '}']).skip(1).step_by(2) {
            let declared = operation["parameters"].as_array().into_iter().flatten();
            let mut declared = declared.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
            assert!(declared.any(|name| name == parameter), "{name}: the parameter {parameter} is not declared");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn visit(value: &Value, document: &Value, count: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer =
                        reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leaves the document"));
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    *count += 1;
                }
                fields.values().for_each(|value| visit(value, document, count));
            }
            Value::Array(items) => items.iter().for_each(|value| visit(value, document, count)),
            _ => {}
        }
    }
    let document = document();
    let mut count = 0;
    visit(&document, &document, &mut count);
    assert!(count > 20, "references were found: {count}");
}

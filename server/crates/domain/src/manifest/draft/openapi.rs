//! From an OpenAPI document (3.0 to 3.2): its servers and security schemes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    DraftError, DraftHints, issuer,
    page::{Page, Variable, quoted, remark, variable_name},
    sound,
};

const EXPECTED: &str = "OpenAPI document";
/// Paths that answer who asks, by their last part.
const WHO: [&str; 8] = ["me", "whoami", "self", "user", "account", "profile", "current", "userinfo"];

/// A draft from an OpenAPI document. `discovered` is the discovery document that [`DraftError::NeedsDiscovery`] asks for.
///
/// # Errors
/// See [`DraftError`].
pub fn from_openapi(document: &Value, discovered: Option<&Value>, hints: &DraftHints) -> Result<String, DraftError> {
    let not_that = |why: &str| DraftError::NotThat { expected: EXPECTED, why: why.to_owned() };
    if document.get("swagger").is_some() {
        return Err(not_that("it is of Swagger 2; convert it to OpenAPI 3 first"));
    }
    let version = text(document, "openapi").ok_or_else(|| not_that("`openapi` is missing"))?;
    if !version.starts_with("3.") {
        return Err(not_that("only versions 3.x are known here"));
    }
    let info = document.get("info").ok_or_else(|| not_that("`info` is missing"))?;
    let docs = text(document.get("externalDocs").unwrap_or(&Value::Null), "url");
    let contact = info.get("contact").and_then(|contact| text(contact, "url"));
    let mut page = Page::begin(text(info, "title").unwrap_or_default(), docs.or(contact), hints);
    server(&mut page, document, hints)?;
    let (name, scheme) = match chosen(document, hints)? {
        Some(chosen) => chosen,
        None => {
            page.auth.push("# Fill in: the document names no way in.".into());
            page.auth.push("mode = \"none\"".into());
            return sound(page.text());
        }
    };
    way_in(&mut page, document, &name, scheme, discovered, hints)?;
    if let Some(path) = who(document) {
        let rest = [String::new(), "[verification]".into(), format!("url = {}", quoted(path))];
        page.rest.extend(rest);
        page.rest.push("# Better, where it tells whose account it is: [identity] with `account` and `name`.".into());
    }
    sound(page.text())
}

fn text<'d>(value: &'d Value, name: &str) -> Option<&'d str> {
    value.get(name)?.as_str()
}

fn members<'d>(value: &'d Value, name: &str) -> impl Iterator<Item = (&'d String, &'d Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// What a reference within the document points at; one step, for no honest document has chains of them here.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let target = text(value, "$ref").and_then(|target| target.strip_prefix('#'));
    target.and_then(|target| document.pointer(target)).unwrap_or(value)
}

fn server(page: &mut Page, document: &Value, hints: &DraftHints) -> Result<(), DraftError> {
    let servers = document.get("servers").and_then(Value::as_array);
    let first = servers.and_then(|servers| servers.first());
    let Some(url) = first.and_then(|server| text(server, "url")) else {
        page.declare("site", Variable { kind: "origin", label: "Address".into(), ..Variable::default() });
        page.api.push("# Fill in: the document names no server.".into());
        page.api.push("base_url = \"{site}\"".into());
        return Ok(());
    };
    let mut variables = BTreeMap::new();
    for (name, variable) in first.into_iter().flat_map(|server| members(server, "variables")) {
        let label = remark(text(variable, "description").filter(|words| words.len() <= 60).unwrap_or(name));
        let values: Vec<String> = variable
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str().map(Into::into))
            .collect();
        let is_choice = !values.is_empty() && values.iter().all(|value| crate::manifest::check::is_labels(value));
        let default = text(variable, "default").map(Into::into);
        let kind = if is_choice { "choice" } else { "" };
        let default = default.filter(|default| is_choice && values.contains(default));
        let options = if is_choice { values } else { Vec::new() };
        let label = if label.is_empty() { variable_name(name) } else { label };
        variables.insert(name.clone(), Variable { kind, label, default, options, ..Variable::default() });
    }
    // Which kind the others are depends on where they stand, so they are left open.
    let labels: BTreeMap<String, String> = variables.iter().map(|(n, v)| (n.clone(), v.label.clone())).collect();
    variables.retain(|_, variable| !variable.kind.is_empty());
    let template = page.url("servers", url, &variables, hints.location.as_ref())?;
    page.name_variables(&labels);
    page.api.push(format!("base_url = {}", quoted(&template)));
    for other in servers.into_iter().flatten().skip(1).take(5).filter_map(|server| text(server, "url")) {
        page.api.push(format!("# Another server of the document: {}", remark(other)));
    }
    Ok(())
}

/// The security scheme to draft from: the one named, else the most capable of those that the document asks for.
fn chosen<'d>(document: &'d Value, hints: &DraftHints) -> Result<Option<(String, &'d Value)>, DraftError> {
    let components = document.get("components").unwrap_or(&Value::Null);
    let all: Vec<(&String, &Value)> =
        members(components, "securitySchemes").map(|(name, scheme)| (name, resolved(document, scheme))).collect();
    if let Some(wanted) = &hints.scheme {
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let found = all.iter().find(|(name, _)| *name == wanted);
        return match found {
            Some((name, scheme)) => Ok(Some(((*name).clone(), scheme))),
            None => {
                let why = format!("it has no security scheme `{wanted}`, but {}", remark(&names.join(", ")));
                Err(DraftError::NotThat { expected: EXPECTED, why })
            }
        };
    }
    let asked = |name: &str| {
        let asked = document.get("security").and_then(Value::as_array);
        asked.is_some_and(|asked| asked.iter().any(|one| one.get(name).is_some()))
    };
    let rank = |scheme: &Value| match (text(scheme, "type"), text(scheme, "scheme")) {
        (Some("oauth2"), _) => 0,
        (Some("openIdConnect"), _) => 1,
        (Some("http"), Some(scheme)) if scheme.eq_ignore_ascii_case("bearer") => 2,
        (Some("apiKey"), _) => 3,
        (Some("http"), Some(scheme)) if scheme.eq_ignore_ascii_case("basic") => 4,
        _ => 5,
    };
    let best = all.iter().min_by_key(|(name, scheme)| (!asked(name), rank(scheme)));
    Ok(best.map(|(name, scheme)| ((*name).clone(), *scheme)))
}

fn way_in(
    page: &mut Page,
    document: &Value,
    name: &str,
    scheme: &Value,
    discovered: Option<&Value>,
    hints: &DraftHints,
) -> Result<(), DraftError> {
    let others: Vec<&str> = document
        .get("components")
        .into_iter()
        .flat_map(|components| members(components, "securitySchemes"))
        .map(|(name, _)| name.as_str())
        .filter(|other| *other != name)
        .collect();
    if !others.is_empty() {
        page.auth.push(format!("# From the scheme {}; there are also {}.", remark(name), remark(&others.join(", "))));
    }
    let unsayable = |what: &str| Err(DraftError::Unsayable(format!("a manifest cannot say the scheme {name}: {what}")));
    match text(scheme, "type") {
        Some("apiKey") => api_key(page, scheme),
        Some("http") => match text(scheme, "scheme").map(str::to_ascii_lowercase).as_deref() {
            Some("bearer") => {
                page.auth.push("mode = \"key\"".into());
                page.declare("token", Variable::secret("Access token"));
                page.api.push("credential = { headers = { Authorization = \"Bearer {token}\" } }".into());
                Ok(())
            }
            Some("basic") => {
                page.auth.push("mode = \"key\"".into());
                page.declare("username", Variable::typed("User name"));
                page.declare("password", Variable::secret("Password"));
                let basic = "credential = { basic = { username = \"{username}\", password = \"{password}\" } }";
                page.api.push(basic.into());
                Ok(())
            }
            other => unsayable(&format!("http {}", remark(other.unwrap_or_default()))),
        },
        Some("oauth2") => oauth2(page, document, name, scheme, hints),
        Some("openIdConnect") => match (discovered, text(scheme, "openIdConnectUrl")) {
            (Some(discovered), _) => issuer::way_in(page, discovered),
            (None, Some(url)) => Err(DraftError::NeedsDiscovery { url: url.to_owned() }),
            (None, None) => unsayable("`openIdConnectUrl` is missing"),
        },
        other => unsayable(&remark(other.unwrap_or("`type` is missing"))),
    }
}

fn api_key(page: &mut Page, scheme: &Value) -> Result<(), DraftError> {
    let name = text(scheme, "name").unwrap_or_default();
    let place = match text(scheme, "in") {
        Some("header") => format!("headers = {{ {} = \"{{api_key}}\" }}", quoted(name)),
        Some("query") => format!("query = {{ {} = \"{{api_key}}\" }}", quoted(name)),
        Some("cookie") => format!("headers = {{ Cookie = {} }}", quoted(&format!("{name}={{api_key}}"))),
        _ => return Err(DraftError::Unsayable("an API key is in a header, the query or a cookie".into())),
    };
    page.auth.push("mode = \"key\"".into());
    page.declare("api_key", Variable::secret("API key"));
    page.api.push(format!("credential = {{ {place} }}"));
    Ok(())
}

fn oauth2(page: &mut Page, document: &Value, name: &str, scheme: &Value, hints: &DraftHints) -> Result<(), DraftError> {
    let flows = scheme.get("flows").unwrap_or(&Value::Null);
    let known = [
        ("authorizationCode", "oauth2_code", Some(("authorization_url", "authorizationUrl"))),
        ("deviceAuthorization", "oauth2_device", Some(("device_authorization_url", "deviceAuthorizationUrl"))),
        ("clientCredentials", "oauth2_client_credentials", None),
    ];
    let found = known.iter().find_map(|(flow, mode, page)| Some((flows.get(*flow)?, *mode, *page)));
    let Some((flow, mode, first)) = found else {
        return Err(DraftError::Unsayable(
            "of the OAuth 2 flows, authorizationCode, deviceAuthorization and clientCredentials can be said".into(),
        ));
    };
    page.auth.push(format!("mode = {}", quoted(mode)));
    let none = BTreeMap::new();
    let missing =
        |name: &str| DraftError::NotThat { expected: EXPECTED, why: format!("`{name}` of a flow is missing") };
    for (field, from) in first.into_iter().chain([("token_url", "tokenUrl")]) {
        let url = text(flow, from).ok_or_else(|| missing(from))?;
        let template = page.url(field, url, &none, hints.location.as_ref())?;
        page.auth.push(format!("{field} = {}", quoted(&template)));
    }
    let refresh = text(flow, "refreshUrl").filter(|refresh| Some(*refresh) != text(flow, "tokenUrl"));
    if let Some(refresh) = refresh.filter(|_| mode != "oauth2_client_credentials") {
        let template = page.url("refresh_url", refresh, &none, hints.location.as_ref())?;
        page.auth.push(format!("refresh_url = {}", quoted(&template)));
    }
    let offered: Vec<&str> = members(flow, "scopes").map(|(scope, _)| scope.as_str()).collect();
    let asked: Vec<&str> = document
        .get("security")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| one.get(name)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if asked.is_empty() {
        issuer::scopes(page, &offered);
    } else {
        let mut once: Vec<&str> = Vec::new();
        for scope in asked {
            if !once.contains(&scope) {
                once.push(scope);
            }
        }
        let scopes: Vec<String> = once.into_iter().map(quoted).collect();
        page.auth.push(format!("scopes = [{}]", scopes.join(", ")));
    }
    Ok(())
}

/// A path that answers a GET without parameters and sounds as if it told who asks.
fn who(document: &Value) -> Option<&str> {
    let is_plain = |path: &str, item: &Value| {
        let needs = |of: &Value| {
            let parameters = of.get("parameters").and_then(Value::as_array).into_iter().flatten();
            parameters.map(|one| resolved(document, one)).any(|one| one.get("required") == Some(&Value::Bool(true)))
        };
        let get = item.get("get");
        path.starts_with('/')
            && path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '{' | '}' | '#' | '\\' | '?'))
            && get.is_some_and(|get| !needs(get) && !needs(item))
    };
    let rank = |path: &str| WHO.iter().position(|word| path.rsplit('/').next() == Some(word));
    members(document, "paths")
        .filter(|(path, item)| is_plain(path, item))
        .filter_map(|(path, _)| Some((rank(path)?, path.as_str())))
        .min_by_key(|(rank, path)| (*rank, path.len()))
        .map(|(_, path)| path)
}

//! The documents that say who grants access to a server (RFC 9728) and how (RFC 8414, OpenID Connect Discovery). Neither
//! is believed beyond its own issuer, and none may be large.

use std::time::Duration;

use egress::{Reach, Request};
use http::{HeaderValue, Method, StatusCode, header::ACCEPT};
use serde_json::Value;
use url::Url;

use super::{challenge::Challenge, misconfigured};
use crate::{account::Outside, answer::Refusal, failure::Failure, refused};

/// No honest document is longer, in bytes.
const LONGEST: u64 = 128 << 10;
/// Longest wait for one.
const DEADLINE: Duration = Duration::from_secs(15);
/// Most authorization servers that are looked at.
const MOST_AUTHORITIES: usize = 4;

/// What a server says of itself.
#[derive(Debug)]
pub(super) struct Resource {
    /// What tokens are for (RFC 8707), as the server writes it.
    pub(super) id: String,
    /// Who grants access.
    authorities: Vec<String>,
    /// The scopes that are of use.
    pub(super) scopes: Option<Vec<String>>,
}

/// What an authorization server says of itself.
#[derive(Debug)]
pub(super) struct Authority {
    /// Its identifier, byte for byte.
    pub(super) issuer: String,
    /// Where the end user is sent.
    pub(super) authorization_url: Url,
    /// Where codes and refresh tokens are exchanged.
    pub(super) token_url: Url,
    /// Where clients register themselves (RFC 7591).
    pub(super) registration_url: Option<Url>,
    /// Where tokens are revoked.
    pub(super) revocation_url: Option<Url>,
    /// The scopes that it knows, as far as it says.
    pub(super) scopes: Vec<String>,
    /// How clients may show who they are.
    pub(super) auth_methods: Vec<String>,
    /// Whether callbacks name it (RFC 9207).
    pub(super) announces_iss: bool,
    /// Whether a client's id may be the address of its metadata document.
    pub(super) takes_documents: bool,
}

/// Finds the server's document: where its challenge says, or at the well-known places.
pub(super) async fn resource(out: Outside<'_>, server: &Url, challenge: &Challenge) -> Result<Resource, Failure> {
    let places = match &challenge.metadata {
        Some(place) => {
            vec![Url::parse(place).map_err(|_| misconfigured("the server's challenge names no metadata address"))?]
        }
        None => well_known_resource(server),
    };
    for place in places {
        let Some(document) = fetch(out, &place).await? else { continue };
        let id = document.get("resource").and_then(Value::as_str).unwrap_or_default();
        if !covers(id, server) {
            return Err(misconfigured("the server's metadata is about another resource"));
        }
        let authorities = texts(&document, "authorization_servers").unwrap_or_default();
        if authorities.is_empty() {
            return Err(misconfigured("the server's metadata names no authorization server"));
        }
        return Ok(Resource { id: id.to_owned(), authorities, scopes: texts(&document, "scopes_supported") });
    }
    Err(misconfigured("the server publishes no protected resource metadata"))
}

/// Finds the document of the first of the server's authorization servers that has one.
pub(super) async fn authority(out: Outside<'_>, resource: &Resource) -> Result<Authority, Failure> {
    for issuer in resource.authorities.iter().take(MOST_AUTHORITIES) {
        let bad = || misconfigured("the server names an authorization server that is no address");
        let url = Url::parse(issuer).ok().filter(|url| url.query().is_none() && url.fragment().is_none());
        for place in well_known_authority(&url.ok_or_else(bad)?) {
            if let Some(document) = fetch(out, &place).await? {
                return read(out, issuer, &document);
            }
        }
    }
    Err(misconfigured("the authorization server publishes no metadata"))
}

fn read(out: Outside<'_>, issuer: &str, document: &Value) -> Result<Authority, Failure> {
    if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
        return Err(misconfigured("the authorization server's metadata names another issuer"));
    }
    if !texts(document, "code_challenge_methods_supported").is_some_and(|all| all.iter().any(|one| one == "S256")) {
        return Err(misconfigured("the authorization server does not announce PKCE with S256"));
    }
    // Whatever an address is for, it has to be one that we ourselves might call: https, and on the public internet.
    let address = |name: &str| -> Result<Option<Url>, Failure> {
        let Some(text) = document.get(name).and_then(Value::as_str) else { return Ok(None) };
        let url = Url::parse(text).map_err(|_| misconfigured(&format!("`{name}` is no address")))?;
        out.egress.check(&url, &Reach::Any)?;
        Ok(Some(url))
    };
    let needed = |name: &str| address(name)?.ok_or_else(|| misconfigured(&format!("`{name}` is missing")));
    let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(false);
    Ok(Authority {
        issuer: issuer.to_owned(),
        authorization_url: needed("authorization_endpoint")?,
        token_url: needed("token_endpoint")?,
        registration_url: address("registration_endpoint")?,
        revocation_url: address("revocation_endpoint")?,
        scopes: texts(document, "scopes_supported").unwrap_or_default(),
        // RFC 8414 §2: what is meant where nothing is said.
        auth_methods: texts(document, "token_endpoint_auth_methods_supported")
            .unwrap_or_else(|| vec!["client_secret_basic".into()]),
        announces_iss: flag("authorization_response_iss_parameter_supported"),
        takes_documents: flag("client_id_metadata_document_supported"),
    })
}

/// Whether a resource identifier is the server's own or that of what the server lies in. Nobody may have us ask for
/// tokens that are good elsewhere.
pub(super) fn covers(id: &str, server: &Url) -> bool {
    let Ok(url) = Url::parse(id) else { return false };
    let (above, path) = (url.path().trim_end_matches('/'), server.path());
    let is_above = path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    url.fragment().is_none()
        && url.origin() == server.origin()
        && url.username().is_empty()
        && is_above
        && url.query().is_none_or(|query| server.query() == Some(query))
}

/// RFC 9728 §3.1, and then at the root as the protocol adds it.
fn well_known_resource(server: &Url) -> Vec<Url> {
    let mut places = Vec::new();
    let path = server.path().trim_end_matches('/');
    let mut with_path = server.clone();
    with_path.set_path(&format!("/.well-known/oauth-protected-resource{path}"));
    with_path.set_fragment(None);
    let mut at_root = with_path.clone();
    places.push(with_path);
    if !path.is_empty() {
        at_root.set_path("/.well-known/oauth-protected-resource");
        at_root.set_query(None);
        places.push(at_root);
    }
    places
}

/// In the order that the protocol asks for: RFC 8414 §3.1, then OpenID Connect's places.
fn well_known_authority(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut place = issuer.clone();
        place.set_path(&path);
        place
    };
    let mut places = vec![
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
    ];
    if !path.is_empty() {
        places.push(at(format!("{path}/.well-known/openid-configuration")));
    }
    places
}

/// A document; `None` where there is none. A page for people is none.
async fn fetch(out: Outside<'_>, place: &Url) -> Result<Option<Value>, Failure> {
    let mut request = Request::new(Method::GET, place.clone(), Reach::Any)
        .header(ACCEPT, HeaderValue::from_static("application/json"));
    request.deadline = Some(DEADLINE);
    request.max_response = Some(LONGEST);
    let answer = out.egress.send(request).await?;
    let status = answer.status;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let refusal = Refusal { code: format!("status_{}", status.as_u16()), description: None };
        return Err(refused::sort(status, answer.retry_after, refusal));
    }
    if !status.is_success() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&answer.body).ok().filter(Value::is_object))
}

fn texts(document: &Value, name: &str) -> Option<Vec<String>> {
    let items = document.get(name)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn written(places: Vec<Url>) -> Vec<String> {
        places.into_iter().map(Into::into).collect()
    }

    #[test]
    fn a_10_well_known_places_in_the_order_asked_for() {
        let resource = "https://m.example/.well-known/oauth-protected-resource";
        assert_eq!(
            written(well_known_resource(&url("https://m.example/a/mcp"))),
            [format!("{resource}/a/mcp"), resource.to_owned()]
        );
        assert_eq!(written(well_known_resource(&url("https://m.example"))), [resource]);
        assert_eq!(
            written(well_known_authority(&url("https://a.example/t/1"))),
            [
                "https://a.example/.well-known/oauth-authorization-server/t/1",
                "https://a.example/.well-known/openid-configuration/t/1",
                "https://a.example/t/1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            written(well_known_authority(&url("https://a.example/"))),
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn a_10_tokens_are_asked_for_this_server_and_what_it_lies_in() {
        let server = url("https://m.example/a/mcp");
        for id in ["https://m.example/a/mcp", "https://m.example/a", "https://m.example", "https://M.example:443/"] {
            assert!(covers(id, &server), "{id}");
        }
        for id in [
            "",
            "m.example",
            "https://evil.example/a/mcp",
            "http://m.example/a/mcp",
            "https://m.example/a/m",
            "https://m.example/a/mcp/deeper",
            "https://m.example/other",
            "https://m.example:8443/a/mcp",
            "https://m.example/a/mcp#f",
            "https://m.example/a/mcp?tenant=2",
            "https://u@m.example/a/mcp",
        ] {
            assert!(!covers(id, &server), "{id}");
        }
    }
}

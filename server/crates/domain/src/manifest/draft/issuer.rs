//! From an issuer's discovery document: RFC 8414, or OpenID Connect Discovery 1.0.

use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

use super::{
    DraftError, DraftHints,
    page::{Page, Variable, quoted, remark},
    sound,
};

const EXPECTED: &str = "discovery document of an issuer (RFC 8414)";

/// A draft from the discovery document of an issuer. What the document says that it is of must be `issuer`, byte for byte.
///
/// # Errors
/// See [`DraftError`].
pub fn from_issuer(issuer: &str, document: &Value, hints: &DraftHints) -> Result<String, DraftError> {
    let url = Url::parse(issuer).ok().filter(|url| url.scheme() == "https" && url.query().is_none());
    let url = url.ok_or_else(|| not_that(format!("an issuer is an https URL, not `{}`", remark(issuer))))?;
    let found = text(document, "issuer").ok_or_else(|| not_that("`issuer` is missing"))?;
    if found != issuer {
        return Err(DraftError::OtherIssuer { asked: issuer.to_owned(), found: remark(found) });
    }
    let host = url.domain().unwrap_or_default();
    let name = host.split('.').rev().nth(1).unwrap_or(host);
    let mut page = Page::begin(name, text(document, "service_documentation"), hints);
    way_in(&mut page, document)?;
    let userinfo = text(document, "userinfo_endpoint");
    let at = userinfo.and_then(|url| Url::parse(url).ok()).unwrap_or(url);
    page.api.push("# Fill in: where the API is; the document tells of the sign-in alone.".into());
    page.api.push(format!("base_url = {}", quoted(&at.origin().ascii_serialization())));
    if let Some(userinfo) = userinfo {
        page.rest.extend([
            String::new(),
            "[identity]".into(),
            format!("url = {}", quoted(userinfo)),
            "account = \"sub\"".into(),
            "name = \"name\"".into(),
        ]);
    }
    sound(page.text())
}

fn not_that(why: impl Into<String>) -> DraftError {
    DraftError::NotThat { expected: EXPECTED, why: why.into() }
}

fn text<'d>(document: &'d Value, name: &str) -> Option<&'d str> {
    document.get(name)?.as_str()
}

fn list<'d>(document: &'d Value, name: &str) -> Option<Vec<&'d str>> {
    Some(document.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// The `[auth]` table of a discovery document, checked for what it must have.
pub(super) fn way_in(page: &mut Page, document: &Value) -> Result<(), DraftError> {
    let Some(token) = text(document, "token_endpoint") else { return Err(not_that("`token_endpoint` is missing")) };
    // RFC 8414 §2: what is said where nothing is said.
    let grants = list(document, "grant_types_supported").unwrap_or_else(|| vec!["authorization_code", "implicit"]);
    let authorize = text(document, "authorization_endpoint").filter(|_| grants.contains(&"authorization_code"));
    let device = text(document, "device_authorization_endpoint");
    let mode = match (authorize, device) {
        (Some(_), _) => "oauth2_code",
        (None, Some(_)) => "oauth2_device",
        (None, None) if grants.contains(&"client_credentials") => "oauth2_client_credentials",
        (None, None) => {
            let why = format!("none of its grants is known here: {}", remark(&grants.join(", ")));
            return Err(DraftError::Unsayable(why));
        }
    };
    page.auth.push(format!("mode = {}", quoted(mode)));
    let none = BTreeMap::new();
    let url = |page: &mut Page, field, url: &str| {
        let template = page.url(field, url, &none, None)?;
        page.auth.push(format!("{field} = {}", quoted(&template)));
        Ok::<(), DraftError>(())
    };
    if let Some(authorize) = authorize {
        url(page, "authorization_url", authorize)?;
    } else if let Some(device) = device {
        url(page, "device_authorization_url", device)?;
    }
    url(page, "token_url", token)?;
    for (field, name) in [("revocation_url", "revocation_endpoint"), ("introspection_url", "introspection_endpoint")] {
        if let Some(endpoint) = text(document, name) {
            url(page, field, endpoint)?;
        }
    }
    let announces = document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true));
    if let (true, Some(issuer), "oauth2_code") = (announces, text(document, "issuer"), mode) {
        page.auth.push(format!("issuer = {}", quoted(issuer)));
    }
    if mode == "oauth2_code" {
        let methods = list(document, "code_challenge_methods_supported");
        if methods.is_some_and(|methods| !methods.contains(&"S256")) {
            page.auth.push("# The document names other methods of PKCE than S256.".into());
            page.auth.push("pkce = false".into());
        }
    }
    client_auth(page, document)?;
    scopes(page, &list(document, "scopes_supported").unwrap_or_default());
    if document.get("dpop_signing_alg_values_supported").is_some() {
        page.auth.push("# It knows DPoP (RFC 9449): write dpop = true where it is asked for.".into());
    }
    Ok(())
}

fn client_auth(page: &mut Page, document: &Value) -> Result<(), DraftError> {
    let methods = list(document, "token_endpoint_auth_methods_supported");
    let methods = methods.unwrap_or_else(|| vec!["client_secret_basic"]);
    let known = [
        ("client_secret_post", "body"),
        ("client_secret_basic", "basic"),
        ("private_key_jwt", "private_key_jwt"),
        ("tls_client_auth", "tls"),
        ("self_signed_tls_client_auth", "tls"),
        ("none", "none"),
    ];
    let found = known.iter().find(|(method, _)| methods.contains(method)).map(|(_, way)| *way);
    let Some(way) = found else {
        let why = format!("no client authentication is known here: {}", remark(&methods.join(", ")));
        return Err(DraftError::Unsayable(why));
    };
    page.auth.push(format!("client_auth = {}", quoted(way)));
    let secret = |label: &str| Variable { integration: true, multiline: true, ..Variable::secret(label) };
    if matches!(way, "private_key_jwt" | "tls") {
        page.declare("client_key", secret("Private key"));
    }
    if way == "tls" {
        page.declare("client_certificate", secret("Certificate"));
    }
    Ok(())
}

/// The scopes to begin with, and a remark with the others.
pub(super) fn scopes(page: &mut Page, known: &[&str]) {
    let usual: Vec<String> = ["openid", "profile", "email", "offline_access"]
        .into_iter()
        .filter(|scope| known.contains(scope))
        .map(quoted)
        .collect();
    let others: Vec<&str> = known.iter().copied().take(40).collect();
    if !others.is_empty() {
        page.auth.push(format!("# Fill in: what is needed of {}", remark(&others.join(" "))));
    }
    page.auth.push(format!("scopes = [{}]", usual.join(", ")));
}

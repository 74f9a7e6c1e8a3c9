//! What an integration's fields must be, by the provider's manifest.

use auth::Secrets;
use domain::{
    manifest::{AuthSpec, ClientNeed, Manifest, VariableLevel, VariableSpec, VariableType, Variables},
    origin::Origin,
    secret::Secret,
};
use egress::{Egress, EgressError, Reach};
use url::Url;

/// Fields that are wrong, each with what it must be.
pub(crate) type Wrong = Vec<(String, String)>;

pub(super) fn slug(wrong: &mut Wrong, slug: &str) {
    if !domain::slug::is_slug(slug) {
        wrong.push(("slug".into(), "write 1 to 64 lower-case letters, digits and dashes".into()));
    }
}

pub(super) fn display_name(wrong: &mut Wrong, name: &str) {
    if name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        wrong.push(("display_name".into(), "write 1 to 100 printable characters".into()));
    }
}

/// The OAuth client that the provider asks for.
pub(super) fn client(wrong: &mut Wrong, manifest: &Manifest, id: Option<&str>, secret: Option<&Secret>) {
    let given = [("client_id", id), ("client_secret", secret.map(Secret::expose))];
    for (field, value) in given {
        match manifest.auth.client() {
            None if value.is_some() => {
                wrong.push((field.into(), format!("leave it out: {} needs no OAuth client here", manifest.name)));
            }
            None => {}
            Some(ClientNeed::WithSecret) => text(wrong, field, value, manifest),
            Some(ClientNeed::IdAlone) if field == "client_id" => text(wrong, field, value, manifest),
            Some(ClientNeed::IdAlone | ClientNeed::Optional) if value.is_some() => text(wrong, field, value, manifest),
            Some(ClientNeed::IdAlone | ClientNeed::Optional) => {}
        }
    }
}

/// The tenant's page for browsers that arrive from the vendor's marketplace.
pub(super) fn install_url(wrong: &mut Wrong, manifest: &Manifest, url: Option<&str>) {
    let Some(text) = url else { return };
    let mut refuse = |why: String| wrong.push(("install_url".into(), why));
    if manifest.auth.install().is_none() {
        return refuse(format!("leave it out: {} has no installs that begin at its marketplace", manifest.name));
    }
    match Url::parse(text).ok().filter(|url| text.len() <= 2048 && url.fragment().is_none()) {
        None => refuse("write an absolute URL of at most 2048 characters without a fragment".into()),
        Some(url) if url.query_pairs().any(|(name, _)| name == INSTALL_NAME) => {
            refuse(format!("leave out {INSTALL_NAME}: the install is told in it"));
        }
        Some(url) => {
            if let Err(error) = Origin::of(&url) {
                refuse(error.to_string());
            }
        }
    }
}

/// The parameter in which the tenant's page is told of an install.
pub(crate) const INSTALL_NAME: &str = "patchbay_install";

/// Secret variables of the integration: what is given is accepted, and nothing that is needed is missing. `kept` are
/// those that are set already.
pub(super) fn secrets(wrong: &mut Wrong, manifest: &Manifest, given: &mut Secrets, kept: &[String]) {
    let is_ours = |spec: &VariableSpec| spec.kind == VariableType::Secret && spec.at == VariableLevel::Integration;
    for (name, secret) in given.iter_mut() {
        let Some(spec) = manifest.variables.get(name).filter(|spec| is_ours(spec)) else {
            let known: Vec<&str> =
                manifest.variables.iter().filter(|(_, spec)| is_ours(spec)).map(|(name, _)| name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            wrong.push((format!("secrets.{name}"), format!("is not asked for here; asked for: {known}")));
            continue;
        };
        match spec.accept(name, secret.expose()) {
            Ok(accepted) => *secret = Secret::new(accepted),
            Err(error) => wrong.push((format!("secrets.{name}"), error.to_string())),
        }
    }
    for (name, spec) in manifest.variables.iter().filter(|(_, spec)| is_ours(spec) && !spec.optional) {
        if !given.contains_key(name) && !kept.contains(name) {
            wrong.push((format!("secrets.{name}"), format!("is required: {}", spec.label)));
        }
    }
}

fn text(wrong: &mut Wrong, field: &str, value: Option<&str>, manifest: &Manifest) {
    match value {
        None => wrong
            .push((field.into(), format!("is required: {} gives you one when you register your app", manifest.name))),
        Some(value) if value.trim().is_empty() || value.len() > 4096 || value.contains(char::is_control) => {
            wrong.push((field.into(), "write 1 to 4096 printable characters".into()));
        }
        Some(_) => {}
    }
}

pub(crate) fn scopes(wrong: &mut Wrong, scopes: &[String]) {
    let odd = |scope: &String| {
        scope.is_empty() || scope.len() > 256 || scope.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if scopes.len() > 200 || scopes.iter().any(odd) {
        wrong.push(("scopes".into(), "write at most 200 scopes of 1 to 256 characters, without spaces".into()));
    }
}

/// Values of the variables of one level, for a form whose fields are called `{prefix}.{name}`.
pub(crate) fn variables(
    wrong: &mut Wrong,
    manifest: &Manifest,
    level: VariableLevel,
    values: &Variables,
    prefix: &str,
) {
    let expected = |spec: &VariableSpec| spec.at == level && spec.kind != VariableType::Secret;
    for (name, value) in values {
        let field = format!("{prefix}.{name}");
        match manifest.variables.get(name).filter(|spec| expected(spec)) {
            None => {
                let known: Vec<&str> = manifest
                    .variables
                    .iter()
                    .filter(|(_, spec)| expected(spec))
                    .map(|(name, _)| name.as_str())
                    .collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                wrong.push((field, format!("is not asked for here; asked for: {known}")));
            }
            Some(spec) => {
                if let Err(error) = spec.accept(name, value) {
                    wrong.push((field, error.to_string()));
                }
            }
        }
    }
    for (name, spec) in manifest.variables.iter().filter(|(_, spec)| expected(spec)) {
        if spec.default.is_none() && !spec.optional && !values.contains_key(name) {
            wrong.push((format!("{prefix}.{name}"), format!("is required: {}", spec.label)));
        }
    }
}

/// Checks the URLs that these values lead to, as far as no name has to be looked up: a mistake is better told now than
/// when the first end user meets it.
pub(super) fn urls(wrong: &mut Wrong, egress: &Egress, manifest: &Manifest, values: &Variables) {
    let mut templates = vec![&manifest.api.base_url];
    let identity = manifest.identity.as_ref().and_then(|identity| identity.url.as_ref());
    templates.extend(identity.filter(|url| !url.is_path()));
    if let AuthSpec::OAuth2Code(oauth) = &manifest.auth {
        templates.push(&oauth.token_url);
    }
    for template in templates {
        // One that waits for the end user's values cannot be checked yet.
        let Ok(url) = template.url(&manifest.variables, values) else { continue };
        if let Err(error @ (EgressError::Denied { .. } | EgressError::Address { .. })) = egress.check(&url, &Reach::Any)
        {
            wrong.push(("variables".into(), format!("{} leads to {error}", template.source())));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        schema = 1
        slug = "shop"
        name = "Shop"
        category = "commerce"
        docs = "https://shop.example/docs"
        [variables.region]
        type = "label"
        at = "integration"
        label = "Region"
        [variables.shop]
        type = "label"
        label = "Your shop's name"
        [auth]
        mode = "oauth2_code"
        authorization_url = "https://{shop}.shop.example/auth"
        token_url = "https://{shop}.shop.example/token"
        [api]
        base_url = "https://{region}.api.shop.example"
    "#;

    fn manifest() -> Manifest {
        Manifest::parse("test", MANIFEST).unwrap()
    }

    fn fields(wrong: &Wrong) -> Vec<&str> {
        wrong.iter().map(|(field, _)| field.as_str()).collect()
    }

    #[test]
    fn an_oauth_client_is_asked_for_by_name() {
        let mut wrong = Wrong::new();
        client(&mut wrong, &manifest(), None, Some(&Secret::new(" ")));
        assert_eq!(fields(&wrong), ["client_id", "client_secret"]);
        wrong.clear();
        client(&mut wrong, &manifest(), Some("id"), Some(&Secret::new("secret")));
        assert!(wrong.is_empty());
    }

    #[test]
    fn each_level_has_its_own_variables() {
        let mut wrong = Wrong::new();
        let given: Variables = [("shop".to_owned(), "north".to_owned())].into();
        variables(&mut wrong, &manifest(), VariableLevel::Integration, &given, "variables");
        assert_eq!(fields(&wrong), ["variables.shop", "variables.region"]);
        wrong.clear();
        variables(&mut wrong, &manifest(), VariableLevel::Connection, &given, "fields");
        assert!(wrong.is_empty(), "{wrong:?}");
        let evil: Variables = [("shop".to_owned(), "x.evil.example/#".to_owned())].into();
        variables(&mut wrong, &manifest(), VariableLevel::Connection, &evil, "fields");
        assert_eq!(fields(&wrong), ["fields.shop"]);
    }

    #[test]
    fn a_11_browsers_that_arrive_go_on_to_an_https_page() {
        let offered = MANIFEST.replace("[api]", "install = { begins = \"code\" }\n[api]");
        let offered = Manifest::parse("test", &offered).unwrap();
        let mut wrong = Wrong::new();
        for good in ["https://app.example.com/install?from=market", "http://localhost:3000/install"] {
            install_url(&mut wrong, &offered, Some(good));
            assert!(wrong.is_empty(), "{good}: {wrong:?}");
        }
        for bad in [
            "http://app.example.com/install",
            "https://app.example.com/#install",
            "https://user@app.example.com/",
            "https://app.example.com/?patchbay_install=x",
            "javascript:alert(1)",
            "/install",
            "",
        ] {
            wrong.clear();
            install_url(&mut wrong, &offered, Some(bad));
            assert_eq!(fields(&wrong), ["install_url"], "{bad}");
        }
        wrong.clear();
        install_url(&mut wrong, &manifest(), Some("https://app.example.com/install"));
        assert_eq!(fields(&wrong), ["install_url"], "the provider has no such installs");
    }

    #[test]
    fn names_and_scopes_are_bounded() {
        let mut wrong = Wrong::new();
        slug(&mut wrong, "Shop One");
        display_name(&mut wrong, "");
        scopes(&mut wrong, &["read write".into()]);
        assert_eq!(fields(&wrong), ["slug", "display_name", "scopes"]);
    }
}

use serde_json::{Value, json};

use super::*;
use crate::manifest::{AuthSpec, ClientAuth, VariableType};

fn hints() -> DraftHints {
    DraftHints { category: Some("commerce".into()), ..DraftHints::default() }
}

#[track_caller]
fn drafted(document: &Value, hints: &DraftHints) -> (Manifest, String) {
    let text = from_openapi(document, None, hints).unwrap();
    (Manifest::parse("draft.toml", &text).unwrap(), text)
}

/// What a vendor's document looks like, with one scheme.
fn document(scheme: &Value) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Tea House REST API", "version": "1"},
        "externalDocs": {"url": "https://tea.example/docs"},
        "servers": [{"url": "https://api.tea.example/v2/"}, {"url": "https://sandbox.tea.example/v2"}],
        "components": {"securitySchemes": {"main": scheme}},
        "security": [{"main": ["orders:read", "orders:read", "teas"]}],
        "paths": {
            "/orders/{id}/me": {"get": {}},
            "/search/user": {"get": {"parameters": [{"name": "q", "required": true}]}},
            "/account": {"get": {}},
            "/users/me": {"get": {"parameters": [{"name": "expand"}]}},
        },
    })
}

#[test]
fn a_code_flow_becomes_a_manifest() {
    let scheme = json!({"type": "oauth2", "flows": {
        "implicit": {"authorizationUrl": "https://tea.example/oauth", "scopes": {}},
        "authorizationCode": {
            "authorizationUrl": "https://tea.example/oauth/authorize",
            "tokenUrl": "/oauth/token",
            "refreshUrl": "https://tea.example/oauth/refresh",
            "scopes": {"orders:read": "Read", "teas": "Teas"},
        },
    }});
    let location = Some("https://tea.example/openapi.json".parse().unwrap());
    let (manifest, text) = drafted(&document(&scheme), &DraftHints { location, ..hints() });
    assert_eq!((manifest.slug.as_str(), manifest.name.as_str()), ("tea-house", "Tea House REST API"), "{text}");
    assert_eq!(manifest.docs, "https://tea.example/docs");
    assert_eq!(manifest.api.base_url.source(), "https://api.tea.example/v2");
    assert!(text.contains("sandbox.tea.example"), "{text}");
    assert_eq!(manifest.verification.unwrap().url.source(), "/users/me");
    let AuthSpec::OAuth2Code(oauth) = manifest.auth else { panic!("{text}") };
    assert_eq!(oauth.authorization_url.unwrap().source(), "https://tea.example/oauth/authorize");
    assert_eq!(oauth.token_url.source(), "https://tea.example/oauth/token");
    assert_eq!(oauth.refresh_url.unwrap().source(), "https://tea.example/oauth/refresh");
    assert_eq!(oauth.scopes, ["orders:read", "teas"]);
}

#[test]
fn other_schemes_become_credentials() {
    for (scheme, credential) in [
        (json!({"type": "apiKey", "in": "header", "name": "X-Api-Key"}), "headers = { \"X-Api-Key\" = \"{api_key}\" }"),
        (json!({"type": "apiKey", "in": "query", "name": "key"}), "query = { \"key\" = \"{api_key}\" }"),
        (json!({"type": "apiKey", "in": "cookie", "name": "sid"}), "headers = { Cookie = \"sid={api_key}\" }"),
        (json!({"type": "http", "scheme": "Bearer"}), "headers = { Authorization = \"Bearer {token}\" }"),
        (
            json!({"type": "http", "scheme": "basic"}),
            "basic = { username = \"{username}\", password = \"{password}\" }",
        ),
    ] {
        let (manifest, text) = drafted(&document(&scheme), &hints());
        assert!(matches!(manifest.auth, AuthSpec::Key), "{text}");
        assert!(text.contains(&format!("credential = {{ {credential} }}")), "{text}");
    }
    let flows =
        json!({"clientCredentials": {"tokenUrl": "https://tea.example/token", "scopes": {"a": "", "openid": ""}}});
    let (manifest, text) = drafted(&document(&json!({"type": "oauth2", "flows": flows})), &hints());
    assert!(matches!(manifest.auth, AuthSpec::OAuth2ClientCredentials(_)), "{text}");
    let mut none = document(&json!({}));
    none["components"] = json!({});
    assert!(matches!(drafted(&none, &hints()).0.auth, AuthSpec::None));
}

#[test]
fn the_scheme_is_the_one_asked_for_or_the_best() {
    let mut two = document(&json!({"$ref": "#/components/x-schemes/key"}));
    two["components"]["x-schemes"] = json!({"key": {"type": "apiKey", "in": "header", "name": "X-Key"}});
    two["components"]["securitySchemes"]["other"] = json!({"type": "http", "scheme": "bearer"});
    assert!(drafted(&two, &hints()).1.contains("X-Key"), "the one that the document asks for");
    two["security"] = json!([]);
    assert!(drafted(&two, &hints()).1.contains("Bearer"), "the more usual one");
    let named = DraftHints { scheme: Some("main".into()), ..hints() };
    assert!(drafted(&two, &named).1.contains("X-Key"));
    let missing = DraftHints { scheme: Some("third".into()), ..hints() };
    assert!(from_openapi(&two, None, &missing).unwrap_err().to_string().contains("but main, other"));
}

#[test]
fn server_variables_become_variables() {
    let mut document = document(&json!({"type": "http", "scheme": "bearer"}));
    document["servers"] = json!([{
        "url": "https://{shop}.{Region-Code}.tea.example/{base path}/{version}",
        "variables": {
            "shop": {"default": "demo", "description": "Name of the shop"},
            "Region-Code": {"enum": ["eu", "us"], "default": "us"},
            "base path": {"default": "rest"},
        },
    }]);
    let (manifest, text) = drafted(&document, &hints());
    assert_eq!(manifest.api.base_url.source(), "https://{shop}.{region_code}.tea.example/{base_path}/{version}");
    let kind = |name: &str| manifest.variables.get(name).map(|spec| (spec.kind, spec.label.as_str())).unwrap();
    assert_eq!(kind("shop"), (VariableType::Label, "Name of the shop"), "{text}");
    assert_eq!(kind("region_code"), (VariableType::Choice, "Region-Code"));
    assert_eq!(manifest.variables.get("region_code").unwrap().default.as_deref(), Some("us"));
    assert_eq!(kind("base_path"), (VariableType::Text, "base path"));
    assert_eq!(kind("version").0, VariableType::Text);
    // A host that could be any is asked for as a whole.
    for url in ["https://{host}/api", "{protocol}://{host}:{port}/api", "http://{host}/api"] {
        document["servers"] = json!([{"url": url}]);
        let (manifest, text) = drafted(&document, &hints());
        assert_eq!(manifest.api.base_url.source(), "{site}/api", "{text}");
        assert_eq!(manifest.variables.get("site").unwrap().kind, VariableType::Origin);
    }
}

#[test]
fn an_issuer_becomes_a_manifest() {
    let document = json!({
        "issuer": "https://id.tea.example/",
        "authorization_endpoint": "https://id.tea.example/authorize",
        "token_endpoint": "https://id.tea.example/token",
        "revocation_endpoint": "https://id.tea.example/revoke",
        "userinfo_endpoint": "https://id.tea.example/me",
        "scopes_supported": ["openid", "teas", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    let text = from_issuer("https://id.tea.example/", &document, &hints()).unwrap();
    let manifest = Manifest::parse("draft.toml", &text).unwrap();
    assert_eq!(manifest.slug, "tea");
    assert_eq!(manifest.identity.as_ref().unwrap().account.as_deref(), Some("sub"));
    let AuthSpec::OAuth2Code(oauth) = &manifest.auth else { panic!("{text}") };
    assert_eq!(oauth.issuer.as_ref().unwrap().source(), "https://id.tea.example/");
    assert_eq!(oauth.scopes, ["openid", "email"]);
    assert!(oauth.pkce && oauth.client_auth == ClientAuth::Basic);
    assert!(text.contains("openid teas email"), "{text}");
    // Byte for byte.
    for other in ["https://id.tea.example", "https://ID.tea.example/", "https://id.tea.example//"] {
        assert!(matches!(from_issuer(other, &document, &hints()), Err(DraftError::OtherIssuer { .. })), "{other}");
    }
    let mut by_key = document.clone();
    by_key["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
    by_key["code_challenge_methods_supported"] = json!(["plain"]);
    let text = from_issuer("https://id.tea.example/", &by_key, &hints()).unwrap();
    let manifest = Manifest::parse("draft.toml", &text).unwrap();
    assert!(manifest.variables.contains_key("client_key"), "{text}");
    assert!(text.contains("pkce = false"), "{text}");
    // The same by an OpenAPI document that names it.
    let named = self::document(
        &json!({"type": "openIdConnect", "openIdConnectUrl": "https://id.tea.example/.well-known/openid-configuration"}),
    );
    let needed = from_openapi(&named, None, &hints()).unwrap_err();
    assert!(matches!(needed, DraftError::NeedsDiscovery { url } if url.contains("/.well-known/")));
    let both = from_openapi(&named, Some(&document), &hints()).unwrap();
    assert!(both.contains("https://id.tea.example/authorize") && both.contains("api.tea.example"), "{both}");
}

#[test]
fn what_is_no_such_document_is_refused_with_the_reason() {
    for (bad, words) in [
        (json!(null), "`openapi` is missing"),
        (json!([]), "`openapi` is missing"),
        (json!({"swagger": "2.0"}), "Swagger 2"),
        (json!({"openapi": "4.0.0", "info": {}}), "3.x"),
        (json!({"openapi": "3.1.0"}), "`info` is missing"),
        (document(&json!({"type": "mutualTLS"})), "mutualTLS"),
        (document(&json!({"type": "http", "scheme": "digest"})), "digest"),
        (document(&json!({"type": "oauth2", "flows": {"implicit": {}}})), "authorizationCode"),
        (document(&json!({"type": "oauth2", "flows": {"clientCredentials": {}}})), "`tokenUrl`"),
        (document(&json!({"type": "apiKey", "in": "body", "name": "x"})), "header, the query"),
        (document(&json!({"type": "apiKey", "in": "header", "name": "a b"})), "no header"),
        (document(&json!({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token"}}})), "relative"),
        (
            document(&json!({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "javascript://x/"}}})),
            "web address",
        ),
    ] {
        let error = from_openapi(&bad, None, &hints()).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    for (bad, words) in [
        (json!({}), "`issuer` is missing"),
        (json!({"issuer": "https://a.example"}), "`token_endpoint` is missing"),
        (
            json!({"issuer": "https://a.example", "token_endpoint": "https://a.example/t", "grant_types_supported": ["x"]}),
            "grants",
        ),
    ] {
        let error = from_issuer("https://a.example", &bad, &hints()).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(from_issuer("http://a.example", &json!({}), &hints()).is_err());
}

#[test]
fn hostile_words_stay_words() {
    let mut hostile = document(&json!({"type": "apiKey", "in": "header", "name": "X-Key"}));
    hostile["info"]["title"] = "\"\n[auth]\nmode = \"none\"\n#".into();
    hostile["externalDocs"]["url"] = "https://tea.example/\"\nslug = \"x".into();
    hostile["components"]["securitySchemes"]["b\nmode = \"none\""] = json!({"type": "http", "scheme": "bearer"});
    hostile["servers"] = json!([{"url": "https://api.tea.example"}, {"url": "https://x\n[evil]"}]);
    hostile["paths"] = json!({"/x\"\n[evil]/me": {"get": {}}});
    // The address of the documentation is refused; without it, all the rest is harmless.
    assert!(matches!(from_openapi(&hostile, None, &hints()), Err(DraftError::Refused(_))));
    hostile["externalDocs"] = json!({});
    let (manifest, text) = drafted(&hostile, &hints());
    assert!(matches!(manifest.auth, AuthSpec::Key), "{text}");
    assert!(text.contains("X-Key") && !text.contains("\n[evil]"), "{text}");
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        "https?://[a-z{}/.]{0,20}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            "\\PC{0,8}",
            Just("type".to_owned()),
            Just("flows".to_owned()),
            Just("url".to_owned()),
            Just("variables".to_owned()),
            Just("enum".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn sv_7_no_document_makes_the_importer_panic(part in any_json(), title in "\\PC{0,40}", url in "[a-z:/.{}@#?]{0,30}", name in "\\PC{0,12}") {
        for path in ["/servers", "/components/securitySchemes/main", "/paths", "/security", "/info"] {
            let mut torn = document(&json!({"type": "apiKey", "in": "header", "name": name}));
            torn["info"]["title"] = title.clone().into();
            torn["servers"][0]["url"] = url.clone().into();
            *torn.pointer_mut(path).unwrap() = part.clone();
            if let Ok(text) = from_openapi(&torn, None, &hints()) {
                Manifest::parse("draft.toml", &text).unwrap();
            }
        }
        drop(from_issuer("https://a.example", &part, &hints()));
    }
}

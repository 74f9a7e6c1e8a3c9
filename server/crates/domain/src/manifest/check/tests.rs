use super::*;

const GOOD: &str = r#"schema = 1
slug = "shop"
name = "Shop"
category = "commerce"
docs = "https://shop.example/docs"

[variables.shop]
type = "label"
label = "Shop name"

[variables.region]
type = "origin"
label = "Region"
allow = ["*.shop.example"]

[auth]
mode = "oauth2_code"
authorization_url = "https://{shop}.shop.example/authorize"
token_url = "{region}/token"

[api]
base_url = "{region}/api"
credential = { header = "Authorization", value = "Bearer {access_token}" }
"#;

fn refused(text: &str) -> ManifestError {
    Manifest::parse("shop.toml", text).expect_err("should be refused")
}

#[test]
fn a_sound_manifest_is_read_and_its_templates_filled() {
    let manifest = Manifest::parse("shop.toml", GOOD).unwrap();
    let AuthSpec::OAuth2Code(oauth) = &manifest.auth else { panic!("mode") };
    let values = [("shop".to_owned(), "Tea-House".to_owned())].into();
    let url = oauth.authorization_url.url(&manifest.variables, &values).unwrap();
    assert_eq!(url.as_str(), "https://tea-house.shop.example/authorize");
    assert!(oauth.pkce, "PKCE is on unless the manifest opts out");
}

#[test]
fn errors_name_file_line_and_field() {
    let error = refused(&GOOD.replace("category = \"commerce\"", "category = \"shops\""));
    assert!(error.to_string().starts_with("shop.toml:4: category: `shops` is not one of accounting"), "{error}");
    let error = refused(&GOOD.replace("token_url", "tokn_url"));
    assert!(error.message.contains("tokn_url"), "{error}");
    let error = refused(&GOOD.replace("schema = 1", "schema = \"one\""));
    assert!(error.to_string().starts_with("shop.toml:1: schema: invalid type"), "{error}");
    let error = refused("schema = 1\nslug = ");
    assert_eq!(error.line, 2, "{error}");
}

#[test]
fn no_template_can_leave_the_providers_hosts() {
    for url in [
        "https://{shop}/authorize",
        "https://evil.example@{shop}.shop.example/",
        "https://{shop}{shop}.shop.example/x",
        "https://{shop}.example/authorize",
        "https://shop.example{shop}/",
        "{shop}://shop.example/",
        "http://shop.example/authorize",
        "https://x.example/{nowhere}",
        "https://x.example/{shop",
    ] {
        let error = refused(&GOOD.replace("https://{shop}.shop.example/authorize", url));
        assert!(!error.message.is_empty(), "{url}: {error}");
    }
}

#[test]
fn eg_2_values_cannot_carry_a_host_away() {
    let manifest = Manifest::parse("shop.toml", GOOD).unwrap();
    let AuthSpec::OAuth2Code(oauth) = &manifest.auth else { panic!("mode") };
    for shop in ["x.evil.example/#", "x@evil", "", "-a", "a b", "a/../b", "xn.evil.example", &"a".repeat(64)] {
        let values = [("shop".to_owned(), shop.to_owned())].into();
        assert!(oauth.authorization_url.url(&manifest.variables, &values).is_err(), "{shop}");
    }
    for region in [
        "https://evil.example",
        "https://shop.example",
        "https://eu.shop.example.evil.example",
        "https://u@eu.shop.example",
        "https://eu.shop.example/path",
        "ftp://eu.shop.example",
        "eu.shop.example",
        "https://eu.shop.example?x",
        "https://eu.shop.example#x",
    ] {
        let values = [("region".to_owned(), region.to_owned())].into();
        assert!(oauth.token_url.url(&manifest.variables, &values).is_err(), "{region}");
    }
    let values = [("region".to_owned(), "https://EU.shop.example".to_owned())].into();
    assert_eq!(oauth.token_url.url(&manifest.variables, &values).unwrap().as_str(), "https://eu.shop.example/token");
}

#[test]
fn a_credential_must_be_carried_and_limits_must_let_something_through() {
    let error = refused(&GOOD.replace("Bearer {access_token}", "Bearer"));
    assert!(error.message.contains("{access_token}"), "{error}");
    let error = refused(&format!("{GOOD}\n[rate_limit]\nrequests = 0\nper_seconds = 1\n"));
    assert!(error.message.contains("at least 1"), "{error}");
    let error = refused(&format!("{GOOD}\n[[streams]]\nname = \"orders\"\nmode = \"full\"\nevery_minutes = 5\n"));
    assert!(error.message.contains("[plugin]"), "{error}");
    let error = refused(&"#".repeat(MOST_BYTES + 1));
    assert!(error.message.contains("at most"), "{error}");
}

proptest::proptest! {
    #[test]
    fn sv_7_no_text_makes_the_parser_panic(text in "\\PC{0,400}", at in 0usize..400) {
        drop(Manifest::parse("x.toml", &text));
        let mut torn = GOOD.to_owned();
        torn.insert_str(at.min(GOOD.len()), &text);
        drop(Manifest::parse("x.toml", &torn));
    }
}

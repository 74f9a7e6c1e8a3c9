//! Nothing that is written into a manifest or typed into a form leads to another host, or to a panic.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::manifest::{Template, Variables};

#[test]
fn no_template_can_leave_the_providers_hosts() {
    for url in [
        "https://{shop}/authorize",
        "https://evil.example@{shop}.shop.example/",
        "https://{shop}@evil.shop.example/",
        "https://{shop}{shop}.shop.example/x",
        "https://{shop}.example/authorize",
        "https://shop.example{shop}/",
        "https://shop.example.{shop}/",
        "https://{shop}.shop.example:{shop}/",
        "https://{region}.shop.example/",
        "https://shop.example/{region}",
        "{shop}://shop.example/",
        "{shop}.shop.example/",
        "{region}evil/",
        "{region}:1/",
        "{region}@evil.example/",
        "http://shop.example/authorize",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost/",
        "https://shop",
        "https://",
        "https:///evil.example/",
        "https://evil\\\\@shop.example/",
        "https://shop.example\\\\.evil.example/",
        "https://shop\\t.example/",
        "https://shop.example/ x",
        "https://shop.example/#x",
        "https://ｓhop.example/",
        "https://%65vil.example/",
        "https://x.example/{nowhere}",
        "https://x.example/{shop",
        "https://x.example/{shop.part}",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//evil.example/",
        "",
    ] {
        let errors = all_wrong(&GOOD.replace("https://{shop}.shop.example/authorize", url));
        assert!(errors.iter().any(|e| e.field == "auth.authorization_url"), "{url}: {errors:?}");
    }
    let errors = all_wrong(&GOOD.replace("https://{shop}.shop.example/authorize", "http://shop.example/authorize"));
    assert!(errors.iter().any(|e| e.to_string().contains("only https is taken")), "{errors:?}");
    let choice =
        "[variables.dc]\ntype = \"choice\"\nlabel = \"Region\"\noptions = { eu = \"EU\", \"com.au\" = \"AU\" }\n";
    for url in [
        "https://shop.{dc}/x",
        "https://{dc}.shop.example",
        "https://{shop}.shop.{dc}/x",
        "https://api-{dc}.shop.example/",
    ] {
        accepts(&before(&GOOD.replace("https://{shop}.shop.example/authorize", url), "[auth]", choice));
    }
    for url in ["https://{shop}.{dc}/x", "https://{shop}{dc}.shop.example/x", "https://{dc}/x", "{dc}/x"] {
        let text = before(&GOOD.replace("https://{shop}.shop.example/authorize", url), "[auth]", choice);
        refuses(&text, "auth.authorization_url", "");
    }
}

#[test]
fn eg_2_values_cannot_carry_a_host_away() {
    let manifest = accepts(GOOD);
    let crate::manifest::AuthSpec::OAuth2Code(oauth) = &manifest.auth else { panic!("mode") };
    let page = oauth.authorization_url.as_ref().unwrap();
    for shop in ["x.evil.example/#", "x@evil", "", "-a", "a b", "a/../b", "xn.evil.example", &"a".repeat(64)] {
        let values = [("shop".to_owned(), shop.to_owned())].into();
        assert!(page.url(&manifest.variables, &values).is_err(), "{shop}");
    }
    for region in [
        "https://evil.example",
        "https://shop.example",
        "https://eu.shop.example.evil.example",
        "https://u@eu.shop.example",
        "https://eu.shop.example/path",
        "http://eu.shop.example",
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

/// Manifests of the repository, small ones and large.
fn catalogue() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugins/catalog");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts: Vec<String> = paths.iter().step_by(9).map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(texts.len() > 30, "{}", texts.len());
    texts
}

/// Templates that pass the check, over variables of every type.
const TEMPLATES: [&str; 8] = [
    "https://{label}.shop.example/{text}",
    "https://a-{label}.{choice}.shop.example/x?q={text}&r={part.of}",
    "https://{label}.shop.{choice}/",
    "{origin}/{text}/{label}",
    "https://shop.example/{text}",
    "https://shop.example/{part.of}{text}/..",
    "/{text}",
    "/x/{label}?{text}",
];

fn specs() -> Manifest {
    let variables = r#"
[variables.label]
type = "label"
label = "L"
[variables.text]
type = "text"
label = "T"
[variables.choice]
type = "choice"
label = "C"
options = { eu = "EU", "com.au" = "AU" }
[variables.origin]
type = "origin"
label = "O"
allow = ["*.shop.example"]
[variables.part]
type = "text"
label = "P"
pattern = "(?P<of>.*)!"
"#;
    accepts(&before(KEY, "[auth]", variables))
}

proptest! {
    #[test]
    fn sv_7_no_text_makes_the_parser_panic(text in "\\PC{0,400}", at in 0usize..400) {
        drop(Manifest::parse("x.toml", &text));
        let mut torn = GOOD.to_owned();
        torn.insert_str(at.min(GOOD.len()), &text);
        drop(Manifest::parse("x.toml", &torn));
    }

    #[test]
    fn sv_7_no_torn_entry_makes_the_parser_panic(which in 0usize..1000, cuts in prop::collection::vec((0usize..4000, 0usize..40, "\\PC{0,12}|\\[a\\.b\\]|\\{x\\}|\"|\n"), 1..4)) {
        static ALL: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(catalogue);
        let mut text: Vec<char> = ALL[which % ALL.len()].chars().collect();
        for (at, length, new) in cuts {
            let at = at % text.len().max(1);
            let end = (at + length).min(text.len());
            text.splice(at.min(text.len())..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(errors) = Manifest::parse_all("x.toml", &text) {
            for error in errors {
                prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1), "{error}");
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn eg_2_no_value_leaves_the_host(which in 0usize..8, label in "\\PC{0,20}", text in "\\PC{0,20}", odd in "[./\\\\@:#?%&{}\t\n a]{0,12}", origin in "https?://[a-z.@:/#\\\\?]{0,20}|\\PC{0,30}") {
        let manifest = specs();
        let template = Template::try_from(TEMPLATES[which].to_owned()).unwrap();
        template.check(&manifest.variables).unwrap();
        for (label, text) in [(&label, &text), (&odd, &odd), (&"ok".to_owned(), &odd)] {
            let values: Variables = [("label", label.clone()), ("text", text.clone()), ("choice", "eu".into()), ("origin", origin.clone()), ("part", format!("{text}!"))]
                .map(|(name, value)| (name.to_owned(), value))
                .into();
            let base = url::Url::parse("https://api.shop.example/base").unwrap();
            let Ok(url) = template.url_below(&base, &manifest.variables, &values) else { continue };
            let host = url.host_str().unwrap();
            prop_assert!(host == "shop.example" || host.ends_with(".shop.example") || host.ends_with(".shop.eu"), "{url}");
            prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
            prop_assert!(url.port().is_none() || which == 3, "{url}");
        }
    }

    #[test]
    fn eg_2_a_template_that_passes_has_a_host_of_the_manifest(template in "(https://|/|\\{origin\\}|)(\\{label\\}|\\{choice\\}|\\{text\\}|\\{origin\\}|\\.shop\\.example|\\.|/|@|:|#|\\?|a|\\.example|\\\\){1,7}", label in "[a-z.@/:#]{1,8}") {
        let manifest = specs();
        let Ok(template) = Template::try_from(template) else { return Ok(()) };
        if template.check(&manifest.variables).is_err() {
            return Ok(());
        }
        let filled = |label: &str| {
            let values: Variables = [("label", label), ("text", label), ("choice", "eu"), ("origin", "https://eu.shop.example")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
            let base = url::Url::parse("https://api.shop.example/base").unwrap();
            template.url_below(&base, &manifest.variables, &values).ok()
        };
        let (Some(one), Some(other)) = (filled("evil"), filled(&label)) else { return Ok(()) };
        let end = |url: &url::Url| {
            let labels: Vec<String> = url.host_str().unwrap().split('.').map(str::to_owned).collect();
            labels[labels.len().saturating_sub(2)..].join(".")
        };
        prop_assert_eq!(end(&one), end(&other), "the end of the host does not depend on a value");
        prop_assert!(!end(&one).contains("evil"), "{}", one);
    }
}

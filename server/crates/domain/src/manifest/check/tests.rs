mod actions;
mod hostile;
mod modes;
mod places;
mod requests;
mod variables;

use super::*;

/// A manifest with most of what one can have.
pub(super) const GOOD: &str = r#"schema = 1
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
"#;

/// A manifest for a key, with `[api.credential]` as its last table.
pub(super) const KEY: &str = r#"schema = 1
slug = "shop"
name = "Shop"
category = "commerce"
docs = "https://shop.example/docs"

[variables.api_key]
type = "secret"
label = "API key"

[auth]
mode = "key"

[api]
base_url = "https://api.shop.example"

[api.credential]
headers = { X-Api-Key = "{api_key}" }
"#;

pub(super) fn all_wrong(text: &str) -> Vec<ManifestError> {
    Manifest::parse_all("shop.toml", text).expect_err("should be refused")
}

pub(super) fn refused(text: &str) -> ManifestError {
    Manifest::parse("shop.toml", text).expect_err("should be refused")
}

/// The text is refused at this field, with these words.
#[track_caller]
pub(super) fn refuses(text: &str, field: &str, words: &str) {
    let errors = all_wrong(text);
    let shown = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(errors.iter().any(|e| e.field == field && e.to_string().contains(words)), "{field}, {words}:\n{shown}");
}

#[track_caller]
pub(super) fn accepts(text: &str) -> Manifest {
    Manifest::parse_all("shop.toml", text)
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

/// The text with something put in front of one of its lines.
pub(super) fn before(text: &str, line: &str, more: &str) -> String {
    assert!(text.contains(line), "{line}");
    text.replacen(line, &format!("{more}\n{line}"), 1)
}

#[test]
fn a_sound_manifest_is_read_and_its_templates_filled() {
    let manifest = accepts(GOOD);
    let crate::manifest::AuthSpec::OAuth2Code(oauth) = &manifest.auth else { panic!("mode") };
    let values = [("shop".to_owned(), "Tea-House".to_owned())].into();
    let url = oauth.authorization_url.as_ref().unwrap().url(&manifest.variables, &values).unwrap();
    assert_eq!(url.as_str(), "https://tea-house.shop.example/authorize");
    assert!(oauth.pkce, "PKCE is on unless the manifest opts out");
    accepts(KEY);
}

#[test]
fn the_head_is_checked() {
    for (line, other, words) in [
        ("schema = 1", "schema = 2", "this server reads schema 1"),
        ("slug = \"shop\"", "slug = \"The Shop\"", "lower-case"),
        ("name = \"Shop\"", "name = \" \"", "what people call"),
        ("category = \"commerce\"", "category = \"comerce\"", "did you mean `commerce`?"),
        ("docs = \"https://shop.example/docs\"", "docs = \"http://shop.example/docs\"", "https address"),
        ("docs = \"https://shop.example/docs\"", "docs = \"https://shop.example/a b\"", "https address"),
    ] {
        refuses(&GOOD.replace(line, other), line.split(' ').next().unwrap(), words);
    }
}

#[test]
fn all_errors_are_told_at_once_by_line() {
    let text =
        GOOD.replace("commerce", "nothing").replace("/token\"", "/{token}\"").replace("schema = 1", "schema = 7");
    let errors = all_wrong(&text);
    let fields: Vec<(usize, &str)> = errors.iter().map(|e| (e.line, e.field.as_str())).collect();
    assert_eq!(fields, [(1, "schema"), (4, "category"), (19, "auth.token_url")]);
    assert_eq!(refused(&text), errors[0]);
}

#[test]
fn streams_and_actions_need_code_and_names() {
    let stream = "\n[[streams]]\nname = \"orders\"\nmode = \"full\"\nevery_minutes = 5\n";
    refuses(&format!("{GOOD}{stream}"), "streams", "[plugin]");
    let plugin = format!("{GOOD}\n[plugin]\ncomponent = \"plugin.wasm\"\n");
    accepts(&format!("{plugin}{stream}\n[[actions]]\nname = \"orders\"\n"));
    refuses(&format!("{plugin}{stream}{stream}"), "streams[1].name", "twice");
    refuses(&format!("{plugin}{}", stream.replace("orders", "All orders")), "streams[0].name", "no name");
    refuses(&format!("{plugin}{}", stream.replace('5', "0")), "streams[0].every_minutes", "at least 1");
    refuses(&plugin.replace("plugin.wasm", "../plugin.wasm"), "plugin.component", ".wasm file beside");
}

//! Errors name line and field, however deep.

use super::*;

#[test]
fn errors_name_file_line_and_field() {
    let error = refused(&GOOD.replace("category = \"commerce\"", "category = \"shops\""));
    assert!(error.to_string().starts_with("shop.toml:4: category: `shops` is not one of accounting"), "{error}");
    let error = refused(&GOOD.replace("schema = 1", "schema = \"one\""));
    assert!(error.to_string().starts_with("shop.toml:1: schema: invalid type"), "{error}");
    let error = refused("schema = 1\nslug = ");
    assert_eq!((error.line, error.field.as_str()), (2, ""), "{error}");
    let error = refused("slug = \"a\"\nslug = \"b\"");
    assert_eq!(error.line, 2, "{error}");
}

#[test]
fn a_mistyped_field_is_found_wherever_it_stands() {
    let error = refused(&GOOD.replace("token_url", "tokn_url"));
    assert_eq!(
        error.to_string(),
        "shop.toml:19: auth.tokn_url: there is no field `tokn_url` here; did you mean `token_url`?"
    );
    let error = refused(&GOOD.replace("label = \"Region\"", "label = \"Region\"\nplaceholdr = \"x\""));
    assert_eq!((error.line, error.field.as_str()), (14, "variables.region.placeholdr"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("placeholder"));
    let error = refused(&format!("{GOOD}credential = {{ header = {{ X = \"y\" }} }}\n"));
    assert_eq!((error.line, error.field.as_str()), (23, "api.credential.header"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("headers"));
    // Inside tables that are read as a whole first.
    let paged = format!("{GOOD}\n[pagination]\nstyle = \"cursor\"\nparam = \"after\"\n");
    let error = refused(&format!("{paged}nxt = \"next\"\n"));
    assert_eq!((error.line, error.field.as_str()), (27, "pagination.nxt"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("next"));
    let error = refused(&paged);
    assert_eq!((error.line, error.field.as_str()), (24, "pagination.next"), "{error}");
    let error = refused(&format!("{paged}next = 7\n"));
    assert_eq!((error.line, error.field.as_str()), (27, "pagination.next"), "{error}");
    let error = refused(&paged.replace("\"cursor\"", "\"curser\""));
    assert_eq!((error.line, error.field.as_str()), (25, "pagination.style"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("cursor"));
}

#[test]
fn deep_fields_of_a_way_in_are_found() {
    let session = KEY.replace(
        "mode = \"key\"",
        r#"mode = "session"
access_token = "{token}"

[[auth.steps]]
call = { method = "POST", url = "/login", body = "json", fields = { key = "{api_key}" } }
take = { token = "body.token" }

[[auth.steps]]
take = { later = "body.later" }

[auth.steps.call]
method = "POST"
url = "/more"
headers = { X-Token = "{token}" }
"#,
    );
    let session = session.replace("headers = { X-Api-Key = \"{api_key}\" }", "");
    accepts(&session);
    let error = refused(&session.replace("url = \"/more\"", "url = \"/{more\""));
    assert_eq!((error.line, error.field.as_str()), (24, "auth.steps[1].call.url"), "{error}");
    let error = refused(&session.replace("url = \"/more\"", "url = true"));
    assert_eq!((error.line, error.field.as_str()), (24, "auth.steps[1].call.url"), "{error}");
    let error = refused(&session.replace("url = \"/more\"", ""));
    assert_eq!(error.field, "auth.steps[1].call.url", "{error}");
    let error = refused(&session.replace("method = \"POST\"\nurl", "method = \"PSOT\"\nurl"));
    assert_eq!((error.line, error.field.as_str()), (23, "auth.steps[1].call.method"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("POST"));
    let error = refused(&session.replace("X-Token = \"{token}\"", "X-Token = \"{tokn}\""));
    assert_eq!((error.line, error.field.as_str()), (25, "auth.steps[1].call.headers.X-Token"), "{error}");
    assert_eq!(error.suggestion.as_deref(), Some("token"));
}

#[test]
fn a_mode_or_its_fields_may_be_missing() {
    let error = refused(&GOOD.replace("mode = \"oauth2_code\"\n", ""));
    assert_eq!(error.field, "auth.mode", "{error}");
    let error = refused(&GOOD.replace("oauth2_code", "oauth2-code"));
    assert_eq!((error.field.as_str(), error.suggestion.as_deref()), ("auth.mode", Some("oauth2_code")), "{error}");
    let error = refused(&GOOD.replace("token_url = \"{region}/token\"\n", ""));
    assert_eq!((error.line, error.field.as_str()), (16, "auth.token_url"), "{error}");
    refuses(
        &KEY.replace("mode = \"key\"", "mode = \"key\"\ntoken_url = \"https://shop.example\""),
        "auth.token_url",
        "no fields",
    );
    let error = refused(&GOOD.replace("schema = 1\n", ""));
    assert_eq!((error.line, error.field.as_str()), (1, "schema"), "{error}");
}

#[test]
fn what_is_far_too_much_is_refused_at_once() {
    let ten_megabytes = "#".repeat(10 << 20);
    let before = std::time::Instant::now();
    let error = refused(&ten_megabytes);
    assert!(error.message.contains("at most 262144 bytes"), "{error}");
    assert!(before.elapsed().as_millis() < 100, "it was not parsed");
    for deep in ["[".repeat(100_000), "{a=".repeat(60_000), format!("[{}]", "a.".repeat(100_000) + "a")] {
        let error = refused(&format!("a = {deep}"));
        assert!(!error.message.is_empty());
        refused(&deep);
    }
    let many: String = (0..8000).map(|n| format!("field_{n} = {n}\n")).collect();
    let before = std::time::Instant::now();
    refused(&format!("{GOOD}{many}"));
    refused(&GOOD.replace("[api]", &format!("{many}\n[api]")));
    assert!(before.elapsed().as_secs() < 20, "looking for the culprit is bounded");
}

use chrono::{DateTime, TimeDelta};
use domain::manifest::TokenPaths;
use patchbay_auth::{
    Material, TokenSet,
    answer::{Refusal, TokenAnswer, Unreadable, parse},
};
use proptest::prelude::*;

use crate::fixture::now;

fn read(body: &str) -> Result<TokenAnswer, Unreadable> {
    parse(body.as_bytes(), &TokenPaths::default(), " ", now())
}

fn tokens(body: &str) -> TokenSet {
    match read(body) {
        Ok(TokenAnswer::Tokens(tokens)) => *tokens,
        other => panic!("{body}: {other:?}"),
    }
}

fn refusal(body: &str) -> (String, Option<String>) {
    match read(body) {
        Ok(TokenAnswer::Refused(Refusal { code, description })) => (code, description),
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_1_json_and_forms_in_all_their_dialects() {
    let form = tokens("access_token=a%2Fb&scope=repo%2Cgist&token_type=bearer&expires_in=60");
    assert_eq!(form.access_token.expose(), "a/b");
    assert_eq!(form.scopes_granted, Some(vec!["repo".into(), "gist".into()]));
    assert_eq!((form.token_type.as_str(), form.expires_at), ("bearer", Some(now() + TimeDelta::seconds(60))));
    let bom = tokens("\u{feff} {\"access_token\":\"a\"}\n");
    assert_eq!((bom.token_type.as_str(), bom.expires_at, bom.scopes_granted), ("Bearer", None, None));
    assert_eq!(tokens(r#"[{"access_token":"a"}]"#).access_token.expose(), "a");
    let extra = tokens(r#"{"access_token":"a","refresh_token":"r","id_token":"i","instance_url":"https://x.example"}"#);
    assert_eq!(extra.extra.keys().collect::<Vec<_>>(), ["id_token", "instance_url"]);
    assert_eq!(tokens(r#"{"access_token":"a","error":null,"error_description":""}"#).access_token.expose(), "a");
}

#[test]
fn a_1_lifetimes_in_all_their_dialects() {
    let end = |value: &str| tokens(&format!(r#"{{"access_token":"a","expires_in":{value}}}"#)).expires_at;
    let hour = Some(now() + TimeDelta::hours(1));
    for value in [
        "3600",
        "\"3600\"",
        "3600.9",
        "\" 3600 \"",
        "1800003600",
        "\"1800003600\"",
        "1800003600000",
        "\"2027-01-15T09:00:00Z\"",
    ] {
        assert_eq!(end(value), hour, "{value}");
    }
    for value in ["0", "-1", "null", "\"\"", "\"soon\"", "true", "[]", "1e300", "\"NaN\"", "\"inf\"", "-1e300", "{}"] {
        assert_eq!(end(value), None, "{value}");
    }
    let refresh = tokens(r#"{"access_token":"a","refresh_token_expires_in":"3600"}"#).refresh_expires_at;
    assert_eq!(refresh, hour);
}

#[test]
fn a_1_scopes_in_all_their_dialects() {
    let paths = TokenPaths::default();
    for (scope, separator) in
        [("\"a b\"", " "), ("\"a,b\"", " "), ("\"a;b\"", ";"), ("[\"a\",\"b\"]", " "), ("\" a  b \"", "")]
    {
        let body = format!(r#"{{"access_token":"t","scope":{scope}}}"#);
        match parse(body.as_bytes(), &paths, separator, now()) {
            Ok(TokenAnswer::Tokens(t)) => assert_eq!(t.scopes_granted, Some(vec!["a".into(), "b".into()]), "{scope}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tokens(r#"{"access_token":"t","scope":""}"#).scopes_granted, Some(vec![]), "nothing was granted");
    assert_eq!(tokens(r#"{"access_token":"t","scope":5}"#).scopes_granted, None);
}

#[test]
fn c_5_refusals_in_all_their_dialects() {
    for (body, code, description) in [
        (r#"{"error":"invalid_grant","error_description":"no\nmore"}"#, "invalid_grant", Some("no more")),
        ("error=invalid_grant&error_description=no+more", "invalid_grant", Some("no more")),
        (r#"{"error":{"code":401,"message":"m"}}"#, "401", Some("m")),
        (r#"{"error":{"type":"oauth","message":"m"}}"#, "oauth", Some("m")),
        (r#"{"error":{}}"#, "error", None),
        (r#"{"ok":false,"error":"bad_code"}"#, "bad_code", None),
        (r#"{"errcode":40029,"errmsg":"invalid code"}"#, "40029", Some("invalid code")),
        (r#"{"errors":[{"message":"m"}]}"#, "m", Some("m")),
        (r#"{"message":"Unauthorized"}"#, "Unauthorized", Some("Unauthorized")),
        (r#"{"access_token":"a","error":"invalid_grant"}"#, "invalid_grant", None),
        (r#"{"access_token":"","error":"e"}"#, "e", None),
    ] {
        assert_eq!(refusal(body), (code.to_owned(), description.map(Into::into)), "{body}");
    }
    assert_eq!(refusal(&format!(r#"{{"error":"{}"}}"#, "x".repeat(5000))).0.len(), 200);
}

#[test]
fn c_5_what_is_no_answer_says_why() {
    for (body, why) in [
        ("", Unreadable::Empty),
        (" \n", Unreadable::Empty),
        ("<html>", Unreadable::Html),
        ("  <?xml version=\"1.0\"?>", Unreadable::Html),
        ("Internal Server Error", Unreadable::Malformed),
        ("a = b", Unreadable::Malformed),
        ("{\"access_token\":", Unreadable::Malformed),
        ("[]", Unreadable::Malformed),
        ("[{},{}]", Unreadable::Malformed),
        ("null", Unreadable::Malformed),
        ("\"token\"", Unreadable::Malformed),
        ("{}", Unreadable::NoToken),
        ("a=b", Unreadable::NoToken),
        (r#"{"access_token":5}"#, Unreadable::NoToken),
        (r#"{"access_token":null}"#, Unreadable::NoToken),
        (r#"{"access_token":["a"]}"#, Unreadable::NoToken),
        (r#"{"access_token":"a\r\nx-forged: 1"}"#, Unreadable::OddToken),
        (r#"{"access_token":"ü"}"#, Unreadable::OddToken),
    ] {
        assert_eq!(read(body), Err(why), "{body}");
    }
    assert_eq!(parse(&[0xff, 0xfe], &TokenPaths::default(), " ", now()), Err(Unreadable::Malformed));
    assert!(read(&"[".repeat(100_000)).is_err(), "depth is bounded");
}

/// `any_number` asks for floating-point numbers too large or too fine to be read back to the last bit.
fn json(any_number: bool) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(move |n| if any_number { n } else { n.signum() }.into()),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    let name = prop_oneof![
        Just("access_token".to_owned()),
        Just("refresh_token".to_owned()),
        Just("expires_in".to_owned()),
        Just("refresh_expires_in".to_owned()),
        Just("scope".to_owned()),
        Just("error".to_owned()),
        Just("errors".to_owned()),
        Just("data".to_owned()),
        ".{0,4}",
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn paths() -> impl Strategy<Value = TokenPaths> {
    let path = prop_oneof![Just("access_token".to_owned()), Just("data.0.error".to_owned()), "[a-z.0-9]{0,12}"];
    (path.clone(), path.clone(), path.clone(), path).prop_map(|(access_token, refresh_token, expires_in, scope)| {
        TokenPaths { access_token, refresh_token, expires_in, scope, ..TokenPaths::default() }
    })
}

proptest! {
    #[test]
    fn sv_7_no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), at in -8_000_000_000_000i64..8_000_000_000_000) {
        let _ = parse(&body, &TokenPaths::default(), " ", DateTime::from_timestamp_millis(at).unwrap());
    }

    #[test]
    fn sv_7_no_json_panics(body in json(true), paths in paths(), separator in ".{0,2}", at in -8_000_000_000_000i64..8_000_000_000_000) {
        let _ = parse(body.to_string().as_bytes(), &paths, &separator, DateTime::from_timestamp_millis(at).unwrap());
    }

    #[test]
    fn sv_7_no_form_panics(body in "(access_token|expires_in|error|scope|%[0-9a-f]{0,2}|[=&]|.){0,30}") {
        let _ = read(&body);
    }

    #[test]
    fn d_6_tokens_survive_sealing(body in json(false)) {
        if let Ok(TokenAnswer::Tokens(tokens)) = read(&body.to_string()) {
            let material = Material::of(*tokens);
            prop_assert_eq!(Material::from_bytes(&material.to_bytes()).unwrap(), material);
        }
    }
}

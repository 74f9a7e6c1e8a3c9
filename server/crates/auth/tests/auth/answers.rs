use chrono::{DateTime, TimeDelta};
use domain::manifest::TokenPaths;
use patchbay_auth::{
    Material, TokenSet,
    answer::{Lifetime, Refusal, TokenAnswer, Unreadable, lifetime, moment, parse},
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
    let twice = serde_json::Value::from(r#" {"access_token":"a","expires_in":60}"#).to_string();
    assert_eq!(tokens(&twice).expires_at, Some(now() + TimeDelta::seconds(60)));
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
    // A moment is read where there is no lifetime, and never as one.
    let at = |body: &str| tokens(&format!(r#"{{"access_token":"a",{body}}}"#)).expires_at;
    for moment in ["1800003600", "\"1800003600\"", "1800003600000", "\"2027-01-15T09:00:00Z\""] {
        assert_eq!(at(&format!(r#""expires_at":{moment}"#)), hour, "{moment}");
    }
    assert_eq!(at(r#""expires_in":3600,"expires_at":1"#), hour);
    assert_eq!(at(r#""expires_in":null,"expires_at":1800003600"#), hour);
    assert_eq!(at(r#""expires_at":60"#), Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(60)));
}

#[test]
fn a_1_each_lifetime_has_an_outcome_of_its_own() {
    let read = |text: &str| lifetime(Some(&serde_json::from_str(text).unwrap()), now());
    assert_eq!(lifetime(None, now()), Lifetime::Unsaid);
    for (text, outcome) in [
        ("null", Lifetime::Unsaid),
        ("\" \"", Lifetime::Unsaid),
        ("60", Lifetime::Until(now() + TimeDelta::seconds(60))),
        ("0", Lifetime::Nonpositive),
        ("-3600", Lifetime::Nonpositive),
        ("\"-1\"", Lifetime::Nonpositive),
        ("\"soon\"", Lifetime::Unreadable),
        ("true", Lifetime::Unreadable),
        ("[3600]", Lifetime::Unreadable),
        ("1e300", Lifetime::Unreadable),
        ("\"NaN\"", Lifetime::Unreadable),
        ("99999999999999999999", Lifetime::Unreadable),
    ] {
        assert_eq!(read(text), outcome, "{text}");
    }
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
        ("\"{\\\"access_token\\\":", Unreadable::Malformed),
        ("{\"access_token\":1e999}", Unreadable::Malformed),
        ("[]", Unreadable::List),
        ("[1]", Unreadable::List),
        ("[{},{}]", Unreadable::List),
        ("\"[]\"", Unreadable::List),
        ("null", Unreadable::Bare),
        ("17", Unreadable::Bare),
        ("\"token\"", Unreadable::Bare),
        ("\"7\"", Unreadable::Bare),
        ("\"\"", Unreadable::Empty),
        ("\" \"", Unreadable::Empty),
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

/// Texts that a token may be.
const TOKEN: &str = "[a-zA-Z0-9._~+/=-]{1,40}";

/// The same answer in each of the dialects that are spoken.
fn dialects(plain: &serde_json::Value) -> Vec<(Vec<u8>, TokenPaths)> {
    let text = plain.to_string();
    let form = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let members = plain.as_object().unwrap();
    let pairs = members.iter().map(|(name, value)| (name, form(value)));
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let deep = serde_json::json!({"ok": true, "data": [{"auth": plain}]}).to_string();
    let mut paths = TokenPaths::default();
    for path in [&mut paths.access_token, &mut paths.refresh_token, &mut paths.expires_in, &mut paths.scope] {
        *path = format!("data.0.auth.{path}");
    }
    let as_it_is = TokenPaths::default();
    vec![
        (text.clone().into_bytes(), as_it_is.clone()),
        (format!("\u{feff} {text}\r\n").into_bytes(), as_it_is.clone()),
        (format!("[{text}]").into_bytes(), as_it_is.clone()),
        (serde_json::Value::from(text).to_string().into_bytes(), as_it_is.clone()),
        (form.into_bytes(), as_it_is),
        (deep.into_bytes(), paths),
    ]
}

proptest! {
    #[test]
    fn a_1_every_dialect_says_the_same(
        access in TOKEN, refresh in TOKEN, seconds in 1u32..900_000_000, as_text in any::<bool>(),
        scopes in prop::collection::vec("[a-z:]{1,8}", 0..4),
    ) {
        let lifetime = if as_text { seconds.to_string().into() } else { serde_json::Value::from(seconds) };
        let plain = serde_json::json!({
            "access_token": access, "refresh_token": refresh, "expires_in": lifetime, "scope": scopes.join(" "),
        });
        for (body, paths) in dialects(&plain) {
            let read = parse(&body, &paths, " ", now());
            let Ok(TokenAnswer::Tokens(tokens)) = read else { panic!("{}: {read:?}", String::from_utf8_lossy(&body)) };
            prop_assert_eq!(tokens.access_token.expose(), access.as_str());
            prop_assert_eq!(tokens.refresh_token.as_ref().unwrap().expose(), refresh.as_str());
            prop_assert_eq!(tokens.expires_at, Some(now() + TimeDelta::seconds(seconds.into())));
            prop_assert_eq!(tokens.scopes_granted.as_ref(), Some(&scopes));
            let rest = serde_json::Value::Object(tokens.extra.clone()).to_string();
            prop_assert!(!rest.contains("\"access_token\"") && !rest.contains("\"refresh_token\""));
        }
    }

    #[test]
    fn c_5_an_error_beside_a_token_always_wins(access in TOKEN, code in "[a-z_]{3,20}", is_deep in any::<bool>()) {
        let (error, path) =
            if is_deep { (serde_json::json!({"code": code}), "status.code") } else { (code.clone().into(), "status") };
        let body = serde_json::json!({"access_token": access, "status": error}).to_string();
        let paths = TokenPaths { error: path.into(), ..TokenPaths::default() };
        let read = parse(body.as_bytes(), &paths, " ", now());
        if ["ok", "false", "null"].contains(&code.as_str()) {
            prop_assert!(matches!(read, Ok(TokenAnswer::Tokens(_))));
        } else {
            prop_assert_eq!(read, Ok(TokenAnswer::Refused(Refusal { code, description: None })));
        }
    }

    #[test]
    fn a_1_a_lifetime_is_in_the_future_or_is_none(text in "-?[0-9]{1,24}(\\.[0-9]{1,4})?(e-?[0-9]{1,3})?") {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) else { return Ok(()) };
        for value in [value, text.clone().into()] {
            match lifetime(Some(&value), now()) {
                Lifetime::Until(end) => prop_assert!(end >= now() || end.timestamp() >= 100_000_000, "{}: {}", text, end),
                Lifetime::Unsaid => prop_assert!(false, "{} says something", text),
                Lifetime::Nonpositive => prop_assert!(text.starts_with('-') || text.parse::<f64>() == Ok(0.0), "{}", text),
                Lifetime::Unreadable => prop_assert!(text.parse::<f64>().is_ok_and(|n| n > 1e12), "{}", text),
            }
            let _ = moment(Some(&value));
        }
    }
}

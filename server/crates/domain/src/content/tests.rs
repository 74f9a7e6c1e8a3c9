use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn canonical(text: &str) -> Result<String, ContentError> {
    ContentHasher::default().canonical(text).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn order_space_escapes_and_number_forms_make_no_difference() {
    let same = [
        r#"{"a":1,"b":[true,null,"é\n\"/"],"c":{"x":-2.5,"y":100}}"#,
        "{ \"c\" : {\"y\":1e2,\"x\":-25E-1} ,\"b\":[ true,null , \"\\u00e9\\u000a\\u0022\\/\"],\t\"a\":1.0}\n",
        r#"{"a":7,"c":{"y":0.1e+3,"x":-2.50},"b":[true,null,"é\n\"\/"],"\u0061":10e-1}"#,
    ];
    let forms: Vec<String> = same.iter().map(|text| canonical(text).unwrap()).collect();
    assert_eq!(forms[0], r#"{"a":1,"b":[true,null,"é\u000a\"/"],"c":{"x":-2.5,"y":100}}"#);
    assert!(forms.iter().all(|form| *form == forms[0]), "{forms:#?}");
}

#[test]
fn numbers_keep_every_digit() {
    for (text, form) in [
        ("0", "0"),
        ("-0.0e5", "0"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("12345678901234567890124.0", "12345678901234567890124"),
        ("0.001", "0.1e-2"),
        ("1e-3", "0.1e-2"),
        ("1.5", "1.5"),
        ("150", "150"),
        ("1e40", "0.1e41"),
        ("1e39", "1000000000000000000000000000000000000000"),
        ("10.010", "10.01"),
        ("-1200e-2", "-12"),
    ] {
        assert_eq!(canonical(&format!(r#"{{"n":{text}}}"#)), Ok(format!(r#"{{"n":{form}}}"#)), "{text}");
    }
}

#[test]
fn differences_differ() {
    let texts = [
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":-1}"#,
        r#"{"a":[1]}"#,
        r#"{"a":null}"#,
        r#"{"b":1}"#,
        r#"{"a":1.01}"#,
        r#"{"a":10}"#,
        r#"{"a":0.1}"#,
        r#"{}"#,
        r#"{"a":{}}"#,
        r#"{"a":[]}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[2,1]}"#,
        r#"{"a":1,"b":1}"#,
        r#"{"a":"\\u0031"}"#,
    ];
    let hashes: std::collections::BTreeSet<[u8; 32]> =
        texts.iter().map(|text| ContentHasher::default().hash(text).unwrap()).collect();
    assert_eq!(hashes.len(), texts.len());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, said) in [
        ("", "is not valid JSON at byte 0"),
        ("[1]", "is not a JSON object"),
        ("\"x\"", "is not a JSON object"),
        ("{\"a\":1} x", "something follows"),
        ("{\"a\":01}", "begins with 0"),
        ("{\"a\":1,}", "name is missing"),
        ("{\"a\" 1}", "colon"),
        ("{\"a\":\"\n\"}", "control character"),
        ("{\"a\":\"x", "does not end"),
        ("{\"a\":\"\\x\"}", "unknown escape"),
        ("{\"a\":\"\\u00g0\"}", "hexadecimal"),
        ("{\"a\":\"\\u0000\"}", "at byte 6 it holds the character U+0000"),
        ("{\"a\":\"\\ud800\"}", "surrogate"),
        ("{\"a\":\"\\udc00\"}", "surrogate"),
        ("{\"a\":\"\\ud800\\u0041\"}", "surrogate"),
        ("{\"a\":1e999999999999999999999}", "too large or too fine"),
        ("{\"a\":1e-99999}", "too large or too fine"),
        ("{\"a\":tru}", "value is missing"),
        ("{\"a\":-}", "digit"),
    ] {
        let error = canonical(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
    assert_eq!(canonical(&deep), Err(ContentError::TooDeep));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST));
    assert_eq!(canonical(&large).unwrap_err(), ContentError::TooLarge { bytes: large.len() });
}

#[test]
fn numbers_that_grow_are_bounded_in_all() {
    let many = |number: &str, count: usize| canonical(&format!("{{\"a\":[{}]}}", vec![number; count].join(",")));
    // Doubles as they come, of any size, and a few very large ones.
    assert!(many("1.7976931348623157e308", 2_000).is_ok());
    assert!(many("5e-324", 2_000).is_ok());
    assert!(many("1e131071", 7).is_ok());
    let error = many("1e131071", 9).unwrap_err().to_string();
    assert!(error.contains("written out"), "{error}");
    assert!(many("1e-16383", 100).is_err());
    assert!(many("123456789012345678901234567890", 100_000).is_ok(), "long numbers do not grow");
    assert!(many("-0.000000001", 100_000).is_ok());
}

#[test]
fn text_is_compared_by_its_characters_and_not_by_how_it_is_composed() {
    // Unicode normalisation would make two names one and is not ours to do: what the provider has as two stays two.
    assert_ne!(canonical("{\"a\":\"é\"}"), canonical("{\"a\":\"e\u{301}\"}"));
    assert_ne!(canonical("{\"é\":1}"), canonical("{\"e\u{301}\":1}"));
    // Escaped or not, above and below U+FFFF, in names and values: the same.
    let escaped = r#"{"\u00e9\ud83d\ude00":"\ud83d\ude00\u00e9\u2028"}"#;
    assert_eq!(canonical(escaped), canonical("{\"é😀\":\"😀é\u{2028}\"}"));
    // Names are sorted by their bytes, which is by their code points: U+FF61 stands before U+1F600.
    assert_eq!(canonical("{\"😀\":1,\"｡\":2}").unwrap(), "{\"｡\":2,\"😀\":1}");
}

#[test]
fn the_digest_of_a_page_tells_where_one_record_ends() {
    let digest = |page: &[(&str, &str)]| page_digest(page.iter().copied());
    let page = digest(&[("a", "{}"), ("b", "{\"v\":1}")]);
    assert_eq!(page, digest(&[("a", "{}"), ("b", "{\"v\":1}")]));
    for other in [
        digest(&[("b", "{\"v\":1}"), ("a", "{}")]),
        digest(&[("a", "{}"), ("b", "{ \"v\":1}")]),
        digest(&[("a", "{}")]),
        digest(&[("a{}", ""), ("b", "{\"v\":1}")]),
        digest(&[("a", "{}b"), ("", "{\"v\":1}")]),
    ] {
        assert_ne!(page, other);
    }
}

#[test]
fn a_hasher_can_be_used_again_after_an_error() {
    let mut hasher = ContentHasher::default();
    assert!(hasher.hash(r#"{"a":{"b":1,"#).is_err());
    assert_eq!(hasher.hash(r#"{"b":2,"a":1}"#), ContentHasher::default().hash(r#"{"a":1,"b":2}"#));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[^\0]{0,3}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same value with all members the other way round.
fn turned(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut other = Map::new();
            for (name, member) in members.iter().rev() {
                other.insert(name.clone(), turned(member));
            }
            Value::Object(other)
        }
        Value::Array(items) => items.iter().map(turned).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn key_order_makes_no_difference(value in value()) {
        let (one, other) = (json!({ "v": value }), json!({ "v": turned(&value) }));
        prop_assert_eq!(canonical(&one.to_string()), canonical(&serde_json::to_string_pretty(&other).unwrap()));
    }

    #[test]
    fn the_canonical_form_is_the_same_value_and_its_own_canonical_form(value in value()) {
        let text = json!({ "v": value }).to_string();
        let form = canonical(&text).unwrap();
        prop_assert_eq!(canonical(&form), Ok(form.clone()));
        let (back, there): (Value, Value) = (serde_json::from_str(&form).unwrap(), serde_json::from_str(&text).unwrap());
        prop_assert!(equal(&back, &there), "{} {}", back, there);
    }

    #[test]
    fn escapes_and_white_space_make_no_difference(name in "[^\0]{0,6}", text in "[^\0]{0,12}", space in "[ \\t\\r\\n]{0,3}") {
        let plain = json!({ name.clone(): text }).to_string();
        let escaped = |text: &str| -> String {
            text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
        };
        let other = format!(
            "{space}{{{space}\"{}\"{space}:{space}\"{}\"{space}}}{space}", escaped(&name), escaped(&text).to_uppercase().replace("\\U", "\\u")
        );
        prop_assert_eq!(canonical(&plain), canonical(&other));
    }

    #[test]
    fn another_value_has_another_form(one in value(), other in value()) {
        let form = |value: &Value| canonical(&json!({ "v": value }).to_string()).unwrap();
        prop_assert_eq!(form(&one) == form(&other), equal(&one, &other));
    }

    #[test]
    fn shifting_the_point_makes_no_difference(digits in 1i64..1_000_000_000, shift in 0usize..30) {
        let plain = format!("{{\"n\":{digits}}}");
        let shifted = format!("{{\"n\":{digits}{}e-{shift}}}", "0".repeat(shift));
        let fraction = format!("{{\"n\":0.{}{digits}e{}}}", "0".repeat(shift), shift + digits.to_string().len());
        prop_assert_eq!(canonical(&shifted), canonical(&plain));
        prop_assert_eq!(canonical(&fraction), canonical(&plain));
    }

    #[test]
    fn no_text_panics(text in ".{0,80}") {
        let _ = canonical(&text);
        let _ = canonical(&format!("{{\"a\":{text}"));
    }

    #[test]
    fn nothing_like_json_panics_and_what_serde_refuses_is_refused(text in r#"[\[\]{}",:\\u0-9a-f.eE+ -]{0,60}"#) {
        let text = format!("{{{text}}}");
        if canonical(&text).is_ok() {
            // Numbers beyond a double are fine here and refused there.
            let there = serde_json::from_str::<Value>(&text);
            prop_assert!(there.is_ok() || there.unwrap_err().to_string().contains("number out of range"), "{}", text);
        }
    }
}

/// Equal, with numbers compared as doubles.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, member)| b.get(name).is_some_and(|other| equal(member, other)))
        }
        (a, b) => a == b,
    }
}

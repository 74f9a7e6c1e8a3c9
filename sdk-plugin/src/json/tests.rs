use std::{borrow::Cow, collections::BTreeMap};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize, Debug, PartialEq)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    deleted: bool,
    note: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Listing<'a> {
    #[serde(borrow)]
    data: Vec<Record<'a, Head<'a>>>,
    next: Option<String>,
}

#[test]
fn records_keep_their_text_beside_what_is_read_of_them() {
    let text = r#" { "more": [{"x":[]},{}], "data" : [ {"id":"a","deleted":true,"x":{"y":[1,-2.5e3,"\"]}"]}} ,
        { "note":"\u00e9\ud83d\ude00","id":"b\/" } ], "next":null } "#;
    let listing: Listing = from_str(text).unwrap();
    let [one, two] = listing.data.as_slice() else { panic!("{listing:?}") };
    assert_eq!((&*one.head.id, one.head.deleted), ("a", true));
    assert_eq!(one.text, r#"{"id":"a","deleted":true,"x":{"y":[1,-2.5e3,"\"]}"]}}"#);
    assert_eq!((&*two.head.id, two.head.note.as_deref()), ("b/", Some("é😀")));
    assert_eq!(two.text, r#"{ "note":"\u00e9\ud83d\ude00","id":"b\/" }"#);
    assert!(matches!(one.head.id, Cow::Borrowed(_)), "what has no escape is lent");
    assert_eq!(listing.next, None);
    assert!(from_str::<Vec<Record<'_, u8>>>("[1,2").is_err());
    assert!(serde_json::from_str::<Vec<Record<'_, u8>>>("[1,2]").is_err(), "another reader knows no records");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let said = |text: &str| from_str::<Value>(text).unwrap_err().to_string();
    assert_eq!(said(""), "a value is missing at byte 0");
    assert_eq!(said("{\"a\":1} x"), "something follows the value at byte 8");
    assert_eq!(said("[\"a\n\"]"), "a control character stands in a string at byte 3");
    let lacks = from_str::<Listing<'_>>("{\"data\":[{\"deleted\":true}]}").unwrap_err().to_string();
    assert_eq!(lacks, "missing field `id` at byte 24");
    assert_eq!(from_slice::<Value>(b"[\"\xff\"]").unwrap_err().to_string(), "invalid UTF-8 at byte 2");
}

#[derive(Deserialize, Debug)]
struct Numbered {
    id: Id,
}

#[test]
fn ids_are_texts_or_whole_numbers_and_nothing_else() {
    let read = |text: &str| from_str::<Id>(text).map(String::from);
    let long = |length: usize| format!("\"{}\"", "x".repeat(length));
    for (text, id) in [
        ("\"ord_1\"", "ord_1"),
        ("\"a\\/\\u00e9\"", "a/é"),
        ("\"null\"", "null"),
        ("0", "0"),
        ("-7", "-7"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        assert_eq!(read(text).unwrap(), id, "{text}");
        assert_eq!(String::from(serde_json::from_str::<Id>(text).unwrap()), id, "{text}, by another reader");
    }
    assert_eq!(read(&long(512)).unwrap().len(), 512);
    for (text, said) in [
        ("null", "an id is null"),
        ("\"\"", "an id is empty"),
        (&*long(4096), "an id has 4096 bytes; 512 are stored"),
        ("\"a\\u0000\"", "an id holds a NUL"),
        ("1.5", "a text or a whole number"),
        ("18446744073709551616", "a text or a whole number"),
        ("true", "a text or a whole number"),
        ("[1]", "a text or a whole number"),
        ("{\"id\":1}", "a text or a whole number"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    let listed = |text| from_str::<Vec<Record<'_, Numbered>>>(text);
    assert_eq!(listed("[{\"id\":1}]").unwrap()[0].head.id.clone(), from_str::<Id>("\"1\"").unwrap());
    // None of a page is taken that has one without, and where it is is said.
    let error = listed("[{\"id\":1},{\"id\":null}]").unwrap_err().to_string();
    assert!(error.starts_with("an id is null, not a text or a whole number at byte "), "{error}");
    let error = listed("[{\"id\":1},{}]").unwrap_err().to_string();
    assert!(error.contains("missing field `id`"), "{error}");
}

#[test]
fn nesting_is_bounded_for_what_is_read_and_what_is_passed_over() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(from_str::<serde::de::IgnoredAny>(&nested(128)).is_ok());
    assert!(from_str::<serde::de::IgnoredAny>(&nested(129)).is_err());
    assert!(from_str::<Value>(&nested(129)).is_err());
    assert!(from_str::<Vec<Record<'_, serde::de::IgnoredAny>>>(&nested(129)).is_err());
}

#[test]
fn enums_tuples_and_keys_that_are_numbers_are_read() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Open,
        Closed(u8),
        Moved { to: String },
        Split(u8, u8),
    }
    let text = r#"["open",{"closed":3},{"moved":{"to":"x"}},{"split":[1,2]}]"#;
    let kinds = [Kind::Open, Kind::Closed(3), Kind::Moved { to: "x".into() }, Kind::Split(1, 2)];
    assert_eq!(from_str::<Vec<Kind>>(text).unwrap(), kinds);
    assert!(from_str::<Kind>(r#"{"closed":3,"open":null}"#).is_err());
    assert_eq!(from_str::<BTreeMap<u8, (bool, f64)>>(r#"{"7":[true,0.5]}"#).unwrap(), [(7, (true, 0.5))].into());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,10}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(value in value()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(&from_str::<Value>(&text).unwrap(), &value);
            let page = format!("[ {text} , {text}]");
            let records: Vec<Record<'_, Value>> = from_str(&page).unwrap();
            prop_assert_eq!(records.len(), 2);
            prop_assert!(records.iter().all(|record| record.text == text));
        }
    }

    #[test]
    fn the_same_texts_are_refused_as_elsewhere(
        text in prop_oneof![
            r#"[\[\]{}",:\\/u0-9a-f.eE+ \n-]{0,40}"#,
            r#"\{("[a\\"u0]{0,3}":(0?[0-9.eE+-]{1,4}|true|nul|\[1,\]|"\\ud83d(\\ude00)?"),?){0,3}\}"#,
        ],
    ) {
        let there = serde_json::from_str::<Value>(&text);
        let here = from_str::<Value>(&text);
        prop_assert_eq!(here.is_ok(), there.is_ok(), "{:?} {:?}", here, there);
        let passed_there = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(from_str::<serde::de::IgnoredAny>(&text).is_ok(), passed_there, "{}", text);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        let _ = from_str::<Value>(&text);
        let _ = from_str::<Listing<'_>>(&format!("{{\"data\":[{text}"));
        let _ = from_str::<Value>(&json!([text]).to_string()).unwrap();
    }
}

//! Actions and the schemas of what goes in and comes out.

use serde_json::json;

use super::{GOOD, accepts, refuses};

/// A manifest with one action, whose tables follow.
fn with(action: &str) -> String {
    format!("{GOOD}\n[plugin]\ncomponent = \"plugin.wasm\"\n\n[[actions]]\nname = \"refund\"\n{action}")
}

const INPUT: &str = r##"
[actions.input]
type = "object"
required = ["order", "amount"]
additionalProperties = false
properties.order = { type = "string", pattern = "^ord_[0-9]+$" }
properties.amount = { "$ref" = "#/$defs/money" }
properties.mail = { type = "string", format = "email" }
properties.lines = { type = "array", items = { type = "object", properties.sku = { type = "string" } } }
"$defs".money = { type = "integer", minimum = 1 }
"##;

#[test]
fn e_7_an_input_is_held_against_its_schema_field_by_field() {
    let manifest = accepts(&with(INPUT));
    let action = manifest.action("refund").unwrap();
    assert_eq!((action.timeout_seconds, action.is_idempotent), (60, false));
    assert_eq!(action.input_flaws(&json!({ "order": "ord_1", "amount": 5, "mail": "ada@example.com" })), []);
    let secret = "sk_live_5f1c";
    let wrong = json!({ "order": secret, "amount": 0, "mail": secret, "lines": [{}, { "sku": 7 }], "note": secret });
    let flaws = action.input_flaws(&wrong);
    let mut fields: Vec<&str> = flaws.iter().map(|flaw| flaw.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["amount", "lines[1].sku", "mail", "note", "order"], "{flaws:?}");
    assert!(flaws.iter().all(|flaw| !flaw.message.contains(secret)), "the value is not told: {flaws:?}");
    let missing = action.input_flaws(&json!({}));
    assert_eq!(missing.iter().map(|flaw| flaw.message.as_str()).collect::<Vec<_>>(), ["is missing"; 2]);
    assert!(!action.input_flaws(&json!([])).is_empty());
    assert!(action.output.is_none() && action.output_flaws(&json!(null)).is_empty());
}

#[test]
fn what_is_wrong_with_a_schema_is_told_by_line_and_field() {
    let at = "actions[0].input";
    for (wrong, field, words) in [
        ("type = \"array\"", "type", "type = \"object\""),
        ("type = \"object\"\nproperties.a = { type = \"text\" }", "properties.a.type", "text"),
        ("type = \"object\"\nproperties.a = { typ = \"string\" }", "properties.a.typ", "did you mean `type`?"),
        ("type = \"object\"\ndefinitions = {}", "definitions", "did you mean `$defs`?"),
        ("type = \"object\"\nproperties.a = 7", "properties.a", "table, or true or false"),
        ("type = \"object\"\nproperties.a = { pattern = \"(\" }", "properties.a", "("),
        ("type = \"object\"\nproperties.a = { format = \"phone\" }", "properties.a", "phone"),
        ("type = \"object\"\nproperties.a = { const = 2026-01-31 }", "properties.a.const", "in quotes"),
        ("type = \"object\"\n\"$schema\" = \"http://json-schema.org/draft-07/schema#\"", "$schema", "2020-12"),
        ("type = \"object\"\n\"$ref\" = \"https://example.com/s.json\"", "$ref", "#/$defs/NAME"),
        ("type = \"object\"\n\"$ref\" = \"#\"", "$ref", "#/$defs/NAME"),
        ("type = \"object\"\n\"$ref\" = \"#/$defs/none\"", "$ref", "no `none`"),
    ] {
        let text = with(&format!("[actions.input]\n{wrong}\n"));
        let errors = super::all_wrong(&text);
        let fits = |field_named: &str| field_named.starts_with(&format!("{at}.{field}"));
        assert!(
            errors.iter().any(|error| fits(&error.field) && error.to_string().contains(words)),
            "{wrong}: {errors:?}"
        );
        let line = text.lines().position(|line| line.starts_with("[actions.input]")).unwrap() + 1;
        assert!(errors.iter().all(|error| error.line > line), "{errors:?}");
    }
    refuses(&with("timeout_seconds = 111\n"), "actions[0].timeout_seconds", "1 to 110");
    refuses(&with("timeout_seconds = 0\n"), "actions[0].timeout_seconds", "1 to 110");
    accepts(&with("is_idempotent = true\n[actions.output]\ntype = [\"object\", \"null\"]\nx-of-mine = 1\n"));
}

#[test]
fn a_schema_that_goes_on_for_ever_or_grows_without_bound_is_refused() {
    let tree =
        "[actions.output]\n\"$ref\" = \"#/$defs/tree\"\n\"$defs\".tree = { items = { \"$ref\" = \"#/$defs/tree\" } }\n";
    refuses(&with(tree), "actions[0].output.$defs.tree.items.$ref", "holds itself");
    // Each level doubles what is to be checked.
    let mut doubling = "[actions.output]\n\"$ref\" = \"#/$defs/d0\"\n".to_owned();
    for level in 0..40 {
        let next = format!("{{ \"$ref\" = \"#/$defs/d{}\" }}", level + 1);
        doubling.push_str(&format!("\"$defs\".d{level} = {{ allOf = [{next}, {next}] }}\n"));
    }
    doubling.push_str("\"$defs\".d40 = true\n");
    refuses(&with(&doubling), "actions[0].output", "2000 are allowed");
}

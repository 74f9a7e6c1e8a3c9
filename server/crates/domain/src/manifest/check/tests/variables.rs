//! Variables: their shapes, and what values they take.

use super::*;
use crate::manifest::{VariableSpec, VariableType};

fn with(variable: &str) -> String {
    before(KEY, "[auth]", &format!("[variables.it]\nlabel = \"It\"\n{variable}\n"))
}

fn spec(variable: &str) -> VariableSpec {
    accepts(&with(variable)).variables.get("it").unwrap().clone()
}

#[test]
fn each_type_has_its_own_fields() {
    accepts(&with("type = \"choice\"\noptions = { us = \"America\", \"com.au\" = \"Australia\" }\ndefault = \"us\""));
    accepts(&with("type = \"secret\"\nprefix = \"sk_\"\nmultiline = true"));
    for (variable, field, words) in [
        ("type = \"choice\"", "options", "needs `options`"),
        ("type = \"text\"\noptions = { a = \"A\" }", "options", "only a choice"),
        ("type = \"choice\"\noptions = { \"a/b\" = \"A\" }", "options.a/b", "DNS label"),
        ("type = \"choice\"\noptions = { a = \"\" }", "options.a", "what the form calls it"),
        ("type = \"choice\"\noptions = { a = \"A\" }\ndefault = \"b\"", "default", "one of a"),
        ("type = \"origin\"", "allow", "needs `allow`"),
        ("type = \"text\"\nallow = [\"*\"]", "allow", "only an origin"),
        ("type = \"origin\"\nallow = [\"*.com\"]", "allow", "no host"),
        ("type = \"origin\"\nallow = [\"https://a.example\"]", "allow", "no host"),
        ("type = \"label\"\nprefix = \"a\"", "prefix", "only text"),
        ("type = \"label\"\nmultiline = true", "multiline", "several lines"),
        ("type = \"label\"\ndefault = \"a b\"", "default", "plain name"),
        ("type = \"secret\"\ndefault = \"a\"", "default", "no default"),
        ("type = \"text\"\nfrom = \"token.x\"", "from", "at = \"answer\""),
        ("type = \"text\"\nat = \"answer\"", "from", "needs `from`"),
        ("type = \"text\"\nat = \"answer\"\nfrom = \"body.x\"", "from", "no place"),
        ("type = \"text\"\nat = \"answer\"\nfrom = \"token\"", "from", "no place"),
        ("type = \"text\"\nat = \"answer\"\nfrom = \"callback.x\"", "from", "no callback"),
        ("type = \"text\"\nat = \"answer\"\nfrom = \"identity.x\"", "from", "[identity]"),
        ("type = \"text\"\nhelp_url = \"http://shop.example\"", "help_url", "https"),
        ("type = \"text\"\nhelp = \"\"", "help", "one line"),
    ] {
        refuses(&with(variable), &format!("variables.it.{field}"), words);
    }
    refuses(
        &before(KEY, "[auth]", "[variables.It-2]\ntype = \"text\"\nlabel = \"It\"\n"),
        "variables.It-2",
        "lower-case",
    );
    refuses(&KEY.replace("label = \"API key\"", "label = \"\""), "variables.api_key.label", "what the form calls it");
    let client = before(GOOD, "[auth]", "[variables.client_id]\ntype = \"text\"\nlabel = \"Client\"\n");
    refuses(&client, "variables.client_id", "by itself");
}

#[test]
fn patterns_stay_small_and_whole() {
    for (pattern, words) in [
        ("((a{1000}){1000}){1000}", "too much memory"),
        (r"(\\w{100}){100}", "too much memory"),
        ("(a", "unclosed"),
        ("a)|(?:b", "unopened"),
        ("(?=a)", "look-around"),
        (r"(a)\\1", "backreferences"),
        (&["(".repeat(200), "a".into(), ")".repeat(200)].concat(), "nest"),
        (&"a".repeat(600), "at most"),
    ] {
        refuses(&with(&format!("type = \"text\"\npattern = \"{pattern}\"")), "variables.it.pattern", words);
    }
    // Exponential for those that go back and try again.
    let spec = spec("type = \"text\"\npattern = \"(a+)+(b|a)*c\"");
    let before = std::time::Instant::now();
    assert!(spec.accept("it", &"a".repeat(512)).is_err());
    assert!(before.elapsed().as_millis() < 500, "{:?}", before.elapsed());
    assert!(spec.accept("it", "aac").is_ok());
    assert!(spec.accept("it", "aac\n").is_ok_and(|value| value == "aac"), "blanks around are not meant");
    assert!(spec.accept("it", "xaac").is_err(), "the whole value");
}

#[test]
fn prefix_suffix_and_pattern_hold_for_values() {
    let key = spec("type = \"secret\"\nprefix = \"sk_\"\npattern = \"sk_[a-z]+\"\nplaceholder = \"sk_abc\"");
    assert_eq!(key.complete(" abc "), "sk_abc");
    assert_eq!(key.complete("sk_abc"), "sk_abc");
    assert_eq!(key.complete("  "), "");
    assert_eq!(key.accept("it", "abc").as_deref(), Ok("sk_abc"));
    let error = key.accept("it", "ABC").unwrap_err().to_string();
    assert!(error.contains("such as sk_abc") && !error.contains("ABC"), "{error}");
    let shop = spec("type = \"text\"\nsuffix = \".myshop\"");
    assert_eq!(shop.complete("tea"), "tea.myshop");
    assert_eq!(shop.complete("tea.myshop"), "tea.myshop");
    let region = spec("type = \"label\"\npattern = \"[a-z]{2}[0-9]\"");
    assert!(region.accept("it", "eu1").is_ok() && region.accept("it", "europe").is_err());
    let pem = spec("type = \"secret\"\nmultiline = true");
    let text = "-----BEGIN-----\nabc\n-----END-----\n";
    assert_eq!(pem.accept("it", text).as_deref(), Ok(text), "line breaks are kept");
}

#[test]
fn parts_of_a_value_stand_where_their_whole_may() {
    let text = with("type = \"text\"\npattern = \"stores/(?P<hash>[a-z0-9]+)\"");
    let used = text.replace("https://api.shop.example", "https://api.shop.example/stores/{it.hash}");
    let manifest = accepts(&used);
    let values = [("it".to_owned(), "stores/ab1".to_owned())].into();
    let url = manifest.api.base_url.url(&manifest.variables, &values).unwrap();
    assert_eq!(url.as_str(), "https://api.shop.example/stores/ab1");
    refuses(&used.replace("{it.hash}", "{it.hush}"), "api.base_url", "did you mean `it.hash`?");
    refuses(&used.replace("/stores/{it.hash}", "/{api_key}"), "api.base_url", "a secret never stands");
    refuses(
        &used.replace("https://api.shop.example/stores/{it.hash}", "https://{it.hash}.shop.example"),
        "api.base_url",
        "path",
    );
    let secret = KEY.replace("label = \"API key\"", "label = \"API key\"\npattern = \"(?P<dc>[a-z]+)-.*\"");
    refuses(
        &secret.replace("https://api.shop.example", "https://a.shop.example/{api_key.dc}"),
        "api.base_url",
        "a secret never",
    );
    accepts(&secret.replace("\"{api_key}\" }", "\"{api_key}\", X-Region = \"{api_key.dc}\" }"));
    refuses(
        &secret.replace("\"{api_key}\" }", "\"{api_key}\", X-Region = \"{api_key.dd}\" }"),
        "api.credential.headers.X-Region",
        "no group",
    );
}

#[test]
fn an_origin_is_encrypted_unless_it_is_this_machine() {
    let spec = spec("type = \"origin\"\nallow = [\"*\"]");
    assert_eq!(spec.kind, VariableType::Origin);
    for good in ["https://a.example", "https://a.example:8443/", "http://127.0.0.1:3000", "http://localhost:3000"] {
        assert!(spec.accept("it", good).is_ok(), "{good}");
    }
    for bad in [
        "http://a.example",
        "ftp://a.example",
        "https://a.example/x",
        "https://u@a.example",
        "a.example",
        "http://10.0.0.1",
    ] {
        assert!(spec.accept("it", bad).is_err(), "{bad}");
    }
}

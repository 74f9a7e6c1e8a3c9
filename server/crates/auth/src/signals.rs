//! What an answer means by the manifest's own rules, before anything else is read into it.

use domain::manifest::{FailureMeaning, FailureOf, FailureRule};
use serde_json::Value;

use crate::path;

/// Whether an answer of the API with this status has to be looked at.
#[must_use]
pub fn is_watched(rules: &[FailureRule], status: u16) -> bool {
    rules.iter().any(|rule| rule.of == FailureOf::Api && fits_status(rule, status))
}

/// What an answer means; `None` where no rule fits.
#[must_use]
pub fn meaning(rules: &[FailureRule], of: FailureOf, status: u16, body: &[u8]) -> Option<FailureMeaning> {
    let mut fitting = rules.iter().filter(|rule| rule.of == of && fits_status(rule, status)).peekable();
    fitting.peek()?;
    let json: Option<Value> = serde_json::from_slice(body).ok();
    fitting.find(|rule| fits_body(rule, body, json.as_ref())).map(|rule| rule.means)
}

fn fits_status(rule: &FailureRule, status: u16) -> bool {
    rule.status.is_empty() || rule.status.contains(&status)
}

fn fits_body(rule: &FailureRule, body: &[u8], json: Option<&Value>) -> bool {
    if rule.is.is_empty() && rule.contains.is_none() {
        return true;
    }
    let text = match &rule.path {
        None => Some(String::from_utf8_lossy(body).into_owned()),
        Some(path) => json.and_then(|json| path::find(json, path)).and_then(plain),
    };
    let Some(text) = text else { return false };
    let is_one = rule.is.is_empty() || rule.is.iter().any(|wanted| *wanted == text.trim());
    let is_in = |part: &String| text.to_lowercase().contains(&part.to_lowercase());
    is_one && rule.contains.as_ref().is_none_or(is_in)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(of: FailureOf, status: &[u16], path: Option<&str>, is: &[&str], contains: Option<&str>) -> FailureRule {
        FailureRule {
            of,
            status: status.to_vec(),
            path: path.map(Into::into),
            is: is.iter().map(|text| (*text).to_owned()).collect(),
            contains: contains.map(Into::into),
            means: FailureMeaning::Revoked,
        }
    }

    #[test]
    fn c_5_a_200_a_403_and_words_in_the_body() {
        let api = FailureOf::Api;
        for (rule, status, body, fits) in [
            (
                rule(api, &[200], Some("error"), &["token_revoked"], None),
                200,
                r#"{"ok":false,"error":"token_revoked"}"#,
                true,
            ),
            (
                rule(api, &[200], Some("error"), &["token_revoked"], None),
                200,
                r#"{"ok":true,"data":"token_revoked"}"#,
                false,
            ),
            (rule(api, &[200], Some("error"), &["token_revoked"], None), 400, r#"{"error":"token_revoked"}"#, false),
            (rule(api, &[403], None, &[], None), 403, "", true),
            (rule(api, &[403], None, &[], Some("Access REVOKED")), 403, "<b>access revoked</b> by its owner", true),
            (rule(api, &[], Some("error.code"), &["190"], None), 400, r#"{"error":{"code":190}}"#, true),
            (rule(api, &[], Some("error.code"), &["190"], None), 400, "no JSON: 190", false),
            (rule(api, &[], Some("gone"), &["true"], None), 500, r#"{"gone":true}"#, true),
            (rule(FailureOf::Token, &[403], None, &[], None), 403, "", false),
        ] {
            let rules = [rule];
            let found = meaning(&rules, api, status, body.as_bytes());
            assert_eq!(found.is_some(), fits, "{rules:?} {status} {body}");
        }
    }

    #[test]
    fn c_5_the_first_rule_that_fits_decides_and_only_watched_statuses_are_read() {
        let mut second = rule(FailureOf::Api, &[403], None, &[], None);
        second.means = FailureMeaning::Expired;
        let rules = [rule(FailureOf::Api, &[403], None, &[], Some("revoked")), second];
        assert_eq!(meaning(&rules, FailureOf::Api, 403, b"revoked"), Some(FailureMeaning::Revoked));
        assert_eq!(meaning(&rules, FailureOf::Api, 403, b"expired"), Some(FailureMeaning::Expired));
        assert!(is_watched(&rules, 403) && !is_watched(&rules, 200) && !is_watched(&[], 403));
    }
}

//! Rules for what the provider says in words of its own.

use super::Rules;
use crate::manifest::{FailureMeaning, FailureOf};

impl Rules<'_> {
    pub(super) fn failures(&mut self) {
        for (index, rule) in self.manifest.failures.iter().enumerate() {
            let field = |name: &str| format!("failures[{index}].{name}");
            let says_what = !rule.is.is_empty() || rule.contains.is_some();
            if rule.status.is_empty() && !says_what {
                self.refuse(
                    field("status"),
                    "every answer would fit: write its statuses, or what it `is` or `contains`",
                );
            }
            if rule.status == [200] && !says_what {
                self.refuse(field("status"), "every answer that is none would fit: write what it `is` or `contains`");
            }
            if rule.path.is_some() && !says_what {
                self.refuse(field("path"), "is of no use without `is` or `contains`");
            }
            if rule.status.iter().any(|status| !(200..=599).contains(status)) {
                self.refuse(field("status"), "write HTTP statuses, 200 to 599");
            }
            if rule.contains.as_deref() == Some("") || rule.is.iter().any(String::is_empty) {
                self.refuse(field(if rule.is.is_empty() { "contains" } else { "is" }), "nothing is in everything");
            }
            let is_for_both = matches!(rule.means, FailureMeaning::Revoked | FailureMeaning::Expired);
            if rule.of == FailureOf::Api && !is_for_both {
                self.refuse(field("means"), "of the API's answers write `revoked` or `expired`");
            }
        }
    }
}

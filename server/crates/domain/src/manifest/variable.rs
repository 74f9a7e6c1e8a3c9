//! Values that an integration or a connection fills in: what they may look like, who fills them in, what the form says.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A value that is filled in once per integration or per connection.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariableSpec {
    /// What it may look like.
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Who fills it in.
    #[serde(default)]
    pub at: VariableLevel,
    /// What the form calls it.
    pub label: String,
    /// For an origin: the hosts it may name, `api.example.com` or `*.example.com`; `*` for products that customers host
    /// themselves, which may be at any public host.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Shown below the field.
    pub help: Option<String>,
    /// Where the vendor explains how to come by the value; https.
    pub help_url: Option<String>,
    /// Shown in the empty field.
    pub placeholder: Option<String>,
    /// Used when nothing is filled in. A secret has none.
    pub default: Option<String>,
    /// The whole value must match this regular expression (without look-around, so that matching takes linear time).
    /// What its named groups match can be used as `{variable.group}`.
    pub pattern: Option<String>,
    /// Put in front of what is typed unless it begins with it already; the form shows it.
    #[serde(default)]
    pub prefix: String,
    /// Put behind what is typed unless it ends with it already; the form shows it.
    #[serde(default)]
    pub suffix: String,
    /// For a choice: the values, each with what the form calls it. A value is a DNS label, or several with dots between.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Whether the form offers several lines, as for a private key.
    #[serde(default)]
    pub multiline: bool,
    /// Whether it may be left empty. Parts of a request that need it are then left out.
    #[serde(default)]
    pub optional: bool,
    /// For `at = "answer"`: where the value lies, `token.instance_url` in the token answer, `callback.realmId` in the
    /// callback's query, `identity.data.id` in the identity call's answer.
    pub from: Option<String>,
}

/// What a variable's value may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariableType {
    /// Scheme, host and port, nothing else; the host is on the variable's `allow` list.
    Origin,
    /// A DNS label (RFC 1123): letters, digits and inner dashes, at most 63.
    Label,
    /// Any text; percent-encoded where it is put into a URL's path or query, and refused inside a host.
    Text,
    /// One of `options`. Since the manifest lists them, it may stand anywhere in a host.
    Choice,
    /// A secret: sealed, never shown again, never part of a URL template.
    Secret,
}

/// Who fills a variable in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariableLevel {
    /// The tenant's admin, once for the integration.
    Integration,
    /// The end user, on the connect page.
    #[default]
    Connection,
    /// The provider, in an answer while the account is connected; `from` says where.
    Answer,
}

impl VariableSpec {
    /// What a named group of the variable's pattern matches in a value; `None` without a pattern, or where it does not
    /// match.
    #[must_use]
    pub fn group(&self, value: &str, group: &str) -> Option<String> {
        let pattern = compiled(self.pattern.as_deref()?).ok()?;
        Some(pattern.captures(value)?.name(group)?.as_str().to_owned())
    }

    /// The names of the groups of the variable's pattern.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let pattern = self.pattern.as_deref().and_then(|pattern| compiled(pattern).ok());
        pattern.iter().flat_map(regex::Regex::capture_names).flatten().map(Into::into).collect()
    }
}

/// A pattern over a whole value, compiled within bounds: matching takes linear time, and the program stays small.
///
/// # Errors
/// Not a regular expression of this kind, or one that would need too much memory; the text says which.
pub(super) fn compiled(pattern: &str) -> Result<regex::Regex, String> {
    // Alone first: together with what goes around it, a pattern could close the bracket and stand outside.
    bounded(pattern).and_then(|_| bounded(&format!("^(?:{pattern})$"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the pattern would need too much memory: make its repetitions shorter".into()
        }
        other => {
            let text = other.to_string();
            text.lines().last().unwrap_or("not a regular expression").trim_start_matches("error: ").trim().to_owned()
        }
    })
}

fn bounded(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(64 << 10).dfa_size_limit(256 << 10).nest_limit(32).build()
}

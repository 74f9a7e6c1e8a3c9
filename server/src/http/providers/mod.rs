//! The providers that this server knows.

pub mod list;

use api_types::integration::{Variable, VariableOption};
use domain::manifest::{Manifest, VariableLevel, VariableSpec, VariableType};

/// The variables of one level, as a form needs them.
pub(super) fn variables(manifest: &Manifest, level: VariableLevel) -> Vec<Variable> {
    let of_level = manifest.variables.iter().filter(|(_, spec)| spec.at == level);
    let mut variables: Vec<Variable> = of_level.map(|(name, spec)| variable(name, spec)).collect();
    if level == VariableLevel::Connection && auth::brings_client(manifest) {
        variables.push(client_field("client_id", "text", "Client ID"));
        variables.push(client_field("client_secret", "secret", "Client secret"));
    }
    variables
}

fn variable(name: &str, spec: &VariableSpec) -> Variable {
    Variable {
        name: name.to_owned(),
        kind: match spec.kind {
            VariableType::Origin => "origin",
            VariableType::Label => "label",
            VariableType::Text => "text",
            VariableType::Choice => "choice",
            VariableType::Secret => "secret",
        }
        .to_owned(),
        label: spec.label.clone(),
        help: spec.help.clone(),
        help_url: spec.help_url.clone(),
        placeholder: spec.placeholder.clone(),
        default: spec.default.clone(),
        prefix: spec.prefix.clone(),
        suffix: spec.suffix.clone(),
        options: spec
            .options
            .iter()
            .map(|(value, label)| VariableOption { value: value.clone(), label: label.clone() })
            .collect(),
        multiline: spec.multiline,
        optional: spec.optional,
    }
}

/// A field of the OAuth client that each end user brings.
fn client_field(name: &str, kind: &str, label: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        kind: kind.to_owned(),
        label: label.to_owned(),
        help: None,
        help_url: None,
        placeholder: None,
        default: None,
        prefix: String::new(),
        suffix: String::new(),
        options: Vec::new(),
        multiline: false,
        optional: false,
    }
}

//! The providers that this server knows.

pub mod list;

use api_types::integration::Variable;
use domain::manifest::{Manifest, VariableLevel, VariableType};

/// The variables of one level, as a form needs them.
pub(super) fn variables(manifest: &Manifest, level: VariableLevel) -> Vec<Variable> {
    let of_level = manifest.variables.iter().filter(|(_, spec)| spec.at == level);
    of_level
        .map(|(name, spec)| Variable {
            name: name.clone(),
            kind: match spec.kind {
                VariableType::Origin => "origin",
                VariableType::Label => "label",
                VariableType::Text => "text",
            }
            .to_owned(),
            label: spec.label.clone(),
            help: spec.help.clone(),
            default: spec.default.clone(),
        })
        .collect()
}

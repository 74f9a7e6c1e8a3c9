//! The providers that an environment may use.

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use api_types::{
    ProblemCode,
    integration::{Provider, ProviderOrigin, Variable, VariableOption},
};
use domain::manifest::{Manifest, VariableLevel, VariableSpec, VariableType};
use flows::provider::{Origin, ProviderError};

use super::problem::Fail;

impl From<ProviderError> for Fail {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::NotFound => Self::not_found("provider"),
            ProviderError::Refused(why) => Self::field("manifest", why),
            ProviderError::Superseded(version) => Self::new(
                ProblemCode::Conflict,
                format!("It is at version {version} by now. Read it again and put your change on top."),
            ),
            ProviderError::Pushed(version) => Self::new(
                ProblemCode::Conflict,
                format!("Version {version} of a pushed plugin stands before it. Unpin that, or push the next version."),
            ),
            ProviderError::InUse(users) => Self::new(
                ProblemCode::Conflict,
                format!("{}. Delete those first, or describe it anew.", used_by(users)),
            ),
            ProviderError::Store(error) => error.into(),
        }
    }
}

/// How many integrations stand in the way, in words.
fn used_by(users: i64) -> String {
    if users == 1 { "1 integration uses it".to_owned() } else { format!("{users} integrations use it") }
}

const fn origin(origin: Origin) -> ProviderOrigin {
    match origin {
        Origin::Installed => ProviderOrigin::Installed,
        Origin::Environment => ProviderOrigin::Environment,
        Origin::Pushed => ProviderOrigin::Pushed,
    }
}

/// A provider as it is shown.
fn show(manifest: &Manifest, from: Origin) -> Provider {
    Provider {
        slug: manifest.slug.clone(),
        name: manifest.name.clone(),
        category: manifest.category.clone(),
        docs: manifest.docs.clone(),
        auth_mode: manifest.auth.mode().to_owned(),
        client: manifest.auth.client().map(|need| need.as_str().to_owned()),
        default_scopes: manifest.auth.scopes().map(<[String]>::to_vec).unwrap_or_default(),
        integration_variables: variables(manifest, VariableLevel::Integration),
        connection_variables: variables(manifest, VariableLevel::Connection),
        streams: manifest.streams.iter().map(|stream| stream.name.clone()).collect(),
        origin: origin(from),
    }
}

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

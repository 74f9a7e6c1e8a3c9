//! Values for a manifest's variables: from the arguments, the environment, or typed in.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, IsTerminal as _},
    process::{Command, Stdio},
};

use auth::Secrets;
use domain::{
    manifest::{ClientNeed, Manifest, VariableLevel, VariableSpec, VariableType, Variables},
    secret::Secret,
};

use super::super::{CliError, print};

/// What was filled in.
pub(super) struct Filled {
    pub(super) variables: Variables,
    pub(super) secrets: Secrets,
    pub(super) client_id: Option<String>,
}

/// Fills in all that the manifest asks for. `given` is `name=value` of the arguments; `PATCHBAY_TRY_NAME` in the
/// environment serves as well, and keeps secrets out of the list of processes.
pub(super) fn fill(manifest: &Manifest, given: &[String]) -> Result<Filled, CliError> {
    let mut named = BTreeMap::new();
    for pair in given {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| CliError::Refused("--set takes name=value".to_owned()))?;
        let is_client = matches!(name, "client_id" | "client_secret");
        if !is_client && !manifest.variables.contains_key(name) {
            let known: Vec<&str> = manifest.variables.keys().map(String::as_str).collect();
            return Err(CliError::Refused(format!("there is no variable `{name}`, but {}", known.join(", "))));
        }
        named.insert(name, value);
    }
    let mut filled = Filled { variables: Variables::new(), secrets: Secrets::new(), client_id: None };
    let need = manifest.auth.client();
    if need.is_some() || auth::brings_client(manifest) {
        let optional = need == Some(ClientNeed::Optional);
        let id = value("client_id", "Client id", &named, false, optional)?;
        filled.client_id = (!id.is_empty()).then(|| id.clone());
        if auth::brings_client(manifest) {
            filled.secrets.insert("client_id".into(), Secret::new(id));
        }
        if need != Some(ClientNeed::IdAlone) {
            let secret = value("client_secret", "Client secret", &named, true, optional)?;
            if !secret.is_empty() {
                filled.secrets.insert("client_secret".into(), Secret::new(secret));
            }
        }
    }
    for (name, spec) in &manifest.variables {
        if spec.at != VariableLevel::Answer {
            variable(&mut filled, name, spec, &named)?;
        }
    }
    Ok(filled)
}

fn variable(
    filled: &mut Filled,
    name: &str,
    spec: &VariableSpec,
    named: &BTreeMap<&str, &str>,
) -> Result<(), CliError> {
    let is_secret = spec.kind == VariableType::Secret;
    let may_be_empty = spec.optional || spec.default.is_some();
    let typed = value(name, &spec.label, named, is_secret, may_be_empty)?;
    let complete = spec.complete(&typed);
    if complete.is_empty() && may_be_empty {
        return Ok(());
    }
    spec.accept(name, &complete).map_err(CliError::refused)?;
    if is_secret {
        filled.secrets.insert(name.to_owned(), Secret::new(complete));
    } else {
        filled.variables.insert(name.to_owned(), complete);
    }
    Ok(())
}

/// One value. `@file` reads it from a file, as for private keys.
fn value(
    name: &str,
    label: &str,
    named: &BTreeMap<&str, &str>,
    is_secret: bool,
    may_be_empty: bool,
) -> Result<String, CliError> {
    #[expect(clippy::disallowed_methods, reason = "a developer's tool: the values are no settings of a server")]
    let environment = std::env::var(format!("PATCHBAY_TRY_{}", name.to_uppercase())).ok();
    let given = named.get(name).map(|value| (*value).to_owned()).or(environment);
    let value = match given {
        Some(value) => value,
        None if std::io::stdin().is_terminal() => typed(label, name, is_secret)?,
        None if may_be_empty => String::new(),
        None => {
            let variable = name.to_uppercase();
            return Err(CliError::Refused(format!("`{name}` is missing: --set {name}=… or PATCHBAY_TRY_{variable}")));
        }
    };
    match value.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).map_err(|error| CliError::Refused(format!("{path}: {error}"))),
        None => Ok(value),
    }
}

fn typed(label: &str, name: &str, is_secret: bool) -> Result<String, CliError> {
    print(&format!("{label} ({name}):"));
    let echo = |mode: &str| {
        // Where there is no such program, the value is seen while it is typed, as anything else.
        drop(Command::new("stty").arg(mode).stdin(Stdio::inherit()).stderr(Stdio::null()).status());
    };
    if is_secret {
        echo("-echo");
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if is_secret {
        echo("echo");
    }
    read.map_err(CliError::refused)?;
    Ok(line.trim().to_owned())
}

//! Values for a manifest's variables where no tenant and no end user has filled them in: for fixtures and checks.

use std::collections::BTreeMap;

use domain::manifest::{Manifest, VariableSpec, VariableType};

use crate::Mismatch;

/// Values that the manifest accepts: what is given, else the default, the first choice, the placeholder, or a made-up
/// one. Secrets are left out, for no plugin sees one.
///
/// # Errors
/// A given value is not accepted, names no variable, or none could be made up: the text says how to give one.
pub fn examples(manifest: &Manifest, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Mismatch> {
    if let Some(unknown) = given.keys().find(|name| !manifest.variables.contains_key(name.as_str())) {
        return Err(Mismatch(format!("provider.toml has no variable `{unknown}`")));
    }
    let mut values = BTreeMap::new();
    for (name, spec) in manifest.variables.iter().filter(|(_, spec)| spec.kind != VariableType::Secret) {
        if let Some(value) = given.get(name) {
            spec.accept(name, value).map_err(|error| Mismatch(error.to_string()))?;
            values.insert(name.clone(), spec.complete(value));
            continue;
        }
        let mut candidates = candidates(spec).into_iter().map(|value| spec.complete(&value));
        match candidates.find(|value| !value.is_empty() && spec.accept(name, value).is_ok()) {
            Some(value) => _ = values.insert(name.clone(), value),
            None if spec.optional => {}
            None => {
                return Err(Mismatch(format!(
                    "the variable `{name}` has a pattern that no made-up value fits: give one with --set {name}=…"
                )));
            }
        }
    }
    Ok(values)
}

fn candidates(spec: &VariableSpec) -> Vec<String> {
    let mut found: Vec<String> = spec.default.iter().chain(spec.options.keys().take(1)).cloned().collect();
    if spec.kind == VariableType::Origin {
        for host in &spec.allow {
            let host = if host == "*" { "api.example.com".into() } else { host.replace('*', "example") };
            found.extend([format!("https://{host}"), format!("http://{host}")]);
        }
    }
    found.extend(spec.placeholder.clone());
    let made_up = ["example", "12345", "1", "a", "https://example.com", "00000000-0000-0000-0000-000000000000"];
    found.extend(made_up.map(Into::into));
    found
}

//! What goes into an action and what comes out of it, held against the manifest's schemas as the server does.

use domain::manifest::{ActionSpec, SchemaFlaw};
use serde_json::Value;

use crate::{Call, Fixture, Mismatch, ProviderFolder};

/// The server refuses an input that breaks its schema before the plugin is called, so no story begins with one. A fixture
/// may do it all the same where it expects a failure: that shows what the plugin itself makes of such an input.
///
/// # Errors
/// What is wrong with the input, field by field.
pub(crate) fn check_input(provider: &ProviderFolder, fixture: &Fixture) -> Result<(), Mismatch> {
    match (&fixture.call, spec(provider, &fixture.call)) {
        (Call::Act { input, .. }, Some(spec)) if fixture.expect.failure.is_none() => {
            found("input", "refuses it before the plugin is called", &spec.input_flaws(input))
        }
        _ => Ok(()),
    }
}

/// The server gives nobody an output that breaks its schema, and blames the plugin. Where the call fails there is none.
///
/// # Errors
/// What is wrong with the output, field by field.
pub(crate) fn check_output(provider: &ProviderFolder, fixture: &Fixture, output: &Value) -> Result<(), Mismatch> {
    match spec(provider, &fixture.call) {
        Some(spec) if fixture.expect.failure.is_none() => {
            found("output", "blames the plugin for it and gives it to nobody", &spec.output_flaws(output))
        }
        _ => Ok(()),
    }
}

fn spec<'a>(provider: &'a ProviderFolder, call: &Call) -> Option<&'a ActionSpec> {
    let Call::Act { action, .. } = call else { return None };
    provider.manifest.actions.iter().find(|spec| spec.name == *action)
}

fn found(side: &str, verdict: &str, flaws: &[SchemaFlaw]) -> Result<(), Mismatch> {
    if flaws.is_empty() {
        return Ok(());
    }
    let flaws: Vec<String> = flaws
        .iter()
        .map(|SchemaFlaw { field, message }| match field.as_str() {
            "" => message.clone(),
            field => format!("{field}: {message}"),
        })
        .collect();
    Err(Mismatch(format!(
        "the {side} breaks its schema: {}. The server {verdict}. Mend the {side}, or [actions.{side}] in provider.toml",
        flaws.join("; ")
    )))
}

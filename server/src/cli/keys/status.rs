//! `patchbay keys status`.

use std::{fmt::Write as _, process::ExitCode};

use flows::keys::{self, EnvironmentKeys, KeyUse, TenantKeys};
use serde_json::{Value, json};
use store::{KeyRewrapRow, SealedColumn};

use super::{Desk, Whose};
use crate::cli::{CliError, print};

pub(super) async fn status(desk: &Desk, whose: &Whose, as_json: bool) -> Result<ExitCode, CliError> {
    let mut all = Vec::new();
    for tenant in desk.tenants(whose).await? {
        let found = keys::status(&desk.platform.services, desk.governance.as_ref(), tenant.tenant_id).await;
        let found = found.map_err(CliError::refused)?;
        if as_json {
            all.push(to_json(&found));
        } else {
            print(&to_text(&found));
        }
    }
    if as_json {
        print(&serde_json::to_string_pretty(&all).map_err(CliError::refused)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(tenant: &TenantKeys) -> Value {
    let values = |values: &[(SealedColumn, u64)]| -> Value {
        values.iter().map(|(column, count)| (format!("{}.{}", column.table, column.column), json!(count))).collect()
    };
    let versions = match &tenant.versions {
        Ok(versions) => json!({ "latest": versions.latest, "minimum": versions.minimum }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let environments = tenant.environments.iter().map(|found| {
        let keys = found.keys.iter().map(|used| {
            json!({
                "id": used.key.data_key_id,
                "in_use": used.key.retired_at.is_none(),
                "version": used.version(),
                "born_version": used.born(),
                "messages": used.key.messages,
                "created_at": used.key.created_at,
                "values": values(&used.values),
            })
        });
        json!({
            "environment": found.environment.slug,
            "data_keys": keys.collect::<Vec<_>>(),
            "stray": values(&found.stray),
            "rewrap": found.rewrap.as_ref().map(run_to_json),
        })
    });
    json!({ "tenant": tenant.tenant.slug, "versions": versions, "environments": environments.collect::<Vec<_>>() })
}

/// How a run stands, for scripts.
pub(super) fn run_to_json(run: &KeyRewrapRow) -> Value {
    json!({
        "state": run.state, "total": run.total, "done": run.done, "failed": run.failed, "last_error": run.last_error,
        "started_at": run.started_at, "finished_at": run.finished_at,
    })
}

fn to_text(tenant: &TenantKeys) -> String {
    let mut text = tenant.tenant.slug.clone();
    match &tenant.versions {
        Ok(versions) if versions.minimum == versions.latest => {
            add(&mut text, format_args!(": version {}\n", versions.latest));
        }
        Ok(versions) => {
            add(&mut text, format_args!(": version {}, from {} on accepted\n", versions.latest, versions.minimum));
        }
        Err(error) => add(&mut text, format_args!(": {error}\n")),
    }
    for found in &tenant.environments {
        environment(&mut text, found);
    }
    text.trim_end().to_owned()
}

fn environment(text: &mut String, found: &EnvironmentKeys) {
    add(text, format_args!("  {}\n", found.environment.slug));
    if found.keys.is_empty() {
        add(text, format_args!("    nothing was sealed yet\n"));
    }
    for used in &found.keys {
        let KeyUse { key, values } = used;
        let version = used.version().map_or_else(|| "?".to_owned(), |version| version.to_string());
        let since = if used.born().to_string() == version { String::new() } else { format!(" (of {})", used.born()) };
        let state = if key.retired_at.is_none() { "in use" } else { "old" };
        add(text, format_args!("    {}  version {version}{since}  {state}  ", key.data_key_id));
        add(text, format_args!("{}\n", list(values)));
    }
    if !found.stray.is_empty() {
        add(text, format_args!("    under no known data key: {}\n", list(&found.stray)));
    }
    if let Some(run) = &found.rewrap {
        add(text, format_args!("    rewrap {}: {} of {}\n", run.state, run.done, run.total));
        if let Some(error) = run.last_error.as_ref().filter(|_| run.failed > 0) {
            add(text, format_args!("      {} do not open, such as {error}\n", run.failed));
        }
    }
}

fn list(values: &[(SealedColumn, u64)]) -> String {
    if values.is_empty() {
        return "nothing lies under it".to_owned();
    }
    let words = values.iter().map(|(column, count)| format!("{count} {}.{}", column.table, column.column));
    words.collect::<Vec<_>>().join(", ")
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a text does not fail.
    let _ = text.write_fmt(what);
}

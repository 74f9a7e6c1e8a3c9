//! Reading a manifest: TOML first, then the rules that types alone do not say.

use super::{AuthSpec, Manifest, Template, VariableType, schema::CATEGORIES};

/// Why a manifest is refused: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {field}{message}")]
pub struct ManifestError {
    /// The file's name as given.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The field, with `: ` behind it, or nothing where the file is not TOML at all.
    pub field: String,
    /// What is wrong and what to write.
    pub message: String,
}

/// The most that a manifest may weigh, in bytes.
const MOST_BYTES: usize = 256 * 1024;

pub(super) fn parse(file: &str, text: &str) -> Result<Manifest, ManifestError> {
    if text.len() > MOST_BYTES {
        return Err(ManifestError {
            file: file.into(),
            line: 1,
            field: String::new(),
            message: format!("a manifest has at most {MOST_BYTES} bytes, this one has {}", text.len()),
        });
    }
    let manifest: Manifest = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        let field = key_of(text, line).map_or_else(String::new, |key| format!("{key}: "));
        ManifestError { file: file.into(), line, field, message: error.message().to_owned() }
    })?;
    let refuse = |field: &str, message: String| {
        Err(ManifestError { file: file.into(), line: line_of(text, field), field: format!("{field}: "), message })
    };

    if manifest.schema != 1 {
        return refuse("schema", format!("this server reads schema 1, not {}", manifest.schema));
    }
    if !crate::slug::is_slug(&manifest.slug) {
        return refuse("slug", "write lower-case letters, digits and dashes, at most 64".into());
    }
    if manifest.name.trim().is_empty() {
        return refuse("name", "write what people call the provider".into());
    }
    if !CATEGORIES.contains(&manifest.category.as_str()) {
        return refuse("category", format!("`{}` is not one of {}", manifest.category, CATEGORIES.join(", ")));
    }
    if !manifest.docs.starts_with("https://") {
        return refuse("docs", "write the https address of the vendor's documentation".into());
    }
    for (name, spec) in &manifest.variables {
        let field = format!("variables.{name}");
        if spec.kind == VariableType::Origin && spec.allow.is_empty() {
            return refuse(&field, "an origin needs `allow`, the hosts that it may name".into());
        }
        if let Some(pattern) = spec.allow.iter().find(|pattern| !host_pattern(pattern)) {
            return refuse(&field, format!("`{pattern}` is no host: write `api.example.com` or `*.example.com`"));
        }
        if let Some(default) = &spec.default
            && let Err(error) = spec.accept(name, default)
        {
            return refuse(&field, format!("the default is refused: {error}"));
        }
    }
    for (field, template) in templates(&manifest) {
        if let Err(error) = template.check(&manifest.variables) {
            return refuse(field, error.to_string());
        }
    }
    if let Some(pattern) = manifest.api.hosts.iter().find(|pattern| !host_pattern(pattern)) {
        return refuse("hosts", format!("`{pattern}` is no host: write `api.example.com` or `*.example.com`"));
    }
    match (&manifest.auth, &manifest.api.credential) {
        (AuthSpec::None, Some(_)) => {
            return refuse("credential", "there is none with mode = \"none\": remove it".into());
        }
        (AuthSpec::OAuth2Code(_), None) => {
            return refuse(
                "api",
                "add credential = { header = \"Authorization\", value = \"Bearer {access_token}\" }".into(),
            );
        }
        (AuthSpec::OAuth2Code(_), Some(placement)) if !placement.value.contains("{access_token}") => {
            return refuse("credential", "its value must contain {access_token}".into());
        }
        _ => {}
    }
    if manifest
        .rate_limit
        .as_ref()
        .is_some_and(|limit| limit.requests == 0 || limit.per_seconds == 0 || limit.per_integration == Some(0))
    {
        return refuse(
            "rate_limit",
            "zero requests or seconds would never let anything through: write at least 1".into(),
        );
    }
    if let Some(plugin) = &manifest.plugin
        && (plugin.component.contains(['/', '\\']) || !plugin.component.ends_with(".wasm"))
    {
        return refuse("component", "write the name of a .wasm file beside the manifest".into());
    }
    if manifest.plugin.is_none() && !(manifest.streams.is_empty() && manifest.actions.is_empty()) {
        return refuse("plugin", "streams and actions need code: add [plugin] with component = \"plugin.wasm\"".into());
    }
    let mut seen = std::collections::BTreeSet::new();
    let named = manifest
        .streams
        .iter()
        .map(|s| ("streams", &s.name))
        .chain(manifest.actions.iter().map(|a| ("actions", &a.name)));
    for (field, name) in named {
        let name_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(name_ok) {
            return refuse(
                field,
                format!("`{name}` is no name: write lower-case letters, digits and underscores, at most 64"),
            );
        }
        if !seen.insert((field, name)) {
            return refuse(field, format!("`{name}` stands there twice"));
        }
    }
    if manifest.streams.iter().any(|stream| stream.every_minutes == 0) {
        return refuse("every_minutes", "write at least 1".into());
    }
    Ok(manifest)
}

fn templates(manifest: &Manifest) -> Vec<(&'static str, &Template)> {
    let mut all = vec![("base_url", &manifest.api.base_url)];
    if let Some(identity) = &manifest.identity {
        all.push(("identity", &identity.url));
    }
    if let AuthSpec::OAuth2Code(oauth) = &manifest.auth {
        all.push(("authorization_url", &oauth.authorization_url));
        all.push(("token_url", &oauth.token_url));
        all.extend(oauth.revocation_url.as_ref().map(|template| ("revocation_url", template)));
        all.extend(oauth.issuer.as_ref().map(|template| ("issuer", template)));
    }
    all
}

fn host_pattern(pattern: &str) -> bool {
    let host = pattern.strip_prefix("*.").unwrap_or(pattern);
    let wildcard_ok = !pattern.starts_with("*.") || host.contains('.');
    wildcard_ok
        && !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']'))
}

/// The bare key that a line assigns to, if it does.
fn key_of(text: &str, line: usize) -> Option<&str> {
    let (key, _) = text.lines().nth(line.checked_sub(1)?)?.split_once('=')?;
    let key = key.trim();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!key.is_empty() && key.chars().all(is_bare)).then_some(key)
}

fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// The line on which a field or its table is written; the first line where it is absent.
fn line_of(text: &str, field: &str) -> usize {
    let table = format!("[{field}]");
    let tables = format!("[[{field}]]");
    text.lines()
        .position(|line| {
            let line = line.trim_start();
            let assigned = line.strip_prefix(field).is_some_and(|rest| rest.trim_start().starts_with('='));
            assigned || line.starts_with(&table) || line.starts_with(&tables)
        })
        .map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests;

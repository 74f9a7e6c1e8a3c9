//! Checking what the end user fills in, before the server does it again.

use std::collections::BTreeMap;

use api_types::integration::Variable;

/// What is wrong with a value; the page has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is filled in, and there is no default.
    Missing,
    /// Not an address such as `https://shop.example.com`.
    NotOrigin,
    /// Not a single DNS label, such as `my-shop`.
    NotLabel,
    /// Longer than 200 characters.
    TooLong,
}

/// The value as it is sent: trimmed, in the form of its kind. Empty if the default is to be used.
///
/// # Errors
/// The first fault there is.
pub fn check(variable: &Variable, typed: &str) -> Result<String, Fault> {
    let typed = typed.trim();
    if typed.is_empty() {
        return if variable.default.is_some() { Ok(String::new()) } else { Err(Fault::Missing) };
    }
    if typed.chars().count() > 200 {
        return Err(Fault::TooLong);
    }
    match variable.kind.as_str() {
        "origin" => origin(typed).ok_or(Fault::NotOrigin),
        "label" => label(typed).ok_or(Fault::NotLabel),
        _ => Ok(typed.to_owned()),
    }
}

/// All values that are sent, or the fault of each that is wrong.
///
/// # Errors
/// Names of variables with their faults.
pub fn check_all(
    variables: &[Variable],
    typed: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BTreeMap<String, Fault>> {
    let mut good = BTreeMap::new();
    let mut bad = BTreeMap::new();
    for variable in variables {
        match check(variable, typed.get(&variable.name).map_or("", String::as_str)) {
            Ok(value) if value.is_empty() => {}
            Ok(value) => drop(good.insert(variable.name.clone(), value)),
            Err(fault) => drop(bad.insert(variable.name.clone(), fault)),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// People paste addresses with paths and without a scheme; the host is what counts. A path is refused rather than cut,
/// so that nobody believes it matters.
fn origin(typed: &str) -> Option<String> {
    let lower = typed.to_lowercase();
    let (scheme, rest) = match lower.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => ("https", lower.as_str()),
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let port_fits = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0));
    let name_fits = !name.is_empty() && name.split('.').all(|part| label(part).is_some());
    (matches!(scheme, "https" | "http") && port_fits && name_fits).then(|| format!("{scheme}://{host}"))
}

/// RFC 1035 as relaxed by RFC 1123: letters, digits and inner dashes, at most 63.
fn label(typed: &str) -> Option<String> {
    let text = typed.to_lowercase();
    let fits = (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    fits.then_some(text)
}

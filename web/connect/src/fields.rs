//! Checking what the end user fills in, before the server does it again.

use std::collections::BTreeMap;

use api_types::integration::Variable;

/// What is wrong with a value; the page has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is filled in, and there is no default.
    Missing,
    /// Nothing is picked.
    NotChosen,
    /// Not an address such as `https://shop.example.com`.
    NotOrigin,
    /// Not a single DNS label, such as `my-shop`.
    NotLabel,
    /// Longer than 512 characters.
    TooLong,
    /// Longer than 16,384 bytes.
    SecretTooLong,
}

/// The most characters of a text.
const LONGEST: usize = 512;
/// The most bytes of a secret.
const LONGEST_SECRET: usize = 16_384;

/// The value as it is sent: with its prefix and suffix, in the form of its kind. Empty if it is left out.
///
/// # Errors
/// The first fault there is.
pub fn check(variable: &Variable, typed: &str) -> Result<String, Fault> {
    let bare = typed.trim();
    if bare.is_empty() {
        let may_be_empty = variable.optional || variable.default.is_some();
        let fault = if variable.kind == "choice" { Fault::NotChosen } else { Fault::Missing };
        return if may_be_empty { Ok(String::new()) } else { Err(fault) };
    }
    if variable.kind == "secret" || variable.multiline {
        // The last line break of a private key is part of it.
        let whole = completed(variable, if variable.multiline { typed } else { bare });
        return if whole.len() > LONGEST_SECRET { Err(Fault::SecretTooLong) } else { Ok(whole) };
    }
    if bare.chars().count() > LONGEST {
        return Err(Fault::TooLong);
    }
    let whole = completed(variable, bare);
    match variable.kind.as_str() {
        "origin" => origin(&whole).ok_or(Fault::NotOrigin),
        "label" => label(&whole).ok_or(Fault::NotLabel),
        _ => Ok(whole),
    }
}

/// With what stands before and behind the field, unless it was typed as well.
fn completed(variable: &Variable, typed: &str) -> String {
    let prefix = if typed.starts_with(&variable.prefix) { "" } else { &variable.prefix };
    let suffix = if typed.ends_with(&variable.suffix) { "" } else { &variable.suffix };
    [prefix, typed, suffix].concat()
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

//! What names of the protocols around a manifest look like.

use url::Url;

/// Whether a text can be shown to people: something to read, in one line, of no more than so many characters.
pub(super) fn is_shown(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// Whether a text is an https link to a public page.
pub(super) fn is_link(text: &str) -> bool {
    let plain = text.is_ascii() && !text.contains(|c: char| c.is_control() || c == ' ' || c == '\\');
    let url = Url::parse(text).ok().filter(|_| plain && text.starts_with("https://") && text.len() <= 512);
    url.is_some_and(|url| url.domain().is_some_and(|host| host.contains('.')) && url.username().is_empty())
}

/// Whether a text is a name of ours: lower-case letters, digits and underscores, a letter first.
pub(super) fn is_plain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 64 && text.chars().all(fits)
}

/// Whether a text is a header's name (RFC 9110 §5.1).
pub(super) fn is_header(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.len() <= 128 && text.chars().all(fits)
}

/// Headers that HTTP itself sets.
pub(super) fn is_hop_header(text: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization"]
        .iter()
        .any(|own| text.eq_ignore_ascii_case(own))
}

/// Whether a text can be the name of a query parameter or of a form field.
pub(super) fn is_parameter(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && !text.contains(|c: char| c.is_control() || c == ' ')
}

/// Whether a text is a dotted path into an answer.
pub(super) fn is_path(text: &str) -> bool {
    text.len() <= 256 && text.split('.').all(|part| !part.is_empty()) && !text.chars().any(char::is_control)
}

/// Whether a text is a scope token (RFC 6749 §3.3).
pub(super) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e'))
}

/// Whether a text is a list entry for hosts, `api.example.com` or `*.example.com`.
pub(super) fn is_host_pattern(pattern: &str) -> bool {
    let host = pattern.strip_prefix("*.").unwrap_or(pattern);
    let wildcard_ok = !pattern.starts_with("*.") || host.contains('.');
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    wildcard_ok && !host.is_empty() && !host.starts_with('.') && host.chars().all(fits)
}

/// Whether a text is a DNS name as far as a host's part goes: labels of letters, digits and inner dashes, with dots
/// between them.
pub(in crate::manifest) fn is_labels(text: &str) -> bool {
    let is_label = |label: &str| {
        let edge = |c: char| c.is_ascii_alphanumeric();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        label.len() <= 63 && label.starts_with(edge) && label.ends_with(edge) && label.chars().all(fits)
    };
    text.split('.').all(is_label)
}

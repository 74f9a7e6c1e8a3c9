//! What the portal reads of a manifest and of what the server says of one. The manifest itself is the server's to judge.

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counts from 1; `None` if it is about the whole.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub words: String,
}

/// Reads the server's words: `manifest:12: auth.mode: …`.
#[must_use]
pub fn fault(said: &str) -> Fault {
    let located = said.split_once(": ").and_then(|(place, words)| {
        let line = place.rsplit_once(':')?.1.parse().ok().filter(|line| *line > 0)?;
        Some(Fault { line: Some(line), words: words.to_owned() })
    });
    located.unwrap_or_else(|| Fault { line: None, words: said.to_owned() })
}

/// The slug that a manifest begins with, if it has one: a top-level `slug = "…"`.
#[must_use]
pub fn slug(text: &str) -> Option<&str> {
    let top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let mut values = top.filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim() == "slug");
    let (_, value) = values.next()?;
    let quote = value.trim().chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let slug = value.trim().get(1..)?.split(quote).next()?;
    let fits = !slug.is_empty() && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    fits.then_some(slug)
}

/// Where a line begins and ends, in UTF-16 units as browsers count them.
#[must_use]
pub fn span(text: &str, line: usize) -> (u32, u32) {
    let mut start = 0u32;
    for (place, words) in text.split('\n').enumerate() {
        let length = u32::try_from(words.encode_utf16().count()).unwrap_or(u32::MAX);
        if place + 1 == line {
            return (start, start.saturating_add(length));
        }
        start = start.saturating_add(length).saturating_add(1);
    }
    (start, start)
}

/// What a new one begins as.
pub const BEGINNING: &str = r#"schema = 1
slug = "my-provider"
name = "My provider"
category = "commerce"
docs = "https://developer.example.com"

[variables.api_key]
type = "secret"
label = "API key"
help = "Settings, API"

[auth]
mode = "key"

[api]
base_url = "https://api.example.com/v1"
credential = { headers = { authorization = "Bearer {api_key}" } }

[verification]
url = "/me"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_at_their_line() {
        let found = fault("manifest:12: auth.mode: unknown mode `kay`; did you mean `key`?");
        assert_eq!(found.line, Some(12));
        assert_eq!(found.words, "auth.mode: unknown mode `kay`; did you mean `key`?");
        assert_eq!(fault("plugin: code is installed by whoever runs this server").line, None);
        assert_eq!(fault("manifest:0: x").line, None);
    }

    #[test]
    fn the_slug_is_the_files_own_and_not_a_tables() {
        assert_eq!(slug(BEGINNING), Some("my-provider"));
        assert_eq!(slug("name = 'x'\nslug='a-1' # why"), Some("a-1"));
        assert_eq!(slug("[auth]\nslug = \"x\""), None);
        assert_eq!(slug("slug = \"Not one\""), None);
    }

    #[test]
    fn lines_are_counted_as_browsers_do() {
        assert_eq!(span("ab\n😀c\nd", 2), (3, 6));
        assert_eq!(span("ab\n😀c\nd", 3), (7, 8));
        assert_eq!(span("ab", 9), (3, 3));
    }
}

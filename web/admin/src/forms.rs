//! What is typed, as it is sent.

/// `None` for nothing but blanks.
#[must_use]
pub fn filled(typed: &str) -> Option<String> {
    let typed = typed.trim();
    (!typed.is_empty()).then(|| typed.to_owned())
}

/// Words between blanks and commas; `None` if there are none.
#[must_use]
pub fn list(typed: &str) -> Option<Vec<String>> {
    let words: Vec<String> =
        typed.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_nothing() {
        assert_eq!(filled("  "), None);
        assert_eq!(filled(" a b "), Some("a b".to_owned()));
        assert_eq!(list(" , "), None);
        assert_eq!(list("a, b  c"), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    }
}

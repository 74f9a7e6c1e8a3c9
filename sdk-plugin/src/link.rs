//! The `Link` header (RFC 8288), as far as pagination needs it.

/// The target of the first link whose `rel` holds `relation`, in whichever case. Targets may contain commas and
/// semicolons, parameters may be quoted.
pub(crate) fn find(header: &str, relation: &str) -> Option<String> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, next) = split_outside_quotes(after);
        if parameters.iter().any(|p| names(p, relation)) {
            return Some(target.trim().to_owned());
        }
        rest = next;
    }
}

/// The parameters of one link, and what follows the comma that ends it.
fn split_outside_quotes(text: &str) -> (Vec<&str>, &str) {
    let (mut parameters, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' | ',' if !quoted => {
                parameters.extend(text.get(start..at));
                start = at + 1;
                if character == ',' {
                    return (parameters, text.get(start..).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    parameters.extend(text.get(start..));
    (parameters, "")
}

fn names(parameter: &str, relation: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case(relation))
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_the_relation_wherever_it_stands() {
        let header = r#"<https://api.example/items?page=1>; rel="prev", <https://api.example/items?page=3&tags=a,b;c>; title="a, \"b\"; c"; rel="next last""#;
        assert_eq!(find(header, "next").as_deref(), Some("https://api.example/items?page=3&tags=a,b;c"));
        assert_eq!(find(header, "PREV").as_deref(), Some("https://api.example/items?page=1"));
        assert_eq!(find(header, "first"), None);
    }

    #[test]
    fn nonsense_is_no_link() {
        for header in ["", "<", "<>", "<a>; rel", "rel=next", "<a>; rel=\"next", ", ,"] {
            let found = find(header, "next");
            assert!(found.is_none() || header == "<a>; rel=\"next", "{header}: {found:?}");
        }
    }
}

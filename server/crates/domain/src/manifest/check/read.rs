//! From text to the typed manifest, with errors in words that help.

use serde::Deserialize;
use toml::{Spanned, de::DeTable};

use super::{
    Finding, Manifest, ManifestError, closest,
    places::{Places, join, line_at},
};

/// Reads the tables of a text.
pub(super) fn tables<'i>(file: &str, text: &'i str) -> Result<Places<'i>, ManifestError> {
    Places::read(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let mut message = error.message().lines().collect::<Vec<_>>().join(" ");
        if message == "duplicate key" {
            message = format!("`{}` is written twice", text.get(span.clone()).unwrap_or_default());
        }
        let (file, line) = (file.to_owned(), line_at(text, span.start));
        ManifestError { file, line, field: String::new(), message, suggestion: None }
    })
}

/// Reads the typed manifest.
pub(super) fn manifest(places: &Places<'_>) -> Result<Manifest, Finding> {
    // Where everything is right nobody asks for the way to what is wrong, and keeping track of it takes time.
    if let Ok(manifest) = Manifest::deserialize(toml::de::Deserializer::from(places.tables())) {
        return Ok(manifest);
    }
    attempt(places.tables()).map_err(|error| explain(places, &error))
}

/// What reading said, and where as far as it knows.
struct Unread {
    field: String,
    message: String,
}

fn attempt(tables: Spanned<DeTable<'_>>) -> Result<Manifest, Unread> {
    let reader = toml::de::Deserializer::from(tables);
    let mut track = serde_path_to_error::Track::new();
    Manifest::deserialize(serde_path_to_error::Deserializer::new(reader, &mut track)).map_err(|error| {
        let path = track.path().to_string();
        let field = path.trim_end_matches(['.', '?']).to_owned();
        Unread { field, message: error.message().to_owned() }
    })
}

/// The names in backticks, in order.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn explain(places: &Places<'_>, error: &Unread) -> Finding {
    let message = error.message.as_str();
    let names = quoted(message);
    let first = names.first().copied().unwrap_or_default();
    let known = names.get(1..).unwrap_or_default();
    if message.starts_with("missing field") {
        let field = lacking(places, &error.field, first, message);
        return Finding::new(join(&field, first), format!("is missing: add `{first}`"));
    }
    let field = culprit(places, &error.field, message);
    let listed = || known.join(", ");
    if message.starts_with("unknown field") {
        let field = if field.rsplit('.').next() == Some(first) { field } else { join(&field, first) };
        let suggestion = closest(first, known.iter().copied());
        let hint = match suggestion {
            Some(_) => String::new(),
            None if known.is_empty() => "; nothing belongs there".into(),
            None => format!("; there are {}", listed()),
        };
        return Finding::new(field, format!("there is no field `{first}` here{hint}")).suggest(suggestion);
    }
    if message.starts_with("unknown variant") {
        let suggestion = closest(first, known.iter().copied());
        return Finding::new(field, format!("`{first}` is not one of {}", listed())).suggest(suggestion);
    }
    Finding::new(field, message.lines().collect::<Vec<_>>().join(" "))
}

/// How many fields are tried out while the culprit of an error is looked for: the text may be anyone's.
const MOST_TRIED: usize = 256;

/// The names that tell which kind of table it is; reading goes another way without them.
const TAGS: [&str; 3] = ["mode", "scheme", "style"];

/// Tables whose kind is told by one of their fields are read as a whole, and an error in them names no field. So leave
/// out one field after the other: where the error goes away, it came from that one.
fn culprit(places: &Places<'_>, field: &str, message: &str) -> String {
    let mut at = field.to_owned();
    let mut tried = 0;
    let written = quoted(message).first().copied().filter(|_| message.starts_with("unknown variant"));
    let is_other_tag = |path: &str| {
        let is_tag = TAGS.iter().any(|tag| path.rsplit('.').next() == Some(tag));
        is_tag && (written.is_none() || places.text(path) != written)
    };
    loop {
        let found = places.below(&at).into_iter().find(|below| {
            tried += 1;
            let fits = tried <= MOST_TRIED && !is_other_tag(below);
            fits && attempt(places.without(below)).err().is_none_or(|error| error.message != message)
        });
        match found {
            Some(below) => at = below,
            None => return at,
        }
    }
}

/// The table that lacks a field: the one to which it can be added so that the error goes away.
fn lacking(places: &Places<'_>, field: &str, name: &str, message: &str) -> String {
    let mut open = vec![field.to_owned()];
    let mut tried = 0;
    while let Some(at) = open.pop() {
        tried += 1;
        if tried > MOST_TRIED {
            break;
        }
        let is_answer =
            places.is_table(&at) && attempt(places.with(&at, name)).err().is_none_or(|e| e.message != message);
        if is_answer {
            return at;
        }
        open.extend(places.below(&at));
    }
    field.to_owned()
}

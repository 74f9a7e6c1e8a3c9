//! Where in a manifest's text a field stands. The typed manifest knows no lines, so the text's own tables are kept while
//! it is checked.

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// A manifest's text as tables whose keys know where they stand.
pub(super) struct Places<'i> {
    text: &'i str,
    root: Spanned<DeTable<'i>>,
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Node<'a, 'i> {
    Table(&'a DeTable<'i>),
    Value(&'a Spanned<DeValue<'i>>),
}

impl<'i> Places<'i> {
    /// Reads the text.
    ///
    /// # Errors
    /// It is not TOML.
    pub(super) fn read(text: &'i str) -> Result<Self, toml::de::Error> {
        Ok(Self { text, root: DeTable::parse(text)? })
    }

    /// The tables, for reading the typed manifest from.
    pub(super) fn tables(&self) -> Spanned<DeTable<'i>> {
        self.root.clone()
    }

    /// The line of a field, `auth.steps[0].call.url`; that of the nearest table around it where it is absent.
    pub(super) fn line(&self, field: &str) -> usize {
        self.walk(field).0.map_or(1, |byte| line_at(self.text, byte))
    }

    /// Whether the field is written.
    pub(super) fn has(&self, field: &str) -> bool {
        self.walk(field).1.is_some()
    }

    /// The fields directly below one (all of the file for an empty name), each by its full path.
    pub(super) fn below(&self, field: &str) -> Vec<String> {
        let named = |table: &DeTable<'i>| table.keys().map(|key| join(field, key.get_ref())).collect::<Vec<_>>();
        match self.walk(field).1 {
            Some(Node::Table(table)) => named(table),
            Some(Node::Value(value)) => match value.get_ref() {
                DeValue::Table(table) => named(table),
                DeValue::Array(items) => (0..items.len()).map(|at| format!("{field}[{at}]")).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// Whether the field is a table.
    pub(super) fn is_table(&self, field: &str) -> bool {
        match self.walk(field).1 {
            Some(Node::Table(_)) => true,
            Some(Node::Value(value)) => matches!(value.get_ref(), DeValue::Table(_)),
            None => false,
        }
    }

    /// The text of a field, if it is one.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        match self.walk(field).1? {
            Node::Value(value) => value.get_ref().as_str(),
            Node::Table(_) => None,
        }
    }

    /// The tables without one field.
    pub(super) fn without(&self, field: &str) -> Spanned<DeTable<'i>> {
        let mut tables = self.root.clone();
        if let Some((parent, last)) = split(field) {
            edit(tables.get_mut(), parent, &mut |node| match node {
                Edited::Table(table) => {
                    table.remove(last);
                }
                Edited::Array(items) => {
                    let mut others = DeArray::new();
                    for (at, item) in items.iter().enumerate() {
                        if index(last).is_none_or(|(left_out, _)| left_out != at) {
                            others.push(item.clone());
                        }
                    }
                    *items = others;
                }
            });
        }
        tables
    }

    /// The tables with an empty text added as `name` below `field`.
    pub(super) fn with(&self, field: &str, name: &str) -> Spanned<DeTable<'i>> {
        let mut tables = self.root.clone();
        edit(tables.get_mut(), field, &mut |node| {
            if let Edited::Table(table) = node {
                let key = Spanned::new(0..0, name.to_owned().into());
                table.insert(key, Spanned::new(0..0, DeValue::String("".into())));
            }
        });
        tables
    }

    /// The byte where the path ends, or that of the last part that is there, and what is found at its end.
    fn walk(&self, field: &str) -> (Option<usize>, Option<Node<'_, 'i>>) {
        let mut at = Node::Table(self.root.get_ref());
        let mut byte = None;
        let mut rest = field;
        while !rest.is_empty() {
            let table = match at {
                Node::Table(table) => Some(table),
                Node::Value(value) => value.get_ref().as_table(),
            };
            if let Some(table) = table {
                let Some((key, value, after)) = member(table, rest) else { return (byte, None) };
                byte = Some(key);
                rest = after;
                at = Node::Value(value);
                continue;
            }
            let items = match at {
                Node::Value(value) => value.get_ref().as_array(),
                Node::Table(_) => None,
            };
            let item = index(rest).and_then(|(at, after)| Some((items?.get(at)?, after)));
            let Some((item, after)) = item else { return (byte, None) };
            // A table of an array is known by its first key: its own span is that of all of them.
            let first = item.get_ref().as_table().and_then(|table| table.keys().map(|key| key.span().start).min());
            byte = Some(first.unwrap_or(item.span().start));
            rest = after;
            at = Node::Value(item);
        }
        (byte, Some(at))
    }
}

enum Edited<'a, 'i> {
    Table(&'a mut DeTable<'i>),
    Array(&'a mut DeArray<'i>),
}

fn edit<'i>(table: &mut DeTable<'i>, field: &str, change: &mut dyn FnMut(Edited<'_, 'i>)) {
    if field.is_empty() {
        return change(Edited::Table(table));
    }
    let Some((name, after)) = member(table, field).map(|(_, _, after)| {
        let length = field.len() - after.len();
        (field.get(..length).unwrap_or_default().trim_end_matches('.').to_owned(), after)
    }) else {
        return;
    };
    if let Some(value) = table.get_mut(name.as_str()) {
        edit_value(value.get_mut(), after, change);
    }
}

fn edit_value<'i>(value: &mut DeValue<'i>, field: &str, change: &mut dyn FnMut(Edited<'_, 'i>)) {
    match value {
        DeValue::Table(table) => edit(table, field, change),
        DeValue::Array(items) => match index(field) {
            Some((at, after)) => {
                if let Some(item) = items.get_mut(at) {
                    edit_value(item.get_mut(), after, change);
                }
            }
            None => change(Edited::Array(items)),
        },
        _ => {}
    }
}

/// The member of a table with which a path begins: where its key stands, its value, the rest of the path. Names may have
/// dots in them themselves.
fn member<'a, 'i, 'p>(table: &'a DeTable<'i>, path: &'p str) -> Option<(usize, &'a Spanned<DeValue<'i>>, &'p str)> {
    table
        .iter()
        .filter_map(|(key, value)| {
            let rest = path.strip_prefix(key.get_ref().as_ref())?;
            let after = match rest.chars().next() {
                None | Some('[') => rest,
                Some('.') => rest.strip_prefix('.')?,
                Some(_) => return None,
            };
            Some((key.span().start, value, after))
        })
        .min_by_key(|(_, _, after)| after.len())
}

/// `[3].rest` as 3 and `rest`.
fn index(path: &str) -> Option<(usize, &str)> {
    let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// A path as that of the parent and the last part.
fn split(field: &str) -> Option<(&str, &str)> {
    if field.ends_with(']') {
        return field.rfind('[').map(|at| field.split_at(at));
    }
    Some(field.rsplit_once('.').unwrap_or(("", field))).filter(|(_, last)| !last.is_empty())
}

/// A path one part longer.
pub(super) fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

/// The line of a byte, counted from 1; the last one for the end of the text.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len().saturating_sub(1));
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

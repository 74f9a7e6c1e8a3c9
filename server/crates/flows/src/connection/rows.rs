//! Rows of an import: JSON Lines, or CSV with a header. A row that cannot be read is a row all the same, with what is wrong
//! with it, and the next one is read. No words here repeat what the file says, since that may be a secret.

use std::{collections::BTreeMap, io::BufRead};

use api_types::connection::{ImportRow, ImportTokens};
use domain::{connect::EndUser, secret::Secret};
use zeroize::Zeroizing;

use super::import::{Import, ImportedTokens};

/// The longest row, in bytes.
pub const LONGEST_ROW: usize = 256 * 1024;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object on each line.
    JsonLines,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
}

/// A row as read.
#[derive(Debug)]
pub struct Row {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// What it says, or each field that is wrong with what is wrong; the field is empty where it is the row.
    pub said: Result<Said, Vec<(String, String)>>,
}

/// What a row says.
#[derive(Debug, Clone)]
pub struct Said {
    /// The tenant's own id of the connection.
    pub external_id: Option<String>,
    /// What is to be brought along; the integration is yet to be filled in.
    pub import: Import,
}

impl Row {
    /// The same row once more, for another try.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { line: self.line, said: self.said.clone() }
    }
}

/// Why rows cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The header is not one.
    #[error("the header: {0}")]
    Header(String),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

/// Reads rows one by one.
pub struct Rows<R> {
    reader: Reader<R>,
}

enum Reader<R> {
    JsonLines { reader: R, line: u64 },
    Csv { reader: Box<csv::Reader<R>>, columns: Vec<Column> },
}

/// What a column of CSV is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    ExternalId,
    EndUserId,
    EndUserName,
    AccessToken,
    RefreshToken,
    TokenSecret,
    TokenType,
    ExpiresAt,
    RefreshExpiresAt,
    Scopes,
    Field(String),
    Tag(String),
}

const COLUMNS: &str = "external_id, end_user.id, end_user.name, tokens.access_token, tokens.refresh_token, \
    tokens.token_secret, tokens.token_type, tokens.expires_at, tokens.refresh_expires_at, tokens.scopes (separated by \
    spaces), fields.<name>, tags.<name>";

impl<R: BufRead> Rows<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`RowsError`]: a header with unknown columns among them.
    pub fn of(format: Format, mut reader: R) -> Result<Self, RowsError> {
        if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        let reader = match format {
            Format::JsonLines => Reader::JsonLines { reader, line: 0 },
            Format::Csv => {
                // A line ends with its line feed, so that it is counted before the next one begins; what stands before
                // that is taken off.
                let mut reader = csv::ReaderBuilder::new()
                    .flexible(true)
                    .terminator(csv::Terminator::Any(b'\n'))
                    .from_reader(reader);
                let header = reader.headers().map_err(|error| match error.into_kind() {
                    csv::ErrorKind::Io(error) => RowsError::Read(error),
                    _ => RowsError::Header("it is not UTF-8 text".into()),
                })?;
                let columns = columns(header)?;
                Reader::Csv { reader: Box::new(reader), columns }
            }
        };
        Ok(Self { reader })
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Row, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.reader {
            Reader::JsonLines { reader, line } => loop {
                let text = match next_line(reader) {
                    Ok(Some(text)) => text,
                    Ok(None) => return None,
                    Err(error) => return Some(Err(error.into())),
                };
                *line += 1;
                match text {
                    None => {
                        let words = format!("is longer than {LONGEST_ROW} bytes");
                        return Some(Ok(Row { line: *line, said: Err(vec![(String::new(), words)]) }));
                    }
                    Some(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                    Some(text) => return Some(Ok(Row { line: *line, said: of_json(&text) })),
                }
            },
            Reader::Csv { reader, columns } => loop {
                let mut record = csv::StringRecord::new();
                let line = reader.position().line();
                return match reader.read_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = record.position().map_or(line, csv::Position::line);
                        let record = without_return(&record);
                        if record.len() == 1 && record.get(0) == Some("") {
                            continue;
                        }
                        Some(Ok(Row { line, said: of_csv(columns, &record) }))
                    }
                    Err(error) => match error.into_kind() {
                        csv::ErrorKind::Io(error) => Some(Err(error.into())),
                        csv::ErrorKind::Utf8 { pos, .. } => {
                            let line = pos.map_or(line, |pos| pos.line());
                            Some(Ok(Row { line, said: Err(vec![(String::new(), "is not UTF-8 text".into())]) }))
                        }
                        _ => Some(Ok(Row { line, said: Err(vec![(String::new(), "is not CSV".into())]) })),
                    },
                };
            },
        }
    }
}

/// A record without the carriage return before its line's end (RFC 4180 §2).
fn without_return(record: &csv::StringRecord) -> csv::StringRecord {
    let last = record.len().saturating_sub(1);
    let value = |(at, value): (usize, &'_ str)| {
        if at == last { value.strip_suffix('\r').unwrap_or(value).to_owned() } else { value.to_owned() }
    };
    record.iter().enumerate().map(value).collect::<Vec<String>>().into()
}

/// The next line without its end; the inner `None` for one that is too long and was passed over.
fn next_line(reader: &mut impl BufRead) -> std::io::Result<Option<Option<Zeroizing<Vec<u8>>>>> {
    let mut line = Zeroizing::new(Vec::new());
    let (mut is_long, mut has_any) = (false, false);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(has_any.then_some((!is_long).then_some(line)));
        }
        has_any = true;
        let (part, used, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (buffer.get(..at).unwrap_or_default(), at + 1, true),
            None => (buffer, buffer.len(), false),
        };
        is_long = is_long || line.len() + part.len() > LONGEST_ROW;
        if !is_long {
            line.extend_from_slice(part);
        }
        reader.consume(used);
        if is_end {
            return Ok(Some((!is_long).then_some(line)));
        }
    }
}

fn of_json(text: &[u8]) -> Result<Said, Vec<(String, String)>> {
    let row = |words: String| vec![(String::new(), words)];
    let text = std::str::from_utf8(text).map_err(|_| row("is not UTF-8 text".into()))?;
    if !text.trim_start().starts_with('{') {
        return Err(row("is not a JSON object".into()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let read: ImportRow = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        vec![(field, unread(error.inner()))]
    })?;
    reader.end().map_err(|_| row("goes on after its JSON object".into()))?;
    Ok(said(read))
}

/// What a reader says of what it cannot read, without what it read.
fn unread(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    if !error.is_data() {
        return format!("is not valid JSON: {words}, at column {}", error.column());
    }
    if words.starts_with("missing field") {
        return words.to_owned();
    }
    match words.rsplit_once("expected ") {
        Some((_, expected)) => format!("must be {expected}"),
        None => "is not what it must be; times are written like 2026-01-31T12:00:00Z".to_owned(),
    }
}

fn said(row: ImportRow) -> Said {
    let import = Import {
        integration: String::new(),
        end_user: EndUser { id: row.end_user.id, name: row.end_user.name },
        connection: None,
        fields: row.fields.into_iter().map(|(name, text)| (name, Secret::new(text))).collect(),
        tokens: row.tokens.map(Into::into),
        tags: row.tags,
        metadata: row.metadata.filter(|notes| !notes.is_null()),
    };
    Said { external_id: row.external_id.filter(|id| !id.is_empty()), import }
}

impl From<ImportTokens> for ImportedTokens {
    fn from(tokens: ImportTokens) -> Self {
        Self {
            access_token: tokens.access_token.map(Secret::new),
            refresh_token: tokens.refresh_token.map(Secret::new),
            token_secret: tokens.token_secret.map(Secret::new),
            token_type: tokens.token_type,
            expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            scopes: tokens.scopes,
            extra: tokens.extra,
        }
    }
}

fn columns(header: &csv::StringRecord) -> Result<Vec<Column>, RowsError> {
    let mut columns = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let name = name.trim();
        let column = match name {
            "external_id" => Column::ExternalId,
            "end_user.id" | "end_user_id" => Column::EndUserId,
            "end_user.name" | "end_user_name" => Column::EndUserName,
            "tokens.access_token" | "access_token" => Column::AccessToken,
            "tokens.refresh_token" | "refresh_token" => Column::RefreshToken,
            "tokens.token_secret" | "token_secret" => Column::TokenSecret,
            "tokens.token_type" | "token_type" => Column::TokenType,
            "tokens.expires_at" | "expires_at" => Column::ExpiresAt,
            "tokens.refresh_expires_at" | "refresh_expires_at" => Column::RefreshExpiresAt,
            "tokens.scopes" | "scopes" => Column::Scopes,
            _ => match name.split_once('.') {
                Some(("fields", field)) if !field.is_empty() => Column::Field(field.to_owned()),
                Some(("tags", tag)) if !tag.is_empty() => Column::Tag(tag.to_owned()),
                // A file without a header begins with a row, and what that says is nobody's to repeat.
                _ => {
                    let words = format!("column {} is none of those that there are: {COLUMNS}", at + 1);
                    return Err(RowsError::Header(words));
                }
            },
        };
        if columns.contains(&column) {
            return Err(RowsError::Header(format!("column {} is there twice", at + 1)));
        }
        columns.push(column);
    }
    if !columns.contains(&Column::EndUserId) {
        return Err(RowsError::Header(format!("there is no column end_user.id; there are: {COLUMNS}")));
    }
    Ok(columns)
}

fn of_csv(columns: &[Column], record: &csv::StringRecord) -> Result<Said, Vec<(String, String)>> {
    if record.len() != columns.len() {
        let words = format!("has {} values where the header has {} columns", record.len(), columns.len());
        return Err(vec![(String::new(), words)]);
    }
    let mut wrong = Vec::new();
    let (mut external_id, mut end_user) = (None, EndUser { id: String::new(), name: None });
    let (mut tokens, mut has_tokens) = (ImportedTokens::default(), false);
    let (mut fields, mut tags) = (BTreeMap::new(), BTreeMap::new());
    let mut time = |field: &str, value: &str| match chrono::DateTime::parse_from_rfc3339(value) {
        Ok(time) => Some(time.to_utc()),
        Err(_) => {
            wrong.push((field.to_owned(), "must be a time like 2026-01-31T12:00:00Z".to_owned()));
            None
        }
    };
    for (column, value) in columns.iter().zip(record) {
        // A cell that is left empty says nothing.
        if value.trim().is_empty() {
            continue;
        }
        has_tokens |= !matches!(
            column,
            Column::ExternalId | Column::EndUserId | Column::EndUserName | Column::Field(_) | Column::Tag(_)
        );
        match column {
            Column::ExternalId => external_id = Some(value.to_owned()),
            Column::EndUserId => value.clone_into(&mut end_user.id),
            Column::EndUserName => end_user.name = Some(value.to_owned()),
            Column::AccessToken => tokens.access_token = Some(Secret::new(value)),
            Column::RefreshToken => tokens.refresh_token = Some(Secret::new(value)),
            Column::TokenSecret => tokens.token_secret = Some(Secret::new(value)),
            Column::TokenType => tokens.token_type = Some(value.to_owned()),
            Column::ExpiresAt => tokens.expires_at = time("tokens.expires_at", value),
            Column::RefreshExpiresAt => tokens.refresh_expires_at = time("tokens.refresh_expires_at", value),
            Column::Scopes => tokens.scopes = Some(value.split_whitespace().map(str::to_owned).collect()),
            Column::Field(name) => {
                fields.insert(name.clone(), Secret::new(value));
            }
            Column::Tag(name) => {
                tags.insert(name.clone(), value.to_owned());
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let tokens = has_tokens.then_some(tokens);
    let import =
        Import { integration: String::new(), end_user, connection: None, fields, tokens, tags, metadata: None };
    Ok(Said { external_id, import })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(format: Format, text: &str) -> Vec<Row> {
        Rows::of(format, text.as_bytes()).unwrap().map(Result::unwrap).collect()
    }

    fn wrong(row: &Row) -> (u64, String, String) {
        let (field, words) = row.said.as_ref().unwrap_err()[0].clone();
        (row.line, field, words)
    }

    #[test]
    fn c_8_a_row_that_cannot_be_read_says_where_and_never_what() {
        let text = concat!(
            "\u{feff}{\"end_user\":{\"id\":\"a\"},\"tokens\":{\"access_token\":\"t\",\"scopes\":[\"s\"]}}\n",
            "\n",
            "{\"end_user\":{\"id\":\"b\"},\"fields\":\"canary\"}\n",
            "{\"end_user\":{},\"fields\":{}}\n",
            "{\"end_user\":{\"id\":\"c\"},\"tokens\":{\"expires_at\":\"canary\"}}\n",
            "[\"canary\"]\n",
            "{\"end_user\":{\"id\":\"canary\"\n",
            "{\"end_user\":{\"id\":\"d\"}}{\"canary\":1}\n",
            "{\"end_user\":{\"id\":\"e\"},\"fields\":{\"key\":{\"canary\":1}}}",
        );
        let rows = rows(Format::JsonLines, text);
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[0].line, 1);
        assert_eq!(rows[0].said.as_ref().unwrap().import.end_user.id, "a");
        let wrong: Vec<_> = rows[1..].iter().map(wrong).collect();
        assert!(!format!("{wrong:?}").contains("canary"), "{wrong:?}");
        assert_eq!(wrong.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((wrong[0].1.as_str(), wrong[0].2.as_str()), ("fields", "must be a map"));
        assert_eq!((wrong[1].1.as_str(), wrong[1].2.as_str()), ("end_user", "missing field `id`"));
        assert_eq!(wrong[2].1, "tokens.expires_at");
        assert_eq!(wrong[6].1, "fields.key");
    }

    #[test]
    fn c_8_csv_has_quotes_line_numbers_and_a_header_that_is_checked() {
        let text = "end_user.id,fields.api_key,tags.plan,expires_at\r\n\
            a,\"k,\n1\",gold,\r\nb,k2\r\n\r\nc,k3,,2026-13-01\r\n";
        let rows = rows(Format::Csv, text);
        assert_eq!(rows.len(), 3);
        let first = rows[0].said.as_ref().unwrap();
        assert_eq!((rows[0].line, first.import.fields["api_key"].expose()), (2, "k,\n1"));
        assert!(first.import.tokens.is_none() && first.import.tags["plan"] == "gold");
        assert_eq!(wrong(&rows[1]), (4, String::new(), "has 2 values where the header has 4 columns".to_owned()));
        assert_eq!((wrong(&rows[2]).0, wrong(&rows[2]).1.as_str()), (6, "tokens.expires_at"));
        for (header, words) in [
            ("end_user.id,canary\n", "column 2 is none of those"),
            ("fields.api_key\n", "no column end_user.id"),
            ("end_user.id,end_user_id\n", "column 2 is there twice"),
        ] {
            let error = Rows::of(Format::Csv, header.as_bytes()).err().unwrap().to_string();
            assert!(error.contains(words) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn c_8_a_line_without_end_is_passed_over() {
        let text = format!("{{\"x\":\"{}\"}}\n{{\"end_user\":{{\"id\":\"a\"}}}}", "y".repeat(LONGEST_ROW));
        let rows = rows(Format::JsonLines, &text);
        assert_eq!(rows.len(), 2);
        assert!(wrong(&rows[0]).2.starts_with("is longer than"));
        assert_eq!((rows[1].line, rows[1].said.is_ok()), (2, true));
    }
}

//! The new plugin's `src/lib.rs`.

use domain::manifest::PaginationSpec;

use super::listing::{Listing, SIZE, pointer, size_param};

/// What differs from one way of going on to another.
struct Style {
    cursor: &'static str,
    request: String,
    next: String,
}

/// The text of `src/lib.rs`, as rustfmt leaves it.
pub(super) fn code(name: &str, listings: &[Listing], pagination: &PaginationSpec) -> String {
    let Style { cursor, request, next } = style(pagination);
    let streams: Vec<&str> = listings.iter().map(|listing| listing.stream.as_str()).collect();
    let (mut arms, mut consts) = (String::new(), String::new());
    for listing in listings {
        let constant = listing.stream.to_ascii_uppercase();
        arms.push_str(&format!("            \"{}\" => {constant}.pull(cursor),\n", listing.stream));
        consts.push_str(&format!(
            "const {constant}: Listing = Listing {{\n    path: {:?},\n    records: {:?},\n    id: {:?},\n}};\n",
            listing.path,
            listing.pointer(pagination),
            listing.id
        ));
    }
    // A vendor's name may hold what ends a comment's line.
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    TEMPLATE
        .replace("{streams}", &streams.join(", "))
        .replace("{arms}", arms.trim_end())
        .replace("{consts}", consts.trim_end())
        .replace("{cursor}", cursor)
        .replace("{request}", &request)
        .replace("{next}", &next)
        .replace("{name}", &name)
}

fn style(pagination: &PaginationSpec) -> Style {
    let size = size_param(pagination).map(|param| format!(".query({param:?}, {SIZE})")).unwrap_or_default();
    let by_url = format!(
        "let request = match at.next {{
            Some(url) => http::get(url),
            None => http::get(self.path){size},
        }};"
    );
    let url_cursor = "/// The address of the next page, as the provider gave it.\n    next: Option<String>,";
    match pagination {
        PaginationSpec::Link { .. } => Style {
            cursor: url_cursor,
            request: by_url,
            next: "match answer.link(\"next\") {
            Some(next) => page.more(&Cursor { next: Some(next) }),
            None => Ok(page),
        }"
            .into(),
        },
        PaginationSpec::NextUrl { next, .. } => Style {
            cursor: url_cursor,
            request: by_url,
            next: format!(
                "match text(body.pointer({:?})) {{
            Some(next) => page.more(&Cursor {{ next: Some(next) }}),
            None => Ok(page),
        }}",
                pointer(next)
            ),
        },
        PaginationSpec::Cursor { param, next, .. } => Style {
            cursor: "/// The provider's own cursor.\n    after: Option<String>,",
            request: format!("let request = http::get(self.path){size}.query_if({param:?}, at.after);"),
            next: format!(
                "match text(body.pointer({:?})) {{
            Some(after) => page.more(&Cursor {{ after: Some(after) }}),
            None => Ok(page),
        }}",
                pointer(next)
            ),
        },
        PaginationSpec::Page { param, first, .. } => Style {
            cursor: "/// The page's number.\n    page: Option<u32>,",
            request: format!(
                "let number = at.page.unwrap_or({first});
        let request = http::get(self.path){size}.query({param:?}, number);"
            ),
            next: "// A provider may give fewer at once than it is asked for, so only an empty page is the last.
        if page.items.is_empty() {
            return Ok(page);
        }
        page.more(&Cursor {
            page: Some(number + 1),
        })"
            .into(),
        },
        PaginationSpec::Offset { param, .. } => Style {
            cursor: "/// How many records are before this page.\n    offset: usize,",
            request: format!("let request = http::get(self.path){size}.query({param:?}, at.offset);"),
            next: "// A provider may give fewer at once than it is asked for, so only an empty page is the last.
        if page.items.is_empty() {
            return Ok(page);
        }
        let offset = at.offset + page.items.len();
        page.more(&Cursor { offset })"
                .into(),
        },
    }
}

const TEMPLATE: &str = r#"//! {name}: {streams}.

use patchbay_plugin::{Connection, Failure, Item, Page, Provider, Response, Value, cursor, http};
use serde::{Deserialize, Serialize};

struct Plugin;
patchbay_plugin::export!(Plugin);

impl Provider for Plugin {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
{arms}
            other => Err(Failure::plugin(format!("There is no stream `{other}`."))),
        }
    }
}

/// A list of the provider's.
struct Listing {
    /// Its path below the manifest's `base_url`.
    path: &'static str,
    /// Where the records lie in an answer, as a JSON Pointer; empty for the answer itself.
    records: &'static str,
    /// The field that identifies a record.
    id: &'static str,
}

{consts}

/// Where a walk over a list stands. The default is its beginning.
#[derive(Serialize, Deserialize, Default)]
struct Cursor {
    {cursor}
}

impl Listing {
    /// One page. What the next one needs is in its cursor and nowhere else: a run that crashed goes on from there.
    fn pull(&self, cursor: Option<&str>) -> Result<Page, Failure> {
        let at: Cursor = cursor::read(cursor)?;
        {request}
        let answer = accept(request.send()?)?;
        let body: Value = answer.json()?;
        let page = Page::of(self.records(&body)?);
        {next}
    }

    /// The records of an answer, each as it stands, under the provider's own id of it.
    fn records(&self, body: &Value) -> Result<Vec<Item>, Failure> {
        let records = body.pointer(self.records).and_then(Value::as_array);
        let missing =
            || Failure::provider(format!("The answer has no list at `{}`.", self.records));
        let mut items = Vec::new();
        for record in records.ok_or_else(missing)? {
            items.push(Item::new(self.id_of(record)?, record)?);
        }
        Ok(items)
    }

    fn id_of(&self, record: &Value) -> Result<String, Failure> {
        let missing = || Failure::provider(format!("A record has no `{}`.", self.id));
        text(record.get(self.id)).ok_or_else(missing)
    }
}

/// A text or a number as text; nothing for anything else and for an empty text.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The answer if it is a success, else the failure that its status stands for. Who is to blame decides what happens next.
fn accept(answer: Response) -> Result<Response, Failure> {
    match answer.status {
        404 => Err(Failure::tenant("The provider knows no such list (404).")),
        409 => Err(Failure::provider("The provider is busy (409).")),
        // 401 and 403 send the end user to connect again; 429 and 5xx are tried later, not before the provider said.
        _ => answer.success(),
    }
}
"#;

//! XML answers, read into the same shape as JSON: elements by name without prefix, text under its element, repeated
//! elements as a list, attributes by `@name` where an element has no text of its own. No entity is expanded but XML's own
//! five and character references, and a document type declaration is refused.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use serde_json::{Map, Value};

use crate::{answer::Refusal, refused::shown};

/// Deeper nesting is no honest answer.
const DEEPEST: usize = 64;

/// An element that is not closed yet.
struct Open {
    name: String,
    members: Map<String, Value>,
    text: String,
    has_children: bool,
}

/// Reads a document; `None` for what is none, or uses more of XML than an answer needs.
pub(crate) fn read(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() < DEEPEST && root.is_none() => open.push(opened(&start)?),
            Event::Empty(start) if open.len() < DEEPEST && root.is_none() => {
                let element = opened(&start)?;
                close(element, &mut open, &mut root);
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => match open.last_mut() {
                Some(element) => element.text.push_str(&text),
                None if text.trim().is_empty() => {}
                None => return None,
            },
            Event::CData(data) => open.last_mut()?.text.push_str(&data),
            Event::GeneralRef(reference) => {
                let element = open.last_mut()?;
                match reference.resolve_char_ref().ok()? {
                    Some(character) => element.text.push(character),
                    None => element.text.push_str(resolve_predefined_entity(&reference)?),
                }
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if open.is_empty() => return root,
            Event::DocType(_) | Event::Eof | Event::Start(_) | Event::Empty(_) => return None,
        }
    }
}

fn opened(start: &BytesStart<'_>) -> Option<Open> {
    let name = start.local_name().into_inner().to_owned();
    let mut members = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let name = attribute.key.local_name().into_inner();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        members.insert(format!("@{name}"), value.into_owned().into());
    }
    Some(Open { name, members, text: String::new(), has_children: false })
}

fn close(element: Open, open: &mut [Open], root: &mut Option<Value>) {
    let Open { name, members, text, has_children } = element;
    let text = text.trim();
    let value =
        if has_children || (text.is_empty() && !members.is_empty()) { Value::Object(members) } else { text.into() };
    let Some(parent) = open.last_mut() else {
        *root = Some(Value::Object([(name, value)].into_iter().collect()));
        return;
    };
    parent.has_children = true;
    match parent.members.get_mut(&name) {
        None => {
            parent.members.insert(name, value);
        }
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// The refusal that a document words: a SOAP fault, or an element that says what an error is.
pub(crate) fn refusal(document: &Value) -> Option<Refusal> {
    let code =
        ["faultcode", "Code", "errorCode", "ErrorCode", "error_code", "code"].iter().find_map(|n| deep(document, n));
    let said = ["faultstring", "Reason", "Message", "errorMessage", "ErrorMessage", "message", "error"]
        .iter()
        .find_map(|name| deep(document, name));
    let code = code.or_else(|| said.clone())?;
    Some(Refusal { code: shown(&code), description: said.map(|said| shown(&said)) })
}

/// The first text under that name, wherever it lies.
fn deep(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(members) => {
            let here = members.get(name).and_then(first_text);
            here.or_else(|| members.values().find_map(|member| deep(member, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| deep(item, name)),
        _ => None,
    }
}

fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| !name.starts_with('@')).find_map(|(_, v)| first_text(v))
        }
        Value::Array(items) => items.iter().find_map(first_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_6_elements_texts_lists_and_attributes() {
        let body = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x --><s:Envelope xmlns:s=\"urn:s\"><s:Body>\
            <r xsi:type=\"x\"><id> a&amp;b&#x21; </id><n/><item>1</item><item>2</item><c><![CDATA[<raw>]]></c></r>\
            <credentials token=\"t&lt;1\"><site id=\"\"/></credentials></s:Body></s:Envelope>\n";
        let expected = json!({"Envelope": {"Body": {
            "r": {"@type": "x", "id": "a&b!", "n": "", "item": ["1", "2"], "c": "<raw>"},
            "credentials": {"@token": "t<1", "site": {"@id": ""}},
        }}});
        assert_eq!(read(body), Some(expected));
    }

    #[test]
    fn a_6_more_than_an_answer_needs_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        for body in [
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<!DOCTYPE a SYSTEM \"http://127.0.0.1/\"><a/>",
            "<a>&x;</a>",
            "<a b=\"&x;\"/>",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "</a>",
            "<a/>x",
            "x",
            "",
            "{}",
            &deep,
        ] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_6_faults_are_found_wherever_they_lie() {
        let soap = read(b"<e:Envelope><e:Body><e:Fault><faultcode>x:INVALID_LOGIN</faultcode><faultstring>No\n such user</faultstring></e:Fault></e:Body></e:Envelope>").unwrap();
        let found = refusal(&soap).unwrap();
        assert_eq!((found.code.as_str(), found.description.as_deref()), ("x:INVALID_LOGIN", Some("No such user")));
        let soap12 = read(b"<Envelope><Body><Fault><Code><Value>Sender</Value></Code><Reason><Text xml:lang=\"en\">No</Text></Reason></Fault></Body></Envelope>").unwrap();
        let found = refusal(&soap12).unwrap();
        assert_eq!((found.code.as_str(), found.description.as_deref()), ("Sender", Some("No")));
        assert_eq!(refusal(&read(b"<a><b>1</b></a>").unwrap()), None);
    }

    proptest! {
        #[test]
        fn sv_7_no_document_panics(body in prop_oneof![".{0,80}", "(<[a-c]( [a-c]=\"[^\"]{0,3}\")?>|</[a-c]>|&[a-z#0-9]{1,4};|[a-c ]){0,20}"]) {
            let _ = read(body.as_bytes()).as_ref().and_then(refusal);
        }

        #[test]
        fn a_6_text_comes_through_as_it_was_written(text in "[ -~äß€]{0,30}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let read = read(format!("<a>{escaped}</a>").as_bytes()).unwrap();
            prop_assert_eq!(read["a"].as_str(), Some(text.trim()));
        }
    }
}

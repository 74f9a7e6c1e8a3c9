//! Holes in the host of a URL: what may stand where, so that its end is always the manifest's own.

use url::Url;

use super::{VariableSpec, VariableType, template::Part};

/// What a label in a host needs.
pub(super) const LABEL_RULE: &str =
    "a label stands in the host with a fixed `.example.com` behind it, not right beside another hole, or in the path";

/// Walks through a template and watches its host grow.
pub(super) struct HostCheck<'t> {
    source: &'t str,
    /// What the URL would be, with a plain value in each hole.
    sample: String,
    /// Whether the path has begun.
    in_path: bool,
    /// The last label in the host, and what stands behind it there at least.
    label: Option<(String, String)>,
    /// Whether the part before was a hole in the host.
    beside_hole: bool,
}

impl<'t> HostCheck<'t> {
    pub(super) const fn new(source: &'t str) -> Self {
        Self { source, sample: String::new(), in_path: false, label: None, beside_hole: false }
    }

    /// The fixed text with which a template begins: a path, or a scheme and perhaps more.
    pub(super) fn begin(&mut self, text: &str) -> Option<()> {
        if text.starts_with('/') {
            self.in_path = true;
            self.sample.push_str("https://below.example");
            self.sample.push_str(text);
            return (!text.starts_with("//")).then_some(());
        }
        let rest = match text.strip_prefix("https://") {
            Some(rest) => {
                self.sample.push_str("https://");
                rest
            }
            None => {
                // Development only: the outbound client refuses it elsewhere.
                let rest = text.strip_prefix("http://127.0.0.1")?;
                self.sample.push_str("http://127.0.0.1");
                if !rest.is_empty() && !rest.starts_with([':', '/']) {
                    return None;
                }
                rest
            }
        };
        self.fixed(rest);
        Some(())
    }

    pub(super) fn fixed(&mut self, text: &str) {
        self.sample.push_str(text);
        if self.in_path {
            return;
        }
        let host = text.split(['/', '?']).next().unwrap_or_default();
        if let Some((_, behind)) = &mut self.label {
            behind.push_str(host);
        }
        self.in_path = host.len() < text.len();
        self.beside_hole = false;
    }

    /// A hole. Gives the rule that it breaks, if it does.
    pub(super) fn hole(
        &mut self,
        kind: VariableType,
        spec: Option<&VariableSpec>,
        is_first: bool,
        next: Option<&Part>,
    ) -> Option<&'static str> {
        match kind {
            VariableType::Secret => {
                Some("a secret never stands in a URL; put it into a header, a body or `api.credential.path`")
            }
            VariableType::Origin => {
                let path_follows = match next {
                    None => true,
                    Some(Part::Fixed(text)) => text.starts_with('/'),
                    Some(Part::Hole(_)) => false,
                };
                if !is_first || !path_follows {
                    return Some("an origin stands at the beginning, with a path or nothing behind it");
                }
                self.sample.push_str("https://origin.example");
                self.in_path = true;
                None
            }
            _ if self.in_path => {
                self.sample.push('x');
                None
            }
            VariableType::Text => Some("text stands in the path or the query only"),
            VariableType::Label | VariableType::Choice if self.sample.is_empty() => {
                Some("write https:// in front of it")
            }
            VariableType::Label => {
                if self.beside_hole {
                    return Some(LABEL_RULE);
                }
                self.sample.push('x');
                self.beside_hole = true;
                self.label = Some((self.name_behind(next), String::new()));
                None
            }
            VariableType::Choice => {
                if self.beside_hole {
                    return Some(LABEL_RULE);
                }
                // The manifest lists all values, so whatever host they make is one that it names; where a label stands
                // before, the shortest of them must still be an end.
                let shortest = spec.and_then(|spec| spec.options.keys().min_by_key(|value| value.matches('.').count()));
                let value = shortest.map_or("x", String::as_str);
                self.sample.push_str(value);
                if let Some((_, behind)) = &mut self.label {
                    behind.push_str(value);
                }
                self.beside_hole = true;
                None
            }
        }
    }

    /// The name of the hole before the part that comes next, read from the source.
    fn name_behind(&self, next: Option<&Part>) -> String {
        let end = match next {
            Some(Part::Fixed(text)) => self.source.find(&format!("}}{text}")),
            _ => self.source.rfind('}'),
        };
        let before = end.and_then(|end| self.source.get(..end)).unwrap_or_default();
        before.rsplit('{').next().unwrap_or_default().to_owned()
    }

    /// The whole has been walked through. `Err` names the label whose host has no fixed end, or nothing where there is no
    /// URL at all.
    pub(super) fn end(self) -> Result<(), Option<String>> {
        if let Some((name, behind)) = self.label
            && !behind.split_once('.').is_some_and(|(_, suffix)| suffix.contains('.'))
        {
            return Err(Some(name));
        }
        let url = Url::parse(&self.sample).map_err(|_| None)?;
        let host = url.host_str().unwrap_or_default();
        let is_written = self.sample.split_once("://").is_some_and(|(_, rest)| {
            let authority = rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase();
            let name = authority.split(':').next().unwrap_or_default();
            name == host && host.contains('.') && !host.contains('%')
        });
        if is_written && url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(None) }
    }
}

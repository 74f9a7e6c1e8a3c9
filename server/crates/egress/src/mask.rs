//! Secrets that come back are masked: whoever reads an answer must not learn by echo what was added on the way out.
//! Every found text is overwritten by as many `*`, so that lengths and framing stay true.

use std::{ops::Range, sync::Arc};

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// Shorter texts are not masked: they are no secrets, and masking them would shred ordinary answers.
const SHORTEST: usize = 6;
/// Shorter fragments of base64 occur by chance.
const SHORTEST_BASE64: usize = 8;

/// Finds secrets and their usual encodings: as they are, escaped for JSON, percent-encoded, hexadecimal, and base64
/// in both alphabets at any alignment (so also inside a longer encoded text). Cheap to clone; build it once per run.
#[derive(Clone)]
pub struct Masker(Arc<Finder>);

struct Finder {
    automaton: Automaton,
    texts: Vec<Vec<u8>>,
}

enum Automaton {
    Nothing,
    /// Several bytes at a time, where the processor can do that and the texts are few: whole pages pass through here.
    Packed(packed::Searcher),
    Texts(AhoCorasick),
    /// The texts are too much for the automaton. Then nothing may pass.
    Everything,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masker({} texts)", self.0.texts.len())
    }
}

impl Masker {
    /// A masker for these secrets.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.len() >= SHORTEST {
                texts.extend(forms(secret));
            }
        }
        texts.sort_unstable();
        texts.dedup();
        let longest = packed::Config::new().match_kind(packed::MatchKind::LeftmostLongest).clone();
        let automaton = if texts.is_empty() {
            Automaton::Nothing
        } else if let Some(searcher) = longest.builder().extend(&texts).build() {
            Automaton::Packed(searcher)
        } else {
            match AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts) {
                Ok(automaton) => Automaton::Texts(automaton),
                Err(_) => Automaton::Everything,
            }
        };
        Self(Arc::new(Finder { automaton, texts }))
    }

    /// Whether any of the texts occurs.
    #[must_use]
    pub fn finds(&self, data: impl AsRef<[u8]>) -> bool {
        self.next(data.as_ref(), 0).is_some()
    }

    /// A whole body with every secret overwritten. Without a match the bytes are given back uncopied.
    #[must_use]
    pub fn mask(&self, body: Bytes) -> Bytes {
        let (found, _) = self.scan(&body, true);
        overwrite(body, &found)
    }

    /// A text with every secret overwritten.
    #[must_use]
    pub fn mask_text(&self, text: &str) -> String {
        let masked = self.mask(Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Overwrites secrets in header values.
    pub fn mask_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if self.finds(value.as_bytes()) {
                let masked = self.mask(Bytes::copy_from_slice(value.as_bytes()));
                *value = HeaderValue::from_maybe_shared(masked).unwrap_or(HeaderValue::from_static("*"));
            }
        }
    }

    /// A masker for a body that arrives in pieces.
    #[must_use]
    pub fn stream(&self) -> MaskStream {
        MaskStream { masker: self.clone(), held: Bytes::new() }
    }

    fn next(&self, data: &[u8], from: usize) -> Option<Range<usize>> {
        match &self.0.automaton {
            Automaton::Nothing => None,
            Automaton::Packed(searcher) => {
                searcher.find_in(data, Span { start: from, end: data.len() }).map(|m| m.range())
            }
            Automaton::Texts(automaton) => automaton.find(Input::new(data).range(from..)).map(|m| m.range()),
            Automaton::Everything => (from < data.len()).then_some(from..data.len()),
        }
    }

    /// What to overwrite, and how far the data is settled: from there on a secret may have begun that the next piece
    /// completes. The rest is never longer than the longest text.
    fn scan(&self, data: &[u8], is_last: bool) -> (Vec<Range<usize>>, usize) {
        let mut found = Vec::new();
        let mut settled = if is_last { data.len() } else { self.unsettled(data, 0) };
        let mut from = 0;
        while let Some(hit) = self.next(data, from) {
            if hit.start >= settled {
                break;
            }
            from = hit.end;
            if from > settled {
                settled = self.unsettled(data, from);
            }
            found.push(hit);
        }
        (found, settled)
    }

    /// Where the longest end of the data begins that is the beginning of a text.
    fn unsettled(&self, data: &[u8], from: usize) -> usize {
        let mut earliest = data.len();
        for text in &self.0.texts {
            let start = from.max(data.len().saturating_sub(text.len().saturating_sub(1)));
            let Some(tail) = data.get(start..earliest.max(start)) else { continue };
            for (offset, byte) in tail.iter().enumerate() {
                let begins_here =
                    text.first() == Some(byte) && data.get(start + offset..).is_some_and(|rest| text.starts_with(rest));
                if begins_here {
                    earliest = start + offset;
                    break;
                }
            }
        }
        earliest
    }
}

/// Masks a body piece by piece. Only bytes that may be the beginning of a secret are held back.
#[derive(Debug)]
pub struct MaskStream {
    masker: Masker,
    held: Bytes,
}

impl MaskStream {
    /// Takes a piece and gives what is settled, possibly nothing.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        let data =
            if self.held.is_empty() { piece } else { Bytes::from([self.held.as_ref(), piece.as_ref()].concat()) };
        let (found, settled) = self.masker.scan(&data, false);
        self.held = data.slice(settled..);
        overwrite(data.slice(..settled), &found)
    }

    /// Gives what was held back, at the end of the body.
    pub fn finish(&mut self) -> Bytes {
        self.masker.mask(std::mem::take(&mut self.held))
    }
}

fn overwrite(body: Bytes, found: &[Range<usize>]) -> Bytes {
    if found.is_empty() {
        return body;
    }
    let mut masked = body.to_vec();
    for range in found {
        if let Some(hit) = masked.get_mut(range.clone()) {
            hit.fill(b'*');
        }
    }
    Bytes::from(masked)
}

/// The forms in which a text may come back.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let mut forms = vec![bytes.to_vec(), hex::encode(bytes).into_bytes(), hex::encode_upper(bytes).into_bytes()];
    let escaped = secret.replace('\\', "\\\\").replace('"', "\\\"");
    forms.push(escaped.replace('/', "\\/").into_bytes());
    forms.push(escaped.into_bytes());
    forms.push(percent(bytes, true).into_bytes());
    forms.push(percent(bytes, false).into_bytes());
    for lead in 0..3_usize {
        let mut shifted = vec![0; lead];
        shifted.extend_from_slice(bytes);
        // The characters that depend on the secret alone: the first ones mix with what stands before it, the last with
        // what follows.
        let first = (lead * 8).div_ceil(6);
        let end = shifted.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(first..end).filter(|t| t.len() >= SHORTEST_BASE64).map(|t| t.as_bytes().to_vec()));
        }
    }
    forms
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(crate) fn percent(bytes: &[u8], upper: bool) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            out.push_str(&if upper { hex::encode_upper([*byte]) } else { hex::encode([*byte]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "tok/en+with=\"odd\" signs";

    #[test]
    fn pl_3_every_form_is_masked() {
        let masker = Masker::new([TOKEN]);
        let forms = [
            TOKEN.to_owned(),
            hex::encode(TOKEN),
            percent(TOKEN.as_bytes(), true),
            percent(TOKEN.as_bytes(), false),
            TOKEN.replace('"', "\\\""),
            TOKEN.replace('"', "\\\"").replace('/', "\\/"),
        ];
        for form in forms {
            let masked = masker.mask_text(&format!("before {form} after"));
            assert_eq!(masked, format!("before {} after", "*".repeat(form.len())));
        }
        for before in ["", "a", "ab", "abc", "Bearer "] {
            let encoded = STANDARD.encode(format!("{before}{TOKEN}, and more"));
            let masked = masker.mask_text(&encoded);
            assert!(masked.contains("****************"), "{before}: {masked}");
            let left: Vec<u8> = masked.bytes().zip(encoded.bytes()).filter(|(m, e)| m == e).map(|(m, _)| m).collect();
            assert!(left.len() <= encoded.len() - TOKEN.len() * 8 / 6 + 2, "{masked}");
        }
    }

    #[test]
    fn what_holds_no_secret_is_not_copied() {
        let body = Bytes::from_static(b"nothing in here");
        let masked = Masker::new([TOKEN]).mask(body.clone());
        assert_eq!(masked.as_ptr(), body.as_ptr());
        assert_eq!(Masker::new(["abc"]).mask_text("abc"), "abc", "too short to be a secret");
    }

    #[test]
    fn pl_3_headers_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer secret-token;"));
        headers.insert("x-other", HeaderValue::from_static("other"));
        Masker::new(["secret-token"]).mask_headers(&mut headers);
        assert_eq!(headers["x-echo"], "Bearer ************;");
        assert_eq!(headers["x-other"], "other");
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let mut stream = Masker::new(["secret-token"]).stream();
        assert_eq!(stream.push(Bytes::from_static(b"hello ")), "hello ");
        assert_eq!(stream.push(Bytes::from_static(b"secret-")), "");
        assert_eq!(stream.push(Bytes::from_static(b"service")), "secret-service");
        assert_eq!(stream.push(Bytes::from_static(b"sec")), "");
        assert_eq!(stream.finish(), "sec");
    }

    proptest! {
        #[test]
        fn pl_3_pieces_are_masked_like_the_whole(
            parts in prop::collection::vec(prop_oneof![
                Just("secret"), Just("secret-token"), Just("token-secret"), Just("sec"), Just("ret-"), Just("x"), Just("token")
            ], 0..12),
            cuts in prop::collection::vec(1..9usize, 0..40),
        ) {
            let masker = Masker::new(["secret", "secret-token", "token-secret"]);
            let whole = parts.concat();
            let expected = masker.mask(Bytes::from(whole.clone()));
            let (mut stream, mut got, mut rest) = (masker.stream(), Vec::new(), whole.as_bytes());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                got.extend_from_slice(&stream.push(Bytes::copy_from_slice(piece)));
                rest = after;
            }
            got.extend_from_slice(&stream.push(Bytes::copy_from_slice(rest)));
            got.extend_from_slice(&stream.finish());
            prop_assert_eq!(got, expected.to_vec());
        }
    }
}

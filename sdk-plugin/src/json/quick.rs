//! Passing over a value that is sound, as most are, with as few instructions as it takes: they are counted. Whatever is
//! not plainly sound is left to the scanner, which says what is wrong with it.

/// Nested deeper, a value is left to the scanner: a bit for each container fits into a word.
const DEEPEST: u32 = 60;

/// Where the value that begins at `at` ends; nothing if it may not be sound.
pub(super) fn end_of_value(bytes: &[u8], mut at: usize) -> Option<usize> {
    // A bit for each container that is open, the innermost lowest: set for an object. The first is none's.
    let mut open = 1_u64;
    loop {
        let byte = *bytes.get(at)?;
        at = match byte {
            b'"' => end_of_string(bytes, at + 1)?,
            b'{' | b'[' => {
                let is_object = byte == b'{';
                let first = space(bytes, at + 1)?;
                if *bytes.get(first)? == byte + 2 {
                    first + 1
                } else {
                    if open >> DEEPEST != 0 {
                        return None;
                    }
                    open = (open << 1) | u64::from(is_object);
                    at = if is_object { end_of_name(bytes, first)? } else { first };
                    continue;
                }
            }
            b'0'..=b'9' | b'-' => end_of_number(bytes, at)?,
            b't' => end_of_word(bytes, at, b"true")?,
            b'n' => end_of_word(bytes, at, b"null")?,
            _ => end_of_word(bytes, at, b"false")?,
        };
        loop {
            if open == 1 {
                return Some(at);
            }
            at = space(bytes, at)?;
            let is_object = open & 1 == 1;
            let byte = *bytes.get(at)?;
            at += 1;
            if byte == b',' {
                at = space(bytes, at)?;
                if is_object {
                    at = end_of_name(bytes, at)?;
                }
                break;
            }
            if byte != (if is_object { b'}' } else { b']' }) {
                return None;
            }
            open >>= 1;
        }
    }
}

/// Where the first byte stands that is no space.
#[inline]
fn space(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0x21.. => return Some(at),
            b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            _ => return None,
        }
    }
}

/// Where the value begins that belongs to the name at `at`.
#[inline]
fn end_of_name(bytes: &[u8], at: usize) -> Option<usize> {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let colon = space(bytes, end_of_string(bytes, at + 1)?)?;
    if *bytes.get(colon)? != b':' {
        return None;
    }
    space(bytes, colon + 1)
}

/// Where the first byte from `at` on stands that ends a string or a run of plain characters in it: a quote, a backslash
/// or a control character.
#[inline]
pub(super) fn end_of_run(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    // Eight at a time. Below 0x80 a byte less one has its high bit only if it was 0, and less 0x20 only if it was below;
    // bytes from 0x80 on are left out by the last mask. Above the lowest that is found others may be found wrongly.
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let control = word.wrapping_sub(ONES * 0x20);
        let found = (quote | backslash | control) & !word & (ONES << 7);
        if found != 0 {
            return Some(at + usize::try_from(found.trailing_zeros() / 8).unwrap_or_default());
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).map(|run| at + run)
}

/// Where the string ends whose quote is before `at`.
#[inline]
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = end_of_run(bytes, at)?;
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = end_of_escape(bytes, at + 1)?,
            _ => return None,
        }
    }
}

/// Where the escape ends whose backslash is before `at`.
fn end_of_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => bytes.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

/// Where the number ends.
#[inline]
fn end_of_number(bytes: &[u8], start: usize) -> Option<usize> {
    let whole = start + usize::from(*bytes.get(start)? == b'-');
    let mut at = end_of_digits(bytes, whole)?;
    if at - whole > 1 && *bytes.get(whole)? == b'0' {
        return None;
    }
    if bytes.get(at) == Some(&b'.') {
        at = end_of_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = end_of_digits(bytes, at + 1 + sign)?;
    }
    Some(at)
}

/// Where the digits end, of which there must be one.
#[inline]
fn end_of_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    (at > start).then_some(at)
}

fn end_of_word(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let end = at + word.len();
    (bytes.get(at..end)? == word).then_some(end)
}

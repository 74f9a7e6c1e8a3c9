//! Crockford base32 in lower case, 128 bits as 26 characters, as the TypeID specification writes UUIDs.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub(crate) fn encode(n: u128) -> String {
    (0..26u32)
        .rev()
        .map(|place| {
            let digit = usize::try_from((n >> (place * 5)) & 31).unwrap_or_default();
            char::from(ALPHABET.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

/// `None` unless `text` is 26 characters of the alphabet and fits in 128 bits.
pub(crate) fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes().first().is_none_or(|b| *b > b'7') {
        return None;
    }
    text.bytes().try_fold(0u128, |n, byte| {
        let digit = ALPHABET.iter().position(|a| *a == byte)?;
        Some((n << 5) | u128::try_from(digit).ok()?)
    })
}

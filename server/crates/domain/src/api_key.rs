//! The text form of API keys: a prefix that secret scanners know, randomness, and a checksum, so that a mistyped or
//! made-up key is refused without asking the database.
//!
//! Whoever finds something that looks like one, in a repository or a log, can tell without asking us whether it is one:
//! it matches [`PATTERN`], and its last six characters are the CRC-32 (ISO-HDLC, as in zip) of those before, written in
//! base 62 with the digits `0-9A-Za-z`, most significant first.

use crate::{entropy::Entropy, secret::Secret};

/// What every key begins with.
pub const PREFIX: &str = "pbk_";
/// A regular expression that matches every key, for secret scanners.
pub const PATTERN: &str = r"\bpbk_[0-9A-Za-z]{46}\b";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 40 characters of 62 are 238 bits.
const RANDOM: usize = 40;
const CHECKSUM: usize = 6;

/// Makes a key: `pbk_`, 40 random characters, 6 characters of CRC-32 over what stands before them.
#[must_use]
pub fn generate(entropy: &dyn Entropy) -> Secret {
    let mut text = PREFIX.to_owned();
    while text.len() < PREFIX.len() + RANDOM {
        let [byte] = crate::entropy::bytes::<1>(entropy);
        // 248 is the largest multiple of 62 in a byte; what is above would favour some characters.
        if byte < 248
            && let Some(character) = ALPHABET.get(usize::from(byte % 62))
        {
            text.push(char::from(*character));
        }
    }
    let sum = checksum(&text);
    text.push_str(&sum);
    Secret::new(text)
}

/// Whether the text has the form of a key and its checksum is right.
#[must_use]
pub fn well_formed(text: &str) -> bool {
    text.len() == PREFIX.len() + RANDOM + CHECKSUM
        && text.is_ascii()
        && text.starts_with(PREFIX)
        && text.split_at_checked(PREFIX.len() + RANDOM).is_some_and(|(body, sum)| checksum(body) == sum)
}

/// The first characters, by which people tell keys apart.
#[must_use]
pub fn hint(key: &Secret) -> String {
    key.expose().chars().take(PREFIX.len() + 6).collect()
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut text = [b'0'; CHECKSUM];
    for place in text.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest /= 62;
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn g_2_scanners_find_keys_in_anything_and_tell_them_from_what_only_looks_like_one() {
        let pattern = regex::Regex::new(PATTERN).unwrap();
        let entropy = Counting(7.into());
        for _ in 0..50 {
            let key = generate(&entropy);
            let key = key.expose();
            for found_in in [
                format!("PATCHBAY_KEY={key}"),
                format!("{{\"key\":\"{key}\"}}"),
                format!("https://x.example/?k={key}&y"),
                format!("a line\n{key}\nanother"),
            ] {
                let found: Vec<&str> = pattern.find_iter(&found_in).map(|found| found.as_str()).collect();
                assert_eq!(found, [key], "{found_in}");
            }
            assert!(!pattern.is_match(&format!("{key}x")) && !pattern.is_match(&key[..49]));
        }
        // The checksum as Python's zlib.crc32 has it.
        let known = "pbk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcd4JoDpF";
        assert!(well_formed(known) && pattern.is_match(known));
        assert!(pattern.is_match("pbk_0000000000000000000000000000000000000000000000"));
        assert!(!well_formed("pbk_0000000000000000000000000000000000000000000000"), "it only looks like one");
    }

    #[test]
    fn a_key_is_well_formed_and_any_changed_character_is_noticed() {
        let key = generate(&Counting(0.into()));
        let text = key.expose();
        assert_eq!(text.len(), 50);
        assert!(well_formed(text));
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert!(!well_formed(std::str::from_utf8(&bytes).unwrap()), "changed at {at}");
        }
        assert!(!well_formed("pbk_") && !well_formed("") && !well_formed(&"é".repeat(25)));
        assert!(text.starts_with(&hint(&key)) && hint(&key).len() == 10);
    }
}

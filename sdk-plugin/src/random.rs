//! The host's randomness, which nobody can guess. In replays it counts up, so that they give the same each time: the first
//! bytes are 0, 1, 2, …

/// Sixteen random bytes.
#[must_use]
pub fn bytes() -> [u8; 16] {
    let (first, second) = crate::abi::patchbay::plugin::random::bits();
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(first.to_le_bytes().into_iter().chain(second.to_le_bytes())) {
        *byte = from;
    }
    bytes
}

/// A new key for a request that may be sent twice and must be carried out once, in the form that most providers ask for: a
/// random UUID (RFC 9562, version 4).
#[must_use]
pub fn uuid() -> String {
    written(bytes())
}

fn written(mut bytes: [u8; 16]) -> String {
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    (*version, *variant) = ((*version & 0x0f) | 0x40, (*variant & 0x3f) | 0x80);
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn keys_are_uuids_of_version_4() {
        assert_eq!(written([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(written([0; 16]), "00000000-0000-4000-8000-000000000000");
        let counted: [u8; 16] = std::array::from_fn(|at| at.try_into().unwrap());
        assert_eq!(written(counted), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }
}

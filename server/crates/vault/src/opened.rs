//! A value that was opened.

use std::{fmt, hint, mem, ops::Deref};

use zeroize::Zeroizing;

/// The plaintext of a sealed value; wiped when dropped. `Debug` prints its length alone.
///
/// [`Zeroizing`] wipes byte by byte, which costs a credential of 2 kB more than decrypting it. Here the bytes are
/// overwritten at once, and the compiler is told that they are looked at afterwards.
#[derive(PartialEq, Eq)]
pub struct Opened(Vec<u8>);

impl Opened {
    /// Takes the plaintext over; nothing but it may lie in the rest of the capacity.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.0.get_mut(length..) {
            wipe(rest);
        }
        self.0.truncate(length);
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The same bytes as a key is made of.
    pub(crate) fn into_zeroizing(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(mem::take(&mut self.0))
    }
}

impl From<Zeroizing<Vec<u8>>> for Opened {
    fn from(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(mem::take(&mut *bytes))
    }
}

impl Deref for Opened {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} bytes)", self.0.len())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    hint::black_box(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_1_what_is_opened_is_wiped_and_not_shown() {
        let mut bytes = *b"at_5f1c";
        wipe(&mut bytes);
        assert_eq!(bytes, [0; 7]);
        let mut opened = Opened::new(b"at_5f1c and a tag".to_vec());
        opened.truncate(7);
        assert_eq!((&*opened, format!("{opened:?}")), (b"at_5f1c".as_slice(), "Opened(7 bytes)".to_owned()));
        assert_eq!(opened.into_zeroizing().as_slice(), b"at_5f1c");
    }
}

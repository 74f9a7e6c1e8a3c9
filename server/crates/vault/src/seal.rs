//! How one column value is sealed. Pure: key, salt and place in, bytes out.
//!
//! XAES-256-GCM: AES-256-GCM with a key and nonce of its own per message, from a random 24-byte salt. With plain random
//! 96-bit nonces a data key would have to be counted across all nodes and retired after 2^32 messages (NIST SP 800-38D
//! §8.3). With 192 random bits per message, two messages under one data key share them with probability below 2^-32 even
//! after 2^80 messages, so no node has to count, and the cap is one that no machine reaches.
//!
//! ```text
//! version 0x01 ‖ data key id (16) ‖ salt (24) ‖ ciphertext ‖ tag (16)
//! version 0x02 ‖ data key id (16) ‖ the key service's own text
//! ```
//!
//! The second is that of `direct` mode. There the id is that of a record which stands for the environment's turn with the
//! tenant's key, so that what was sealed before a rotation can be told from what was sealed after it.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use domain::Scope;
use ids::DataKeyId;
use zeroize::Zeroize as _;

use crate::{DataKey, KeyError, WrappedKey, opened::Opened, xaes::NONCE_LENGTH};

const VERSION: u8 = 1;
const DIRECT: u8 = 2;
const ID_LENGTH: usize = 16;
/// Random bytes per message.
pub(crate) const SALT_LENGTH: usize = NONCE_LENGTH;
const TAG_LENGTH: usize = 16;
const BINDING: &[u8] = b"patchbay/sealed/1";

/// Where a sealed value lies. It opens there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table's name.
    pub table: &'static str,
    /// The column's name.
    pub column: &'static str,
    /// The row's id.
    pub row: uuid::Uuid,
}

/// A sealed column value, as stored. `Debug` prints its length and the data key it names.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes over bytes read from storage. Anything that cannot be a sealed value is refused as [`KeyError::Corrupt`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, KeyError> {
        let sealed = Self(bytes);
        sealed.parts().map(|_| ())?;
        Ok(sealed)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The data key that the value was sealed with: load this one to open it.
    #[must_use]
    pub fn data_key_id(&self) -> DataKeyId {
        // Checked when the value was made; a nil id finds no record.
        self.parts().map_or(DataKeyId::from_uuid(uuid::Uuid::nil()), |parts| parts.id)
    }

    /// A value that the key service itself sealed.
    pub(crate) fn direct(id: DataKeyId, text: &WrappedKey) -> Self {
        Self([&[DIRECT], id.uuid().as_bytes().as_slice(), text.as_str().as_bytes()].concat())
    }

    /// The key service's text, if it sealed the value itself.
    pub(crate) fn direct_text(&self) -> Option<WrappedKey> {
        match self.parts() {
            Ok(Parts { body: Body::Direct(text), .. }) => Some(WrappedKey::from_text(text)),
            _ => None,
        }
    }

    fn parts(&self) -> Result<Parts<'_>, KeyError> {
        let split = || {
            let (version, rest) = self.0.split_first()?;
            let (id, rest) = rest.split_first_chunk::<ID_LENGTH>()?;
            let id = DataKeyId::from_uuid(uuid::Uuid::from_bytes(*id));
            let body = match *version {
                VERSION => {
                    let (salt, body) = rest.split_first_chunk::<SALT_LENGTH>()?;
                    (body.len() >= TAG_LENGTH).then_some(Body::Enveloped { salt, body })?
                }
                DIRECT if !rest.is_empty() => Body::Direct(std::str::from_utf8(rest).ok()?),
                _ => return None,
            };
            Some(Parts { id, body })
        };
        split().ok_or(CORRUPT)
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes with {})", self.0.len(), self.data_key_id())
    }
}

struct Parts<'a> {
    id: DataKeyId,
    body: Body<'a>,
}

enum Body<'a> {
    /// Sealed here with a data key.
    Enveloped { salt: &'a [u8; SALT_LENGTH], body: &'a [u8] },
    /// Sealed by the key service.
    Direct(&'a str),
}

const CORRUPT: KeyError = KeyError::Corrupt { what: "a sealed value" };

/// Seals. The salt must be fresh random bytes for every message.
pub(crate) fn seal(
    key: &DataKey,
    id: DataKeyId,
    scope: Scope,
    place: Place,
    salt: &[u8; SALT_LENGTH],
    plaintext: &[u8],
) -> Result<Sealed, KeyError> {
    let mut head = [0; 1 + ID_LENGTH];
    if let Some((version, rest)) = head.split_first_mut() {
        *version = VERSION;
        rest.copy_from_slice(id.uuid().as_bytes());
    }
    seal_message(key, salt, &binding(id, scope, place), &head, plaintext).map(Sealed)
}

/// Seals one message: the head as given, the salt, ciphertext and tag.
pub(crate) fn seal_message(
    key: &DataKey,
    salt: &[u8; SALT_LENGTH],
    binding: &[u8],
    head: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let (message_key, nonce) = derive(key, salt)?;
    // Room for all of it at once: growing would leave a copy of the plaintext behind.
    let mut bytes = Vec::with_capacity(head.len() + SALT_LENGTH + plaintext.len() + TAG_LENGTH);
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(plaintext);
    let (_, body) = bytes.split_at_mut(head.len() + SALT_LENGTH);
    match message_key.seal_in_place_separate_tag(nonce, Aad::from(binding), body) {
        Ok(tag) => bytes.extend_from_slice(tag.as_ref()),
        Err(error) => {
            bytes.zeroize();
            return Err(KeyError::internal("seal a value", error));
        }
    }
    Ok(bytes)
}

/// Opens what [`seal`] made with the same key, scope and place.
pub(crate) fn open(
    key: &DataKey,
    id: DataKeyId,
    scope: Scope,
    place: Place,
    sealed: &Sealed,
) -> Result<Opened, KeyError> {
    let parts = sealed.parts()?;
    if parts.id != id {
        return Err(KeyError::WrongDataKey { sealed_with: parts.id, given: id });
    }
    let Body::Enveloped { salt, body } = parts.body else { return Err(CORRUPT) };
    open_message(key, salt, &binding(id, scope, place), body)
}

/// Opens ciphertext and tag of one message.
pub(crate) fn open_message(
    key: &DataKey,
    salt: &[u8; SALT_LENGTH],
    binding: &[u8],
    body: &[u8],
) -> Result<Opened, KeyError> {
    let (message_key, nonce) = derive(key, salt)?;
    let mut buffer = Opened::new(body.to_vec());
    let length = message_key.open_in_place(nonce, Aad::from(binding), buffer.as_mut()).map_err(|_| CORRUPT)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

fn derive(key: &DataKey, salt: &[u8; SALT_LENGTH]) -> Result<(LessSafeKey, Nonce), KeyError> {
    key.xaes().message(salt).map_err(|error| KeyError::internal("derive a message key", error))
}

/// The associated data: who, which key, and where. Fixed lengths first, then texts with their lengths, so that no two
/// places give the same bytes.
pub(crate) fn binding(id: DataKeyId, scope: Scope, place: Place) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BINDING.len() + 4 * ID_LENGTH + 4 + place.table.len() + place.column.len());
    bytes.extend_from_slice(BINDING);
    for uuid in [scope.tenant.uuid(), scope.environment.uuid(), id.uuid(), place.row] {
        bytes.extend_from_slice(uuid.as_bytes());
    }
    for text in [place.table, place.column] {
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;

//! What is signed of a version of a plugin, and by whom.
//!
//! The signature is Ed25519 (RFC 8032) over this message, which no two different versions share and which is the message
//! of nothing else:
//!
//! ```text
//! "patchbay plugin version 1\n"                 26 bytes: what kind of message it is
//! length of slug, slug                          each length is 4 bytes, big-endian, in bytes
//! length of version, version                    as Semantic Versioning 2.0.0 writes it
//! length of abi, abi                            the version of the contract, such as "2.0"
//! SHA-256 of provider.toml                      32 bytes
//! SHA-256 of the component                      32 bytes
//! ```
//!
//! Lengths stand before what they count, so a byte cannot move from one field to the next. Nothing of a server or a tenant is
//! in it: an author signs once, and each environment decides for itself whose signatures it trusts.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::secret::Secret;
use zeroize::Zeroizing;

use crate::sha256;

/// The beginning of the message.
const DOMAIN: &[u8] = b"patchbay plugin version 1\n";
/// How a public key is written: this and base64 of its 32 bytes.
const PUBLIC: &str = "ed25519:";
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The provider's name.
    pub slug: String,
    /// The version's number.
    pub version: String,
    /// The version of the contract that the component speaks.
    pub abi: String,
    /// SHA-256 of the manifest's text.
    pub manifest_sha256: [u8; 32],
    /// SHA-256 of the component.
    pub component_sha256: [u8; 32],
}

impl Signed {
    /// The message of these parts.
    #[must_use]
    pub fn of(slug: &str, version: &str, abi: &str, manifest: &str, component: &[u8]) -> Self {
        Self {
            slug: slug.to_owned(),
            version: version.to_owned(),
            abi: abi.to_owned(),
            manifest_sha256: digest(manifest.as_bytes()),
            component_sha256: digest(component),
        }
    }

    /// The bytes that the signature is over; see the head of this module.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = DOMAIN.to_vec();
        for field in [&self.slug, &self.version, &self.abi] {
            // Longer than 4 GiB they are not: a package's head is a few kilobytes at most.
            message.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            message.extend(field.as_bytes());
        }
        message.extend(self.manifest_sha256);
        message.extend(self.component_sha256);
        message
    }
}

/// SHA-256 as an array.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(&sha256(bytes));
    digest
}

/// Why a key cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is no public key.
    #[error("write a public key as `patchbay plugin keygen` prints it: `ed25519:` and base64 of its 32 bytes")]
    Public,
    /// The bytes are none, or one that any signature fits.
    #[error("these 32 bytes are no Ed25519 public key that can be trusted")]
    Weak,
    /// The text is no private key.
    #[error(
        "this is no Ed25519 private key: write it as PKCS #8 in PEM, as `patchbay plugin keygen` and `openssl genpkey -algorithm ed25519` do"
    )]
    Private,
}

/// A public key: who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Points of small order, as RFC 8032 encodes them with either sign, and what decodes to the same: under them a signature
/// can be made to fit many messages without any private key.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
];

impl PublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = <[u8; 32]>::try_from(bytes).map_err(|_| KeyError::Public)?;
        let mut unsigned = key;
        if let Some(last) = unsigned.last_mut() {
            *last &= 0x7f;
        }
        if SMALL_ORDER.contains(&unsigned) { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A short name by which people compare keys: the first 16 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(sha256(&self.0)).chars().take(16).collect()
    }

    /// Whether the signature is this key's over that message.
    #[must_use]
    pub fn verifies(&self, signed: &Signed, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(&signed.message(), signature).is_ok()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PUBLIC}{}", STANDARD.encode(self.0))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text.trim().strip_prefix(PUBLIC).and_then(|base64| STANDARD.decode(base64).ok());
        Self::from_bytes(&bytes.ok_or(KeyError::Public)?)
    }
}

/// A private key: signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of a seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Private`] if the library does not take it, which it does with any.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyError::Private)
    }

    /// The key of a file's text: PKCS #8 in PEM (RFC 8410), with or without the public key in it.
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn from_pem(text: &Secret) -> Result<Self, KeyError> {
        let body = text.expose().split_once(PEM_BEGIN).and_then(|(_, rest)| rest.split_once(PEM_END));
        let (base64, _) = body.ok_or(KeyError::Private)?;
        let base64: Zeroizing<String> = Zeroizing::new(base64.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let der = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| KeyError::Private)?);
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self).map_err(|_| KeyError::Private)
    }

    /// Writes it as [`SigningKey::from_pem`] reads it.
    ///
    /// # Errors
    /// [`KeyError::Private`] if the library does not give it out, which it does.
    pub fn to_pem(&self) -> Result<Secret, KeyError> {
        let der = self.0.to_pkcs8v1().map_err(|_| KeyError::Private)?;
        let base64 = Zeroizing::new(STANDARD.encode(der.as_ref()));
        Ok(Secret::new(format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", base64.as_str())))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`KeyError::Weak`], which no seed gives.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(self.0.public_key().as_ref())
    }

    /// Signs, 64 bytes.
    #[must_use]
    pub fn sign(&self, signed: &Signed) -> Vec<u8> {
        self.0.sign(&signed.message()).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC_HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const OVER_NOTHING: &str = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";

    fn key() -> SigningKey {
        SigningKey::from_seed(&<[u8; 32]>::try_from(hex::decode(SEED).unwrap()).unwrap()).unwrap()
    }

    fn signed() -> Signed {
        Signed::of("shop", "1.2.0", "2.0", "schema = 1\n", b"\0asm")
    }

    #[test]
    fn e_9_the_signature_is_ed25519_as_rfc_8032_has_it() {
        assert_eq!(hex::encode(key().public().unwrap().as_bytes()), PUBLIC_HEX);
        assert_eq!(hex::encode(key().0.sign(b"").as_ref()), OVER_NOTHING);
    }

    #[test]
    fn e_9_the_message_is_as_documented() {
        let message = signed().message();
        assert_eq!(message.len(), 26 + 4 + 4 + 4 + 5 + 4 + 3 + 64);
        let expected = [
            &b"patchbay plugin version 1\n"[..],
            b"\0\0\0\x04shop\0\0\0\x051.2.0\0\0\0\x032.0",
            &sha256(b"schema = 1\n"),
            &sha256(b"\0asm"),
        ]
        .concat();
        assert_eq!(message, expected);
    }

    #[test]
    fn pl_5_a_signature_fits_one_version_alone() {
        let (key, signed) = (key(), signed());
        let (public, signature) = (key.public().unwrap(), key.sign(&signed));
        assert!(public.verifies(&signed, &signature));
        let mut other_manifest = signed.clone();
        other_manifest.manifest_sha256[31] ^= 1;
        let mut other_component = signed.clone();
        other_component.component_sha256[0] ^= 1;
        let exchanged = Signed {
            manifest_sha256: signed.component_sha256,
            component_sha256: signed.manifest_sha256,
            ..signed.clone()
        };
        for altered in [
            Signed { slug: "shops".into(), ..signed.clone() },
            Signed { version: "1.2.1".into(), ..signed.clone() },
            Signed { abi: "1.0".into(), ..signed.clone() },
            // A letter that moves from one field to the next.
            Signed { slug: "sho".into(), version: "p1.2.0".into(), ..signed.clone() },
            other_manifest,
            other_component,
            exchanged,
        ] {
            assert!(!public.verifies(&altered, &signature), "{altered:?}");
        }
        for at in 0..64 {
            let mut bent = signature.clone();
            bent[at] ^= 0x40;
            assert!(!public.verifies(&signed, &bent), "byte {at}");
        }
        assert!(!public.verifies(&signed, &signature[..63]) && !public.verifies(&signed, b""));
        let other = SigningKey::from_seed(&[7; 32]).unwrap().public().unwrap();
        assert!(!other.verifies(&signed, &signature));
    }

    #[test]
    fn pl_5_keys_that_any_signature_fits_are_none() {
        for point in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut bytes = point;
                bytes[31] |= sign;
                assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
            }
        }
        assert_eq!(PublicKey::from_bytes(&[1; 31]), Err(KeyError::Public));
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = key();
        let public = key.public().unwrap();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(public.fingerprint().len(), 16);
        let pem = key.to_pem().unwrap();
        assert_eq!(SigningKey::from_pem(&pem).unwrap().public().unwrap(), public);
        // RFC 8410 section 10.3, made by others.
        let theirs =
            format!("{PEM_BEGIN}\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n{PEM_END}\n");
        let theirs = SigningKey::from_pem(&Secret::new(theirs)).unwrap().public().unwrap();
        assert_eq!(hex::encode(theirs.as_bytes()), "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        for text in ["", "ed25519:", "ed25519:AAAA", "ed25519:????", &pem.expose().replace("MC", "MD"), PUBLIC_HEX] {
            assert!(text.parse::<PublicKey>().is_err() && SigningKey::from_pem(&Secret::new(text)).is_err(), "{text}");
        }
    }
}

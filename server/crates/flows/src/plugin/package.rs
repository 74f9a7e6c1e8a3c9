//! A plugin on its way: one version with its signature, in one file or one request.
//!
//! ```text
//! "PATCHBAYPLUGIN1\n"      16 bytes
//! length, head             lengths are 4 bytes, big-endian; JSON: slug, version, abi, manifest_sha256, component_sha256
//!                          (hexadecimal), public_key (as people write it), signature (base64)
//! length, manifest         provider.toml
//! length, component        the WebAssembly component
//! ```
//!
//! Nothing stands behind it. What the head says is believed of nobody: the digests are computed anew, and the signature is
//! over them. See [`super::signature`].

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::manifest::MOST_BYTES;
use serde::{Deserialize, Serialize};

use super::signature::{KeyError, PublicKey, Signed, SigningKey, digest};

/// The media type of a package.
pub const MEDIA_TYPE: &str = "application/vnd.patchbay.plugin";
/// The most bytes of a component; the plugin host takes no larger one.
pub const MOST_COMPONENT_BYTES: usize = 16 << 20;
/// The most bytes of a package's head.
const MOST_HEAD_BYTES: usize = 4 << 10;
const MAGIC: &[u8; 16] = b"PATCHBAYPLUGIN1\n";
/// The most bytes of a package.
pub const MOST_PACKAGE_BYTES: usize = MAGIC.len() + 3 * 4 + MOST_HEAD_BYTES + MOST_BYTES + MOST_COMPONENT_BYTES;

/// A version of a plugin with its signature, as it came: read, and not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What is signed, with the digests that the head states.
    pub signed: Signed,
    /// By whom, as they say.
    pub public_key: PublicKey,
    /// The signature; empty where there is none.
    pub signature: Vec<u8>,
    /// The manifest, TOML.
    pub manifest: String,
    /// The component.
    pub component: Vec<u8>,
}

/// Why a package cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It is something else.
    #[error("this is no package of a plugin: `patchbay plugin push` and `patchbay plugin sign` make one")]
    NotOne,
    /// It ends too early, or something stands behind its end.
    #[error("the package is cut off or something was added to it: {0}")]
    Length(&'static str),
    /// A part is larger than it may be.
    #[error("{part} has {bytes} bytes, {limit} are allowed")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The head is not as it must be.
    #[error("the package's head cannot be read: {0}")]
    Head(String),
    /// The manifest is not text.
    #[error("provider.toml is not UTF-8")]
    NotText,
    /// The key in it is none.
    #[error("public_key: {0}")]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    slug: String,
    version: String,
    abi: String,
    manifest_sha256: String,
    component_sha256: String,
    public_key: String,
    #[serde(default)]
    signature: String,
}

impl Package {
    /// Signs a version.
    ///
    /// # Errors
    /// The key gives no public key, which none does.
    pub fn sign(
        key: &SigningKey,
        (slug, version, abi): (&str, &str, &str),
        manifest: String,
        component: Vec<u8>,
    ) -> Result<Self, KeyError> {
        let signed = Signed::of(slug, version, abi, &manifest, &component);
        Ok(Self { public_key: key.public()?, signature: key.sign(&signed), signed, manifest, component })
    }

    /// Whether manifest and component are those that were signed.
    #[must_use]
    pub fn is_unaltered(&self) -> bool {
        digest(self.manifest.as_bytes()) == self.signed.manifest_sha256
            && digest(&self.component) == self.signed.component_sha256
    }

    /// Writes it down.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            slug: self.signed.slug.clone(),
            version: self.signed.version.clone(),
            abi: self.signed.abi.clone(),
            manifest_sha256: hex::encode(self.signed.manifest_sha256),
            component_sha256: hex::encode(self.signed.component_sha256),
            public_key: self.public_key.to_string(),
            signature: STANDARD.encode(&self.signature),
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        for part in [&head[..], self.manifest.as_bytes(), &self.component] {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// Reads what [`Package::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(PackageError::NotOne)?;
        let (head, rest) = part(rest, "its head", MOST_HEAD_BYTES)?;
        let (manifest, rest) = part(rest, "provider.toml", MOST_BYTES)?;
        let (component, rest) = part(rest, "the component", MOST_COMPONENT_BYTES)?;
        if !rest.is_empty() {
            return Err(PackageError::Length("something stands behind the component"));
        }
        let head: Head = serde_json::from_slice(head).map_err(|error| PackageError::Head(error.to_string()))?;
        let signature = STANDARD
            .decode(&head.signature)
            .map_err(|_| PackageError::Head("signature: write 64 bytes as base64".to_owned()))?;
        Ok(Self {
            signed: Signed {
                manifest_sha256: sha256("manifest_sha256", &head.manifest_sha256)?,
                component_sha256: sha256("component_sha256", &head.component_sha256)?,
                slug: head.slug,
                version: head.version,
                abi: head.abi,
            },
            public_key: head.public_key.parse()?,
            signature,
            manifest: String::from_utf8(manifest.to_vec()).map_err(|_| PackageError::NotText)?,
            component: component.to_vec(),
        })
    }
}

fn part<'b>(bytes: &'b [u8], name: &'static str, limit: usize) -> Result<(&'b [u8], &'b [u8]), PackageError> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(PackageError::Length(name))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(PackageError::TooLarge { part: name, bytes: length, limit });
    }
    rest.split_at_checked(length).ok_or(PackageError::Length(name))
}

fn sha256(field: &str, text: &str) -> Result<[u8; 32], PackageError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.ok_or_else(|| PackageError::Head(format!("{field}: write 64 hexadecimal digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let key = SigningKey::from_seed(&[9; 32]).unwrap();
        Package::sign(&key, ("shop", "1.0.0", "2.0"), "schema = 1\n".into(), b"\0asm\x0d\0\x01\0".to_vec()).unwrap()
    }

    #[test]
    fn e_9_a_package_is_read_as_it_was_written() {
        let package = package();
        let read = Package::parse(&package.to_bytes()).unwrap();
        assert_eq!(read, package);
        assert!(read.is_unaltered() && read.public_key.verifies(&read.signed, &read.signature));
    }

    #[test]
    fn pl_5_an_altered_package_is_noticed_or_cannot_be_read() {
        let whole = package().to_bytes();
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            let is_sound = Package::parse(&bent)
                .is_ok_and(|read| read.is_unaltered() && read.public_key.verifies(&read.signed, &read.signature));
            assert!(!is_sound, "byte {at}");
        }
    }

    #[test]
    fn sv_7_what_is_cut_off_or_too_long_is_refused() {
        let whole = package().to_bytes();
        for length in 0..whole.len() {
            assert!(Package::parse(&whole[..length]).is_err(), "{length} bytes");
        }
        let longer = [&whole[..], b"x"].concat();
        assert!(matches!(Package::parse(&longer), Err(PackageError::Length(_))));
        let mut huge = whole.clone();
        huge[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(Package::parse(&huge), Err(PackageError::TooLarge { .. })));
        assert_eq!(Package::parse(b"\0asm\x0d\0\x01\0 and so on"), Err(PackageError::NotOne));
    }

    #[test]
    fn pl_5_an_unsigned_package_is_read_so_that_it_can_be_told_why_it_is_refused() {
        let unsigned = Package { signature: Vec::new(), ..package() };
        let read = Package::parse(&unsigned.to_bytes()).unwrap();
        assert!(read.signature.is_empty() && !read.public_key.verifies(&read.signed, &read.signature));
    }
}

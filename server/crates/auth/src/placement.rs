//! How a request to a provider's API carries the credential, as the manifest says it.

use domain::{manifest::CredentialPlacement, secret::Secret};
use egress::Credential;
use http::HeaderName;

/// What stands for the secret in a placement's value.
const PLACEHOLDER: &str = "{access_token}";

/// A placement that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a header with {{access_token}} once in its value")]
pub struct BadPlacement(String);

/// The credential for a request: the header of the manifest with the secret in its place.
///
/// # Errors
/// [`BadPlacement`] when the header's name is none, or the value does not hold the placeholder exactly once.
pub fn place(placement: &CredentialPlacement, secret: &Secret) -> Result<Credential, BadPlacement> {
    let bad = || BadPlacement(placement.header.clone());
    let name: HeaderName = placement.header.parse().map_err(|_| bad())?;
    let (prefix, suffix) = placement.value.split_once(PLACEHOLDER).ok_or_else(bad)?;
    if suffix.contains(PLACEHOLDER) {
        return Err(bad());
    }
    Ok(Credential::header(name, prefix, secret, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_5_the_value_holds_the_secret_once() {
        let of = |header: &str, value: &str| {
            place(&CredentialPlacement { header: header.into(), value: value.into() }, &Secret::new("s"))
        };
        assert!(of("Authorization", "Bearer {access_token}").is_ok());
        for (header, value) in [("a b", "{access_token}"), ("x", "none"), ("x", "{access_token}{access_token}")] {
            assert!(of(header, value).is_err(), "{header} {value}");
        }
    }
}

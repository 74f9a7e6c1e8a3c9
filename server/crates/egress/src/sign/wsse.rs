//! WS-Security's `UsernameToken` (OASIS, UsernameToken Profile 1.0) in a header, as Atom clients brought it to HTTP.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::SecondsFormat;
use domain::secret::Secret;
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use url::Url;

use super::{Moment, NeedsBody, Outgoing, Sign, Unsigned, digest};

const X_WSSE: HeaderName = HeaderName::from_static("x-wsse");

/// `X-WSSE: UsernameToken …` with a digest of nonce, time and password.
pub struct Wsse {
    /// The user.
    pub username: Secret,
    /// The password or secret.
    pub password: Secret,
    /// Whether the digest is written in hexadecimal before base64, as some have it.
    pub hex_first: bool,
}

impl Wsse {
    fn token(&self, nonce: &str, created: &str) -> String {
        let digest = digest::sha1(&[nonce.as_bytes(), created.as_bytes(), self.password.expose().as_bytes()]);
        let digest = if self.hex_first { STANDARD.encode(hex::encode(digest)) } else { STANDARD.encode(digest) };
        let username = self.username.expose();
        format!(
            "UsernameToken Username=\"{username}\", PasswordDigest=\"{digest}\", Nonce=\"{nonce}\", Created=\"{created}\""
        )
    }
}

impl Sign for Wsse {
    fn scheme(&self) -> &'static str {
        "wsse"
    }

    fn needs_body(&self, _url: &Url, _headers: &HeaderMap) -> NeedsBody {
        NeedsBody::No
    }

    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned> {
        if self.username.expose().contains(['"', '\\']) {
            return Err(Unsigned("the user name has a quotation mark or backslash"));
        }
        let created = moment.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let token = self.token(&moment.nonce(), &created);
        request.set(X_WSSE, &token)?;
        request.headers.entry(AUTHORIZATION).or_insert(HeaderValue::from_static("WSSE profile=\"UsernameToken\""));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the article that brought the scheme to HTTP (Atom authentication, 2003), as many libraries test it.
    #[test]
    fn a_9_the_published_example() {
        let password = Secret::new("taadtaadpstcsm");
        let mut wsse = Wsse { username: Secret::new("bob"), password, hex_first: false };
        assert_eq!(
            wsse.token("d36e316282959a9ed4c89851497a717f", "2003-12-15T14:43:07Z"),
            "UsernameToken Username=\"bob\", PasswordDigest=\"quR/EWLAV4xLf9Zqyw4pDmfV9OY=\", \
             Nonce=\"d36e316282959a9ed4c89851497a717f\", Created=\"2003-12-15T14:43:07Z\""
        );
        wsse.hex_first = true;
        let token = wsse.token("d36e316282959a9ed4c89851497a717f", "2003-12-15T14:43:07Z");
        let hex = hex::encode(STANDARD.decode("quR/EWLAV4xLf9Zqyw4pDmfV9OY=").unwrap());
        assert!(token.contains(&STANDARD.encode(hex)), "{token}");
    }
}

//! Webhooks that the provider sends.

use serde::Deserialize;

use super::{DigestEncoding, HmacHash, TextTemplate};

/// How the provider's webhooks are known to be its own, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// How a delivery is signed.
    pub scheme: WebhookScheme,
    /// The header with the signature or, for `token`, the shared text.
    pub header: String,
    /// What stands before the signature in the header, such as `sha256=`; for lists such as `t=…,v1=…` the part's name
    /// with its equals sign, `v1=`.
    #[serde(default)]
    pub prefix: String,
    /// With which hash, for `hmac`.
    #[serde(default)]
    pub hash: Option<HmacHash>,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: DigestEncoding,
    /// How the webhook's secret is written.
    #[serde(default)]
    pub key_encoding: super::auth::KeyEncoding,
    /// What the vendor puts before the secret that is no part of it, such as `whsec_` where the rest is base64.
    #[serde(default)]
    pub key_prefix: String,
    /// What is signed: knows `{body}`, `{timestamp}`, `{url}` and `{id}`; the body alone if nothing is said.
    pub message: Option<TextTemplate>,
    /// The header with the time (Unix seconds or milliseconds, or RFC 3339), or the part of `header` that holds it, such
    /// as `t=`.
    pub timestamp: Option<String>,
    /// The header with the delivery's id.
    pub id_header: Option<String>,
    /// Seconds that a delivery may be old.
    #[serde(default = "five_minutes")]
    pub tolerance: u32,
    /// Where the account's id lies, so that the connection is found: `body.team_id`, `header.x-shop-domain`, `query.account`.
    pub account: Option<String>,
    /// Where the kind of event lies, likewise.
    pub event: Option<String>,
}

/// How a delivery is known to come from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookScheme {
    /// An HMAC over the delivery with the webhook's secret.
    Hmac,
    /// The webhook's secret itself in a header.
    Token,
    /// An Ed25519 signature with the vendor's public key as the webhook's secret.
    Ed25519,
}

const fn five_minutes() -> u32 {
    300
}

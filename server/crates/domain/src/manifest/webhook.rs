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
    /// How the provider finds out whether anybody listens before it delivers anything, if it does.
    #[serde(default)]
    pub handshake: Option<WebhookHandshake>,
    /// What deliveries tell of: the first that fits counts, and one that fits none tells of nothing. Without any, the
    /// plugin says it.
    #[serde(default)]
    pub routes: Vec<WebhookRoute>,
}

/// A request by which the provider finds out whether anybody listens. It is answered with a text that it holds, and nothing
/// else comes of it. Without a handshake here, looking with `GET` is answered with an empty 200.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookHandshake {
    /// A place that tells it from a delivery: `body.type`; the answer's place if nothing is said.
    #[serde(default)]
    pub when: Option<String>,
    /// What lies there: one of these, exactly; anything if nothing is said.
    #[serde(default)]
    pub is: Vec<String>,
    /// Where the text lies that is sent back: `body.challenge`, `query.hub.challenge`. It must be letters, digits, blanks and
    /// `-_.~+/=:,`, 1024 at most.
    pub answer: String,
    /// The member of a JSON object that it is sent back as; a plain text if nothing is said.
    #[serde(default)]
    pub member: Option<String>,
    /// Whether it comes without a signature, as those with `GET` do: then it is answered before there is a secret. One that is
    /// signed is verified like a delivery.
    #[serde(default)]
    pub unsigned: bool,
}

impl WebhookHandshake {
    /// Whether a request is one; `at` gives what lies at a place of it.
    #[must_use]
    pub fn is_one(&self, at: impl Fn(&str) -> Option<String>) -> bool {
        let place = self.when.as_deref().unwrap_or(&self.answer);
        at(place).is_some_and(|found| self.is.is_empty() || self.is.contains(&found))
    }
}

/// What some deliveries tell of. All that it asks for must be so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRoute {
    /// The kind of event; with a `*` at its end, all that begin so.
    #[serde(default)]
    pub event: Option<String>,
    /// A place where something must lie: `body.post.current.id`.
    #[serde(default)]
    pub present: Option<String>,
    /// A place where nothing may lie.
    #[serde(default)]
    pub absent: Option<String>,
    /// The streams that changed; they are pulled at once.
    pub streams: Vec<String>,
    /// Where the id of a record lies that is gone from each of them.
    #[serde(default)]
    pub deleted: Option<String>,
}

impl WebhookRoute {
    /// Whether it is about an event of this kind.
    #[must_use]
    pub fn is_about(&self, event: Option<&str>) -> bool {
        let Some(wanted) = &self.event else { return true };
        let Some(event) = event else { return false };
        match wanted.strip_suffix('*') {
            Some(start) => event.starts_with(start),
            None => event == wanted,
        }
    }
}

impl WebhookSpec {
    /// Whether no two deliveries are signed alike: their time or their id is signed along with them. Where it is not, a
    /// second delivery with the same body may be a replay, or news.
    #[must_use]
    pub fn signs_each_once(&self) -> bool {
        let names = |name: &str| self.message.as_ref().is_some_and(|text| text.holes().any(|hole| hole.name == name));
        self.scheme != WebhookScheme::Token && (names("timestamp") || names("id"))
    }

    /// Whether a delivery that is signed like an earlier one is taken for a repeat of it. Not where no two are signed alike,
    /// and not where nothing is signed: whoever has a delivery then has the secret that came with it and needs no replay, and
    /// equal words are news, where there are words at all.
    #[must_use]
    pub fn is_repeat_if_alike(&self) -> bool {
        self.scheme != WebhookScheme::Token && !self.signs_each_once()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_3_a_route_is_about_one_kind_of_event_or_all_that_begin_alike() {
        let route = |event: &str| -> WebhookRoute { toml::from_str(&format!("{event}streams = ['orders']")).unwrap() };
        for (wanted, event, fits) in [
            ("", None, true),
            ("", Some("order.made"), true),
            ("event = 'order.made'\n", Some("order.made"), true),
            ("event = 'order.made'\n", Some("order.made.twice"), false),
            ("event = 'order.made'\n", None, false),
            ("event = 'order.*'\n", Some("order.made"), true),
            ("event = 'order.*'\n", Some("orders"), false),
            ("event = '*'\n", None, false),
        ] {
            assert_eq!(route(wanted).is_about(event), fits, "{wanted} {event:?}");
        }
    }

    #[test]
    fn f_3_a_handshake_is_told_from_a_delivery_by_what_lies_at_a_place() {
        let handshake =
            |more: &str| -> WebhookHandshake { toml::from_str(&format!("{more}answer = 'body.challenge'")).unwrap() };
        let request = |pairs: &'static [(&'static str, &'static str)]| {
            move |place: &str| pairs.iter().find(|(name, _)| *name == place).map(|(_, value)| (*value).to_owned())
        };
        let typed = handshake("when = 'body.type'\nis = ['verify', 'ping']\n");
        assert!(typed.is_one(request(&[("body.type", "ping"), ("body.challenge", "a")])));
        assert!(typed.is_one(request(&[("body.type", "verify")])), "what it lacks is not for this to say");
        assert!(!typed.is_one(request(&[("body.type", "verify.more"), ("body.challenge", "a")])));
        assert!(!typed.is_one(request(&[("body.challenge", "a")])));
        assert!(handshake("when = 'body.type'\n").is_one(request(&[("body.type", "anything")])));
        assert!(handshake("").is_one(request(&[("body.challenge", "a")])), "the answer is there to be sent back");
        assert!(!handshake("").is_one(request(&[("body.type", "verify")])));
    }

    #[test]
    fn f_3_only_a_signed_time_or_id_tells_two_deliveries_apart() {
        let spec = |more: &str| -> WebhookSpec {
            toml::from_str(&format!("scheme = 'hmac'\nheader = 'x-sign'\nhash = 'sha256'\n{more}")).unwrap()
        };
        assert!(spec("message = '{timestamp}.{body}'\ntimestamp = 't='").signs_each_once());
        assert!(spec("message = '{id}.{body}'\nid_header = 'x-id'").signs_each_once());
        assert!(!spec("timestamp = 'x-time'\nid_header = 'x-id'").signs_each_once(), "there, but not signed");
        assert!(!spec("").signs_each_once());
    }
}

//! What a secret is known by: its name, its looks, its place in a link.

/// What vendors' keys begin with.
const MARKS: [&str; 20] = [
    "whsec_",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xapp-",
    "shpat_",
    "shpss_",
    "ya29.",
];

/// The parameter with which a query begins, and what stands behind it.
pub(super) fn parameter(query: &str) -> Option<(&str, &str, &str)> {
    let name_ends = query.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.[]%~".contains(c))?;
    let (name, after) = query.split_at_checked(name_ends)?;
    let after = after.strip_prefix('=')?;
    let value_ends = after.find(|c: char| c.is_whitespace() || "&#;\"'<>()\\".contains(c)).unwrap_or(after.len());
    let (value, after) = after.split_at_checked(value_ends)?;
    (!name.is_empty()).then_some((name, value, after))
}

/// Whether whoever has a link with a parameter of that name may follow it: signatures, and what else is a secret.
pub(super) fn opens(name: &str) -> bool {
    let plain = plain(name);
    is_secret(name)
        || is_key(name)
        || plain.ends_with("signature")
        || plain.ends_with("credential")
        || matches!(plain.as_str(), "sig" | "hmac" | "auth" | "jwt" | "assertion" | "accesskey" | "accesskeyid")
}

/// A name's letters and digits.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a field is called a key and nothing more: what that is, its value says.
pub(super) fn is_key(name: &str) -> bool {
    plain(name) == "key"
}

/// Whether a text looks drawn at random rather than given by somebody, as `SHOP-17` is.
pub(super) fn looks_drawn(text: &str) -> bool {
    text.len() >= 16
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether a field or header of that name holds a secret. Tokens that say where a list goes on are none.
pub(super) fn is_secret(name: &str) -> bool {
    let plain = plain(name);
    let goes_on = ["page", "next", "sync", "continu", "cursor", "delta", "scroll"];
    if plain.ends_with("token") || plain.ends_with("tokens") {
        return !goes_on.iter().any(|word| plain.contains(word));
    }
    let words = [
        "secret",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "privatekey",
        "credential",
        "authorization",
        "sessionid",
    ];
    words.iter().any(|word| plain.contains(word))
}

/// A secret by what it looks like: a JSON Web Token (RFC 7519), which is three parts of base64url, the first of them a
/// JSON object; a private key in PEM; or what begins as vendors have their keys begin, so that they are found.
pub(super) fn looks_like_a_token(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_part = |part: &str| part.len() > 8 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let is_jwt = text.starts_with("eyJ")
        && parts.by_ref().take(3).filter(|part| is_part(part)).count() == 3
        && parts.next().is_none();
    let is_one = |rest: &str| rest.len() >= 10 && !rest.contains(char::is_whitespace);
    is_jwt || text.contains("PRIVATE KEY-----") || MARKS.iter().filter_map(|mark| text.strip_prefix(mark)).any(is_one)
}

//! The signed result of the same-tab flow.
//!
//! The browser is sent to the session's return URL with the result in its query: `patchbay_session`, `status` (`connected`
//! or `failed`), then `connection_id` or `code`, and last `signature`. The signature is the hex form of HMAC-SHA256 over
//! the whole query up to `&signature=`, without the question mark, keyed with SHA-256 of the session's token. The
//! tenant's backend has the token, so it can check the result without another call; no secret is in the URL.

use aws_lc_rs::hmac;
use domain::{
    connect::{Display, FailureCode},
    secret::Secret,
};
use ids::ConnectionId;
use store::ConnectSessionRow;
use url::Url;

/// Where the same tab goes on, if the session says so.
pub(super) fn return_to(
    session: &ConnectSessionRow,
    display: Display,
    outcome: Result<ConnectionId, FailureCode>,
) -> Option<Secret> {
    if display != Display::Redirect {
        return None;
    }
    let url = session.return_url.as_ref()?.parse().ok()?;
    Some(Secret::new(signed(url, &session.id.to_string(), outcome, &session.token_hash)))
}

fn signed(mut url: Url, session: &str, outcome: Result<ConnectionId, FailureCode>, key: &[u8]) -> String {
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("patchbay_session", session);
        match outcome {
            Ok(connection) => {
                query.append_pair("status", "connected").append_pair("connection_id", &connection.to_string());
            }
            Err(code) => {
                query.append_pair("status", "failed").append_pair("code", code.as_str());
            }
        }
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), url.query().unwrap_or_default().as_bytes());
    url.query_pairs_mut().append_pair("signature", &hex::encode(tag));
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;

    #[test]
    fn b_2_the_result_is_signed_over_the_whole_query() {
        let key = sha256(b"cst_token");
        let id = ConnectionId::new(1, [2; 10]);
        let url = "https://app.example.com/done?shop=a%20b".parse().unwrap();
        let text = signed(url, "cs_1", Ok(id), &key);
        let (before, signature) = text.split_once("&signature=").unwrap();
        let query = before.split_once('?').unwrap().1;
        assert_eq!(query, format!("shop=a%20b&patchbay_session=cs_1&status=connected&connection_id={id}"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        hmac::verify(&key, query.as_bytes(), &hex::decode(signature).unwrap()).unwrap();

        let url = "https://app.example.com/done".parse().unwrap();
        let text = signed(url, "cs_1", Err(FailureCode::ConsentDenied), &sha256(b"cst_token"));
        assert!(text.starts_with(
            "https://app.example.com/done?patchbay_session=cs_1&status=failed&code=consent_denied&signature="
        ));
    }
}

//! JWTs that we sign (RFC 7515, RFC 7519), alone or exchanged for a token (RFC 7523).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    entropy,
    manifest::{Jwt, JwtAlgorithm, KeyEncoding, TokenPaths},
    secret::Secret,
};
use egress::sign::hmac::key_bytes;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    account::{Account, Known, Outside},
    answer::{self, TokenAnswer},
    failure::{Failure, Misconfigured},
    jws,
    tokens::TokenSet,
};

/// Clocks differ: a token that was signed in the future is refused everywhere.
const EARLIER: TimeDelta = TimeDelta::seconds(5);

fn misconfigured(what: impl Into<String>) -> Failure {
    Failure::ClientMisconfigured(Misconfigured::Request(what.into()))
}

impl Account<'_> {
    /// The token that goes along with requests: the JWT itself, or what it is exchanged for.
    pub(crate) async fn mint_jwt(&self, out: Outside<'_>, spec: &Jwt) -> Result<TokenSet, Failure> {
        let (jwt, ends) = self.signed_jwt(out, spec, &[])?;
        let Some(exchange) = &spec.exchange else {
            return Ok(TokenSet { expires_at: Some(ends), ..TokenSet::bare(jwt) });
        };
        let known: [(&str, &Secret); 1] = [("jwt", &jwt)];
        let answered = self.call(out, exchange, &known, None).await?;
        let is_success = answered.response.status.is_success();
        match answer::parse(&answered.response.body, &TokenPaths::default(), " ", out.now) {
            Ok(TokenAnswer::Tokens(tokens)) if is_success => Ok(*tokens),
            Err(unreadable) if is_success => Err(unreadable.into()),
            _ => Err(self.not_let_in(&answered, &known)),
        }
    }

    /// A JWT and when it ends. `known` is what its templates know beside the account's values.
    pub(crate) fn signed_jwt(
        &self,
        out: Outside<'_>,
        spec: &Jwt,
        known: Known<'_>,
    ) -> Result<(Secret, DateTime<Utc>), Failure> {
        let key = self.text(&spec.key, known)?.ok_or_else(|| misconfigured("the key is missing"))?;
        let key = bytes_of(&key, spec)?;
        let mut header = Map::new();
        for (name, template) in &spec.header {
            if let Some(value) = self.text(template, known)? {
                header.insert(name.clone(), value.expose().into());
            }
        }
        let mut claims: Map<String, Value> =
            spec.fixed_claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, template) in &spec.claims {
            if let Some(value) = self.text(template, known)? {
                claims.insert(name.clone(), value.expose().into());
            }
        }
        let signed = out.now - EARLIER;
        let ends = signed + TimeDelta::seconds(spec.lifetime.into());
        claims.insert("iat".into(), signed.timestamp().into());
        claims.insert("exp".into(), ends.timestamp().into());
        if spec.jti {
            claims.insert("jti".into(), hex::encode(entropy::bytes::<16>(out.entropy)).into());
        }
        Ok((jws::sign(spec.algorithm, &key, header, &Value::Object(claims))?, ends))
    }
}

/// The key's bytes. A JSON object that was pasted whole holds the key as its member `private_key`.
fn bytes_of(key: &Secret, spec: &Jwt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let is_mac = matches!(spec.algorithm, JwtAlgorithm::HS256 | JwtAlgorithm::HS384 | JwtAlgorithm::HS512);
    let inside = if is_mac || spec.key_encoding != KeyEncoding::Text { None } else { pasted(key) };
    let written = key_bytes(inside.as_ref().unwrap_or(key), spec.key_encoding);
    let bytes = written.map_err(|unsigned| misconfigured(unsigned.to_string()))?;
    if is_mac && bytes.is_empty() {
        return Err(misconfigured("the key is empty"));
    }
    Ok(bytes)
}

fn pasted(key: &Secret) -> Option<Secret> {
    #[derive(serde::Deserialize)]
    struct Pasted {
        private_key: Secret,
    }
    let text = key.expose().trim();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Pasted>(text).ok().map(|pasted| pasted.private_key)
}

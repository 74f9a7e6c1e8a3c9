//! Signing a request on its way out, beside a bare HMAC of the same body with the same hash.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use chrono::DateTime;
use domain::{
    manifest::{DigestEncoding, HmacHash, OAuth1Signature, TextTemplate},
    secret::Secret,
};
use egress::{
    Moment, Outgoing, Sign,
    sign::{HmacTemplate, OAuth1, SigV4, Wsse, hmac_key},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use url::Url;

use crate::{
    Outcome, ROUNDS,
    crowd::Machine,
    figures::{median, times},
    stack::announce,
    table::{Row, Table},
};

/// Signatures of a round.
const SIGNATURES: u32 = 20_000;
/// Fields of the form that is sent, 50 bytes each.
const FIELDS: u32 = 20;

/// Adds its rows.
pub fn measure(table: &mut Table) -> Outcome<()> {
    announce("signing beside a bare HMAC …");
    let secret = |text: &str| Secret::new(text);
    let text = |text: &str| TextTemplate::try_from(text.to_owned()).map_err(|error| error.to_string());
    let oauth1 = OAuth1 {
        consumer_key: secret("consumer-key-of-the-bench"),
        consumer_secret: secret("consumer-secret-of-the-bench"),
        token: Some((secret("token-of-the-bench"), secret("token-secret-of-the-bench"))),
        realm: String::new(),
        signature: OAuth1Signature::HmacSha1,
        client_key: None,
        protocol: Vec::new(),
    };
    let sigv4 = SigV4 {
        access_key: secret("BENCHBENCHBENCHBENCH"),
        secret_key: secret("benchbenchbenchbenchbenchbenchbenchbench"),
        session_token: None,
        region: "eu-central-1".to_owned(),
        service: "execute-api".to_owned(),
    };
    let wsse = Wsse { username: secret("bench"), password: secret("password-of-the-bench"), hex_first: false };
    let template = HmacTemplate {
        hash: HmacHash::Sha256,
        key: zeroize::Zeroizing::new(KEY.to_vec()),
        message: text("{timestamp}{method}{path}{body}")?,
        encoding: DigestEncoding::Hex,
        headers: vec![
            (HeaderName::from_static("x-signature"), text("{signature}")?),
            (HeaderName::from_static("x-timestamp"), text("{timestamp}")?),
        ],
        query: Vec::new(),
        values: Vec::new(),
    };
    let schemes: [(&str, HmacHash, &dyn Sign); 4] = [
        ("OAuth 1.0a, HMAC-SHA1", HmacHash::Sha1, &oauth1),
        ("AWS SigV4", HmacHash::Sha256, &sigv4),
        ("WSSE, which leaves the body out", HmacHash::Sha1, &wsse),
        ("HMAC-SHA256 by template", HmacHash::Sha256, &template),
    ];
    let request = Request::new()?;
    for (name, hash, scheme) in schemes {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(request.signed(scheme)?);
            bare.push(request.bare(hash));
        }
        let (ours, bare) = (median(ours), median(bare));
        table.add(Row {
            what: format!("signing a form of {} bytes: {name}", request.body.len()),
            ours: format!("{ours:.2} µs"),
            reference: format!("bare HMAC: {bare:.2} µs"),
            ratio: times(ours / bare),
            target: "–".to_owned(),
            is_met: None,
        });
    }
    Ok(())
}

/// The key of what is an HMAC and nothing else.
const KEY: &[u8] = b"key-of-the-bench-key-of-the-bench";

struct Request {
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn new() -> Outcome<Self> {
        let url =
            Url::parse("https://api.example/v1/orders?limit=100&status=open").map_err(|error| error.to_string())?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let fields: Vec<String> = (0..FIELDS).map(|at| format!("field_{at:02}={:041}", at * 7)).collect();
        Ok(Self { url, headers: HeaderMap::from_iter([(CONTENT_TYPE, form)]), body: fields.join("&").into_bytes() })
    }

    /// Microseconds of one signature.
    fn signed(&self, scheme: &dyn Sign) -> Outcome<f64> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).ok_or("there is no such time")?;
        let moment = Moment { now, entropy: &Machine };
        let mut took = Duration::ZERO;
        for _ in 0..SIGNATURES {
            let (mut url, mut headers) = (self.url.clone(), self.headers.clone());
            let mut outgoing =
                Outgoing { method: &Method::POST, url: &mut url, headers: &mut headers, body: Some(&self.body) };
            let began = Instant::now();
            scheme.sign(&mut outgoing, &moment).map_err(|error| error.to_string())?;
            took += began.elapsed();
            black_box(&headers);
        }
        Ok(took.as_secs_f64() * 1e6 / f64::from(SIGNATURES))
    }

    /// Microseconds of one HMAC of the body, its key made anew each time as a signature's is.
    fn bare(&self, hash: HmacHash) -> f64 {
        let mut took = Duration::ZERO;
        for _ in 0..SIGNATURES {
            let began = Instant::now();
            black_box(hmac::sign(&hmac_key(hash, black_box(KEY)), &self.body));
            took += began.elapsed();
        }
        took.as_secs_f64() * 1e6 / f64::from(SIGNATURES)
    }
}

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    clock::Clock,
    entropy::Entropy,
    manifest::{Manifest, Variables},
    secret::Secret,
};
use egress::{Egress, EgressConfig};
use patchbay_auth::{Account, OAuth2Client, Outside, TokenSet};
use url::Url;

use crate::server::{Received, Server, Step, StoppedClock};

pub fn egress() -> Egress {
    let config = EgressConfig {
        allow_ranges: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        ..EgressConfig::default()
    };
    Egress::new(config, Arc::new(StoppedClock)).unwrap().with_entropy(Arc::new(Counting::default()))
}

pub fn now() -> DateTime<Utc> {
    StoppedClock.now()
}

/// Counts, so that two calls never give the same.
#[derive(Default)]
pub struct Counting(pub std::sync::atomic::AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

pub const CLIENT_SECRET: &str = "canary-client secret&/+";

pub fn client(server: &Server) -> OAuth2Client {
    let redirect_uri = Url::parse("https://connect.example/callback/1").unwrap();
    let mut client = OAuth2Client::new("client:1", server.url("/token"), redirect_uri);
    client.authorization_url = Some(server.url("/authorize"));
    client.revocation_url = Some(server.url("/revoke"));
    client.introspection_url = Some(server.url("/introspect"));
    client.client_secret = Some(Secret::new(CLIENT_SECRET));
    client.scopes = vec!["read".into(), "write".into()];
    client.deadline = Duration::from_secs(5);
    client
}

pub fn tokens() -> TokenSet {
    TokenSet {
        access_token: Secret::new("canary-old-access"),
        refresh_token: Some(Secret::new("canary-old-refresh")),
        token_type: "Bearer".into(),
        expires_at: Some(now()),
        refresh_expires_at: None,
        scopes_granted: Some(vec!["read".into()]),
        extra: [("instance".to_owned(), "eu1".into())].into_iter().collect(),
    }
}

/// A server whose every answer is this JSON.
pub async fn always(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Server {
    Server::start(move |_| json(status, headers, body)).await
}

pub fn json(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<Step> {
    let headers: Vec<(&str, &str)> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    crate::server::answer(status, &headers, body)
}

/// The form that arrived.
pub fn form(request: &Received) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

/// A manifest with this behind its head; `@` stands for the server's address.
pub fn manifest(server: &Server, rest: &str) -> Manifest {
    manifest_at(server.url("/").as_str().trim_end_matches('/'), rest)
}

/// The same for a server that is not ours, by its origin.
pub fn manifest_at(origin: &str, rest: &str) -> Manifest {
    let head = "schema = 1\nslug = \"x\"\nname = \"X\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n";
    let rest = rest.replace('@', origin);
    match Manifest::parse("provider.toml", &format!("{head}{rest}")) {
        Ok(manifest) => manifest,
        Err(error) => panic!("{error}"),
    }
}

/// An account at that provider, with these secrets.
pub fn account<'a>(manifest: &'a Manifest, secrets: &[(&str, &str)]) -> Account<'a> {
    Account {
        manifest,
        variables: Variables::new(),
        secrets: secrets.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
        client_id: Some("client:1".into()),
        redirect_uri: Url::parse("https://connect.example/callback/1").unwrap(),
        client_metadata_url: None,
        scopes: None,
    }
}

/// What exchanges with the outside need, owned.
pub struct Around {
    egress: Egress,
    entropy: Counting,
}

impl Around {
    pub fn new() -> Self {
        Self { egress: egress(), entropy: Counting::default() }
    }

    pub fn with(egress: Egress) -> Self {
        Self { egress, entropy: Counting::default() }
    }

    pub fn out(&self) -> Outside<'_> {
        outside(&self.egress, &self.entropy)
    }
}

pub fn outside<'a>(egress: &'a Egress, entropy: &'a Counting) -> Outside<'a> {
    Outside { egress, now: now(), entropy, budget: None }
}

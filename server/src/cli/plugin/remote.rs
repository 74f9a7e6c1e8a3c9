//! A server that is spoken to over its API, with an environment's key: what an author has, who does not run it.

use std::{sync::Arc, time::Duration};

use api_types::Problem;
use bytes::Bytes;
use domain::secret::Secret;
use egress::{Credential, Egress, EgressConfig, Reach, Request};
use http::{HeaderValue, Method, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};

use super::super::CliError;
use crate::{config::Config, system::SystemClock};

/// The variable with the API key; an argument would be read off the list of processes.
const API_KEY: &str = "PATCHBAY_API_KEY";
/// Time for one request: a component is large, and compiling it takes a while.
const DEADLINE: Duration = Duration::from_secs(300);
/// How often a server is asked that takes in other plugins at the moment.
const TRIES: u32 = 30;

/// Which server.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ServerArguments {
    /// Where the server is: https://…, or http://… on this very machine. The API key, which says which environment, is
    /// taken from the variable PATCHBAY_API_KEY.
    #[arg(long, env = "PATCHBAY_SERVER_URL")]
    server: Url,
}

/// The server.
pub(super) struct FarServer {
    egress: Egress,
    origin: Url,
    key: Secret,
}

impl FarServer {
    /// Speaks to the server that the arguments name.
    ///
    /// # Errors
    /// There is no key, or it would be sent in the clear.
    pub(super) fn at(config: &Config, arguments: &ServerArguments) -> Result<Self, CliError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the key is an author's, for this one command, and no setting of a server"
        )]
        let key = std::env::var(API_KEY).unwrap_or_default();
        if key.is_empty() {
            let words =
                format!("put an API key of the environment into {API_KEY}; to push takes its scope plugins:write");
            return Err(CliError::Refused(words));
        }
        let origin = arguments.server.clone();
        let is_near = match origin.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if origin.scheme() != "https" && !(origin.scheme() == "http" && is_near) {
            let words =
                "--server takes https://…: over http, other than on this very machine, others would read the API key";
            return Err(CliError::Refused(words.to_owned()));
        }
        // The author names the server, so none is kept from them; nothing is followed elsewhere.
        let ranges = ["0.0.0.0/0", "::/0"].iter().filter_map(|range| range.parse().ok()).collect();
        let settings = EgressConfig { allow_ranges: ranges, allow_http: is_near, ..config.egress.clone() };
        let egress = Egress::new(settings, Arc::new(SystemClock)).map_err(CliError::refused)?;
        Ok(Self { egress, origin, key: Secret::new(key) })
    }

    /// Asks for JSON with JSON, or with nothing.
    ///
    /// # Errors
    /// What the server said, or why it could not be asked.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, CliError> {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        self.send(method, path, body).await
    }

    /// Sends a package.
    ///
    /// # Errors
    /// What the server said, or why it could not be asked.
    pub(super) async fn push<T: DeserializeOwned>(&self, package: Vec<u8>) -> Result<T, CliError> {
        let body = Some((flows::plugin::MEDIA_TYPE, Bytes::from(package)));
        self.send(Method::POST, &["plugins"], body).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<(&'static str, Bytes)>,
    ) -> Result<T, CliError> {
        let mut url = self.origin.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| CliError::Refused(format!("--server: {} is no address of a server", self.origin)))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        let shown = egress::host_for_log(&url).to_owned();
        let refused = |what: String| CliError::Refused(format!("{shown}: {what}"));
        for attempt in 1_u32.. {
            let mut request = Request::new(method.clone(), url.clone(), Reach::hosts_of([&url]));
            request.deadline = Some(DEADLINE);
            if let Some((kind, body)) = &body {
                request = request.header(CONTENT_TYPE, HeaderValue::from_static(kind)).body(body.clone());
            }
            request = request.credential(Credential::bearer(&self.key));
            let answer = self.egress.send(request).await.map_err(|error| refused(error.to_string()))?;
            if answer.status.as_u16() == 429 && attempt < TRIES {
                tokio::time::sleep(answer.retry_after.unwrap_or(Duration::from_secs(1))).await;
                continue;
            }
            if answer.status.is_success() {
                return serde_json::from_slice(&answer.body)
                    .map_err(|error| refused(format!("the answer is not what a server of Patchbay gives: {error}")));
            }
            return Err(match serde_json::from_slice::<Problem>(&answer.body) {
                Ok(problem) => {
                    let more = if problem.status == 401 {
                        format!(" The key is taken from {API_KEY}.")
                    } else {
                        String::new()
                    };
                    CliError::Refused(format!("{}: {}{more}", problem.title, problem.detail))
                }
                Err(_) => refused(format!("answered {}; is that a server of Patchbay?", answer.status)),
            });
        }
        Err(refused("gave no answer".to_owned()))
    }
}

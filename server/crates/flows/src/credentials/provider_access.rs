//! How a connection's provider is called: where it is, what may be reached, what goes along. No secret.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use auth::{Account, Secrets};
use domain::{
    Scope,
    manifest::{Manifest, RateLimitSpec, VariableLevel, Variables},
};
use egress::{
    Budget, Reach, Request,
    budget::{GateScope, Rate, RateLimits},
};
use http::{HeaderMap, Method, StatusCode};
use ids::{ConnectionId, IntegrationId};
use store::IntegrationRow;
use url::Url;

use super::account::redirect_uri;
use crate::Provider;

/// How a connection's provider is called. Cheap to share; holds no secret.
pub struct ProviderAccess {
    /// Whose it is.
    pub scope: Scope,
    /// The connection.
    pub connection: ConnectionId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The provider.
    pub provider: Arc<Provider>,
    /// The manifest's variables with the integration's and the connection's values.
    pub variables: Variables,
    /// The provider's id of the account, once known.
    pub account: Option<String>,
    /// The connection's configuration.
    pub config: serde_json::Value,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Where the provider sends end users back.
    pub redirect_uri: Url,
    /// What paths are put behind.
    pub base_url: Url,
    /// What may be reached.
    pub reach: Reach,
    /// What the manifest sends with every request.
    pub headers: HeaderMap,
    /// Whose rate budget is spent.
    pub budget: Option<Budget>,
}

/// Why a path or URL is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a path that begins with one slash, nor an absolute URL; or a path that climbs out of the base URL.
    #[error("write a path below the provider's base URL, beginning with one slash, or an absolute URL")]
    Malformed,
    /// The host is not on the provider's list.
    #[error(
        "{host} is not on the list of hosts of this provider. Add `hosts = [\"{host}\"]` under [api] in provider.toml"
    )]
    HostNotAllowed {
        /// The host, as far as it can be told.
        host: String,
    },
}

/// What an access is made of.
pub(crate) struct Parts<'a> {
    pub scope: Scope,
    pub provider: Arc<Provider>,
    pub integration: &'a IntegrationRow,
    pub connection: ConnectionId,
    pub variables: &'a Variables,
    pub account: Option<String>,
    pub config: serde_json::Value,
    pub public_url: &'a Url,
}

/// Fills the manifest's holes in.
///
/// # Errors
/// What the tenant has to repair, in words.
pub(crate) fn access_for(parts: Parts<'_>) -> Result<ProviderAccess, String> {
    let manifest = &parts.provider.manifest;
    let variables = merged(manifest, &parts.integration.variables, parts.variables);
    let base_url = manifest.api.base_url.url(&manifest.variables, &variables).map_err(|error| error.to_string())?;
    let identity = manifest.identity.as_ref().and_then(|spec| spec.url.as_ref());
    let identity = identity.map(|url| url.url_below(&base_url, &manifest.variables, &variables));
    let identity = identity.transpose().map_err(|error| error.to_string())?;
    let reach = Reach::hosts(&manifest.api.hosts)
        .map_err(|error| error.to_string())?
        .and(std::iter::once(&base_url).chain(&identity));
    let budget = Some(budget_for(manifest, parts.integration.id, parts.connection));
    let redirect_uri = redirect_uri(parts.public_url, parts.integration.id);
    let account = Account {
        manifest,
        variables: variables.clone(),
        secrets: Secrets::new(),
        client_id: parts.integration.client_id.clone(),
        redirect_uri: redirect_uri.clone(),
        client_metadata_url: None,
        scopes: None,
    };
    let headers: HeaderMap = account.api_headers().map_err(|error| error.to_string())?.into_iter().collect();
    Ok(ProviderAccess {
        scope: parts.scope,
        connection: parts.connection,
        integration: parts.integration.id,
        variables,
        account: parts.account,
        config: parts.config,
        client_id: parts.integration.client_id.clone(),
        redirect_uri,
        base_url,
        reach,
        headers,
        budget,
        provider: parts.provider,
    })
}

/// The integration's values and the connection's. Each speaks for the variables of its own level alone: an end user
/// cannot set what the tenant has to. What the provider answered is kept with the connection's.
pub(crate) fn merged(manifest: &Manifest, integration: &Variables, connection: &Variables) -> Variables {
    let of = |values: &Variables, level: VariableLevel| {
        let ours = |name: &String| manifest.variables.get(name).is_some_and(|spec| spec.at == level);
        values.iter().filter(|(name, _)| ours(name)).map(|(n, v)| (n.clone(), v.clone())).collect::<Vec<_>>()
    };
    let mut merged: Variables = of(integration, VariableLevel::Integration).into_iter().collect();
    merged.extend(of(connection, VariableLevel::Connection));
    merged.extend(of(connection, VariableLevel::Answer));
    merged
}

/// Whose rate budget is spent by calls for a connection.
pub(crate) fn budget_for(manifest: &Manifest, integration: IntegrationId, connection: ConnectionId) -> Budget {
    let limits = manifest.rate_limit.as_ref().map(limits).unwrap_or_default();
    Budget { integration, connection: Some(connection), limits: Arc::new(limits) }
}

fn limits(spec: &RateLimitSpec) -> RateLimits {
    let rate = |calls: u32| {
        let per = Duration::from_secs(spec.per_seconds.into());
        NonZeroU32::new(calls).map(|calls| Rate { calls, per })
    };
    RateLimits {
        connection: spec.requests.and_then(rate),
        integration: spec.per_integration.and_then(rate),
        remaining: spec.remaining_header.as_deref().and_then(|name| name.parse().ok()),
        reset: spec.reset_header.as_deref().and_then(|name| name.parse().ok()),
        reset_format: spec.reset_format,
        throttled: spec.throttled_statuses.iter().filter_map(|status| StatusCode::from_u16(*status).ok()).collect(),
        gate: GateScope::Connection,
    }
}

impl ProviderAccess {
    /// The URL of a path below the base URL (`/v1/x?y`), or of an absolute URL whose host is on the list.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn url(&self, path_or_url: &str) -> Result<Url, UrlError> {
        below(&self.base_url, &self.reach, path_or_url)
    }

    /// A request to the provider with the manifest's headers, within its hosts and its budget. The credential is not in it.
    #[must_use]
    pub fn request(&self, method: Method, url: Url) -> Request {
        let mut request = Request::new(method, url, self.reach.clone());
        request.headers.clone_from(&self.headers);
        request.budget.clone_from(&self.budget);
        request
    }

    /// The way in that this is part of, with those secrets.
    #[must_use]
    pub fn account(&self, secrets: Secrets) -> Account<'_> {
        Account {
            manifest: &self.provider.manifest,
            variables: self.variables.clone(),
            secrets,
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            client_metadata_url: None,
            scopes: None,
        }
    }

    /// What a plugin knows of the connection.
    #[must_use]
    pub fn plugin_connection(&self) -> plugin_host::Connection {
        plugin_host::Connection {
            id: self.connection.to_string(),
            account: self.account.clone(),
            variables: self.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            config: self.config.to_string(),
            webhook_url: None,
            params: String::new(),
            since: None,
        }
    }
}

fn below(base: &Url, reach: &Reach, path_or_url: &str) -> Result<Url, UrlError> {
    // What a URL parser would drop or turn around in silence: control characters, and the backslash that it reads as a
    // slash.
    if path_or_url.contains(|c: char| c.is_control() || c == '\\' || c == ' ') {
        return Err(UrlError::Malformed);
    }
    if let Some(path) = path_or_url.strip_prefix('/') {
        // Two slashes would name another host.
        if path.starts_with('/') {
            return Err(UrlError::Malformed);
        }
        let front = base.path().trim_end_matches('/');
        // Relative to the base, so that its host is not read and checked anew for each call.
        let url = base.join(&format!("{front}/{path}")).map_err(|_| UrlError::Malformed)?;
        let stays = url.path().strip_prefix(front).is_some_and(|rest| rest.starts_with('/'));
        let same_host = (url.scheme(), url.host_str(), url.port()) == (base.scheme(), base.host_str(), base.port());
        return if stays && same_host { Ok(url) } else { Err(UrlError::Malformed) };
    }
    let url = Url::parse(path_or_url).map_err(|_| UrlError::Malformed)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlError::Malformed);
    }
    let steps_down = url.scheme() == "http" && base.scheme() == "https";
    if steps_down || reach.check(&url).is_err() {
        return Err(UrlError::HostNotAllowed { host: egress::host_for_log(&url).to_owned() });
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(base: &str, path: &str) -> Result<String, UrlError> {
        let base: Url = base.parse().unwrap();
        let reach = Reach::hosts(["uploads.example.com"]).unwrap().and([&base]);
        below(&base, &reach, path).map(Into::into)
    }

    #[test]
    fn f_1_paths_go_below_the_base_url() {
        for (base, path, url) in [
            ("https://api.example.com", "/v1/x?y=%20z", "https://api.example.com/v1/x?y=%20z"),
            ("https://api.example.com/", "/v1/x", "https://api.example.com/v1/x"),
            ("https://api.example.com/v2/", "/x/a%2Fb/", "https://api.example.com/v2/x/a%2Fb/"),
            ("http://127.0.0.1:9999", "/", "http://127.0.0.1:9999/"),
            ("https://api.example.com/v2", "/x/../y", "https://api.example.com/v2/y"),
            ("https://api.example.com", "https://uploads.example.com/f", "https://uploads.example.com/f"),
        ] {
            assert_eq!(go(base, path).as_deref(), Ok(url));
        }
    }

    #[test]
    fn eg_2_nothing_leads_elsewhere() {
        for path in [
            "//evil.example/x",
            "x",
            "",
            "/../x",
            "/%2e%2e/x",
            "/\\evil.example",
            "/a b",
            "/a\tb",
            "ftp://api.example.com/",
            "@evil.example/",
        ] {
            assert_eq!(go("https://api.example.com/v2", path), Err(UrlError::Malformed), "{path}");
        }
        for url in [
            "https://evil.example/x",
            "https://api.example.com.evil.example/",
            "http://api.example.com/v2/x",
            "https://api.example.com:8443/",
        ] {
            assert!(matches!(go("https://api.example.com/v2", url), Err(UrlError::HostNotAllowed { .. })), "{url}");
        }
    }
}

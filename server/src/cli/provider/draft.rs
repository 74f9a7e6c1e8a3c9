//! `patchbay provider draft`: a first manifest from what a vendor publishes.

use std::{path::Path, process::ExitCode, sync::Arc};

use domain::manifest::{DraftError, DraftHints, from_issuer, from_openapi};
use egress::{Egress, Reach, Redirects, Request};
use http::{HeaderValue, Method, header::ACCEPT};
use serde_json::Value;
use url::Url;

use super::super::{CliError, print};
use crate::{config::Config, system::SystemClock};

/// The longest document that is read, in bytes: those of large vendors have ten megabytes.
const LONGEST: u64 = 32 << 20;

/// What a draft is made of.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["openapi", "issuer"])))]
pub(in crate::cli) struct DraftArguments {
    /// An OpenAPI 3 document, JSON or YAML: a file, or an https address.
    #[arg(long)]
    openapi: Option<String>,
    /// An issuer whose discovery document is read (RFC 8414, OpenID Connect Discovery).
    #[arg(long)]
    issuer: Option<String>,
    /// The slug; made of the name unless given.
    #[arg(long)]
    slug: Option<String>,
    /// What people call the provider.
    #[arg(long)]
    name: Option<String>,
    /// What it is listed under.
    #[arg(long)]
    category: Option<String>,
    /// The security scheme, where the document has several.
    #[arg(long)]
    scheme: Option<String>,
}

pub(super) async fn draft(config: &Config, arguments: &DraftArguments) -> Result<ExitCode, CliError> {
    let egress = Egress::new(config.egress.clone(), Arc::new(SystemClock)).map_err(CliError::refused)?;
    let hints = DraftHints {
        slug: arguments.slug.clone(),
        name: arguments.name.clone(),
        category: arguments.category.clone(),
        scheme: arguments.scheme.clone(),
        location: None,
    };
    let text = if let Some(issuer) = &arguments.issuer {
        from_issuer(issuer, &discovered(&egress, issuer).await?, &hints).map_err(CliError::refused)?
    } else {
        described(&egress, arguments.openapi.as_deref().unwrap_or_default(), hints).await?.0
    };
    Ok(print(text.trim_end()))
}

/// The draft that an OpenAPI document gives, and the document; `source` is a file or an https address.
pub(in crate::cli) async fn described(
    egress: &Egress,
    source: &str,
    mut hints: DraftHints,
) -> Result<(String, Value), CliError> {
    let document = match Url::parse(source) {
        Ok(url) if url.has_host() => {
            hints.location = Some(url.clone());
            read(&fetch(egress, url).await?)?
        }
        _ => read(&file(Path::new(source))?)?,
    };
    let text = match from_openapi(&document, None, &hints) {
        Err(DraftError::NeedsDiscovery { url }) => {
            let url = Url::parse(&url).map_err(|error| CliError::Refused(format!("openIdConnectUrl: {error}")))?;
            let found = read(&fetch(egress, url).await?)?;
            from_openapi(&document, Some(&found), &hints).map_err(CliError::refused)?
        }
        other => other.map_err(CliError::refused)?,
    };
    Ok((text, document))
}

/// The discovery document of an issuer: by RFC 8414, else by OpenID Connect.
async fn discovered(egress: &Egress, issuer: &str) -> Result<Value, CliError> {
    let url = Url::parse(issuer).map_err(|error| CliError::Refused(format!("{issuer}: {error}")))?;
    let path = url.path().trim_end_matches('/');
    let mut first = url.clone();
    first.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    let mut second = url.clone();
    second.set_path(&format!("{path}/.well-known/openid-configuration"));
    match fetch(egress, first).await {
        Ok(body) if read(&body).is_ok_and(|document| document.get("issuer").is_some()) => read(&body),
        _ => read(&fetch(egress, second).await?),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, CliError> {
    let refused = |error: std::io::Error| CliError::Refused(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(refused)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, LONGEST + 1), &mut bytes).map_err(refused)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(CliError::Refused(format!("{}: longer than {LONGEST} bytes", path.display())));
    }
    Ok(bytes)
}

async fn fetch(egress: &Egress, url: Url) -> Result<Vec<u8>, CliError> {
    let shown = super::redact::url(&url);
    let refused = |what: String| CliError::Refused(format!("{shown}: {what}"));
    let reach = Reach::hosts_of([&url]);
    let mut request = Request::new(Method::GET, url, reach)
        .header(ACCEPT, HeaderValue::from_static("application/json, application/yaml;q=0.9"));
    request.redirects = Redirects::Follow(3);
    request.max_response = Some(LONGEST);
    let response = egress.send(request).await.map_err(|error| refused(error.to_string()))?;
    if response.status.is_success() { Ok(response.body.to_vec()) } else { Err(refused(response.status.to_string())) }
}

/// JSON, or YAML within bounds: what anchors multiply is counted.
fn read(bytes: &[u8]) -> Result<Value, CliError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CliError::Refused("the document is not UTF-8".into()))?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(json) if text.trim_start().starts_with(['{', '[']) => {
            Err(CliError::Refused(format!("the document is not JSON: {json}")))
        }
        Err(_) => serde_saphyr::from_str(text).map_err(|error| {
            let first = error.to_string().lines().next().unwrap_or_default().to_owned();
            CliError::Refused(format!("the document is neither JSON nor YAML: {first}"))
        }),
    }
}

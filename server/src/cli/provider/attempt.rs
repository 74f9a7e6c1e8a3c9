//! `patchbay provider try`: the whole way of a manifest, against the live provider, from a terminal.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use auth::{Account, Beginning, Begun, DeviceBegun, Kept, Material, Outside, Polled, callback};
use domain::{clock::Clock as _, manifest::Manifest};
use egress::{Egress, Exchange, Reach, Request, Witness};
use http::Method;
use tokio::sync::mpsc;
use url::Url;

use super::{
    super::{CliError, print},
    ask, check,
    listener::Listener,
    redact,
};
use crate::{
    config::Config,
    system::{SystemClock, SystemEntropy},
};

/// How long the provider's page may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// What to try.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TryArguments {
    /// The manifest.
    file: PathBuf,
    /// A variable's value, `client_id` or `client_secret`: `name=value`, or `name=@file`. What is missing is asked for, or
    /// taken from `PATCHBAY_TRY_NAME`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Asked for in place of the manifest's scopes.
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// The port of the callback on this machine; a free one unless given.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The callback that is registered at the provider, where that is another one: the address that the browser ends at is
    /// then pasted here.
    #[arg(long)]
    redirect_uri: Option<Url>,
    /// A path below the API's base URL, asked for with the credential.
    #[arg(long)]
    path: Option<String>,
    /// Renews the token as well.
    #[arg(long)]
    renew: bool,
    /// Revokes access at the end.
    #[arg(long)]
    revoke: bool,
}

/// Prints each exchange.
struct Printed;

impl Witness for Printed {
    fn saw(&self, exchange: &Exchange<'_>) {
        let mut lines = vec![String::new(), format!("→ {} {}", exchange.method, redact::url(exchange.url))];
        lines.extend(redact::headers(exchange.headers).into_iter().map(|line| format!("    {line}")));
        if !exchange.body.is_empty() {
            lines.push(format!("    {}", redact::body(exchange.body)));
        }
        match exchange.answer {
            Ok(answer) => {
                lines.push(format!("← {}", answer.status));
                lines.extend(redact::headers(&answer.headers).into_iter().map(|line| format!("    {line}")));
                if !answer.body.is_empty() {
                    lines.push(format!("    {}", redact::body(&answer.body)));
                }
            }
            Err(error) => lines.push(format!("← {error}")),
        }
        print(&lines.join("\n"));
    }
}

pub(super) async fn attempt(config: &Config, arguments: &TryArguments) -> Result<ExitCode, CliError> {
    let file = check::read(&arguments.file)?;
    let manifest = Manifest::parse(&file.path, &file.text).map_err(CliError::refused)?;
    let filled = ask::fill(&manifest, &arguments.set)?;
    let listener = Listener::start(arguments.port).await?;
    let redirect_uri = arguments.redirect_uri.clone().unwrap_or_else(|| listener.redirect_uri.clone());
    let entropy = Arc::new(SystemEntropy::default());
    let egress = Egress::new(config.egress.clone(), Arc::new(SystemClock)).map_err(CliError::refused)?;
    let egress = egress.with_entropy(Arc::<SystemEntropy>::clone(&entropy)).with_witness(Arc::new(Printed));
    let mut account = Account {
        manifest: &manifest,
        variables: filled.variables,
        secrets: filled.secrets,
        client_id: filled.client_id,
        redirect_uri,
        client_metadata_url: None,
        scopes: (!arguments.scopes.is_empty()).then(|| arguments.scopes.clone()),
    };
    let out = || Outside { egress: &egress, now: SystemClock.now(), entropy: entropy.as_ref(), budget: None };
    let mut material = match account.begin(out()).await.map_err(CliError::refused)? {
        Beginning::Browser(begun) => {
            let callback = returned(&listener, &account.redirect_uri, &begun).await?;
            account.finish(out(), &begun.kept, &callback).await.map_err(CliError::refused)?
        }
        Beginning::Device(begun) => poll(&mut account, &begun, out).await?,
        Beginning::Direct => account.enter(out()).await.map_err(CliError::refused)?,
    };
    describe(&material);
    let whose = account.identify(out(), &material).await.map_err(CliError::refused)?;
    print(&match whose {
        Some(identity) => {
            let name = identity.name.map(|name| format!(", {name}")).unwrap_or_default();
            format!("\nThe account is {}{name}.", identity.account)
        }
        None if manifest.verification.is_some() => "\nThe credential works.".to_owned(),
        None => "\nThe manifest has no call that tells whether the credential works.".to_owned(),
    });
    for (name, value) in &account.variables {
        if manifest.variables.get(name).is_some_and(|spec| spec.from.is_some()) {
            print(&format!("{name} = {value} (from the provider's answers)"));
        }
    }
    if arguments.renew {
        material = account.renew(out(), &material).await.map_err(CliError::refused)?;
        describe(&material);
    }
    if let Some(path) = &arguments.path {
        call(&account, &egress, &material, path).await?;
    }
    if arguments.revoke {
        let revoked = account.revoke(out(), &material).await.map_err(CliError::refused)?;
        print(&format!(
            "\nRevocation: {}",
            if revoked == auth::Revocation::Done { "done" } else { "the manifest has none" }
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the browser to come back, or for the address that it ended at.
async fn returned(listener: &Listener, redirect_uri: &Url, begun: &Begun) -> Result<callback::Callback, CliError> {
    print(&format!("\nRegister this callback at the provider: {redirect_uri}"));
    print(&format!("Open in a browser:\n\n  {}\n", begun.url));
    print("and, if the browser does not come back by itself, paste the address that it ended at.");
    let mut lines = pasted();
    let mut is_open = true;
    let wait = async {
        loop {
            let query = tokio::select! {
                query = listener.callback() => query?,
                line = lines.recv(), if is_open => match line {
                    Some(line) => match Url::parse(line.trim()).ok().and_then(|url| url.query().map(str::to_owned)) {
                        Some(query) => query,
                        None => continue,
                    },
                    None => {
                        is_open = false;
                        continue;
                    }
                },
            };
            match callback::parse(&query) {
                Ok(callback) if callback.state == begun.state => return Ok(callback),
                Ok(_) => print("That callback is of another attempt; still waiting."),
                Err(error) => print(&format!("That is no callback ({error}); still waiting.")),
            };
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| Err(CliError::Refused("nobody came back from the provider's page".into())))
}

/// Lines that are typed or pasted. They are read by a thread of its own, which ends with the process: a read from a
/// terminal cannot be called off.
fn pasted() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Polls until the device code is answered.
async fn poll<'o>(
    account: &mut Account<'_>,
    begun: &DeviceBegun,
    out: impl Fn() -> Outside<'o>,
) -> Result<Material, CliError> {
    print(&format!("\nOpen {} and type in:\n\n  {}\n", begun.verification_url, begun.user_code));
    let kept: &Kept = &begun.kept;
    let mut wait = begun.interval;
    loop {
        tokio::time::sleep(Duration::from_secs(wait.into())).await;
        match account.poll(out(), kept).await.map_err(CliError::refused)? {
            Polled::Granted(material) => return Ok(*material),
            Polled::Wait(seconds) => wait = seconds,
        }
    }
}

fn describe(material: &Material) {
    let Some(tokens) = &material.tokens else { return };
    let ends = tokens.expires_at.map_or_else(|| "at no time that is known".into(), |at| format!("at {at}"));
    let refresh = if tokens.refresh_token.is_some() { "with" } else { "without" };
    let scopes = tokens.scopes_granted.as_ref().map_or_else(|| "unsaid".into(), |scopes| scopes.join(" "));
    print(&format!("\nA token that ends {ends}, {refresh} a refresh token; scopes granted: {scopes}."));
}

/// One request to the API, as the proxy would make it.
async fn call(account: &Account<'_>, egress: &Egress, material: &Material, path: &str) -> Result<(), CliError> {
    let manifest = account.manifest;
    let base = manifest.api.base_url.url(&manifest.variables, &account.variables).map_err(CliError::refused)?;
    let text = format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
    let url = Url::parse(&text).map_err(CliError::refused)?;
    if url.origin() != base.origin() {
        return Err(CliError::Refused("--path is a path below the API's base URL".into()));
    }
    let reach = Reach::hosts_of([&url]);
    let mut request = Request::new(Method::GET, url, reach);
    for (name, value) in account.api_headers().map_err(CliError::refused)? {
        request.headers.insert(name, value);
    }
    let credential = account.credential(material).map_err(CliError::refused)?.unwrap_or_default();
    request.mask = Some(credential.masker());
    request.credential = Some(credential);
    egress.send(request).await.map_err(CliError::refused)?;
    Ok(())
}

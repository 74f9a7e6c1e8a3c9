//! `patchbay plugin keygen` and `patchbay plugin trust`.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use api_types::plugin::PluginKey;
use domain::{entropy, secret::Secret};
use flows::plugin::{PublicKey, SigningKey};
use http::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    super::{CliError, print},
    remote::{FarServer, ServerArguments},
};
use crate::{config::Config, system::SystemEntropy};

/// What is trusted where.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TrustArguments {
    /// The public key, ed25519:…, as keygen printed it.
    public_key: String,
    /// What to call it: whose it is, or where it lies.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Makes a key and writes it into a file that is not there yet, for its owner alone.
pub(super) fn keygen(file: &Path) -> Result<ExitCode, CliError> {
    let refused = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    let seed = Zeroizing::new(entropy::bytes::<32>(&SystemEntropy::default()));
    let key = SigningKey::from_seed(&seed).map_err(CliError::refused)?;
    let text = key.to_pem().map_err(CliError::refused)?;
    let mut options = fs::OpenOptions::new();
    let mut written = options.write(true).create_new(true).mode(0o600).open(file).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return refused(&"is there already, and a key is not written over: name another file");
        }
        refused(&error)
    })?;
    written.write_all(text.expose().as_bytes()).map_err(|error| refused(&error))?;
    let public = key.public().map_err(CliError::refused)?;
    print(&format!("{}: the private key. Keep it where you sign, and nowhere else", file.display()));
    print(&format!("{public}: the public key, fingerprint {}", public.fingerprint()));
    Ok(print(&format!("next: patchbay plugin trust {public} --name NAME --server URL")))
}

/// Reads a private key, unless others could.
pub(super) fn read(file: &PathBuf) -> Result<SigningKey, CliError> {
    let refused = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    let about = fs::metadata(file).map_err(|error| refused(&error))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(refused(&format!("others can read this private key: chmod 600 {}", file.display())));
    }
    let text = Secret::new(fs::read_to_string(file).map_err(|error| refused(&error))?);
    SigningKey::from_pem(&text).map_err(|error| refused(&error))
}

pub(super) async fn trust(config: &Config, arguments: &TrustArguments) -> Result<ExitCode, CliError> {
    let public: PublicKey = arguments.public_key.parse().map_err(CliError::refused)?;
    let remote = FarServer::at(config, &arguments.server)?;
    let body = json!({ "name": arguments.name, "public_key": public.to_string() });
    let key: PluginKey = remote.ask(Method::POST, &["plugin-keys"], Some(body)).await?;
    print(&format!("{} ({}) is trusted in this environment, fingerprint {}", key.id, key.name, key.fingerprint));
    Ok(print("next: patchbay plugin push FOLDER --key FILE --server URL"))
}

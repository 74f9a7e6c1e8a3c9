//! `patchbay plugin new`.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};

use domain::manifest::DraftHints;
use egress::Egress;
use patchbay_plugin_harness::scaffold::{Plan, Sdk, scaffold};

use super::super::{
    CliError, print,
    provider::{check, draft},
};
use crate::{config::Config, system::SystemClock};

/// What a plugin is begun with.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("origin").required(true).args(["manifest", "openapi"])))]
pub(in crate::cli) struct NewArguments {
    /// The provider's short name: lower-case letters, digits and dashes.
    slug: String,
    /// The provider's manifest. `patchbay provider draft` makes a first one.
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// An OpenAPI 3 document, JSON or YAML: a file, or an https address. The manifest is drafted from it, and streams are
    /// made of the first lists in it.
    #[arg(long)]
    openapi: Option<String>,
    /// Where to write it; a folder that is empty or not there. Named after the slug unless given.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Where the crate finds patchbay-plugin: the folder `sdk-plugin` of a checkout of Patchbay, or a version. Unless
    /// given, that of the checkout that the directory is in, else this program's version.
    #[arg(long, value_name = "FOLDER|VERSION")]
    sdk: Option<String>,
    /// A value of one of the manifest's variables in the fixtures: `name=value`. What is missing is made up.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The category, with --openapi.
    #[arg(long, requires = "openapi")]
    category: Option<String>,
    /// The security scheme, with --openapi, where the document has several.
    #[arg(long, requires = "openapi")]
    scheme: Option<String>,
}

pub(super) async fn new(config: &Config, arguments: &NewArguments) -> Result<ExitCode, CliError> {
    let mut values = BTreeMap::new();
    for pair in &arguments.set {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| CliError::Refused("--set takes name=value".to_owned()))?;
        values.insert(name.to_owned(), value.to_owned());
    }
    let folder = arguments.directory.clone().unwrap_or_else(|| PathBuf::from(&arguments.slug));
    let sdk = match &arguments.sdk {
        Some(text) => Sdk::written(text).map_err(CliError::refused)?,
        None => Sdk::nearest(&folder),
    };
    let (source, manifest, document) = match (&arguments.manifest, &arguments.openapi) {
        (Some(path), _) => {
            let file = check::read(path)?;
            (file.path, file.text, None)
        }
        (None, openapi) => {
            let source = openapi.as_deref().unwrap_or_default();
            let egress = Egress::new(config.egress.clone(), Arc::new(SystemClock)).map_err(CliError::refused)?;
            let hints = DraftHints {
                slug: Some(arguments.slug.clone()),
                category: arguments.category.clone(),
                scheme: arguments.scheme.clone(),
                ..DraftHints::default()
            };
            let (text, document) = draft::described(&egress, source, hints).await?;
            (source.to_owned(), text, Some(document))
        }
    };
    let plan = Plan {
        slug: &arguments.slug,
        source: &source,
        manifest: &manifest,
        openapi: document.as_ref(),
        values,
        sdk: sdk.clone(),
    };
    let written = scaffold(&folder, &plan).map_err(CliError::refused)?;
    for file in &written.files {
        print(&folder.join(file).display().to_string());
    }
    let from = match sdk {
        Sdk::Folder(path) => format!("the folder {}", path.display()),
        Sdk::Version(version) => format!("version {version}, from the registry that cargo is set up with"),
    };
    print(&format!("\nstreams {}; patchbay-plugin is taken from {from}", written.streams.join(", ")));
    let shown = folder.display();
    Ok(print(&format!("next: patchbay plugin build {shown} && patchbay plugin test {shown}")))
}

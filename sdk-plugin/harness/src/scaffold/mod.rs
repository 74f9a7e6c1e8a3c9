//! Beginning a plugin: a crate that compiles and passes its examination as it stands, made of a manifest and, where
//! there is one, of the OpenAPI document behind it.

mod code;
mod listing;
mod openapi;
mod recording;

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use domain::manifest::{Manifest, PaginationSpec};
use serde_json::Value;

use self::listing::Listing;
use crate::{Mismatch, variables::examples};

/// What a plugin is begun with.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The provider's short name, which is the manifest's.
    pub slug: &'a str,
    /// Where the manifest comes from, for errors.
    pub source: &'a str,
    /// The manifest's text.
    pub manifest: &'a str,
    /// The OpenAPI document, as JSON, where there is one: streams are made of the lists in it.
    pub openapi: Option<&'a Value>,
    /// Values for the manifest's variables in the fixtures; what is missing is made up.
    pub values: BTreeMap<String, String>,
    /// Where the new crate finds `patchbay-plugin`.
    pub sdk: Sdk,
}

/// Where a plugin's crate finds the crates that it is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sdk {
    /// By version, from the registry that cargo is set up with.
    Version(String),
    /// In a folder, `sdk-plugin` of a checkout of Patchbay, as it shall stand in Cargo.toml.
    Folder(PathBuf),
}

impl Sdk {
    /// `sdk-plugin` of the checkout that the folder is in, as a relative path; else the version that this was made with.
    #[must_use]
    pub fn nearest(folder: &Path) -> Self {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let mut up = PathBuf::new();
        for above in absolute.ancestors().skip(1) {
            up.push("..");
            if above.join("sdk-plugin/wit/v1").is_dir() && above.join("sdk-plugin/Cargo.toml").is_file() {
                return Self::Folder(up.join("sdk-plugin"));
            }
        }
        Self::Version(env!("CARGO_PKG_VERSION").to_owned())
    }

    /// What somebody wrote: a folder if there is one of that name or it looks like a path, else a version.
    ///
    /// # Errors
    /// A folder that does not hold the crate.
    pub fn written(text: &str) -> Result<Self, Mismatch> {
        let path = Path::new(text);
        let mut parts = path.components();
        let is_name = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        if is_name && !path.is_dir() {
            return Ok(Self::Version(text.to_owned()));
        }
        let folder = path.canonicalize().map_err(|error| Mismatch(format!("{text}: {error}")))?;
        if !folder.join("wit/v1").is_dir() || !folder.join("harness/Cargo.toml").is_file() {
            return Err(Mismatch(format!(
                "{text} does not hold the crate patchbay-plugin: name the folder `sdk-plugin` of a checkout of Patchbay"
            )));
        }
        Ok(Self::Folder(folder))
    }

    fn lines(&self) -> [String; 2] {
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        match self {
            Self::Version(version) => {
                ["patchbay-plugin", "patchbay-plugin-harness"].map(|name| format!("{name} = {}", quoted(version)))
            }
            Self::Folder(folder) => {
                let written = |folder: &Path| quoted(&folder.display().to_string().replace('\\', "/"));
                [
                    format!("patchbay-plugin = {{ path = {} }}", written(folder)),
                    format!("patchbay-plugin-harness = {{ path = {} }}", written(&folder.join("harness"))),
                ]
            }
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files, relative to the folder.
    pub files: Vec<PathBuf>,
    /// The streams in it.
    pub streams: Vec<String>,
}

/// Writes the crate into a folder that is empty or not there yet.
///
/// # Errors
/// What is wrong with the manifest, or that the folder is not empty or cannot be written. A manifest that is refused
/// leaves nothing behind.
pub fn scaffold(folder: &Path, plan: &Plan<'_>) -> Result<Written, Mismatch> {
    let files = files(plan)?;
    let failed = |path: &Path, error: &std::io::Error| Mismatch(format!("{}: {error}", path.display()));
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Mismatch(format!(
            "{} is not empty, and nothing in it is written over: name another folder with --directory",
            folder.display()
        )));
    }
    let [sdk, harness] = plan.sdk.lines();
    let cargo = CARGO.replace("{slug}", plan.slug).replace("{sdk}", &sdk).replace("{harness}", &harness);
    let fixed = [("Cargo.toml", cargo), (".gitignore", "/target\n".into()), ("tests/replay.rs", TEST.into())];
    let fixed = fixed.into_iter().map(|(name, text)| (PathBuf::from(name), text));
    let mut written = Vec::new();
    for (name, text) in fixed.chain(files.texts) {
        let path = folder.join(&name);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above).map_err(|error| failed(above, &error))?;
        fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        written.push(name);
    }
    Ok(Written { files: written, streams: files.streams })
}

struct Files {
    texts: Vec<(PathBuf, String)>,
    streams: Vec<String>,
}

/// All that depends on the manifest, before anything is written.
fn files(plan: &Plan<'_>) -> Result<Files, Mismatch> {
    let parse = |text: &str| Manifest::parse(plan.source, text).map_err(|error| Mismatch(error.to_string()));
    let given = parse(plan.manifest)?;
    if given.slug != plan.slug {
        return Err(Mismatch(format!(
            "{}: its slug is `{found}`, not `{}`: run `patchbay plugin new {found}`, or change the slug in the manifest",
            plan.source,
            plan.slug,
            found = given.slug
        )));
    }
    let found = plan.openapi.map(openapi::find).unwrap_or_default();
    let listings = if given.streams.is_empty() {
        if found.listings.is_empty() { vec![Listing::plain("items")] } else { found.listings }
    } else {
        given.streams.iter().map(|stream| Listing::plain(&stream.name)).collect()
    };
    let mut text = plan.manifest.trim_end().to_owned();
    text.push('\n');
    if given.pagination.is_none() {
        text.push_str(&found.pagination.unwrap_or_default());
    }
    if given.plugin.is_none() {
        text.push_str("\n[plugin]\ncomponent = \"plugin.wasm\"\n");
    }
    if given.streams.is_empty() {
        for listing in &listings {
            text.push_str(&format!(
                "\n[[streams]]\nname = \"{}\"\nmode = \"full\"\nevery_minutes = 60\n",
                listing.stream
            ));
        }
    }
    let manifest = parse(&text)?;
    let link = PaginationSpec::Link { size_param: None, items: None };
    let pagination = manifest.pagination.as_ref().unwrap_or(&link);
    let mut texts = vec![
        (PathBuf::from("provider.toml"), text),
        (PathBuf::from("src/lib.rs"), code::code(&manifest.name, &listings, pagination)),
    ];
    let values = examples(&manifest, &plan.values)?;
    for listing in &listings {
        for (name, fixture) in recording::fixtures(&manifest, listing, pagination, &values)? {
            let json = serde_json::to_string_pretty(&fixture).map_err(|error| Mismatch(error.to_string()))?;
            texts.push((Path::new("fixtures").join(name), json + "\n"));
        }
    }
    Ok(Files { texts, streams: listings.into_iter().map(|listing| listing.stream).collect() })
}

const CARGO: &str = r#"[package]
name = "plugin-{slug}"
version = "0.1.0"
edition = "2024"
publish = false

# A workspace of its own: nothing above this folder has a say in it.
[workspace]

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
{sdk}
serde = { version = "1", features = ["derive"] }

[dev-dependencies]
{harness}
"#;

const TEST: &str = r#"//! The recorded exchanges through the plugin host that servers run, and the errors that every API has. Build the plugin
//! before: `patchbay plugin build`.

#[test]
fn passes_the_examination() {
    let folder = env!("CARGO_MANIFEST_DIR").as_ref();
    let found = patchbay_plugin_harness::examine_folder(folder).unwrap();
    assert!(!found.passed().unwrap().replayed.is_empty());
}
"#;

//! Building a plugin: cargo with the right target, linker and profile, and the component looked at by the plugin host.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Interface, Mismatch, ProviderFolder, replay::load};

/// The target that plugins are built for: no files, no sockets, no clock of their own.
const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of plugins, said here so that a plugin's own workspace need not define it: fast before small, and with
/// the names that traps are told with.
const PROFILE: [&str; 7] = [
    "profile.plugin.inherits=\"release\"",
    "profile.plugin.opt-level=3",
    "profile.plugin.debug=0",
    "profile.plugin.lto=\"fat\"",
    "profile.plugin.codegen-units=1",
    "profile.plugin.panic=\"abort\"",
    "profile.plugin.strip=\"debuginfo\"",
];

/// How much is done for the plugin's speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As servers run it.
    Full,
    /// As little as possible, to see soon whether it works: it uses several times the fuel.
    Little,
}

impl Effort {
    /// What differs from the profile of plugins.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Full => &[],
            Self::Little => {
                &["profile.plugin.opt-level=1", "profile.plugin.lto=\"off\"", "profile.plugin.codegen-units=16"]
            }
        }
    }
}

/// A plugin that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component, beside a copy of the manifest, as a server takes them.
    pub component: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// What it imports and exports.
    pub interface: Interface,
}

/// Builds the plugin of a folder, asks the plugin host whether it would run it, and puts it beside its manifest below
/// `target/plugins/<slug>/` of its workspace. What cargo says goes to standard error. Blocks.
///
/// # Errors
/// What is missing on this machine, that the plugin does not compile, or that the host would refuse it; nothing that was
/// built before is touched then.
pub fn build(folder: &Path) -> Result<Built, Mismatch> {
    build_with(folder, Effort::Full)
}

/// The same with more or less effort.
///
/// # Errors
/// Those of [`build`].
pub fn build_with(folder: &Path, effort: Effort) -> Result<Built, Mismatch> {
    let provider = ProviderFolder::open(folder)?;
    let Some(plugin) = &provider.manifest.plugin else {
        return Err(Mismatch(format!(
            "{}: the manifest says of no code. Add [plugin] component = \"plugin.wasm\" to it",
            folder.join("provider.toml").display()
        )));
    };
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Mismatch(format!(
            "{} has no Cargo.toml: this command builds plugins in Rust. Build it with its own tools and put {} beside provider.toml",
            folder.display(),
            plugin.component
        )));
    }
    target_is_there(folder)?;
    let (workspace, package) = workspace(folder)?;
    let artefact = compiled(folder, &package, effort)?;
    let failed = |path: &Path, error: &std::io::Error| Mismatch(format!("{}: {error}", path.display()));
    let bytes = fs::read(&artefact).map_err(|error| failed(&artefact, &error))?;
    let place = workspace.join("target/plugins").join(&provider.manifest.slug);
    accepted(&bytes, &place.join(&plugin.component))?;
    fs::create_dir_all(&place).map_err(|error| failed(&place, &error))?;
    let described = fs::read(folder.join("provider.toml")).map_err(|error| failed(folder, &error))?;
    for (name, content) in [(plugin.component.as_str(), &bytes), ("provider.toml", &described)] {
        put(&place.join(name), content).map_err(|error| failed(&place, &error))?;
    }
    let interface = Interface::of(&bytes);
    Ok(Built { component: place.join(&plugin.component), bytes: bytes.len(), interface })
}

/// Whether the plugin host would take it.
fn accepted(component: &[u8], place: &Path) -> Result<(), Mismatch> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Mismatch(format!("there is no async runtime: {e}")))?;
    runtime.block_on(load(component.to_vec(), place)).map(drop)
}

/// Writes under another name first, so that nobody reads half of it.
fn put(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, content)?;
    fs::rename(partial, path)
}

/// A tool that comes with Rust, started in the plugin's folder, so that the toolchain is the one chosen there.
fn tool(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn not_started(name: &str, error: &std::io::Error) -> Mismatch {
    if error.kind() == ErrorKind::NotFound {
        return Mismatch(format!(
            "there is no `{name}` on this machine's PATH. Install Rust with rustup, then run this again"
        ));
    }
    Mismatch(format!("`{name}` cannot be started: {error}"))
}

/// Asks the compiler where the target's library is; it answers even when nothing is there.
fn target_is_there(folder: &Path) -> Result<(), Mismatch> {
    let asked = tool("rustc", folder).args(["--print", "target-libdir", "--target", TARGET]).output();
    let output = asked.map_err(|error| not_started("rustc", &error))?;
    let place = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&place).is_dir() {
        return Ok(());
    }
    Err(Mismatch(format!(
        "the compiler has no target {TARGET}, which plugins are built for. Run `rustup target add {TARGET}`, then this again"
    )))
}

/// The root of the workspace that the plugin's crate is in, and the crate's id.
fn workspace(folder: &Path) -> Result<(PathBuf, String), Mismatch> {
    let asked = tool("cargo", folder).args(["metadata", "--format-version", "1", "--no-deps"]).output();
    let output = asked.map_err(|error| not_started("cargo", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Mismatch(format!("cargo cannot read the plugin's Cargo.toml:\n{}", said.trim())));
    }
    let unreadable = || Mismatch("cargo does not say what the plugin's crate is".into());
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| unreadable())?;
    let root = metadata.get("workspace_root").and_then(Value::as_str).ok_or_else(unreadable)?;
    let own = folder.join("Cargo.toml").canonicalize().map_err(|_| unreadable())?;
    let packages = metadata.get("packages").and_then(Value::as_array).ok_or_else(unreadable)?;
    let package = packages.iter().find(|package| {
        let path = package.get("manifest_path").and_then(Value::as_str).map(Path::new);
        path.and_then(|path| path.canonicalize().ok()).is_some_and(|path| path == own)
    });
    let id = package.and_then(|package| package.get("id")).and_then(Value::as_str).ok_or_else(unreadable)?;
    Ok((PathBuf::from(root), id.to_owned()))
}

/// Runs cargo and gives the file that came of it.
fn compiled(folder: &Path, package: &str, effort: Effort) -> Result<PathBuf, Mismatch> {
    let mut cargo = tool("cargo", folder);
    // The compiler's own linker for components.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-component-ld");
    cargo.args(["build", "--lib", "--profile", "plugin", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    for line in PROFILE.iter().chain(effort.settings()) {
        cargo.args(["--config", line]);
    }
    // What cargo and the compiler say is for the author, as it comes.
    let output = cargo.stderr(Stdio::inherit()).output().map_err(|error| not_started("cargo", &error))?;
    if !output.status.success() {
        return Err(Mismatch("the plugin does not compile; what the compiler says stands above".into()));
    }
    let artefacts = String::from_utf8_lossy(&output.stdout);
    let files = artefacts.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|message| {
        message.get("reason").and_then(Value::as_str) == Some("compiler-artifact")
            && message.get("package_id").and_then(Value::as_str) == Some(package)
    });
    let files = files.filter_map(|message| message.get("filenames").and_then(Value::as_array).cloned()).flatten();
    let mut component = files
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    component.next_back().ok_or_else(|| {
        Mismatch("the crate gives no component: add to its Cargo.toml [lib] crate-type = [\"cdylib\", \"rlib\"]".into())
    })
}

//! Running other programs.

use std::{
    env,
    ffi::{OsStr, OsString},
    iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::progress::{Failure, Outcome};

/// The repository's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where `infra/node/install` puts node on machines that have none. First on the `PATH` of everything that we run.
fn path() -> OsString {
    let ours = root().join(".cache/node/bin");
    let theirs = env::var_os("PATH").unwrap_or_default();
    if !ours.is_dir() {
        return theirs;
    }
    // A folder with a colon in its name cannot be on PATH at all.
    env::join_paths(iter::once(ours).chain(env::split_paths(&theirs))).unwrap_or(theirs)
}

/// A program that is run in the repository's root, without what `cargo run` tells the programs that it starts.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", path());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_PRIMARY_PACKAGE" {
            command.env_remove(&name);
        }
    }
    command
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end with our own output; a status other than success is a failure.
pub fn run(command: &mut Command) -> Outcome<()> {
    let status = command.stdin(Stdio::null()).status().map_err(|error| missing(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure(format!("{} ended with {status}", shown(command)))) }
}

/// Runs to the end in silence and gives its standard output; on failure everything it said is in the failure.
pub fn capture(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| missing(command, &error))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure(format!("{} ended with {}\n{said}{complained}", shown(command), output.status)))
}

/// The first of these programs that is on `PATH`.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = path();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// Installs packages of a Debian-like system, as root or by sudo.
pub fn apt_install(packages: &[&str]) -> Outcome<()> {
    let wanted = packages.join(" ");
    if find(&["apt-get"]).is_none() {
        return Err(Failure(format!(
            "there is no apt-get here: install what Debian calls {wanted} and run this again"
        )));
    }
    let root = capture(command("id").arg("-u"))?.trim() == "0";
    let apt = |arguments: &[&str]| {
        let mut command = if root { command("apt-get") } else { command("sudo") };
        if !root {
            command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        capture(command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
    };
    let install = [&["install", "-y", "-qq", "--no-install-recommends"], packages].concat();
    // The lists may be missing or older than the mirror.
    apt(&install).or_else(|_| apt(&["update", "-qq"]).and_then(|_| apt(&install))).map(drop).map_err(|failure| {
        Failure(format!("could not install {wanted}; install it by hand and run this again\n{failure}"))
    })
}

fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    format!("`{} {arguments}`", command.get_program().to_string_lossy())
}

fn missing(command: &Command, error: &std::io::Error) -> Failure {
    Failure(format!("{} could not be started: {error}", shown(command)))
}

//! Where things are, and what other programs are called.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use pg::Binaries;

use crate::{Outcome, ROUNDS};

const USAGE: &str = "usage: bench ROOT PATCHBAY ACME-SERVER PLUGINS [records=N] [rounds=N] [PART…]";
/// Records of each stream at the provider, unless it is said.
const RECORDS: u32 = 100_000;
/// What can be measured by itself.
const PARTS: [&str; 16] = [
    "pages",
    "widget",
    "instance",
    "manifests",
    "signing",
    "start",
    "reads",
    "refresh",
    "proxied",
    "ingest",
    "feed",
    "crowd",
    "envelope",
    "rotation",
    "proactive",
    "runs",
];

/// Where things are.
pub struct Places {
    /// The repository.
    pub root: PathBuf,
    /// The server's binary.
    pub patchbay: PathBuf,
    /// The demo provider's binary.
    pub acme: PathBuf,
    /// The built plugins.
    pub plugins: PathBuf,
    /// Where what is measured keeps its files.
    pub folder: PathBuf,
    /// Postgres.
    pub postgres: Binaries,
    /// Records of each stream at the provider.
    pub records: u32,
    /// How often each side of what takes long, the ingest and the feed, takes its turn.
    pub rounds: usize,
}

impl Places {
    /// As the command line says, and the names of what alone is to be measured; none for everything.
    pub fn from_arguments() -> Outcome<(Self, Vec<String>)> {
        let mut arguments = env::args().skip(1);
        let mut path = || arguments.next().map(PathBuf::from).ok_or(USAGE);
        let (root, patchbay, acme, plugins) = (path()?, path()?, path()?, path()?);
        let folder = root.join(".cache/bench");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let postgres = Binaries::find(&root).ok_or("there is no Postgres: run `cargo dev setup`")?;
        let (counts, only): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument.contains('='));
        let (mut records, mut rounds) = (RECORDS, ROUNDS);
        for (name, count) in counts.iter().filter_map(|argument| argument.split_once('=')) {
            match name {
                "records" => records = count.parse().map_err(|_| USAGE)?,
                "rounds" => rounds = count.parse().ok().filter(|rounds| *rounds > 0).ok_or(USAGE)?,
                _ => return Err(USAGE.to_owned()),
            }
        }
        if let Some(unknown) = only.iter().find(|name| !PARTS.contains(&name.as_str())) {
            return Err(format!("there is no {unknown} to be measured, only {}", PARTS.join(", ")));
        }
        Ok((Self { root, patchbay, acme, plugins, folder, postgres, records, rounds }, only))
    }

    /// A program of Postgres: beside the server, else on `PATH`.
    pub fn postgres_tool(&self, name: &str) -> Outcome<PathBuf> {
        let beside = self.postgres.path(name);
        if beside.is_file() { Ok(beside) } else { program(name) }
    }
}

/// A program on `PATH`, or where servers are put that are not on everybody's.
pub fn program(name: &str) -> Outcome<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| format!("there is no `{name}` here: run `cargo dev bench`, which installs it"))
}

/// Reads a file, with its path in the error.
pub fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file, with its path in the error.
pub fn write(path: &Path, text: &str) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

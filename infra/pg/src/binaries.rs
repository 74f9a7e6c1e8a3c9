//! Where the server's binaries are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The folder with `postgres`, `initdb` and `pg_ctl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Looks on `PATH`, then where Debian keeps what it does not put there (the newest), then where [`Self::fetched_to`]
    /// says. `None` if there are none.
    #[must_use]
    pub fn find(root: &Path) -> Option<Self> {
        let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
        let debian = versions(Path::new("/usr/lib/postgresql"));
        let fetched = versions(&Self::fetched_to(root));
        on_path.chain(debian).chain(fetched).find_map(|folder| {
            // On PATH there may be links to a part of them; the rest is where the links point.
            let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
            let folder = postgres.parent()?.to_owned();
            let complete = ["initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file());
            complete.then_some(Self(folder))
        })
    }

    /// Where a Postgres that had to be fetched is put: a git-ignored folder of the repository at `root`, one folder per
    /// version in it.
    #[must_use]
    pub fn fetched_to(root: &Path) -> PathBuf {
        root.join(".cache/postgresql")
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The path of one of them.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// The `bin` folders below `parent/<version>/`, newest version first.
fn versions(parent: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name.split('.').map(|part| part.parse().unwrap_or(0)).collect(), entry.path().join("bin"))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let parent = env::temp_dir().join(format!("patchbay-pg-versions-{}", std::process::id()));
        for version in ["9.6", "15", "16.4.0", "16.10.0"] {
            fs::create_dir_all(parent.join(version)).unwrap();
        }
        let found = versions(&parent);
        fs::remove_dir_all(&parent).unwrap();
        let order: Vec<_> = found
            .iter()
            .map(|folder| folder.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(order, ["16.10.0", "16.4.0", "15", "9.6"]);
    }
}

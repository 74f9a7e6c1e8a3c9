//! Compiled components on disk, so that a start does not compile them again.
//!
//! The engine runs what such a file says without looking: a flipped byte is machine code like any other. So each file
//! carries a keyed digest (BLAKE3) over its name and content, made with a key that lies beside the files, readable by this
//! node's user alone. That refuses decay of the disk, files copied from another node or exchanged for one another, and
//! whoever may write into the folder but not read the key. A plain digest would refuse only the first of these; a key
//! held in memory would make the cache worthless at the next start. Whoever can read the key already is this user.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use domain::entropy::{Entropy, bytes};

use crate::error::StartError;

const KEY_FILE: &str = "node.key";
const DIGEST: usize = 32;
/// Files kept; past that the oldest go.
const KEEP: usize = 1024;
/// Files to lock while a component is compiled. Which one is by its name: two components seldom wait for one another, and
/// no lock has ever to be cleared away, which could not be done safely.
const LOCKS: u8 = 16;

pub(crate) struct Artefacts {
    folder: PathBuf,
    key: [u8; 32],
}

impl Artefacts {
    /// Opens the folder, making it and its key if they are not there. A key that others could read, or that is
    /// damaged, is replaced: the files made with it are then compiled anew.
    ///
    /// # Errors
    /// The folder cannot be made, read or written.
    pub(crate) fn open(folder: &Path, entropy: &dyn Entropy) -> Result<Self, StartError> {
        let failed = |path: &Path, source| StartError::CacheFolder { path: path.display().to_string(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| failed(folder, e))?;
        let path = folder.join(KEY_FILE);
        // Of two that begin at once, one makes the key and the other takes it.
        let _lock = locked(&folder.join("key.lock"));
        let key = match read_key(&path).map_err(|e| failed(&path, e))? {
            Some(key) => key,
            None => {
                let fresh: [u8; 32] = bytes(entropy);
                let suffix: [u8; 8] = bytes(entropy);
                replace(&path, &hex::encode(suffix), &[&fresh]).map_err(|e| failed(&path, e))?;
                // Where the disk knows no locks, another may have put its own there; the one that lies there now is used.
                read_key(&path).map_err(|e| failed(&path, e))?.unwrap_or(fresh)
            }
        };
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The content of a file, if it is there and this node made it. A file that it did not make is removed.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let mut content = fs::read(&path).ok()?;
        let body = content.split_off(DIGEST.min(content.len()));
        let said = <[u8; DIGEST]>::try_from(content).ok().map(blake3::Hash::from_bytes);
        // Comparing two `Hash`es takes the same time wherever they differ.
        if said == Some(self.digest(name, &body)) {
            return Some(body);
        }
        tracing::warn!(file = %path.display(), "a compiled plugin is not what this node made; it is compiled anew");
        let _ = fs::remove_file(&path);
        None
    }

    /// Waits until nobody else compiles this one: no other host in this process, and no other process. Look again
    /// afterwards whether it is there. Nothing is waited for where the disk knows no locks; compiling twice does no harm.
    pub(crate) fn lock(&self, name: &str) -> Option<fs::File> {
        let which = name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % LOCKS;
        locked(&self.folder.join(format!("{which}.lock")))
    }

    /// Keeps a compiled component. A disk that is full costs time at the next start and nothing else.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let digest = self.digest(name, content);
        let suffix = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        if let Err(error) = replace(&self.path(name), &suffix, &[digest.as_bytes(), content]) {
            tracing::warn!(folder = %self.folder.display(), %error, "a compiled plugin could not be kept");
        }
        self.prune();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.cwasm"))
    }

    fn digest(&self, name: &str, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // The name is of fixed length, so that no other pair of name and content reads the same.
        hasher.update(name.as_bytes());
        hasher.update(content);
        hasher.finalize()
    }

    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "cwasm"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if files.len() > KEEP {
            files.sort();
            for (_, path) in files.iter().take(files.len().saturating_sub(KEEP)) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Waits for a lock, which goes with the file, also when this process is killed.
fn locked(path: &Path) -> Option<fs::File> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let locked = opened.and_then(|file| file.lock().map(|()| file));
    locked.inspect_err(|error| tracing::debug!(file = %path.display(), %error, "goes on without a lock")).ok()
}

/// The key, unless it is not there, of the wrong length or readable by others.
fn read_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::metadata(path) {
        Ok(about) if about.permissions().mode() & 0o077 == 0 => Ok(fs::read(path)?.try_into().ok()),
        Ok(_) => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Writes a file that is either there as a whole or not at all, readable by this user alone.
fn replace(path: &Path, suffix: &str, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{suffix}.new"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    drop(file);
    fs::rename(&temporary, path).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

//! The keyring's file: permissions, atomic replacement, and the lock between processes.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::document::Document;
use crate::KeyError;

/// Only the owner may read and write it.
const OWNER_ONLY: u32 = 0o600;
/// Far more than ten thousand tenants need; a wrong path must not fill the memory.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Which state of the file was read: replaced files differ in at least one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    mode: u32,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            mode: metadata.permissions().mode(),
        }
    }
}

/// Where the file is.
pub(super) struct Disk {
    path: PathBuf,
}

impl Disk {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Puts the document there if nothing is; of two processes at once, one does.
    pub fn create_if_missing(&self, document: &Document) -> Result<(), KeyError> {
        if let Some(folder) = self.folder() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| self.says("make its folder", &e))?;
        }
        let _alone = self.lock()?;
        match fs::symlink_metadata(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.store(document).map(|_| ()),
            Err(error) => Err(self.says("look at it", &error)),
        }
    }

    /// The state of the file now.
    pub fn stamp(&self) -> Result<Stamp, KeyError> {
        fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata)).map_err(|error| self.says("look at it", &error))
    }

    /// Reads and checks the file.
    pub fn load(&self) -> Result<(Stamp, Document), KeyError> {
        let mut file = File::open(&self.path).map_err(|error| self.says("open it", &error))?;
        let metadata = file.metadata().map_err(|error| self.says("look at it", &error))?;
        let path = self.path.display();
        let mode = metadata.permissions().mode() & 0o777;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(KeyError::Config(format!("{path} is not a keyring file")));
        }
        if mode & 0o077 != 0 {
            return Err(KeyError::Config(format!(
                "the keyring {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`, and if anyone may have \
                 read it, rotate the tenants' keys"
            )));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
        file.read_to_end(&mut text).map_err(|error| self.says("read it", &error))?;
        let document = Document::parse(&text).map_err(|why| {
            KeyError::Config(format!("the keyring {path} is damaged, restore it from a backup: {why}"))
        })?;
        Ok((Stamp::of(&metadata), document))
    }

    /// Replaces the file: a new one beside it, flushed, then renamed over it, then the folder flushed.
    pub fn store(&self, document: &Document) -> Result<Stamp, KeyError> {
        let text = document.to_text()?;
        let draft = self.beside("new");
        let written = (|| {
            // One that a crash left behind is overwritten; the lock keeps others away.
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&draft)?;
            file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&draft, &self.path)?;
            File::open(self.folder().unwrap_or(Path::new(".")))?.sync_all()?;
            file.metadata()
        })();
        match written {
            Ok(metadata) => Ok(Stamp::of(&metadata)),
            Err(error) => {
                // The draft holds keys; if it cannot be removed either, the first error says enough.
                drop(fs::remove_file(&draft));
                Err(self.says("write it", &error))
            }
        }
    }

    /// Keeps other processes (and threads) from changing the file until dropped.
    pub fn lock(&self) -> Result<File, KeyError> {
        let lock = self.beside("lock");
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(&lock);
        open.and_then(|file| file.lock().map(|()| file)).map_err(|error| self.says("lock it", &error))
    }

    fn folder(&self) -> Option<&Path> {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(extension);
        name.into()
    }

    fn says(&self, doing: &str, error: &io::Error) -> KeyError {
        let path = self.path.display();
        match error.kind() {
            io::ErrorKind::NotFound => KeyError::Config(format!(
                "the keyring {path} is missing: restore it from a backup; only if nothing was ever sealed, let a new one \
                 be made"
            )),
            _ => KeyError::Config(format!("the keyring {path}: could not {doing}: {error}")),
        }
    }
}

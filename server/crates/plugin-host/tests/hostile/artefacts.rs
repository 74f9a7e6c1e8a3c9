//! PL-5: compiled plugins on disk are run only if this node made them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use patchbay_plugin_host::{HostConfig, PluginHost, StartError};

use crate::guest::{Counting, ONE_RECORD, ONE_RECORD_DATA, assert_unharmed, component, host_with};

/// A folder of its own that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchbay-artefacts-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "cwasm"));
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config(folder: &Path) -> HostConfig {
    HostConfig { cache_folder: Some(folder.to_owned()), instances: 2, ..HostConfig::default() }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn pl_5_a_compiled_plugin_is_kept_and_used_again() {
    let folder = Folder::new("kept");
    assert_unharmed(&host_with(config(&folder.0))).await;
    let files = folder.files();
    assert_eq!(files.len(), 1);
    assert_eq!((mode(&folder.0), mode(&folder.0.join("node.key")), mode(&files[0])), (0o700, 0o600, 0o600));
    // Were it compiled and written again, it would be another file.
    let before = fs::metadata(&files[0]).unwrap();
    assert_unharmed(&host_with(config(&folder.0))).await;
    assert_eq!(fs::metadata(&files[0]).unwrap().ino(), before.ino());
}

#[tokio::test]
async fn pl_5_a_flipped_byte_is_noticed_anywhere() {
    let folder = Folder::new("flipped");
    assert_unharmed(&host_with(config(&folder.0))).await;
    let file = folder.files().remove(0);
    let whole = fs::read(&file).unwrap();
    for at in [0, 31, 32, 33, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert_unharmed(&host_with(config(&folder.0))).await;
        assert_eq!(fs::read(&file).unwrap().len(), whole.len(), "byte {at}: not compiled anew");
        assert_ne!(fs::read(&file).unwrap(), bytes, "byte {at}: was believed");
    }
    for length in [0, 5, 32, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert_unharmed(&host_with(config(&folder.0))).await;
        assert_eq!(fs::read(&file).unwrap().len(), whole.len(), "cut to {length}: was believed");
    }
}

#[tokio::test]
async fn pl_5_files_that_were_exchanged_or_come_from_another_node_are_not_believed() {
    let folder = Folder::new("exchanged");
    let host = host_with(config(&folder.0));
    assert_unharmed(&host).await;
    let good = folder.files().remove(0);
    // The same world, but it crashes: were it run in place of the good one, the good one would fail.
    host.load(component(ONE_RECORD_DATA, &format!("{ONE_RECORD} unreachable"))).await.unwrap();
    let bad = folder.files().into_iter().find(|f| *f != good).unwrap();
    fs::copy(&bad, &good).unwrap();
    assert_unharmed(&host_with(config(&folder.0))).await;

    let other = Folder::new("other-node");
    let host = PluginHost::new(config(&other.0), &Counting(99)).unwrap();
    assert_unharmed(&host).await;
    let theirs = fs::read(&other.files()[0]).unwrap();
    fs::write(&good, &theirs).unwrap();
    assert_unharmed(&host_with(config(&folder.0))).await;
    assert_ne!(fs::read(&good).unwrap(), theirs);
}

/// A host of its own on a thread of its own, over this folder, that is asked for the plugin at once. Ends with the number of
/// the compiled file that lies there then: each time that it is written it is another file.
fn wants(folder: &Path, file: &Path) -> JoinHandle<u64> {
    let (config, file) = (config(folder), file.to_owned());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { assert_unharmed(&host_with(config)).await });
        fs::metadata(file).unwrap().ino()
    })
}

/// What is locked is a file, by whoever has it open: hosts wait for one another alike whether they are of one process or of
/// two, and for this test.
#[test]
fn pl_5_of_those_that_want_one_plugin_at_once_one_compiles_it_and_the_others_take_it() {
    let folder = Folder::new("at-once");
    // The folder itself is there afterwards in any case.
    wants(&folder.0, &folder.0).join().unwrap();
    let file = folder.files().remove(0);
    let before = fs::metadata(&file).unwrap().ino();

    // As if it had never been compiled here, and another were at it.
    let away = folder.0.join("away");
    fs::rename(&file, &away).unwrap();
    let entries = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path());
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|e| e == "lock") && !path.ends_with("key.lock");
    let locks: Vec<PathBuf> = entries.filter(is_lock).collect();
    let [lock] = &locks[..] else { panic!("one lock for one plugin, not {locks:?}") };
    let other = fs::File::open(lock).unwrap();
    other.lock().unwrap();
    let waiting = [wants(&folder.0, &file), wants(&folder.0, &file)];
    thread::sleep(Duration::from_secs(1));
    assert!(waiting.iter().all(|one| !one.is_finished()), "they wait while another compiles");
    fs::rename(&away, &file).unwrap();
    drop(other);
    for one in waiting {
        assert_eq!(one.join().unwrap(), before, "nobody compiled it again");
    }

    // From nothing: whoever is first writes it, and nobody after.
    fs::remove_file(&file).unwrap();
    let all: Vec<_> = (0..4).map(|_| wants(&folder.0, &file)).collect();
    let found: BTreeSet<u64> = all.into_iter().map(|one| one.join().unwrap()).collect();
    assert_eq!(found.len(), 1, "written more than once: {found:?}");
}

#[tokio::test]
async fn pl_4_what_a_tenant_brings_is_compiled_for_it_whoever_else_has_the_same() {
    let folder = Folder::new("owners");
    let host = host_with(config(&folder.0));
    let bytes = component(ONE_RECORD_DATA, ONE_RECORD);
    let installed = host.load(bytes.clone()).await.unwrap();
    let first = host.load_of([1; 16], bytes.clone()).await.unwrap();
    assert!(Arc::ptr_eq(&first, &host.load_of([1; 16], bytes.clone()).await.unwrap()), "once for one tenant");
    assert_eq!(folder.files().len(), 2, "what is installed is no help to a tenant");
    let second = host.load_of([2; 16], bytes.clone()).await.unwrap();
    assert_eq!(folder.files().len(), 3, "nor is what another has");
    assert!(!Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &installed));
    assert!(first.id() == second.id() && first.id() == installed.id());

    // Nor after a start, from what lies on the disk.
    let host = host_with(config(&folder.0));
    host.load_of([3; 16], bytes.clone()).await.unwrap();
    assert_eq!(folder.files().len(), 4);
    host.load_of([1; 16], bytes).await.unwrap();
    assert_eq!(folder.files().len(), 4, "its own it finds again");
}

#[tokio::test]
async fn pl_5_a_key_that_others_can_read_is_replaced() {
    let folder = Folder::new("key");
    assert_unharmed(&host_with(config(&folder.0))).await;
    let (key, file) = (folder.0.join("node.key"), folder.files().remove(0));
    let (old_key, old_file) = (fs::read(&key).unwrap(), fs::read(&file).unwrap());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let host = PluginHost::new(config(&folder.0), &Counting(42)).unwrap();
    assert_unharmed(&host).await;
    assert_eq!(mode(&key), 0o600);
    assert_ne!(fs::read(&key).unwrap(), old_key);
    assert_ne!(fs::read(&file).unwrap(), old_file);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = Folder::new("unusable");
    fs::write(&folder.0, "a file").unwrap();
    let error = PluginHost::new(config(&folder.0), &Counting(1)).unwrap_err();
    assert!(matches!(&error, StartError::CacheFolder { .. }) && error.to_string().contains("unusable"), "{error}");
    fs::remove_file(&folder.0).unwrap();
}

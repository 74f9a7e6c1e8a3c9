//! Every entry of the catalogue, every plugin's manifest, and those beside this file, which say what no entry says: each
//! goes the whole way with the real flows, a real database and real sealing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use domain::manifest::Manifest;

use super::{house::House, walk::walk};
use crate::support::{root, start_log};

/// How many go at the same time.
const HANDS: usize = 12;

/// The manifests' files.
pub fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let listed = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    files.extend(listed(&root().join("plugins/catalog")));
    files.extend(listed(&root().join("tests/all/simulator/manifests")));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let plugins = listed(&root().join("plugins")).into_iter().map(|folder| folder.join("provider.toml"));
    files.extend(plugins.filter(|path| path.is_file()));
    files.sort();
    files
}

/// The manifests of these files; all that is wrong with them is told at once.
pub fn read(files: &[PathBuf]) -> Vec<Manifest> {
    let mut wrong = Vec::new();
    let mut manifests = Vec::new();
    for path in files {
        match Manifest::parse_all(&path.display().to_string(), &std::fs::read_to_string(path).unwrap()) {
            Ok(manifest) => manifests.push(manifest),
            Err(errors) => wrong.extend(errors.iter().map(ToString::to_string)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    manifests
}

/// One manifest's way.
struct Outcome {
    slug: String,
    mode: &'static str,
    took: Duration,
    error: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_every_entry_connects_verifies_refreshes_calls_and_revokes() {
    start_log();
    let began = Instant::now();
    let mut files = files();
    // A list of slugs, for whoever looks into a few.
    let only = std::env::var("PATCHBAY_SIMULATE").unwrap_or_default();
    if !only.is_empty() {
        let only: Vec<&str> = only.split(',').collect();
        files.retain(|path| only.iter().any(|slug| path.to_string_lossy().contains(&format!("/{slug}"))));
    }
    let manifests = read(&files);
    let house = House::build(&files).await;
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let work = async || {
        let hand = house.hand().await;
        while let Some(manifest) = manifests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let started = Instant::now();
            let (slug, mode) = (manifest.slug.clone(), manifest.auth.mode());
            let walked = tokio::time::timeout(Duration::from_secs(60), walk(&house, &hand, manifest.clone())).await;
            let error = walked.unwrap_or_else(|_| Err("it took more than a minute".into())).err();
            outcomes.lock().unwrap().push(Outcome { slug, mode, took: started.elapsed(), error });
        }
    };
    futures_util::future::join_all((0..HANDS).map(|_| work())).await;
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by(|one, other| one.slug.cmp(&other.slug));
    print(&outcomes, began.elapsed());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| Some(format!("{} ({}): {}", outcome.slug, outcome.mode, outcome.error.as_ref()?)))
        .collect();
    assert!(failed.is_empty(), "{} of {} entries:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
}

/// What became of them, by mode.
fn print(outcomes: &[Outcome], took: Duration) {
    let mut modes: BTreeMap<&str, (usize, usize, Duration, Duration)> = BTreeMap::new();
    for outcome in outcomes {
        let (all, right, sum, longest) = modes.entry(outcome.mode).or_default();
        *all += 1;
        *right += usize::from(outcome.error.is_none());
        *sum += outcome.took;
        *longest = (*longest).max(outcome.took);
    }
    println!("{:<28} {:>8} {:>8} {:>10} {:>10}", "mode", "entries", "right", "mean", "longest");
    for (mode, (all, right, sum, longest)) in &modes {
        let mean = *sum / u32::try_from(*all).unwrap();
        println!("{mode:<28} {all:>8} {right:>8} {mean:>10.1?} {longest:>10.1?}");
    }
    println!("all in {took:.1?}");
}

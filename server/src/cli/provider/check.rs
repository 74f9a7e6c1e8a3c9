//! `patchbay provider check` and `coverage`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use domain::manifest::{CatalogFile, coverage_page, lint};

use super::super::{CliError, print};

/// How deep folders are looked through.
const DEEPEST: usize = 8;

pub(super) fn check(paths: &[PathBuf]) -> Result<ExitCode, CliError> {
    let files = collect(paths)?;
    let (_, errors) = lint(&files);
    for error in &errors {
        print(&error.to_string());
    }
    let manifests = counted(files.len(), "manifest");
    if errors.is_empty() {
        return Ok(print(&format!("{manifests}, all sound")));
    }
    let wrong: std::collections::BTreeSet<&str> = errors.iter().map(|error| error.file.as_str()).collect();
    print(&format!("{manifests}, {} in {} of them", counted(errors.len(), "error"), wrong.len()));
    Ok(ExitCode::FAILURE)
}

pub(super) fn coverage(paths: &[PathBuf]) -> Result<ExitCode, CliError> {
    let (manifests, errors) = lint(&collect(paths)?);
    match errors.first() {
        Some(error) => Err(CliError::refused(error)),
        None => Ok(print(coverage_page(&manifests).trim_end())),
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn collect(paths: &[PathBuf]) -> Result<Vec<CatalogFile>, CliError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            folder(path, 0, &mut found)?;
            if found.len() == before {
                return Err(CliError::Refused(format!("{}: there is no manifest in this folder", path.display())));
            }
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    found.iter().map(|path| read(path)).collect()
}

/// Manifests of a folder: `provider.toml` here and below, and all of a folder `catalog`.
fn folder(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let refused = |error: std::io::Error| CliError::Refused(format!("{}: {error}", path.display()));
    let is_catalog = path.canonicalize().is_ok_and(|path| path.file_name().is_some_and(|name| name == "catalog"));
    for entry in fs::read_dir(path).map_err(refused)? {
        let entry = entry.map_err(refused)?.path();
        if entry.is_dir() {
            if depth < DEEPEST {
                folder(&entry, depth + 1, found)?;
            }
            continue;
        }
        let is_named = entry.file_name().is_some_and(|name| name == "provider.toml");
        if is_named || (is_catalog && entry.extension().is_some_and(|extension| extension == "toml")) {
            found.push(entry);
        }
    }
    Ok(())
}

/// Reads a manifest's file, and no more of it than a manifest may have.
pub(in crate::cli) fn read(path: &Path) -> Result<CatalogFile, CliError> {
    let refused = |error: std::io::Error| CliError::Refused(format!("{}: {error}", path.display()));
    // One byte more than a manifest may have is enough to see that it has too many.
    let most = u64::try_from(domain::manifest::MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(fs::File::open(path).map_err(refused)?, most), &mut bytes)
        .map_err(refused)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(CatalogFile { path: path.display().to_string().replace('\\', "/"), text })
}

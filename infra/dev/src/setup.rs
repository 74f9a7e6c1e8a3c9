//! Installing what is missing. Every function looks first, so a second run costs milliseconds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pg::Binaries;

use crate::{
    progress::{Failure, Outcome, Progress},
    shell::{apt_install, capture, cargo, command, find, root, run},
};

/// The release of cargo-deny that reads our `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

/// The oldest node that the OpenID provider runs on.
const NODE: u32 = 20;

/// How many steps [`all`] takes.
pub const STEPS: u32 = 7;

/// What the other commands need to know of what was found.
pub struct Tools {
    /// Postgres.
    pub postgres: Binaries,
    /// A server of the Vault API.
    pub vault: PathBuf,
    /// Chromium and its driver.
    pub browser: Browser,
    /// cargo-deny.
    pub cargo_deny: PathBuf,
}

/// A browser that can be driven.
pub struct Browser {
    /// The browser.
    pub chromium: PathBuf,
    /// Its WebDriver server.
    pub chromedriver: PathBuf,
}

/// Products of others that tests run or build with, each with a lock file of its own.
const THIRD_PARTIES: [(&str, &str); 4] = [
    ("tests/oidc", "an OpenID provider"),
    ("tests/mcp", "MCP servers"),
    ("tests/guests/javascript", "what makes plugins of JavaScript (190 MB)"),
    ("tests/ghost", "Ghost (600 MB)"),
];

/// Everything that the tests need but [`third_parties`].
pub fn all(progress: &Progress) -> Outcome<Tools> {
    wasm(progress)?;
    progress.step("Formatter and linter", || {
        for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
            if capture(cargo().args([tool, "--version"])).is_err() {
                capture(command("rustup").args(["component", "add", component]))?;
            }
        }
        Ok(((), "installed".to_owned()))
    })?;
    node(progress)?;
    Ok(Tools {
        postgres: postgres(progress)?,
        vault: vault(progress)?,
        browser: progress.step("Chromium and its driver", browser)?,
        cargo_deny: progress.step("cargo-deny", cargo_deny)?,
    })
}

/// Fetches what only tests run. It waits for others more than it computes, so it goes on beside the building; minutes the
/// first time. Needs [`node`].
pub fn third_parties() -> Outcome<String> {
    for (folder, _) in THIRD_PARTIES {
        npm(folder).map_err(|failure| Failure(format!("{folder}: {failure}")))?;
    }
    Ok(format!("{} from npm", THIRD_PARTIES.map(|(_, what)| what).join(", ")))
}

/// The target that pages and plugins are built for.
pub fn wasm(progress: &Progress) -> Outcome<()> {
    progress.step("WebAssembly target", || {
        let installed = || -> Outcome<bool> {
            let sysroot = capture(command("rustc").args(["--print", "sysroot"]))?;
            Ok(Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir())
        };
        if installed()? {
            return Ok(((), "installed".to_owned()));
        }
        let added = capture(command("rustup").args(["target", "add", "wasm32-unknown-unknown"]));
        if installed()? {
            return Ok(((), "added by rustup".to_owned()));
        }
        // Debian's own compiler has the target in a package of its own.
        let packaged = apt_install(&["libstd-rust-dev-wasm32", "lld"]);
        if installed()? {
            return Ok(((), "installed by apt-get".to_owned()));
        }
        let why = [added.err(), packaged.err()].into_iter().flatten().map(|failure| failure.0).collect::<Vec<_>>();
        Err(Failure(format!(
            "the compiler has no standard library for wasm32-unknown-unknown. Install Rust by rustup, or your \
             distribution's package with it, and run this again\n{}",
            why.join("\n")
        )))
    })
}

/// Node, and the tools that make pages small.
pub fn node(progress: &Progress) -> Outcome<()> {
    progress.step("Node and the pages' tools", || {
        if node_version().is_none_or(|(major, _)| major < NODE) {
            run(&mut command(root().join("infra/node/install")))?;
        }
        let (_, version) = node_version().ok_or_else(|| Failure("`node` does not say its version".to_owned()))?;
        npm("infra/pack")?;
        Ok(((), format!("node {version}")))
    })
}

/// The version of the node that our commands find, as a number and in full, if there is one with its npm.
fn node_version() -> Option<(u32, String)> {
    capture(command("npm").arg("--version")).ok()?;
    let version = capture(command("node").arg("--version")).ok()?.trim().trim_start_matches('v').to_owned();
    Some((version.split('.').next()?.parse().ok()?, version))
}

/// Postgres: the system's, else fetched by the library, else installed.
pub fn postgres(progress: &Progress) -> Outcome<Binaries> {
    progress.step("Postgres", || {
        let shown = |binaries: Binaries| {
            let note = capture(command(binaries.path("postgres")).arg("--version")).unwrap_or_default();
            Ok((binaries, note.trim().to_owned()))
        };
        if let Some(binaries) = Binaries::find(&root()) {
            return shown(binaries);
        }
        let fetched = run(cargo().args(["run", "-q", "-p", "patchbay-pg", "--features", "fetch", "--bin", "pg-fetch"]));
        if let Some(binaries) = Binaries::find(&root()) {
            return shown(binaries);
        }
        let installed = apt_install(&["postgresql"]);
        match Binaries::find(&root()) {
            Some(binaries) => shown(binaries),
            None => Err(fetched.and(installed).err().unwrap_or_else(|| Failure("no `postgres` after all".to_owned()))),
        }
    })
}

/// A server of the Vault API: an installed one, else OpenBao.
pub fn vault(progress: &Progress) -> Outcome<PathBuf> {
    progress.step("Vault-API server", || {
        let path = PathBuf::from(capture(&mut command(root().join("infra/openbao/install")))?.trim());
        let version = capture(command(&path).arg("version")).unwrap_or_default();
        Ok((path, version.lines().next().unwrap_or_default().to_owned()))
    })
}

fn browser() -> Outcome<(Browser, String)> {
    let look = || {
        Some(Browser {
            chromium: find(&["chromium", "chromium-browser", "google-chrome"])?,
            chromedriver: find(&["chromedriver"])?,
        })
    };
    if look().is_none() {
        apt_install(&["chromium", "chromium-driver"])?;
    }
    let browser = look().ok_or_else(|| Failure("chromium or chromedriver is still not on PATH".to_owned()))?;
    let version = capture(command(&browser.chromium).arg("--version")).unwrap_or_default();
    Ok((browser, version.trim().to_owned()))
}

fn cargo_deny() -> Outcome<(PathBuf, String)> {
    let folder = root().join(".cache/tools");
    let own = folder.join("bin/cargo-deny");
    let is_ours = |path: &PathBuf| capture(command(path).arg("--version")).is_ok_and(|said| said.contains(CARGO_DENY));
    if let Some(path) = find(&["cargo-deny"]).into_iter().chain([own.clone()]).find(is_ours) {
        return Ok((path, CARGO_DENY.to_owned()));
    }
    // Unoptimised: it runs for a second, and building it takes two minutes instead of ten.
    let install =
        ["install", "cargo-deny", "--locked", "--quiet", "--debug", "--force", "--version", CARGO_DENY, "--root"];
    run(cargo().args(install).arg(&folder))?;
    Ok((own, CARGO_DENY.to_owned()))
}

/// `npm ci` in a folder, unless what is there was installed from the same lock file.
fn npm(folder: &str) -> Outcome<()> {
    let folder = root().join(folder);
    let lock = fs::read(folder.join("package-lock.json"))?;
    let installed = folder.join("node_modules/.installed-from");
    if fs::read(&installed).is_ok_and(|from| from == lock) {
        return Ok(());
    }
    capture(command("npm").args(["ci", "--ignore-scripts", "--no-progress"]).current_dir(&folder))?;
    Ok(fs::write(installed, lock)?)
}

//! `cargo dev bench`: builds what is measured, optimised, and measures it.

use std::path::Path;

use crate::{
    plugins,
    progress::{Outcome, Progress, say},
    setup,
    shell::{apt_install, cargo, command, find, root, run},
    web,
};

/// Builds and runs the benchmarks, which print a table of ratios.
pub fn bench() -> Outcome<()> {
    let progress = Progress::of(6 + web::STEPS);
    setup::wasm(&progress)?;
    setup::node(&progress)?;
    setup::postgres(&progress)?;
    progress.step("nginx and wrk", || {
        // Servers are not on everybody's PATH.
        let sbin =
            |name: &str| ["/usr/sbin", "/usr/local/sbin"].iter().any(|folder| Path::new(folder).join(name).is_file());
        let missing = |name: &str| find(&[name]).is_none() && !sbin(name);
        let wanted: Vec<&str> = ["nginx", "wrk"].into_iter().filter(|name| missing(name)).collect();
        if !wanted.is_empty() {
            apt_install(&wanted)?;
        }
        Ok(((), if wanted.is_empty() { "found" } else { "installed" }.to_owned()))
    })?;
    plugins::build(&progress)?;
    web::build(&progress)?;
    progress.step("Server, optimised", || {
        let packages = ["-p", "patchbay", "-p", "patchbay-acme", "-p", "patchbay-bench"];
        run(cargo().args(["build", "--release", "--bins"]).args(packages))?;
        Ok(((), "built".to_owned()))
    })?;
    say("");
    let target = root().join("target/release");
    let mut bench = command(target.join("bench"));
    run(bench.arg(root()).args([target.join("patchbay"), target.join("acme-server"), plugins::folder()]))
}

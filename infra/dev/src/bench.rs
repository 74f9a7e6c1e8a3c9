//! `cargo dev bench`: builds what is measured, optimised, installs what it is measured beside, and runs the benchmarks.

use crate::{
    plugins,
    progress::{Outcome, Progress, say},
    setup,
    shell::{apt_install, cargo, command, find, root, run},
    web,
};

/// Builds and runs the benchmarks, or those of their parts that are named. They print one table.
pub fn bench(parts: &[&str]) -> Outcome<()> {
    let progress = Progress::of(6 + web::STEPS);
    setup::wasm(&progress)?;
    setup::node(&progress)?;
    setup::postgres(&progress)?;
    progress.step("What it is measured beside", || {
        let postgres = pg::Binaries::find(&root());
        let has_pgbench = postgres.is_some_and(|postgres| postgres.path("pgbench").is_file());
        let wanted: [(&str, bool); 3] = [
            ("nginx-light", find(&["nginx"]).is_some() || std::path::Path::new("/usr/sbin/nginx").is_file()),
            ("wrk", find(&["wrk"]).is_some()),
            ("postgresql", has_pgbench || find(&["pgbench"]).is_some()),
        ];
        let missing: Vec<&str> = wanted.iter().filter(|(_, is_there)| !is_there).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            apt_install(&missing)?;
        }
        Ok(((), "nginx, wrk and pgbench".to_owned()))
    })?;
    plugins::build(&progress)?;
    web::build(&progress)?;
    progress.step("Server, optimised", || {
        run(cargo().args([
            "build",
            "--release",
            "-p",
            "patchbay",
            "-p",
            "patchbay-acme",
            "-p",
            "patchbay-bench",
            "--bins",
        ]))?;
        run(cargo().args(["bench", "--no-run", "-p", "patchbay-plugin-host", "--bench", "instance"]))?;
        Ok(((), "built".to_owned()))
    })?;
    say("");
    let target = root().join("target/release");
    let mut bench = command(target.join("bench"));
    bench.arg(root()).arg(target.join("patchbay")).arg(target.join("acme-server")).arg(plugins::folder());
    run(bench.args(parts))
}

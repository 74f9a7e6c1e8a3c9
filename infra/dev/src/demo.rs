//! `cargo dev demo`: builds what the demo needs, then runs it.

use crate::{
    plugins,
    progress::{Failure, Outcome, Progress, say},
    setup,
    shell::{cargo, command, root, run},
    web,
};

/// Builds and runs the demo. `--walk` lets it walk the whole flow by itself; `--release` optimises the server.
pub fn demo(arguments: &[&str]) -> Outcome<()> {
    if let Some(unknown) = arguments.iter().find(|argument| !["--walk", "--release"].contains(argument)) {
        return Err(Failure(format!("demo takes --walk and --release, not {unknown}")));
    }
    let release = arguments.contains(&"--release");
    let progress = Progress::of(6 + web::STEPS);
    setup::wasm(&progress)?;
    setup::node(&progress)?;
    setup::postgres(&progress)?;
    // Without one the demo goes on with a file keyring, and says so.
    let vault = setup::vault(&progress).map_err(say).ok();
    plugins::build(&progress)?;
    web::build(&progress)?;
    let target = root().join(if release { "target/release" } else { "target/debug" });
    progress.step("Server", || {
        let mut build = cargo();
        build.args(["build", "-p", "patchbay", "-p", "patchbay-demo"]);
        if release {
            build.arg("--release");
        }
        run(&mut build)?;
        Ok(((), if release { "built, optimised" } else { "built" }.to_owned()))
    })?;
    say("");
    let mut demo = command(target.join("demo"));
    demo.arg(root()).arg(target.join("patchbay")).arg(plugins::folder());
    if let Some(vault) = vault {
        demo.arg("--vault").arg(vault);
    }
    if arguments.contains(&"--walk") {
        demo.arg("--walk");
    }
    run(&mut demo)
}

//! Building the pages: WebAssembly by cargo, then the files that the server embeds (see `infra/pack`).

use crate::{
    progress::{Outcome, Progress},
    shell::{cargo, command, root, run},
};

/// The packages that are pages.
pub const PAGES: [&str; 2] = ["patchbay-web-connect", "patchbay-web-admin"];

/// How many steps [`build`] takes.
pub const STEPS: u32 = 2;

/// Builds the pages into `web/dist`.
pub fn build(progress: &Progress) -> Outcome<()> {
    progress.step("Pages: compile", || {
        let mut pages = cargo();
        pages.args(["build", "--profile", "web", "--target", "wasm32-unknown-unknown"]);
        for page in PAGES {
            pages.args(["-p", page]);
        }
        run(&mut pages)?;
        run(cargo().args(["build", "-p", "patchbay-pack"]))?;
        Ok(((), "compiled".to_owned()))
    })?;
    progress.step("Pages: pack", || {
        let (pack, target, dist) = (root().join("target/debug/pack"), root().join("target"), root().join("web/dist"));
        run(command("node").arg("infra/pack/finish.mjs").args([pack, target, dist]))?;
        Ok(((), "in web/dist".to_owned()))
    })
}

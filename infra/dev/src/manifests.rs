//! `cargo dev manifests`: checks all manifests and writes what is generated from them and from their schema.

use std::fs;

use crate::{
    progress::{Outcome, Progress},
    shell::{capture, command, root},
    suite,
};

/// How many steps [`write()`] reports.
pub const STEPS: u32 = 3;

/// Writes the manifest's JSON Schema and reference and the catalogue's coverage into `plugins/`.
pub fn write(progress: &Progress) -> Outcome<()> {
    // As the tests build it, so that it is mostly there.
    progress.step("Build", || Ok((suite::build()?, "built".to_owned())))?;
    let patchbay = |arguments: &[&str]| {
        let mut patchbay = command(root().join("target/debug/patchbay"));
        capture(patchbay.arg("provider").args(arguments).current_dir(root()))
    };
    progress.step("Manifests", || {
        let said = patchbay(&["check", "plugins"])?;
        Ok(((), said.trim().to_owned()))
    })?;
    progress.step("Schema, reference and coverage", || {
        let mut written = Vec::new();
        for (name, arguments) in [
            ("provider.schema.json", ["schema"].as_slice()),
            ("PROVIDER.md", &["schema", "--markdown"]),
            ("COVERAGE.md", &["coverage", "plugins"]),
        ] {
            let text = patchbay(arguments)?;
            let target = root().join("plugins").join(name);
            if !fs::read_to_string(&target).is_ok_and(|before| before == text) {
                fs::write(&target, text)?;
                written.push(name);
            }
        }
        Ok(((), if written.is_empty() { "as they were".to_owned() } else { written.join(", ") }))
    })
}

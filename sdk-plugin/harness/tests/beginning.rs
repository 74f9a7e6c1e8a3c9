//! New plugins, as they are written: each way in which lists go on, built by cargo and examined.

#[cfg(test)]
mod guest;

#[cfg(test)]
mod beginning {
    use std::{
        collections::BTreeMap,
        path::{Path, PathBuf},
        process::Command,
    };

    use crate::guest::{MANIFEST, scratch};
    use guests::at_home;
    use patchbay_plugin_harness::{
        Mismatch, compile, examine_folder,
        scaffold::{Plan, Sdk, Written, scaffold},
    };

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
    }

    fn begin(folder: &Path, manifest: &str) -> Result<Written, Mismatch> {
        let plan = Plan {
            slug: "faulty",
            source: "faulty.toml",
            manifest,
            openapi: None,
            values: BTreeMap::new(),
            sdk: Sdk::Folder(root().join("sdk-plugin")),
        };
        scaffold(folder, &plan)
    }

    #[test]
    fn every_way_of_going_on_compiles_and_passes() {
        for (style, lines) in [
            ("link", "size_param = \"per_page\"\n"),
            ("cursor", "param = \"starting_after\"\nnext = \"meta.next\"\nitems = \"data.things\"\n"),
            ("next_url", "next = \"next\"\nsize_param = \"limit\"\n"),
            ("page", "param = \"page\"\nfirst = 0\n"),
            ("offset", "param = \"skip\"\nitems = \"value\"\n"),
        ] {
            let folder = scratch(&format!("begin-{style}"));
            let written = begin(&folder, &format!("{MANIFEST}\n[pagination]\nstyle = \"{style}\"\n{lines}")).unwrap();
            assert_eq!(written.streams, ["things"]);
            let mut rustfmt = Command::new("rustfmt");
            rustfmt.args(["--edition", "2024", "--check", "src/lib.rs", "tests/replay.rs"]);
            let output = rustfmt.current_dir(&folder).output().unwrap();
            assert!(output.status.success(), "{style}: {}", String::from_utf8_lossy(&output.stdout));
            at_home(&folder);
            let built = compile::build_with(&folder, compile::Effort::Little).unwrap();
            assert!(built.component.ends_with("target/plugins/faulty/plugin.wasm"), "{}", built.component.display());
            assert!(built.interface.exports.iter().any(|name| name == "pull"), "{:?}", built.interface);
            let found = examine_folder(&folder).unwrap().passed().unwrap();
            assert_eq!((found.replayed.len(), found.notes.len()), (2, 0), "{style}: {:?}", found.notes);
            assert!(found.resumed > 0, "{style}");
            std::fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_manifest_alone_gets_what_a_plugin_needs() {
        let folder = scratch("begin-bare");
        let bare = MANIFEST.split("[plugin]").next().unwrap();
        assert_eq!(begin(&folder, bare).unwrap().streams, ["items"]);
        let manifest = std::fs::read_to_string(folder.join("provider.toml")).unwrap();
        assert!(manifest.contains("[plugin]") && manifest.contains("name = \"items\""), "{manifest}");
        // Nothing is written over.
        let again = begin(&folder, bare).unwrap_err().to_string();
        assert!(again.contains("is not empty") && again.contains("--directory"), "{again}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_refused_leaves_nothing_behind() {
        let folder = scratch("begin-refused");
        let new = folder.join("new");
        let error = begin(&new, &MANIFEST.replace("\"faulty\"", "\"other\"")).unwrap_err().to_string();
        assert!(error.contains("`other`") && error.contains("patchbay plugin new other"), "{error}");
        let error = begin(&new, &MANIFEST.replace("commerce", "comerce")).unwrap_err().to_string();
        assert!(error.contains("faulty.toml:4") && error.contains("category"), "{error}");
        let odd = MANIFEST.replace("https://api.", "https://{shop}.").replace(
            "[variables.api_key]",
            "[variables.shop]\ntype = \"label\"\nlabel = \"Shop\"\npattern = \"x[0-9]{7}y\"\n\n[variables.api_key]",
        );
        let error = begin(&new, &odd).unwrap_err().to_string();
        assert!(error.contains("--set shop="), "{error}");
        assert!(!new.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_built_says_why() {
        let folder = scratch("build-none");
        let error = compile::build(&folder).unwrap_err().to_string();
        assert!(error.contains("is no plugin's folder"), "{error}");
        std::fs::write(folder.join("provider.toml"), MANIFEST.split("[plugin]").next().unwrap()).unwrap();
        let error = compile::build(&folder).unwrap_err().to_string();
        assert!(error.contains("[plugin] component"), "{error}");
        std::fs::write(folder.join("provider.toml"), MANIFEST).unwrap();
        let error = compile::build(&folder).unwrap_err().to_string();
        assert!(error.contains("has no Cargo.toml"), "{error}");
        std::fs::write(folder.join("Cargo.toml"), "[package\n").unwrap();
        let error = compile::build(&folder).unwrap_err().to_string();
        assert!(error.contains("cannot read the plugin's Cargo.toml"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_crates_are_looked_for_in_the_checkout() {
        let inside = root().join("plugins/new");
        assert_eq!(Sdk::nearest(&inside), Sdk::Folder("../../sdk-plugin".into()));
        let elsewhere = Sdk::nearest(Path::new("/somewhere/else"));
        assert_eq!(elsewhere, Sdk::Version(env!("CARGO_PKG_VERSION").into()));
        assert_eq!(Sdk::written("0.4").unwrap(), Sdk::Version("0.4".into()));
        let error = Sdk::written("./nowhere").unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
        let error = Sdk::written("/").unwrap_err().to_string();
        assert!(error.contains("does not hold the crate patchbay-plugin"), "{error}");
    }
}

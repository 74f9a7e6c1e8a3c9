//! What the author's guide shows is so: its JavaScript is out of the plugin that is examined, and its commands exist. Its
//! Rust is compiled, as the documentation of the crates that it is about.

use std::{collections::BTreeSet, process::Command};

use super::tree;
use crate::support::patchbay_binary;

const PAGES: [&str; 2] = ["sdk-plugin/GUIDE.md", "sdk-plugin/README.md"];

/// The blocks of a page in a language, line by line.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut open: Option<(bool, Vec<&'a str>)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(tag), None) => open = Some((tag == language, Vec::new())),
            (Some(_), Some((true, lines))) => found.push(lines),
            (None, Some((is_meant, mut lines))) => {
                lines.push(line);
                open = Some((is_meant, lines));
            }
            (Some(_), Some((false, _))) | (None, None) => {}
        }
    }
    found
}

/// What stands between the empty lines of a block, without what each line is moved in by.
fn parts<'a>(block: &[&'a str]) -> Vec<Vec<&'a str>> {
    let parts = block.split(|line| line.trim().is_empty()).filter(|part| !part.is_empty());
    parts.map(|part| part.iter().map(|line| line.trim()).collect()).collect()
}

/// Whether lines stand in a text, one after the other.
fn stand_in(lines: &[&str], text: &str) -> bool {
    let all: Vec<&str> = text.lines().map(str::trim).collect();
    all.windows(lines.len()).any(|some| some == lines)
}

#[test]
fn the_guides_javascript_is_out_of_the_plugin_that_is_examined() {
    let files = ["plugin.js", "build.mjs"].map(|file| tree::text(format!("tests/guests/javascript/{file}")));
    let (mut count, mut missing) = (0, Vec::new());
    for page in PAGES {
        let text = tree::text(page);
        for part in blocks(&text, "js").iter().flat_map(|block| parts(block)) {
            count += 1;
            if !files.iter().any(|file| stand_in(&part, file)) {
                missing.push(format!("{page}: {}", part.join("\n")));
            }
        }
    }
    assert!(count >= 4, "{count} pieces were found");
    assert_eq!(missing, Vec::<String>::new(), "take it out of tests/guests/javascript as it stands there");
}

/// The commands of `patchbay plugin` that a text names: the one after it, or several with bars between them.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, start) in text.match_indices("patchbay plugin ") {
        let mut words = text[at + start.len()..].split_whitespace();
        while let Some(word) = words.next() {
            names.insert(word.trim_end_matches(|c: char| !c.is_ascii_lowercase()).to_owned());
            if words.next() != Some("|") {
                break;
            }
        }
    }
    names
}

/// What a command of `patchbay plugin` says of itself.
fn help(command: &str) -> String {
    let output = Command::new(patchbay_binary()).args(["plugin", command, "--help"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the guide names `patchbay plugin {command}`: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_guides_commands_exist_with_the_options_that_it_shows() {
    let mut unknown = Vec::new();
    for page in PAGES {
        let text = tree::text(page);
        let commands = named(&text);
        assert!(!commands.is_empty(), "{page} names commands");
        for command in &commands {
            help(command);
        }
        for line in blocks(&text, "sh").concat() {
            let mut words = line.split_whitespace();
            if (words.next(), words.next()) != (Some("patchbay"), Some("plugin")) {
                continue;
            }
            let help = help(words.next().unwrap());
            for option in words.filter(|word| word.starts_with("--")) {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
                if !help.split(|c: char| !is_part(c)).any(|word| word == option) {
                    unknown.push(format!("{page}: {line}: {option}"));
                }
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn what_a_page_shows_is_found_in_it() {
    let page = "Run `patchbay plugin new | build`, then `patchbay plugin test`:\n\n```sh\ncd shop\n\
                patchbay plugin push shop --pin\n```\n\n```js\nconst a = 1;\n\n  b();\n  c();\n```\n";
    assert_eq!(named(page).into_iter().collect::<Vec<_>>(), ["build", "new", "push", "test"]);
    assert_eq!(blocks(page, "sh"), [["cd shop", "patchbay plugin push shop --pin"]]);
    let script = blocks(page, "js").iter().flat_map(|block| parts(block)).collect::<Vec<_>>();
    assert_eq!(script, [vec!["const a = 1;"], vec!["b();", "c();"]]);
    assert!(stand_in(&script[1], "    b();\n    c();\n") && !stand_in(&script[1], "b();\nd();\nc();\n"));
}

//! Servers from npm that nobody here wrote: each folder has a small `server.mjs` that starts them, says `READY …` when they
//! listen, and ends with its standard input.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    children::{Child, spawn},
    paths::root,
};

/// Starts what is in a folder of `tests`, with these environment variables; gives the process and what it said when it was
/// ready.
pub fn start_node(folder: &str, environment: &[(&str, &str)]) -> (Child, String) {
    let path = root().join("tests").join(folder);
    assert!(path.join("node_modules").is_dir(), "tests/{folder} is not installed: run `cargo dev setup`");
    let mut command = Command::new("node");
    command.arg("server.mjs").current_dir(path).envs(environment.iter().copied());
    let mut process = spawn(command, Stdio::null()).expect("node starts");
    let said = process.wait_for_line("READY ", Duration::from_secs(60));
    (process, said)
}

//! `cargo dev test`: everything that has to hold, and the sum of it in the last line.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    num::NonZero,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use pg::{Cluster, Settings};

use crate::{
    plugins,
    progress::{Failure, Outcome, Progress, say, short},
    setup::{self, Tools},
    shell::{cargo, command, root, run as succeed},
    tally::Tally,
    web,
};

/// The tests kill the server at points that no other build has.
const FAULT_POINTS: [&str; 2] = ["--features", "patchbay/fault-points"];

/// Tests at once at the least, unless whoever runs them says otherwise: they wait for servers more than they compute.
const THREADS: usize = 3;

/// Sets up, builds, tests and checks; with arguments only `cargo test` with them. Gives whether all is well. Whatever
/// happens, the sum is in the last line.
pub fn run(arguments: &[&str]) -> Outcome<bool> {
    let mut tally = Tally::default();
    let began = Instant::now();
    if let Err(failure) = everything(&mut tally, arguments) {
        say(&failure);
        tally.check("what the tests need", false);
    }
    say("");
    for name in tally.names() {
        say(name);
    }
    say(format_args!("in {}", short(began.elapsed())));
    say(&tally);
    Ok(tally.good())
}

fn everything(tally: &mut Tally, arguments: &[&str]) -> Outcome<()> {
    let everything = arguments.is_empty();
    let own = if everything { 9 } else { 4 };
    let progress = Progress::of(setup::STEPS + 1 + web::STEPS + own);
    let tools = setup::all(&progress)?;
    thread::scope(|scope| {
        let third_parties = scope.spawn(setup::third_parties);
        plugins::build(&progress)?;
        web::build(&progress)?;
        progress.step("Third parties for the tests", || {
            let fetched = third_parties.join().map_err(|_| Failure("the fetching broke off".to_owned()))?;
            Ok(((), fetched?))
        })
    })?;

    if everything {
        check(&progress, tally, "cargo fmt", cargo().args(["fmt", "--all", "--check", "--", "-l"]))?;
    }
    progress.step("Build", || {
        if everything {
            build()?;
        } else {
            succeed(cargo().args(["build", "--workspace", "--bins"]).args(FAULT_POINTS))?;
        }
        Ok(((), "built".to_owned()))
    })?;
    let folder = root().join(".cache/tests/pg");
    let cluster = progress.step("Postgres for the tests", || {
        let settings = Settings { durable: false, fresh: true, connections: 400, extra: Vec::new() };
        let cluster = Cluster::start(&tools.postgres, &folder, &settings)?;
        let note = format!("on port {}", cluster.port());
        Ok((cluster, note))
    })?;
    progress.step("Tests", || {
        test(tally, &tools, &cluster, arguments)?;
        Ok(((), tally.to_string()))
    })?;
    drop(cluster);
    if everything {
        checks(&progress, tally, &tools)?;
    }
    Ok(())
}

/// Builds the very units that the tests want: what is built here is not built a second time there.
pub fn build() -> Outcome<()> {
    let all = ["build", "--workspace", "--bins", "--lib", "--tests", "--examples"];
    succeed(cargo().args(all).args(FAULT_POINTS))
}

/// Runs the test programs, passes on what they print and counts it.
fn test(tally: &mut Tally, tools: &Tools, cluster: &Cluster, arguments: &[&str]) -> Outcome<()> {
    let artifacts = root().join("artifacts");
    fs::create_dir_all(&artifacts)?;
    let mut tests = cargo();
    tests.args(["test", "--no-fail-fast"]);
    if !arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package")) {
        tests.arg("--workspace").args(FAULT_POINTS);
    }
    tests
        .args(arguments)
        .env("PATCHBAY_TEST_DATABASE_URL", cluster.url("postgres"))
        .env("PATCHBAY_BAO", &tools.vault)
        .env("PATCHBAY_BIN", root().join("target/debug/patchbay"))
        .env("PATCHBAY_ACME", root().join("target/debug/acme-server"))
        .env("PATCHBAY_PLUGINS", plugins::folder())
        .env("PATCHBAY_ARTIFACTS", artifacts)
        .env("CHROMIUM", &tools.browser.chromium)
        .env("CHROMEDRIVER", &tools.browser.chromedriver)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if env::var_os("RUST_TEST_THREADS").is_none() {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        tests.env("RUST_TEST_THREADS", processors.max(THREADS).to_string());
    }
    let mut child = tests.spawn()?;
    let output = child.stdout.take().ok_or_else(|| Failure("cargo test has no output".to_owned()))?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        tally.read(&line);
        say(line);
    }
    tally.ended(child.wait()?.success());
    Ok(())
}

/// The checks that are not test programs.
fn checks(progress: &Progress, tally: &mut Tally, tools: &Tools) -> Outcome<()> {
    let strict = ["--", "-D", "warnings"];
    check(
        progress,
        tally,
        "cargo clippy",
        cargo().args(["clippy", "--workspace", "--all-targets"]).args(FAULT_POINTS).args(strict),
    )?;
    let mut pages = cargo();
    pages.args(["clippy", "--target", "wasm32-unknown-unknown", "-p", "patchbay-web-components"]);
    pages.args(["-p", "patchbay-web-client"]);
    for page in web::PAGES {
        pages.args(["-p", page]);
    }
    check(progress, tally, "cargo clippy of the pages", pages.args(strict))?;
    let mut docs = cargo();
    check(
        progress,
        tally,
        "cargo doc",
        docs.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    progress.step("cargo deny", || {
        let deny = |what: &[&str]| {
            let mut deny = command(&tools.cargo_deny);
            deny.args(["--log-level", "error", "check", "--hide-inclusion-graph"]).args(what);
            deny
        };
        let kept = succeed(&mut deny(&["bans", "licenses", "sources"])).is_ok();
        tally.check("cargo deny: bans, licenses, sources", kept);
        // The list of known vulnerabilities lives on the internet: without it there is nothing to compare with.
        let output = deny(&["advisories"]).output()?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if words.contains("failed to fetch advisory database") {
            tally.skip("cargo deny: advisories (their database could not be fetched)");
        } else {
            say(words.trim());
            tally.check("cargo deny: advisories", output.status.success());
        }
        Ok(((), if kept { "passed" } else { "FAILED" }.to_owned()))
    })
}

/// One check that is a command: whether it succeeds is counted, and the others go on.
fn check(progress: &Progress, tally: &mut Tally, name: &str, command: &mut Command) -> Outcome<()> {
    progress.step(name, || {
        let passed = match succeed(command) {
            Ok(()) => true,
            Err(failure) => {
                say(failure);
                false
            }
        };
        tally.check(name, passed);
        Ok(((), if passed { "passed" } else { "FAILED" }.to_owned()))
    })
}

//! The project's own commands: `cargo dev help` lists them. The standard library is all it needs (with our own `pg`,
//! which needs no more either), so that it is there a second after a fresh clone.

mod bench;
mod demo;
mod manifests;
mod plugins;
mod progress;
mod schema;
mod setup;
mod shell;
mod suite;
mod tally;
mod web;

use std::process::ExitCode;

use crate::progress::{Failure, Outcome, Progress, say};

const HELP: &str = "\
cargo dev setup           install what the other commands need
cargo dev plugins         build the plugins into target/plugins
cargo dev web             build the pages into web/dist
cargo dev schema          write the store's schema.rs from the migrations
cargo dev manifests       check the providers' manifests and write their schema, reference and coverage
cargo dev demo            run the main job: everything up, with links to click; --walk does the clicking and
                          checks each step, --release optimises the server
cargo dev bench           print the benchmarks: each figure beside a reference measured in the same run
cargo dev test            set up, build and run every check and test; ends with `N passed, N failed, N skipped`
cargo dev test FILTER …   only `cargo test FILTER …`, with all that tests need brought up";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["setup"] => {
            let progress = Progress::of(setup::STEPS + 1);
            setup::all(&progress)
                .and_then(|_| progress.step("Third parties for the tests", || Ok(((), setup::third_parties()?))))
                .map(|()| true)
        }
        ["plugins"] => {
            let progress = Progress::of(2);
            setup::wasm(&progress).and_then(|()| plugins::build(&progress)).map(|()| true)
        }
        ["web"] => {
            let progress = Progress::of(2 + web::STEPS);
            setup::wasm(&progress)
                .and_then(|()| setup::node(&progress))
                .and_then(|()| web::build(&progress))
                .map(|()| true)
        }
        ["manifests"] => manifests::write(&Progress::of(manifests::STEPS)).map(|()| true),
        ["schema"] => schema::write(&Progress::of(schema::STEPS)).map(|()| true),
        ["demo", rest @ ..] => demo::demo(rest).map(|()| true),
        ["bench", parts @ ..] => bench::bench(parts).map(|()| true),
        ["test", rest @ ..] => suite::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP);
            Ok(true)
        }
        _ => Err(Failure(format!("no such command\n\n{HELP}"))),
    };
    ended(outcome)
}

fn ended(outcome: Outcome<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(format_args!("cargo dev: {failure}"));
            ExitCode::FAILURE
        }
    }
}

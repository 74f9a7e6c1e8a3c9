//! The benchmarks. Everything is brought up, each of our figures is measured beside a reference in the same run, and one
//! table is printed. Nothing is asserted about time: a figure that falls short is shown as such, and the exit is 0 all
//! the same. `cargo dev bench` builds what this needs and runs it.

#[path = "../../../infra/demo/src/client.rs"]
mod client;
mod crowd;
mod envelope;
mod feed;
mod figures;
mod ingest;
mod instance;
mod load;
mod manifests;
mod nginx;
mod pages;
mod places;
mod proactive;
mod process;
mod proxied;
mod reads;
mod refresh;
mod resident;
mod rotation;
mod runs;
mod signing;
mod stack;
mod table;
mod tenant;
mod widget;

use std::{
    env, fmt,
    io::{self, Write},
    process::ExitCode,
};

use crate::{places::Places, stack::Stack, table::Table, tenant::Tenant};

/// Why a benchmark could not be measured, in words.
type Outcome<T> = Result<T, String>;

/// Both sides take turns so many times, and medians are compared.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(format_args!("bench: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [manifests::ARGUMENT, ..] = arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        return manifests::load(arguments.get(1..).unwrap_or_default());
    }
    let (places, only) = Places::from_arguments()?;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut table = Table::default();
    if wanted("pages") {
        pages::measure(&places, &mut table)?;
    }
    if wanted("widget") {
        widget::measure(&places, &mut table)?;
    }
    if wanted("instance") {
        instance::measure(&places, &mut table)?;
    }
    if wanted("manifests") {
        manifests::measure(&places, &mut table)?;
    }
    if wanted("signing") {
        signing::measure(&mut table)?;
    }
    if wanted("envelope") {
        envelope::measure(&places, &mut table)?;
    }
    if ["start", "reads", "refresh", "proxied", "ingest", "feed", "crowd", "rotation"].into_iter().any(wanted) {
        let mut stack = Stack::start(&places)?;
        stack.start_server()?;
        if wanted("start") {
            resident::start_and_idle(&mut stack, &mut table)?;
        }
        let tenant = Tenant::set_up(&stack)?;
        // Connecting began the first ingest. It warms everything up, and would be in the way of the rest.
        ingest::wait_for_first(&tenant)?;
        if wanted("reads") {
            reads::measure(&stack, &tenant, &mut table)?;
        }
        if wanted("refresh") {
            refresh::measure(&stack, &tenant, &mut table)?;
        }
        if wanted("proxied") {
            proxied::measure(&stack, &tenant, &mut table)?;
        }
        if wanted("ingest") {
            ingest::measure(&mut stack, &tenant, &mut table)?;
        }
        if wanted("feed") {
            feed::measure(&stack, &tenant, &mut table)?;
        }
        if wanted("crowd") {
            crowd::measure(&mut stack, &tenant, &mut table)?;
        }
        if wanted("rotation") {
            rotation::measure(&mut stack, &tenant, &mut table)?;
        }
        say(format_args!("\n{}", stack.conditions()));
    }
    if wanted("proactive") {
        let mut stack = Stack::start(&places)?;
        stack.start_server()?;
        let tenant = Tenant::set_up(&stack)?;
        ingest::wait_for_first(&tenant)?;
        proactive::measure(&stack, &tenant, &mut table)?;
    }
    if wanted("runs") {
        let mut stack = Stack::start(&places)?;
        runs::use_empty_plugin(&stack)?;
        stack.start_server()?;
        let tenant = Tenant::set_up(&stack)?;
        ingest::wait_for_first(&tenant)?;
        runs::measure(&stack, &tenant, &mut table)?;
    }
    say(format_args!("\n{table}"));
    Ok(())
}

/// Writes a line to standard output. A reader who went away is no reason to stop.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
    let _ = io::stdout().flush();
}

/// 128 random bits in hex.
///
/// If the operating system had no randomness the process ends: nothing would be secret.
fn random() -> String {
    let mut bytes = [0_u8; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    hex::encode(bytes)
}

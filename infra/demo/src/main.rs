//! The main job from end to end: everything is brought up and a tenant set up, then it either prints what to click and
//! to type, or walks the whole flow by itself. `cargo dev demo` builds what this needs and runs it.

mod client;
mod process;
mod sink;
mod stack;
mod tenant;
mod walk;

use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use crate::{
    client::text,
    sink::Sink,
    stack::{Places, Stack},
    tenant::{EMAIL, Tenant},
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(format_args!("demo: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: demo ROOT PATCHBAY PLUGINS [--vault PATH] [--walk]";
    let mut path = || arguments.next().map(PathBuf::from).ok_or(usage);
    let mut places = Places { root: path()?, patchbay: path()?, plugins: path()?, vault: None };
    let mut walking = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--vault" => places.vault = Some(arguments.next().map(PathBuf::from).ok_or(usage)?),
            "--walk" => walking = true,
            _ => return Err(usage.to_owned()),
        }
    }
    let stack = Stack::start(&places)?;
    let sink = Sink::start().map_err(|error| format!("the webhook endpoint: {error}"))?;
    let tenant = Tenant::set_up(&stack.origin, &stack.operator, random(), &stack.acme, sink.url())?;
    say("");
    if walking {
        walk::walk(&tenant, &stack.acme, &sink)?;
        say("\nAll ten rows passed.");
        return Ok(());
    }
    show(&tenant, &sink)
}

/// Prints what to click and to type, and then what happens, until the demo is interrupted.
fn show(tenant: &Tenant, sink: &Sink) -> Result<(), String> {
    let session = tenant.open_session("merchant-17")?;
    let (origin, key) = (&tenant.origin, &tenant.key);
    say(format_args!(
        "Portal         {origin}/portal\n               sign in as {EMAIL}, password {}",
        tenant.password
    ));
    say(format_args!("Connect        {}\n               click it, choose Acme, allow", text(&session, "/link")?));
    say(format_args!("API key        {key}"));
    say(format_args!("Connections    curl -H 'authorization: Bearer {key}' {origin}/v1/connections"));
    say("\nWaiting for somebody to connect. Ctrl-C ends everything.");
    let poll = format!("/v1/connect/sessions/{}", text(&session, "/id")?);
    let (mut connected, mut told) = (false, 0);
    loop {
        if !connected && let Ok(connection) = text(&tenant.read(&poll)?, "/connection_id") {
            connected = true;
            let curl = format!("curl -H 'authorization: Bearer {key}' '{origin}");
            say(format_args!("\nConnected: {connection}"));
            say(format_args!("Records        {curl}/v1/records?connection={connection}&stream=orders&limit=5'"));
            say(format_args!("Runs           {curl}/v1/runs?connection={connection}'"));
            say(format_args!("Raw call       {curl}/v1/proxy/me' -H 'patchbay-connection: {connection}'"));
        }
        for posted in sink.posted().iter().skip(told) {
            let verified = match posted.verify(&tenant.webhook_secret) {
                Ok(()) => "signature verified".to_owned(),
                Err(why) => format!("SIGNATURE DOES NOT VERIFY: {why}"),
            };
            say(format_args!("Webhook        {verified}: {}", String::from_utf8_lossy(&posted.body)));
            told += 1;
        }
        thread::sleep(Duration::from_millis(200));
    }
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
    let mut bytes = [0u8; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    hex::encode(bytes)
}

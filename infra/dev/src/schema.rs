//! `cargo dev schema`: migrates an empty database and writes the store's `schema.rs` from it.

use std::fs;

use pg::{Cluster, Settings};

use crate::{
    progress::{Outcome, Progress},
    setup,
    shell::{capture, command, root},
};

/// How many steps [`write()`] reports.
pub const STEPS: u32 = 3;

/// Writes `server/crates/store/src/schema.rs`.
pub fn write(progress: &Progress) -> Outcome<()> {
    let postgres = setup::postgres(progress)?;
    let folder = root().join(".cache/schema/pg");
    let cluster = progress.step("Postgres for the schema", || {
        let settings = Settings { durable: false, fresh: true, connections: 20, extra: Vec::new() };
        let cluster = Cluster::start(&postgres, &folder, &settings)?;
        let note = format!("on port {}", cluster.port());
        Ok((cluster, note))
    })?;
    progress.step("Schema", || {
        let mut migrations: Vec<_> = fs::read_dir(root().join("migrations"))?
            .filter_map(|entry| Some(entry.ok()?.path().join("up.sql")))
            .filter(|path| path.is_file())
            .collect();
        migrations.sort();
        let mut psql = command(postgres.path("psql"));
        psql.args(["--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]);
        psql.arg("--dbname").arg(cluster.url("postgres"));
        for migration in &migrations {
            psql.arg("--file").arg(migration);
        }
        psql.arg("--file").arg(root().join("server/crates/store/schema.sql"));
        let text = capture(&mut psql)?;
        let target = root().join("server/crates/store/src/schema.rs");
        let same = fs::read_to_string(&target).is_ok_and(|before| before == text);
        if !same {
            fs::write(&target, text)?;
        }
        Ok(((), if same { "as it was" } else { "written" }.to_owned()))
    })
}

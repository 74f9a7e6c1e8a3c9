//! Refreshes before anybody asks: two thousand that are due, among as many and among two hundred thousand. The cost lies
//! in what is due, not in what exists.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Outcome, ROUNDS,
    client::post_json,
    crowd,
    figures::{median, thousands, times},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::{CLIENT_ID, SHOP, Tenant},
};

/// Credentials that come due together.
const DUE: u32 = 2_000;
/// All of them.
const ALL: u32 = 200_000;
/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Adds its row. The database has but the tenant's own connection.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("2,000 refreshes that are due, among as many …");
    let minted: Vec<Value> = (0..DUE).map(|_| mint(stack)).collect::<Outcome<_>>()?;
    let rows = crowd::add(stack, tenant, DUE, &minted)?;
    let alone = rounds(stack, &rows)?;
    announce("… and among 200,000 …");
    crowd::add(stack, tenant, ALL - DUE, &[])?;
    // What came all at once is tidied up before, and what we ask meanwhile reads the few and not all: neither is of the
    // refreshing.
    stack.sql("VACUUM ANALYZE")?;
    let among = rounds(stack, &rows)?;
    let ratio = among / alone;
    let rate = |seconds: f64| thousands(f64::from(DUE) / seconds);
    table.add(Row {
        what: format!("{} proactive refreshes that are due among {}", thousands(DUE.into()), thousands(ALL.into())),
        ours: format!("{among:.2} s, {}/s", rate(among)),
        reference: format!("among {}: {alone:.2} s, {}/s", thousands(DUE.into()), rate(alone)),
        ratio: times(ratio),
        target: "≤ 1.2 ×".to_owned(),
        is_met: Some(Target::AtMost(1.2).is_met_by(ratio)),
    });
    Ok(())
}

/// A grant of its own at the provider, whose refresh token rotates for itself.
fn mint(stack: &Stack<'_>) -> Outcome<Value> {
    let mint = json!({ "do": "mint", "client_id": CLIENT_ID, "account": SHOP });
    post_json(format!("{}/control", stack.acme), &mint).send()?.json()
}

fn rounds(stack: &Stack<'_>, rows: &[Uuid]) -> Outcome<f64> {
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        seconds.push(round(stack, rows)?);
    }
    Ok(median(seconds))
}

/// Has these come due at once, and gives the seconds until each was refreshed.
fn round(stack: &Stack<'_>, rows: &[Uuid]) -> Outcome<f64> {
    let ids = rows.iter().map(|row| format!("('{row}')")).collect::<Vec<_>>().join(",");
    stack.script(&format!(
        "DROP TABLE IF EXISTS bench_due;\n\
         CREATE TABLE bench_due AS SELECT connection_id, generation FROM credentials \
         JOIN (VALUES {ids}) due (id) ON connection_id = id::uuid;\n\
         ANALYZE bench_due;\n"
    ))?;
    stack
        .sql("UPDATE credentials c SET refresh_at = now() FROM bench_due d WHERE c.connection_id = d.connection_id")?;
    let began = Instant::now();
    loop {
        let left = stack.sql(
            "SELECT count(*) FROM credentials c JOIN bench_due d USING (connection_id) WHERE c.generation = d.generation",
        )?;
        if left == "0" {
            return Ok(began.elapsed().as_secs_f64());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{left} of {} are not refreshed after {PATIENCE:?}", rows.len()));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

//! How soon the server is ready, and what it holds in memory when nobody asks for anything.

use std::{thread, time::Duration};

use crate::{
    Outcome,
    figures::median,
    stack::{Stack, announce},
    table::{Row, Table, Target},
};

/// Starts, after one that compiled components and applied migrations.
const STARTS: usize = 5;
/// How long it is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(5);

/// Adds its rows. A server has run before.
pub fn start_and_idle(stack: &mut Stack<'_>, table: &mut Table) -> Outcome<()> {
    announce("start and idle memory …");
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(stack.start_server()?.as_secs_f64());
    }
    let took = median(took);
    table.add(Row {
        what: "server start to ready".to_owned(),
        ours: format!("{took:.3} s"),
        reference: "–".to_owned(),
        ratio: "–".to_owned(),
        target: "≤ 0.5 s".to_owned(),
        is_met: Some(Target::AtMost(0.5).is_met_by(took)),
    });
    thread::sleep(REST);
    let resident = stack.server()?.resident()?;
    table.add(memory("resident memory, idle".to_owned(), resident, 80.0));
    Ok(())
}

/// A row about memory, in millions of bytes.
pub fn memory(what: String, resident: f64, most: f64) -> Row {
    Row {
        what,
        ours: format!("{resident:.0} MB"),
        reference: "–".to_owned(),
        ratio: "–".to_owned(),
        target: format!("≤ {most:.0} MB"),
        is_met: Some(Target::AtMost(most).is_met_by(resident)),
    }
}

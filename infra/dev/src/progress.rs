//! Saying what is going on: numbered steps with the time that has passed.

use std::{
    cell::Cell,
    fmt,
    io::{self, Write},
    time::{Duration, Instant},
};

/// Why a command did not work, in words for whoever ran it: what failed and what to do.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a step of a command gives.
pub type Outcome<T> = Result<T, Failure>;

/// Writes a line to standard output. A reader who went away is no reason to stop.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
    let _ = io::stdout().flush();
}

/// The steps of one command.
pub struct Progress {
    began: Instant,
    done: Cell<u32>,
    total: u32,
}

impl Progress {
    /// Begins a command of this many steps.
    pub fn of(total: u32) -> Self {
        Self { began: Instant::now(), done: Cell::new(0), total }
    }

    /// Takes a step: says that it begins, and how long it took and what came of it when it ends.
    pub fn step<T>(&self, what: &str, run: impl FnOnce() -> Outcome<(T, String)>) -> Outcome<T> {
        let number = self.done.get() + 1;
        self.done.set(number);
        say(format_args!("[{number:>2}/{}] {:>7}  {what} …", self.total, short(self.began.elapsed())));
        let began = Instant::now();
        let (value, note) = run().map_err(|failure| Failure(format!("{what}: {failure}")))?;
        say(format_args!("        {:>7}  {note}", format!("+{}", short(began.elapsed()))));
        Ok(value)
    }
}

/// `0.4s`, `12.3s`, `3m07s`.
pub fn short(time: Duration) -> String {
    if time.as_secs() < 60 {
        return format!("{:.1}s", time.as_secs_f32());
    }
    format!("{}m{:02}s", time.as_secs() / 60, time.as_secs() % 60)
}

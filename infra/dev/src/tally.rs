//! Counting what the test programs report.

use std::fmt;

/// The sum of all checks and tests.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u64,
    /// Failures as the programs counted them.
    failed: u64,
    /// Failures by name. One that was never counted, because its program was killed, is one all the same.
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    /// Counts a check of our own.
    pub fn check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.fail(name);
        }
    }

    /// Counts something that could not be done here, with the reason.
    pub fn skip(&mut self, name: impl Into<String>) {
        self.skipped.push(name.into());
    }

    /// Reads one line of a test program's output: names of failed and ignored tests, and the counts at its end.
    pub fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            let count = |what: &str| {
                rest.split(&[';', '.'][..])
                    .find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u64>().ok())
                    .unwrap_or(0)
            };
            self.passed += count("passed");
            self.failed += count("failed");
        } else if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|test| test.rsplit_once(" ... ")) {
            if outcome == "FAILED" {
                self.failures.push(name.to_owned());
            } else if outcome.starts_with("ignored") {
                self.skipped.push(format!("{name} ({outcome})"));
            }
        }
    }

    /// Notes how the whole of the test programs ended. If they failed with no test to blame, something else did: a test
    /// program that did not compile or was killed.
    pub fn ended(&mut self, success: bool) {
        if !success && self.count_failed() == 0 {
            self.fail("cargo test: a test program did not compile or was killed");
        }
    }

    /// Whether nothing failed.
    pub fn good(&self) -> bool {
        self.count_failed() == 0
    }

    /// What failed and what was skipped, by name.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let skipped = self.skipped.iter().map(|name| format!("skipped: {name}"));
        skipped.chain(self.failures.iter().map(|name| format!("failed: {name}")))
    }

    fn fail(&mut self, name: &str) {
        self.failed += 1;
        self.failures.push(name.to_owned());
    }

    fn count_failed(&self) -> u64 {
        self.failed.max(u64::try_from(self.failures.len()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.count_failed(), self.skipped.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        tally
    }

    #[test]
    fn counts_and_names_of_several_programs_add_up() {
        let mut tally = read(&[
            "running 3 tests",
            "test one::works ... ok",
            "test one::breaks ... FAILED",
            "test one::sleeps ... ignored, needs a network",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test src/lib.rs - example (line 3) ... ok",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 2.31s",
        ]);
        tally.check("cargo fmt", true);
        tally.check("cargo deny", false);
        tally.ended(false);
        assert_eq!(tally.to_string(), "14 passed, 2 failed, 1 skipped");
        let names: Vec<_> = tally.names().collect();
        assert_eq!(
            names,
            ["skipped: one::sleeps (ignored, needs a network)", "failed: one::breaks", "failed: cargo deny"]
        );
        assert!(!tally.good());
    }

    #[test]
    fn a_program_that_dies_without_a_result_is_a_failure() {
        let mut tally = read(&["running 3 tests", "test one::works ... ok"]);
        tally.ended(false);
        assert_eq!(tally.to_string(), "0 passed, 1 failed, 0 skipped");
        let mut tally = read(&["test one::breaks ... FAILED"]);
        tally.ended(false);
        assert_eq!(tally.to_string(), "0 passed, 1 failed, 0 skipped");
    }
}

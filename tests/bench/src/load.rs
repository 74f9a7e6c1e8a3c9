//! Load from the outside, by `wrk` and `pgbench`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{Outcome, figures::median, places::program};

/// Seconds of one round of load.
pub const SECONDS: u32 = 6;

/// What `wrk` is to do.
pub struct Load<'a> {
    /// The URL.
    pub url: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// Connections kept alive.
    pub connections: u32,
    /// For how long.
    pub seconds: u32,
    /// What chooses the path of each request, instead of the URL's.
    pub script: Option<&'a Path>,
}

/// What came of it.
pub struct Loaded {
    /// Requests answered with success, per second.
    pub rate: f64,
    /// Half of the answers took no longer, in milliseconds.
    pub p50: f64,
    /// Of a hundred answers one took longer, in milliseconds.
    pub p99: f64,
}

impl Load<'_> {
    /// Runs it. Any answer that is no success makes the figure worthless, so it is an error.
    pub fn run(&self) -> Outcome<Loaded> {
        let mut wrk = Command::new(program("wrk")?);
        let threads = self.connections.min(2);
        wrk.args(["--latency", &format!("-t{threads}"), &format!("-c{}", self.connections)]);
        wrk.arg(format!("-d{}s", self.seconds));
        for header in &self.headers {
            wrk.args(["-H", header]);
        }
        if let Some(script) = self.script {
            wrk.arg("-s").arg(script);
        }
        parse_wrk(&output(wrk.arg(&self.url))?)
    }
}

/// The medians of several rounds.
pub fn medians(rounds: &[Loaded]) -> Loaded {
    let of = |figure: fn(&Loaded) -> f64| median(rounds.iter().map(figure).collect());
    Loaded { rate: of(|round| round.rate), p50: of(|round| round.p50), p99: of(|round| round.p99) }
}

fn parse_wrk(said: &str) -> Outcome<Loaded> {
    if let Some(line) = said.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        return Err(format!("the load met with failures: {}", line.trim()));
    }
    let after = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let rate = after("Requests/sec:").and_then(|text| text.parse().ok());
    let p50 = after("50%").and_then(milliseconds);
    let p99 = after("99%").and_then(milliseconds);
    let loaded = rate.zip(p50).zip(p99).map(|((rate, p50), p99)| Loaded { rate, p50, p99 });
    loaded.ok_or_else(|| format!("wrk says nothing of use: {said}"))
}

/// `123.00us`, `1.23ms`, `1.23s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(number.parse::<f64>().ok()? * unit)
}

/// Runs `pgbench` with these arguments and gives its transactions per second.
pub fn pgbench(mut pgbench: Command) -> Outcome<f64> {
    parse_pgbench(&output(&mut pgbench)?)
}

fn parse_pgbench(said: &str) -> Outcome<f64> {
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench says nothing of use: {said}"))
}

/// Runs to the end and gives its standard output.
pub fn output(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "Running 6s test @ http://127.0.0.1:1/\n  2 threads and 32 connections\n  Latency Distribution\n     50%  843.00us\n     75%    1.01ms\n     99%    3.20ms\n  215124 requests in 6.10s, 60.11MB read\nRequests/sec:  35268.41\nTransfer/sec:      9.86MB\n";

    #[test]
    fn what_wrk_says_is_understood() {
        let loaded = parse_wrk(WRK).unwrap();
        assert!((loaded.rate - 35268.41).abs() < 1e-6 && (loaded.p50 - 0.843).abs() < 1e-6);
        assert!((loaded.p99 - 3.2).abs() < 1e-6);
        assert_eq!(["2.00ms", "1.50s", "?"].map(milliseconds), [Some(2.0), Some(1500.0), None]);
    }

    #[test]
    fn answers_that_are_no_success_are_not_counted_as_work() {
        let failing = format!("{WRK}  Non-2xx or 3xx responses: 12\n");
        assert!(parse_wrk(&failing).is_err_and(|why| why.contains("responses: 12")));
    }

    #[test]
    fn what_pgbench_says_is_understood() {
        let said = "latency average = 1.2 ms\ninitial connection time = 20.1 ms\ntps = 25123.4 (without initial connection time)\n";
        assert_eq!(parse_pgbench(said), Ok(25123.4));
        assert!(parse_pgbench("").is_err());
    }
}

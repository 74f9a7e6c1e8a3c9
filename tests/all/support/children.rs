//! Other programs. Each is ended by its own id, and the system ends it with us if we are killed.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child as Process, Command, Stdio},
    sync::{Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

/// A running program. It is killed when this is dropped.
pub struct Child {
    process: Process,
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Child {
    /// Waits for a line of its standard output that begins with `prefix` and gives the rest of it.
    pub fn wait_for_line(&mut self, prefix: &str, patience: Duration) -> String {
        self.look_for_line(prefix, patience).unwrap_or_else(|said| {
            let status = self.process.try_wait();
            panic!("no line `{prefix}…`; it said {said:?} and ended with {status:?}");
        })
    }

    /// The same where its end without such a line is a possible outcome.
    pub fn try_wait_for_line(&mut self, prefix: &str, patience: Duration) -> Option<String> {
        self.look_for_line(prefix, patience).ok()
    }

    fn look_for_line(&mut self, prefix: &str, patience: Duration) -> Result<String, Vec<String>> {
        let deadline = Instant::now() + patience;
        let mut said = Vec::new();
        let lines = self.lines.get_mut().unwrap();
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            match line.strip_prefix(prefix) {
                Some(rest) => return Ok(rest.trim().to_owned()),
                None => said.push(line),
            }
        }
        Err(said)
    }

    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a program. Its standard input stays open until it is dropped; its errors go where `errors` says.
pub fn spawn(command: Command, errors: Stdio) -> io::Result<Child> {
    let mut command = bound(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
    let (tell, told) = mpsc::channel();
    spawner().send((command, tell)).map_err(io::Error::other)?;
    let mut process = told.recv().map_err(io::Error::other)??;
    let output = process.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let (say, lines) = mpsc::channel();
    thread::spawn(move || {
        // Read to the end even if nobody listens, so that it never waits for us.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = say.send(line);
        }
    });
    Ok(Child { process, lines: Mutex::new(lines) })
}

type Order = (Command, mpsc::Sender<io::Result<Process>>);

/// The system ends a bound program with the thread that started it, so all are started by one that lives as long as
/// this process.
fn spawner() -> mpsc::Sender<Order> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let make = || {
        let (order, orders) = mpsc::channel::<Order>();
        thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                for (mut command, tell) in orders {
                    let _ = tell.send(command.spawn());
                }
            })
            .unwrap();
        order
    };
    SPAWNER.get_or_init(make).clone()
}

fn bound(command: Command) -> Command {
    static HAS_SETPRIV: OnceLock<bool> = OnceLock::new();
    let probe = || {
        let probe = Command::new("setpriv").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    if !*HAS_SETPRIV.get_or_init(probe) {
        return command;
    }
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    bound
}

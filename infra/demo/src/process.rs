//! Servers that live no longer than the demo.

use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

/// A server that is ended when this is dropped, and also when this process is killed, where the system can do that.
pub struct Server(Child);

impl Server {
    /// Starts a program with its messages going to a file, and waits for the line that `ready` accepts on its standard
    /// output; the rest of that goes to the file too. Gives what `ready` made of the line. The thread that calls this
    /// has to live as long as the server.
    pub fn start<T>(command: Command, log: &Path, ready: impl Fn(&str) -> Option<T>) -> Result<(Self, T), String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| format!("{name} could not be started: {error}");
        let file = File::create(log).map_err(failed)?;
        let mut child = bound(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let stdout = child.stdout.take();
        // From here on it is ended whatever happens.
        let server = Self(child);
        let mut lines = BufReader::new(stdout.ok_or_else(|| format!("{name} has no output"))?);
        let mut line = String::new();
        loop {
            line.clear();
            if lines.read_line(&mut line).map_err(failed)? == 0 {
                return Err(format!("{name} ended before it was ready; see {}", log.display()));
            }
            (&file).write_all(line.as_bytes()).map_err(failed)?;
            if let Some(found) = ready(line.trim_end()) {
                pass_on(lines, file).map_err(failed)?;
                return Ok((server, found));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pass_on(mut lines: BufReader<ChildStdout>, mut file: File) -> io::Result<()> {
    thread::Builder::new().spawn(move || io::copy(&mut lines, &mut file)).map(drop)
}

/// The same command, ended by the system together with the thread that starts it, where there is `setpriv` (Linux).
fn bound(command: Command) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    if !env::split_paths(&path).any(|folder| folder.join("setpriv").is_file()) {
        return command;
    }
    let mut outer = Command::new("setpriv");
    outer.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

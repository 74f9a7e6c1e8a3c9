//! Servers that live no longer than the benchmark, and what they hold in memory.

use std::{
    env,
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{Outcome, places};

/// A server that is ended when this is dropped, and also when this process is killed, where the system can do that.
pub struct Server {
    child: Child,
    /// Some end when it closes.
    _stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a program with both its outputs going to a file.
    pub fn start(command: Command, log: &Path) -> Outcome<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let failed = |error: std::io::Error| format!("{name} could not be started: {error}");
        let file = File::create(log).map_err(failed)?;
        let mut child = bound(command)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        Ok(Self { child, _stdin: stdin })
    }

    /// What the process holds in memory now, in millions of bytes.
    pub fn resident(&self) -> Outcome<f64> {
        self.memory("VmRSS:")
    }

    /// The most it has held, in millions of bytes.
    pub fn peak(&self) -> Outcome<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Outcome<f64> {
        let status = places::read(Path::new(&format!("/proc/{}/status", self.child.id())))?;
        in_status(&status, name).ok_or_else(|| format!("the system does not say {name} of a process"))
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends.
    pub fn wait(&mut self) {
        // It may have ended by itself.
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line such as `VmRSS:   12345 kB`, in millions of bytes.
fn in_status(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// What this process holds in memory now, in millions of bytes.
pub fn own_resident() -> Outcome<f64> {
    let status = places::read(Path::new("/proc/self/status"))?;
    in_status(&status, "VmRSS:").ok_or_else(|| "the system does not say what this process holds".to_owned())
}

/// A port that was free a moment ago.
pub fn free_port() -> Outcome<u16> {
    let taken = |error: std::io::Error| format!("no free port: {error}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(taken)?;
    Ok(listener.local_addr().map_err(taken)?.port())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_what_the_system_says() {
        let status = "Name:\tpatchbay\nVmHWM:\t   20000 kB\nVmRSS:\t   10000 kB\n";
        assert_eq!(in_status(status, "VmRSS:"), Some(10.24));
        assert_eq!(in_status(status, "VmHWM:"), Some(20.48));
        assert_eq!(in_status(status, "VmSwap:"), None);
    }
}

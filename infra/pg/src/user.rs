//! Postgres refuses to run as root, so root runs it as somebody else.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Who runs the server.
#[derive(Clone, Debug)]
pub(crate) enum User {
    /// Whoever runs this.
    Same,
    /// This user, since we are root.
    Other(&'static str),
}

impl User {
    /// Root takes `postgres` if there is such a user, else `nobody`; everybody else themselves.
    pub(crate) fn choose() -> Self {
        let ours = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
        if ours.trim_ascii() != b"0" {
            return Self::Same;
        }
        let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if known.lines().any(|line| line.starts_with("postgres:")) {
            Self::Other("postgres")
        } else {
            Self::Other("nobody")
        }
    }

    /// A command that runs as this user. With `bound`, it is ended when the thread that started it ends, however that
    /// happens, where the system has `setpriv` (Linux).
    pub(crate) fn command(&self, program: &Path, bound: bool) -> Command {
        let setpriv = Command::new("setpriv").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let has_setpriv = setpriv.is_ok_and(|status| status.success());
        match (self, has_setpriv) {
            (Self::Same, false) => Command::new(program),
            (Self::Same, true) => {
                let mut command = Command::new("setpriv");
                if bound {
                    command.args(["--pdeathsig", "INT"]);
                }
                command.arg("--").arg(program);
                command
            }
            (Self::Other(name), true) => {
                let mut command = Command::new("setpriv");
                if bound {
                    command.args(["--pdeathsig", "INT"]);
                }
                command.args(["--reuid", name, "--regid", &group(name), "--clear-groups", "--"]).arg(program);
                command
            }
            (Self::Other(name), false) => {
                let mut command = Command::new("runuser");
                command.args(["-u", name, "--"]).arg(program);
                command
            }
        }
    }

    /// Makes a folder that this user may write to, the wanted one if they can reach it, else one of the same name below
    /// the system's folder for temporary files. Gives the folder made.
    pub(crate) fn own_folder(&self, wanted: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(wanted)?;
        let Self::Other(name) = self else { return Ok(wanted.to_owned()) };
        let fallback = wanted.to_string_lossy().replace(['/', '\\'], "-");
        let fallback = std::env::temp_dir().join(format!("patchbay{fallback}"));
        for folder in [wanted, fallback.as_path()] {
            fs::create_dir_all(folder)?;
            run(Command::new("chown").arg("-R").arg(format!("{name}:{}", group(name))).arg(folder))?;
            let reach = self.command(Path::new("test"), false).arg("-w").arg(folder).current_dir("/").status()?;
            if reach.success() {
                return Ok(folder.to_owned());
            }
        }
        Err(io::Error::other(format!(
            "the user {name} can write neither to {} nor to {}",
            wanted.display(),
            fallback.display()
        )))
    }
}

/// Runs a command to its end; the error carries what it wrote to its standard error.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let arguments = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("`{program} {arguments}` failed: {words}")))
}

/// The user's own group.
fn group(name: &str) -> String {
    let found = Command::new("id").args(["-gn", name]).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(found.trim_ascii()).into_owned()
}

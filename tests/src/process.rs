//! How the lab runs other programs: to their end ([`run`]), or for as long as the lab lives ([`Service`]), in a control
//! group of the lab, in its network, with its own view of a few files, and with a log of its own.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use thiserror::Error;

use crate::{
    control_group::{ControlGroup, ControlGroupError},
    file::{self, FileError},
};

/// A program did not do what it was started for.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It could not be started at all.
    #[error("starting `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It ended with something other than success.
    #[error("`{command}` ended with {status}{}", shown(output))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        output: String,
    },
    /// Its control group could not be made.
    #[error(transparent)]
    ControlGroup(#[from] ControlGroupError),
    /// Its log could not be opened.
    #[error(transparent)]
    File(#[from] FileError),
}

fn shown(output: &str) -> String {
    if output.is_empty() {
        return String::new();
    }
    format!(":\n{output}")
}

/// The last lines of a text.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a program to its end; returns what it wrote to standard output. What it said goes into the error when it fails.
pub fn run(command: &mut Command) -> Result<String, ProcessError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ProcessError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    Err(ProcessError::Failed {
        command: line(command),
        status: output.status,
        output: last_lines(&said, 20),
    })
}

/// Runs a program to its end with all it says appended to a log; the end of the log goes into the error when it fails.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<(), ProcessError> {
    let output = file::append(log)?;
    let errors = output
        .try_clone()
        .map_err(|source| FileError::new("opening", log, source))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|source| ProcessError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(ProcessError::Failed {
        command: line(command),
        status,
        output: format!("{}\n(all of it: `{}`)", file::tail(log, 20), log.display()),
    })
}

/// Enters the control groups named by the arguments before `--`, then becomes the rest.
const ENTER: &str =
    r#"set -e; while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@""#;

/// Binds the first file of each pair of arguments before `--` over the second, then becomes the rest.
const BIND: &str =
    r#"set -e; while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@""#;

/// A program of the lab and the surroundings that it is to run in.
#[derive(Clone, Debug)]
pub struct Service {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    group: ControlGroup,
    network: Option<PathBuf>,
    directory: PathBuf,
    binds: Vec<(PathBuf, PathBuf)>,
}

impl Service {
    /// `program` in the control group `group`.
    pub fn new(program: impl Into<PathBuf>, group: ControlGroup) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            group,
            network: None,
            directory: "/".into(),
            binds: Vec::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Puts it into the network namespace of this file.
    #[must_use]
    pub fn in_network(mut self, namespace: impl Into<PathBuf>) -> Self {
        self.network = Some(namespace.into());
        self
    }

    /// Starts it in this directory; by default in `/`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Lets it, and nobody else, see `file` in place of `over`.
    #[must_use]
    pub fn bind(mut self, file: impl Into<PathBuf>, over: impl Into<PathBuf>) -> Self {
        self.binds.push((file.into(), over.into()));
        self
    }

    /// The command that enters the surroundings and then becomes the program; creates the control group.
    pub fn command(&self) -> Result<Command, ProcessError> {
        let mut words: Vec<OsString> = ["sh", "-c", ENTER, "enter"].map(OsString::from).to_vec();
        words.extend(self.group.create()?.into_iter().map(OsString::from));
        words.push("--".into());
        if let Some(network) = &self.network {
            let mut argument = OsString::from("--net=");
            argument.push(network);
            words.extend(["nsenter".into(), argument, "--".into()]);
        }
        if !self.binds.is_empty() {
            let unshare = ["unshare", "--mount", "--propagation", "private", "--"];
            words.extend(unshare.map(OsString::from));
            words.extend(["sh", "-c", BIND, "bind"].map(OsString::from));
            for (file, over) in &self.binds {
                words.extend([file.into(), over.into()]);
            }
            words.push("--".into());
        }
        words.push(self.program.clone().into());
        words.extend(self.arguments.iter().cloned());

        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Starts it in a session of its own, with its output appended to `log`. It outlives the caller and ends with its
    /// control group.
    pub fn start(&self, log: &Path) -> Result<Running, ProcessError> {
        let output = file::append(log)?;
        let errors = output
            .try_clone()
            .map_err(|source| FileError::new("opening", log, source))?;
        let inner = self.command()?;
        let mut command = Command::new("setsid");
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let child = command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| ProcessError::Start {
                program: self.program.display().to_string(),
                source,
            })?;
        Ok(Running {
            child,
            log: log.to_owned(),
        })
    }
}

/// A program of the lab that was started by this process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Its process id. The launcher becomes the program, so it is the program's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended and the end of its log, when it has ended.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("it ended with {status}\n{}", self.last_words()))
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let tail = file::tail(&self.log, 15);
        format!("`{}` ends with:\n{tail}", self.log.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_quoted_with_its_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.ends_with("why"),
            "{text}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "starting `no-such-program`");
    }
}

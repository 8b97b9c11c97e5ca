//! Programs of the machine, run to their end with a deadline; what they print goes to the log line by line.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Lines that an error carries.
const LAST_LINES: usize = 5;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be started.
    #[error("starting `{program}`")]
    Start {
        /// Name of the program.
        program: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It ended, and not well.
    #[error("`{program}` ended with {status}{}", last_words(last))]
    Failed {
        /// Name of the program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last that it printed.
        last: Vec<String>,
    },
    /// It did not end in time, and was ended.
    #[error("`{program}` did not end within {} s{}", deadline.as_secs(), last_words(last))]
    Deadline {
        /// Name of the program.
        program: String,
        /// The time that it had.
        deadline: Duration,
        /// The last that it printed.
        last: Vec<String>,
    },
}

fn last_words(last: &[String]) -> String {
    if last.is_empty() {
        return String::new();
    }
    format!("; it said last: {}", last.join(" / "))
}

/// What runs programs. [`Programs`] is the real one.
pub trait Run {
    /// Runs a program of `PATH` with arguments to its end.
    fn run(
        &self,
        program: &str,
        arguments: &[&str],
        deadline: Duration,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The programs of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Programs;

impl Run for Programs {
    async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<(), Error> {
        let start = |source| Error::Start {
            program: program.to_owned(),
            source,
        };
        let mut child = spawn(program, arguments, Stdio::piped()).map_err(start)?;
        let last = Last::default();
        let group = child.id();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let to_the_end = async {
            let (status, (), ()) = tokio::join!(
                child.wait(),
                follow(program, stdout, &last),
                follow(program, stderr, &last)
            );
            status
        };
        match tokio::time::timeout(deadline, to_the_end).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Error::Failed {
                program: program.to_owned(),
                status,
                last: last.lines(),
            }),
            Ok(Err(source)) => Err(start(source)),
            Err(_) => {
                end_group(group);
                Err(Error::Deadline {
                    program: program.to_owned(),
                    deadline,
                    last: last.lines(),
                })
            }
        }
    }
}

/// The most that a program is read of.
const OUTPUT_BYTES: u64 = 1024 * 1024;

/// What a program of `PATH` prints on its standard output, when it ends well and in time. Nothing of it goes to the log.
pub async fn output(
    program: &str,
    arguments: &[&str],
    deadline: Duration,
) -> Result<String, Error> {
    let start = |source| Error::Start {
        program: program.to_owned(),
        source,
    };
    let mut child = spawn(program, arguments, Stdio::null()).map_err(start)?;
    let group = child.id();
    let stdout = child.stdout.take();
    let to_the_end = async {
        let mut printed = Vec::new();
        if let Some(stdout) = stdout {
            stdout
                .take(OUTPUT_BYTES)
                .read_to_end(&mut printed)
                .await
                .map_err(start)?;
        }
        let status = child.wait().await.map_err(start)?;
        Ok((status, String::from_utf8_lossy(&printed).into_owned()))
    };
    match tokio::time::timeout(deadline, to_the_end).await {
        Ok(Ok((status, printed))) if status.success() => Ok(printed),
        Ok(Ok((status, _))) => Err(Error::Failed {
            program: program.to_owned(),
            status,
            last: Vec::new(),
        }),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            end_group(group);
            Err(Error::Deadline {
                program: program.to_owned(),
                deadline,
                last: Vec::new(),
            })
        }
    }
}

fn spawn(program: &str, arguments: &[&str], stderr: Stdio) -> io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        // A group of its own, so that what a script started ends with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn end_group(leader: Option<u32>) {
    let leader = leader
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        // The group may have ended in this moment.
        rustix::process::kill_process_group(leader, rustix::process::Signal::KILL)
            .unwrap_or_default();
    }
}

/// The last lines that a program printed, of both its streams.
#[derive(Debug, Clone, Default)]
struct Last(Arc<Mutex<VecDeque<String>>>);

impl Last {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

async fn follow(program: &str, stream: Option<impl AsyncRead + Unpin>, last: &Last) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.is_empty() {
            tracing::info!("{program}: {line}");
            last.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, deadline: Duration) -> Result<(), Error> {
        Programs.run("sh", &["-c", script], deadline).await
    }

    #[tokio::test]
    async fn a_failure_carries_the_last_words() {
        shell("exit 0", Duration::from_mins(1)).await.unwrap();
        let error = shell(
            "for line in 1 2 3 4 5 6; do echo $line; done; exit 3",
            Duration::from_mins(1),
        )
        .await
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh` ended with exit status: 3; it said last: 2 / 3 / 4 / 5 / 6"
        );
    }

    #[tokio::test]
    async fn what_does_not_end_is_ended_with_what_it_started() {
        let begin = std::time::Instant::now();
        let error = shell("sleep 600 & sleep 600", Duration::from_millis(50))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "`sh` did not end within 0 s");
        assert!(begin.elapsed() < Duration::from_mins(1));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = Programs
            .run("no-such-program-here", &[], Duration::from_mins(1))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "starting `no-such-program-here`");
    }

    #[tokio::test]
    async fn what_a_program_prints_is_its_answer_when_it_ends_well_and_in_time() {
        let print = |script, deadline| output("sh", script, deadline);
        let minute = Duration::from_mins(1);
        let printed = print(&["-c", "echo one; echo two >&2"], minute).await;
        assert_eq!(printed.unwrap(), "one\n");
        let failed = print(&["-c", "echo one; exit 3"], minute).await;
        assert!(matches!(failed, Err(Error::Failed { .. })), "{failed:?}");
        let slow = print(&["-c", "sleep 60"], Duration::from_millis(50)).await;
        assert!(matches!(slow, Err(Error::Deadline { .. })), "{slow:?}");
        let missing = output("no-such-program", &[], minute).await;
        assert!(matches!(missing, Err(Error::Start { .. })), "{missing:?}");
    }
}

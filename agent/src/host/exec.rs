//! Programs of the machine, run to their end with a deadline; what they print goes to the log line by line.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

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
        source: std::io::Error,
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
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what a script started ends with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
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
}

//! What one run of a program took, by the kernel's own account.
//!
//! The kernel counts into a program's peak what the process held that became the program: at `execve` the high-water
//! mark of the old address space is kept. So a process of its own (`lab measure`) starts each program. It holds next to
//! nothing, and it forks: of a forked process only private pages count, where a borrowed address space (`vfork`, the
//! standard library's first choice) would count whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wait4::Wait4 as _;

/// Why a run was not measured.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// The program does not start, or what started it does not.
    #[error("running `{}`", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The program should succeed and does not.
    #[error("`{}` ended with {status}", program.display())]
    Status {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// The process that measures said something else than a sample.
    #[error("`lab measure` of `{}` gave no sample: {said}", program.display())]
    NoSample {
        /// The program.
        program: PathBuf,
        /// What it said instead.
        said: String,
    },
}

/// What one run took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// From start to end, microseconds.
    pub wall_microseconds: u64,
    /// User and system time of the program and of the children that it waited for, microseconds.
    pub cpu_microseconds: u64,
    /// Largest resident set, KiB.
    pub peak_kibibytes: u64,
    /// Pages that had to be read from disk.
    pub major_faults: u64,
}

/// Runs the program to its end with nothing to read; what it says of itself goes where the caller's goes, as on a node,
/// where the journal reads it. The environment is the caller's too.
pub fn run(program: &Path, arguments: &[OsString]) -> Result<Sample, MeasureError> {
    let failed = |source| MeasureError::Run {
        program: program.to_owned(),
        source,
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Our own: it changes nothing, but with a user to become the standard library forks.
        .uid(rustix::process::getuid().as_raw());
    let start = Instant::now();
    let ended = command
        .spawn()
        .and_then(|mut child| child.wait4())
        .map_err(failed)?;
    let wall = start.elapsed();
    if !ended.status.success() {
        return Err(MeasureError::Status {
            program: program.to_owned(),
            status: ended.status,
        });
    }
    let status = fs::read_to_string("/proc/self/stat").map_err(failed)?;
    Ok(Sample {
        wall_microseconds: microseconds(wall),
        cpu_microseconds: microseconds(ended.rusage.utime + ended.rusage.stime),
        peak_kibibytes: ended.rusage.maxrss / 1024,
        major_faults: major_faults_of_children(&status).unwrap_or_default(),
    })
}

fn microseconds(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

/// Field 13 of `/proc/PID/stat`. The name before it may hold spaces, so fields are counted behind its closing bracket.
fn major_faults_of_children(status: &str) -> Option<u64> {
    let (_, fields) = status.rsplit_once(") ")?;
    fields.split(' ').nth(10)?.parse().ok()
}

/// Makes the kernel forget what it holds of this file, so that the next reader waits for the disk. Pages that a running
/// program has mapped stay; [`Sample::major_faults`] tells.
pub(super) fn drop_from_page_cache(file: &Path) -> io::Result<()> {
    let file = File::open(file)?;
    // Only what is on disk can be forgotten.
    file.sync_all()?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
}

/// A program with all that it is run with.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What it is called in the report.
    pub name: &'static str,
    /// A command that makes the surroundings and then becomes what is appended to it; none for ours as they are.
    pub surroundings: Vec<OsString>,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(&'static str, String)>,
}

impl Subject {
    /// Measures one run; `lab` is the program that starts it.
    pub(super) async fn measure(&self, lab: &Path) -> Result<Sample, MeasureError> {
        let mut words = self.surroundings.clone();
        words.extend([lab.into(), "measure".into(), "--".into()]);
        words.push(self.program.clone().into());
        words.extend(self.arguments.iter().cloned());
        let variables = self.environment.iter();
        // The metadata service runs on this thread, so the wait must not hold it.
        let output = tokio::process::Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .envs(variables.map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|source| MeasureError::Run {
                program: self.program.clone(),
                source,
            })?;
        serde_json::from_slice(&output.stdout).map_err(|_| MeasureError::NoSample {
            program: self.program.clone(),
            said: last_lines(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image;

    #[tokio::test]
    async fn a_program_is_not_charged_with_the_memory_of_who_measures_it() {
        // More than the program can have, and resident.
        let ballast = vec![1_u8; 64 << 20];
        let subject = Subject {
            name: "nothing",
            surroundings: Vec::new(),
            program: "/bin/true".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        let sample = subject
            .measure(&image::program("lab").unwrap())
            .await
            .unwrap();
        assert!(sample.peak_kibibytes < 4 << 10, "{sample:?}");
        assert!(sample.wall_microseconds > 0 && sample.peak_kibibytes > 0);
        drop(ballast);
    }

    #[test]
    fn faults_are_counted_behind_a_name_with_spaces() {
        let status = "12 (a ) b) S 1 2 3 4 5 6 70 80 90 100 11 12";
        assert_eq!(major_faults_of_children(status), Some(100));
    }

    #[test]
    fn a_program_that_fails_is_no_sample() {
        assert!(matches!(
            run(Path::new("/bin/false"), &[]),
            Err(MeasureError::Status { .. })
        ));
    }
}

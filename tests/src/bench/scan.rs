//! A scan of a long log with all rules, beside a search of the same log for the same texts, each on one core.
//!
//! The log is that of a healthy node, over and over, with a fault now and then. The peer only counts the lines that hold
//! one of the texts that the rules look for; it need not know whose a line is, nor when it is a fault.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use node::journal::{self, Entry};
use node::rule::{self, Detect};
use tempfile::TempDir;

use super::measure::Subject;
use super::words;
use crate::cluster;
use crate::file;
use crate::progress;
use crate::setup;

/// Bytes of the log, about.
const BYTES: u64 = 500_000_000;
/// What a healthy node of the lab wrote.
const HEALTHY: &str = "tests/cases/healthy/journal.jsonl";
/// A fault every so many times that this was written.
const FAULT_EVERY: u64 = 10;
const HOST: &str = "ip-10-88-0-11";
const FAULT: &str = "Jan  2 03:04:06 ip-10-88-0-11 kubelet[812]: E0102 03:04:06.000000     812 kubelet_node_status.go:107] \
                     \"Unable to register node with API server\" err=\"Unauthorized\" node=\"ip-10-88-0-11\"\n";

/// The log, and the texts that a peer searches for in it.
pub(super) struct Log {
    _directory: TempDir,
    lines: PathBuf,
    texts: PathBuf,
}

impl Log {
    /// Writes both.
    pub(super) fn write() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let (log, texts) = (directory.path().join("log"), directory.path().join("texts"));
        let healthy = healthy()?;
        let mut out = BufWriter::new(File::create(&log)?);
        let (mut bytes, mut round) = (0, 0_u64);
        while bytes < BYTES {
            out.write_all(healthy.as_bytes())?;
            if round.is_multiple_of(FAULT_EVERY) {
                out.write_all(FAULT.as_bytes())?;
            }
            round += 1;
            bytes += u64::try_from(healthy.len()).unwrap_or(u64::MAX);
        }
        out.flush()?;
        file::write(&texts, all_texts()).map_err(io::Error::other)?;
        Ok(Self {
            _directory: directory,
            lines: log,
            texts,
        })
    }

    /// Ours, and the peer where it is installed.
    pub(super) fn subjects(&self, nodeagent: &Path) -> Vec<Subject> {
        let mut ours = words(&["scan"]);
        ours.push(self.lines.clone().into());
        let mut subjects = vec![Subject {
            name: "nodeagent scan",
            surroundings: Vec::new(),
            program: nodeagent.to_owned(),
            arguments: ours,
            environment: Vec::new(),
        }];
        let Some(program) = setup::find("rg") else {
            progress::say(&"rg is not installed and left out: `apt-get install ripgrep`");
            return subjects;
        };
        let mut arguments = words(&["--count", "--threads=1", "--no-config", "--file"]);
        arguments.extend([self.texts.clone().into(), self.lines.clone().into()]);
        subjects.push(Subject {
            name: "rg --count",
            surroundings: Vec::new(),
            program,
            arguments,
            environment: Vec::new(),
        });
        subjects
    }
}

/// The lines as `journalctl` shows them by default.
fn healthy() -> io::Result<String> {
    let path = cluster::repository().join(HEALTHY);
    let recorded = file::read(&path).map_err(io::Error::other)?;
    let entries = recorded.lines().map(|line| journal::entry(line.as_bytes()));
    let entries: Result<Vec<_>, _> = entries.collect();
    let entries = entries.map_err(io::Error::other)?;
    let line = |entry: &Entry| {
        let (at, writer) = (entry.at.strftime("%b %e %H:%M:%S"), &entry.identifier);
        format!("{at} {HOST} {writer}[812]: {}\n", entry.message)
    };
    Ok(entries.iter().map(line).collect())
}

/// A pattern a line, each of which stands for itself alone.
fn all_texts() -> String {
    let texts: BTreeSet<&str> = rule::all()
        .flat_map(|rule| rule.detect)
        .filter_map(|detect| match detect {
            Detect::Line(pattern) => Some(pattern.literals),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    let mut patterns = String::new();
    for text in texts {
        for letter in text.chars() {
            if r"\.+*?()|[]{}^$".contains(letter) {
                patterns.push('\\');
            }
            patterns.push(letter);
        }
        patterns.push('\n');
    }
    patterns
}

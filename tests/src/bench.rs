//! Time and memory of what a node waits for, the config phase and the kubelet's token, and of a scan of a long log, beside a
//! peer where there is one.
//!
//! Each command runs against a metadata service of our own on a loopback port, in turn with its peer, so that a drift of
//! the machine's speed meets both. Medians are shown, and how often ours fits into the peer's figure beside the budget.

mod daemon;
mod measure;
mod nodeadm;
mod scan;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use thiserror::Error;
use tokio::net::TcpListener;

pub use self::daemon::DaemonError;
pub use self::measure::{MeasureError, Sample, run as measure};
use self::measure::{Subject, drop_from_page_cache};
use crate::cloud::imds::{self, FixedDirectory};
use crate::cloud::record::MachineRecord;
use crate::image::{self, ImageError};
use crate::layout::Cache;
use crate::progress;
use crate::setup;
use crate::virtual_root::Image;

const RUNS: usize = 20;

const USER_DATA: &str = "apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: bench
    apiServerEndpoint: https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    certificateAuthority: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==
    cidr: 10.100.0.0/16
  kubelet:
    flags: [--node-labels=a=b]
";

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The scene could not be set.
    #[error("preparing the measurement")]
    Prepare(#[source] io::Error),
    /// The program that measures is not built.
    #[error("finding what measures")]
    NoLab(#[source] ImageError),
    /// One of the runs.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The daemon was not measured.
    #[error("measuring the daemon")]
    Daemon(#[from] DaemonError),
}

/// Measures the daemon on a machine of a lab and prints. Needs root.
pub fn daemon(nodeagent: &Path, cache: &Cache) -> Result<(), BenchError> {
    let table = daemon::run(nodeagent, cache)?;
    io::stdout()
        .lock()
        .write_all(table.as_bytes())
        .map_err(BenchError::Prepare)
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The config phase, beside nodeadm's.
    Config,
    /// A token, beside aws-iam-authenticator's.
    Token,
    /// A scan of a long log, beside `rg -c`.
    Scan,
    /// The daemon on a machine of a lab, idle and flooded.
    Daemon,
}

/// Commands that are measured in turn: ours, then its peer if there is one.
struct Group {
    title: &'static str,
    /// Set for a machine that boots for the first time: the programs are dropped from the page cache before each run, and
    /// this directory is made as the image leaves it. The peer writes its files anew each time anyway.
    first_boot: Option<PathBuf>,
    subjects: Vec<Subject>,
    budget: Budget,
}

/// How many times less than its peer ours is to take.
#[derive(Clone, Copy)]
struct Budget {
    wall: f64,
    cpu: f64,
    peak: f64,
}

const CONFIG_BUDGET: Budget = Budget {
    wall: 4.0,
    cpu: 5.0,
    peak: 4.0,
};
const TOKEN_BUDGET: Budget = Budget {
    wall: 5.0,
    cpu: 5.0,
    peak: 1.0,
};

const SCAN_BUDGET: Budget = Budget {
    wall: 1.0,
    cpu: 1.0,
    peak: 1.0,
};

/// Where the commands find what they need.
struct Scene<'a> {
    nodeagent: &'a Path,
    /// May hold `nodeadm` and `aws-iam-authenticator`.
    peers: &'a Path,
    endpoint: String,
    root: &'a Path,
    peer_root: &'a Path,
}

/// Measures these parts, all but the daemon, and prints. `peers` is a directory that may hold `nodeadm` and
/// `aws-iam-authenticator`.
pub async fn run(nodeagent: &Path, peers: &Path, parts: &[Part]) -> Result<(), BenchError> {
    let lab = image::program("lab").map_err(BenchError::NoLab)?;
    let record = MachineRecord {
        user_data: Some(STANDARD.encode(USER_DATA)),
        ..MachineRecord::typical()
    };
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(BenchError::Prepare)?;
    let address = listener.local_addr().map_err(BenchError::Prepare)?;
    let service = tokio::spawn(imds::serve(listener, FixedDirectory::new(record)));
    let root = tempfile::tempdir().map_err(BenchError::Prepare)?;
    new_machine(root.path()).map_err(BenchError::Prepare)?;
    let peer_root = tempfile::tempdir().map_err(BenchError::Prepare)?;
    let systemd = nodeadm::prepare(peer_root.path()).map_err(BenchError::Prepare)?;
    let greeter = tokio::spawn(nodeadm::greet_all(systemd));
    let scene = Scene {
        nodeagent,
        peers,
        endpoint: format!("http://{address}"),
        root: root.path(),
        peer_root: peer_root.path(),
    };
    let mut report = format!(
        "{:<34}{:>14}{:>14}{:>14}{:>14}\n",
        format!("median of {RUNS}"),
        "wall ms",
        "cpu ms",
        "peak MiB",
        "major faults"
    );
    for part in parts {
        // Held until it is measured: a log of 500 MB.
        let (_log, groups) = scene.groups(*part).map_err(BenchError::Prepare)?;
        for group in groups {
            report.push_str(&group.run(&lab).await?);
        }
    }
    service.abort();
    greeter.abort();
    io::stdout()
        .lock()
        .write_all(report.as_bytes())
        .map_err(BenchError::Prepare)
}

impl Scene<'_> {
    fn groups(&self, part: Part) -> io::Result<(Option<scan::Log>, Vec<Group>)> {
        let group = |title, first_boot, subjects: Vec<Subject>, budget| Group {
            title,
            first_boot,
            subjects,
            budget,
        };
        let groups = match part {
            Part::Config => vec![
                group(
                    "config phase, again",
                    None,
                    self.config_phases(),
                    CONFIG_BUDGET,
                ),
                group(
                    "config phase, first boot, program not in memory",
                    Some(self.root.to_owned()),
                    self.config_phases(),
                    CONFIG_BUDGET,
                ),
            ],
            Part::Token => vec![group("token", None, self.tokens(), TOKEN_BUDGET)],
            Part::Scan => {
                let log = scan::Log::write()?;
                let subjects = log.subjects(self.nodeagent);
                let title = "scan of a log of 500 MB, all rules";
                let scan = group(title, None, subjects, SCAN_BUDGET);
                return Ok((Some(log), vec![scan]));
            }
            Part::Daemon => Vec::new(),
        };
        Ok((None, groups))
    }

    fn config_phases(&self) -> Vec<Subject> {
        let metadata = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.endpoint.clone());
        let mut arguments = words(&["init", "--skip", "run", "--skip", "join", "--root"]);
        arguments.push(self.root.into());
        let mut subjects = vec![Subject {
            name: "nodeagent init",
            surroundings: Vec::new(),
            program: self.nodeagent.to_owned(),
            arguments,
            environment: vec![metadata.clone()],
        }];
        let program = self.peers.join("nodeadm");
        if !program.exists() {
            return subjects;
        }
        if setup::is_root() {
            subjects.push(Subject {
                name: "nodeadm init",
                surroundings: nodeadm::surroundings(self.peer_root),
                program,
                arguments: words(&["init", "--skip", "run"]),
                environment: vec![
                    metadata,
                    ("PATH", nodeadm::path(self.peer_root)),
                    // It asks them whether it is root.
                    ("USER", "root".to_owned()),
                    ("HOME", "/root".to_owned()),
                ],
            });
        } else {
            progress::say(&"nodeadm needs root and a mount namespace: it is left out");
        }
        subjects
    }

    fn tokens(&self) -> Vec<Subject> {
        let mut subjects = vec![Subject {
            name: "nodeagent token",
            surroundings: Vec::new(),
            program: self.nodeagent.to_owned(),
            arguments: words(&["token", "--cluster-name", "bench", "--region", "us-west-2"]),
            environment: vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.endpoint.clone())],
        }];
        let program = self.peers.join("aws-iam-authenticator");
        if program.exists() {
            subjects.push(Subject {
                name: "aws-iam-authenticator token",
                surroundings: Vec::new(),
                program,
                arguments: words(&["token", "-i", "bench", "--region", "us-west-2"]),
                // It signs offline as well; keys from the environment spare it the metadata service.
                environment: vec![
                    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
                    (
                        "AWS_SECRET_ACCESS_KEY",
                        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
                    ),
                ],
            });
        }
        subjects
    }
}

/// Makes a directory what an image is before its first boot.
fn new_machine(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        fs::remove_dir_all(entry?.path())?;
    }
    Image::default().write(root)
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

impl Group {
    /// Measures the group; returns its part of the report.
    async fn run(&self, lab: &Path) -> Result<String, BenchError> {
        let mut samples = vec![Vec::with_capacity(RUNS); self.subjects.len()];
        // The first round warms caches and is not counted.
        for round in 0..=RUNS {
            for (subject, samples) in self.subjects.iter().zip(&mut samples) {
                if let Some(root) = &self.first_boot {
                    new_machine(root).map_err(BenchError::Prepare)?;
                    drop_from_page_cache(&subject.program).map_err(BenchError::Prepare)?;
                }
                let sample = subject.measure(lab).await?;
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        let medians: Vec<Figures> = samples.iter().map(|samples| Figures::of(samples)).collect();
        let mut report = format!("{}\n", self.title);
        for (subject, median) in self.subjects.iter().zip(&medians) {
            report.push_str(&median.row(subject.name));
        }
        if let [ours, peer] = medians.as_slice() {
            report.push_str(&ours.ratio(peer, self.budget));
        }
        if self.first_boot.is_some() && medians.iter().any(|median| median.major_faults == 0.0) {
            report.push_str("  not cold: this file system keeps a program in memory\n");
        }
        Ok(report)
    }
}

/// Medians.
#[derive(Clone, Copy, Debug)]
struct Figures {
    wall_milliseconds: f64,
    cpu_milliseconds: f64,
    peak_mebibytes: f64,
    major_faults: f64,
}

impl Figures {
    fn of(samples: &[Sample]) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^52 µs are a century and 2^52 KiB no machine has"
        )]
        let of = |figure: fn(&Sample) -> u64, unit: f64| {
            median(samples.iter().map(|sample| figure(sample) as f64 / unit))
        };
        Self {
            wall_milliseconds: of(|sample| sample.wall_microseconds, 1000.0),
            cpu_milliseconds: of(|sample| sample.cpu_microseconds, 1000.0),
            peak_mebibytes: of(|sample| sample.peak_kibibytes, 1024.0),
            major_faults: of(|sample| sample.major_faults, 1.0),
        }
    }

    fn row(&self, name: &str) -> String {
        format!(
            "  {name:<32}{:>14.1}{:>14.1}{:>14.1}{:>14.0}\n",
            self.wall_milliseconds, self.cpu_milliseconds, self.peak_mebibytes, self.major_faults
        )
    }

    /// How often ours fits into the peer's, and how often it should.
    fn ratio(&self, peer: &Self, budget: Budget) -> String {
        let cell = |ours: f64, peer: f64, budget: f64| format!("{:.1}x ({budget}x)", peer / ours);
        let mut line = format!("  {:<32}", "times less than the peer (budget)");
        for cell in [
            cell(self.wall_milliseconds, peer.wall_milliseconds, budget.wall),
            cell(self.cpu_milliseconds, peer.cpu_milliseconds, budget.cpu),
            cell(self.peak_mebibytes, peer.peak_mebibytes, budget.peak),
        ] {
            write!(line, "{cell:>14}").unwrap_or_default();
        }
        line.push('\n');
        line
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_ratio_says_how_often_ours_fits_into_the_peers_figure() {
        let of = |figure| Figures {
            wall_milliseconds: figure,
            cpu_milliseconds: figure,
            peak_mebibytes: figure,
            major_faults: 0.0,
        };
        let line = of(2.0).ratio(&of(9.0), CONFIG_BUDGET);
        assert!(
            line.contains("4.5x (4x)") && line.contains("4.5x (5x)"),
            "{line}"
        );
    }
}

//! Time and memory of what a node waits for: the config phase and the kubelet's token, beside a peer where the lab has one.
//!
//! Each command runs against a metadata service of our own on a loopback port, in turn with its peer, so that a drift of
//! the machine's speed meets both. Figures are the kernel's own accounting of each finished process; medians are shown.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::Instant;
use wait4::Wait4 as _;

use crate::cloud::imds::{self, FixedDirectory};
use crate::cloud::record::MachineRecord;
use crate::virtual_root;

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
    /// A command does not start.
    #[error("running `{}`", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A command that should succeed does not.
    #[error("`{}` ended with {status}", program.display())]
    Status {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

/// One command to measure.
struct Subject {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, String)>,
}

/// What one run took.
#[derive(Clone, Copy, Debug)]
struct Sample {
    wall: Duration,
    cpu: Duration,
    peak_kibibytes: u64,
}

/// Measures and prints. `peers` is a directory that may hold `aws-iam-authenticator`.
pub async fn run(nodeagent: &Path, peers: &Path) -> Result<(), BenchError> {
    let record = MachineRecord {
        user_data: Some(STANDARD.encode(USER_DATA)),
        ..MachineRecord::typical()
    };
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(BenchError::Prepare)?;
    let endpoint = format!(
        "http://{}",
        listener.local_addr().map_err(BenchError::Prepare)?
    );
    let service = tokio::spawn(imds::serve(listener, FixedDirectory::new(record)));
    let root = tempfile::tempdir().map_err(BenchError::Prepare)?;
    virtual_root::prepare(root.path()).map_err(BenchError::Prepare)?;

    let mut report = format!(
        "{:<34}{:>12}{:>12}{:>12}\n",
        format!("median of {RUNS}"),
        "wall ms",
        "cpu ms",
        "peak MiB"
    );
    for group in groups(nodeagent, peers, root.path(), &endpoint) {
        let mut samples = vec![Vec::with_capacity(RUNS); group.len()];
        // The first round warms caches and is not counted.
        for round in 0..=RUNS {
            for (subject, samples) in group.iter().zip(&mut samples) {
                let sample = measure(subject).await?;
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        for (subject, samples) in group.iter().zip(&samples) {
            report.push_str(&row(subject.name, samples));
        }
    }
    service.abort();
    io::stdout()
        .lock()
        .write_all(report.as_bytes())
        .map_err(BenchError::Prepare)
}

/// Commands that are measured in turn.
fn groups(nodeagent: &Path, peers: &Path, root: &Path, endpoint: &str) -> Vec<Vec<Subject>> {
    let nodeagent = nodeagent.to_owned();
    let imds = vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.to_owned())];
    let config = Subject {
        name: "nodeagent init, config phase",
        program: nodeagent.clone(),
        arguments: ["init", "--skip", "run", "--skip", "join", "--root"]
            .into_iter()
            .map(OsString::from)
            .chain([root.as_os_str().to_owned()])
            .collect(),
        environment: imds.clone(),
    };
    let arguments = |arguments: &[&str]| arguments.iter().map(OsString::from).collect();
    let mut tokens = vec![Subject {
        name: "nodeagent token",
        program: nodeagent,
        arguments: arguments(&["token", "--cluster-name", "bench", "--region", "us-west-2"]),
        environment: imds,
    }];
    let peer = peers.join("aws-iam-authenticator");
    if peer.exists() {
        tokens.push(Subject {
            name: "aws-iam-authenticator token",
            program: peer,
            arguments: arguments(&["token", "-i", "bench", "--region", "us-west-2"]),
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
    vec![vec![config], tokens]
}

async fn measure(subject: &Subject) -> Result<Sample, BenchError> {
    let mut command = Command::new(&subject.program);
    command
        .args(&subject.arguments)
        .env_clear()
        .envs(
            subject
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let failed = |source| BenchError::Run {
        program: subject.program.clone(),
        source,
    };
    let start = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    // The metadata service runs on this thread, so the wait must not hold it.
    let waited = tokio::task::spawn_blocking(move || child.wait4())
        .await
        .map_err(|error| failed(error.into()))?;
    let ended = waited.map_err(failed)?;
    if !ended.status.success() {
        return Err(BenchError::Status {
            program: subject.program.clone(),
            status: ended.status,
        });
    }
    Ok(Sample {
        wall: start.elapsed(),
        cpu: ended.rusage.utime + ended.rusage.stime,
        peak_kibibytes: ended.rusage.maxrss / 1024,
    })
}

fn row(name: &str, samples: &[Sample]) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let wall = median(samples.iter().map(|sample| milliseconds(sample.wall)));
    let cpu = median(samples.iter().map(|sample| milliseconds(sample.cpu)));
    #[expect(
        clippy::cast_precision_loss,
        reason = "a process of 2^52 KiB cannot run"
    )]
    let peak = median(
        samples
            .iter()
            .map(|sample| sample.peak_kibibytes as f64 / 1024.0),
    );
    format!("{name:<34}{wall:>12.1}{cpu:>12.1}{peak:>12.1}\n")
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
}

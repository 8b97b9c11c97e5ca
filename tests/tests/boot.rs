//! The config phase against a virtual root and services of our own: no root, no network, no lab.
//!
//! The program is the real one and gets nothing that a node lacks: `--root` names the file system, and
//! `AWS_EC2_METADATA_SERVICE_ENDPOINT` and `AWS_ENDPOINT_URL` are variables that nodeadm honours too.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of a test are test code too"
)]

#[path = "boot/case.rs"]
mod case;
#[path = "boot/cases.rs"]
mod cases;
#[path = "boot/ec2.rs"]
mod ec2;
#[path = "boot/expect.rs"]
mod expect;
#[path = "boot/herd.rs"]
mod herd;
#[path = "boot/killed.rs"]
mod killed;
#[path = "boot/machine.rs"]
mod machine;

/// The list of the files that the agent wrote. It says what a run meant to do, so its content differs on the way.
const LEDGER: &str = "var/lib/nodeagent/ledger.json";

//! The config phase against a virtual root and a metadata service of our own: no root, no network, no lab.
//!
//! The program is the real one and gets nothing that a node lacks: `--root` names the file system, and
//! `AWS_EC2_METADATA_SERVICE_ENDPOINT`, `CPU_DIR` and `NODE_DIR` are variables that nodeadm honours too.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test are test code too"
)]

#[path = "boot/bad_input.rs"]
mod bad_input;
#[path = "boot/cases.rs"]
mod cases;
#[path = "boot/killed.rs"]
mod killed;
#[path = "boot/machine.rs"]
mod machine;

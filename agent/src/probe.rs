//! Active checks, one file each: look at one thing, and say which finding that is.
//!
//! Each looks through the ports in `host`, within [`DEADLINE`], and hands what it saw to a pure function `judge`. The
//! ladder of the join phase climbs them in order; none changes anything on the node or in the cluster. Those that are
//! looked at again for the whole life of the node tell a [`reading`] of each object.

pub mod allowance;
pub mod auto_scaling;
pub mod certificate;
pub mod clock;
pub mod cluster;
pub mod conntrack;
pub mod container_runtime;
pub mod crash;
pub mod credential;
pub mod endpoint;
pub mod forwarding;
pub mod healthz;
pub mod identity;
pub mod interface;
pub mod ipamd;
pub mod kernel_setting;
pub mod kubeconfig;
pub mod kubelet;
pub mod kubelet_config;
pub mod limits;
pub mod maintenance;
pub mod name;
pub mod pod_rule;
pub mod pressure;
pub mod private_name;
pub mod program;
pub mod read_only;
pub mod reading;
pub mod registration;
pub mod role;
pub mod serving_certificate;
pub mod space;
pub mod spot;
pub mod ssm;
pub mod storage;
pub mod swap;
pub mod synchronization;
pub mod version;
pub mod watches;

use std::time::Duration;

use node::finding::Finding;

use crate::host::connect::Patience;

/// No single look takes longer.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The way to the API server is given up a little before its TLS is, so that the two are told apart.
pub const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(4),
    secure: DEADLINE,
};

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Passed,
    /// This is wrong.
    Fault(Fault),
    /// Nothing is known: why not.
    CannotTell(String),
}

/// A finding that a check makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The entry of the catalogue.
    pub finding: &'static Finding,
    /// What was seen; the plainest line last.
    pub evidence: Vec<String>,
}

impl Outcome {
    /// This finding, seen by this one line.
    fn fault(finding: &'static Finding, evidence: impl Into<String>) -> Self {
        Self::Fault(Fault {
            finding,
            evidence: vec![evidence.into()],
        })
    }
}

#[cfg(test)]
impl Outcome {
    /// Code and last line of a fault.
    fn told(&self) -> (&str, &str) {
        match self {
            Self::Fault(fault) => (
                fault.finding.code,
                fault.evidence.last().map_or("", String::as_str),
            ),
            Self::Passed => ("passed", ""),
            Self::CannotTell(why) => ("cannot tell", why),
        }
    }
}

//! What a row of the matrix is made of, and how its fault is made.

use std::{path::Path, process::Command, time::Duration};

use lab::{
    cloud::{
        gateway::{Reason, Refused},
        imds,
        record::MachineRecord,
    },
    cluster::Cluster,
    file,
    lifecycle::Lab,
    machine::Wanted,
    network::{self, Block},
    process,
};
use node::wire::{Outcome, Verdict};
use serde_json::{Value, json};

/// What stands in the user data of every machine and may be said nowhere.
pub(super) const CANARY: &str = "canary-93e1f0c5aa";

/// One fault and what must come of it.
pub(super) struct Row {
    /// The fault, for people; also the row's name.
    pub(super) fault: &'static str,
    pub(super) wanted: Wanted,
    pub(super) changes: Vec<Change>,
    pub(super) end: End,
    /// Code of the root cause; none where nothing remains to be said.
    pub(super) code: Option<&'static str>,
    pub(super) deadline: Duration,
}

/// How far the machine comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The boot has ended without a Node.
    Failed,
    /// It goes on, and says meanwhile what is in its way.
    Waiting,
    Registered,
    Joined,
}

impl End {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Registered => "registered",
            Self::Joined => "joined",
        }
    }

    pub(super) fn is(self, verdict: &Verdict) -> bool {
        let (outcome, provisional) = match self {
            Self::Failed => (Outcome::Failed, Some(false)),
            Self::Waiting => (Outcome::Running, Some(true)),
            Self::Registered => (Outcome::Registered, None),
            Self::Joined => (Outcome::Joined, Some(false)),
        };
        verdict.outcome == outcome
            && provisional.is_none_or(|provisional| verdict.provisional == provisional)
    }
}

/// What is done before the machine's first boot.
pub(super) enum Change {
    /// The metadata service does this to requests whose path begins so.
    Imds {
        path: &'static str,
        method: Option<&'static str>,
        times: Option<u64>,
        effect: imds::Effect,
    },
    /// EC2 knows something else of the instance.
    Record(fn(&mut MachineRecord)),
    /// A file of the image is not there.
    Missing(&'static str),
    /// A file of the machine's own is not there.
    Removed(&'static str),
    /// The machine knows one more host.
    Host(&'static str),
    /// TCP connections to a port do not come about.
    Blocked(u16, Block),
    /// EC2 refuses `DescribeInstances` to the machine's role, so often.
    Ec2(Reason, Option<u64>),
    /// `aws-auth` has the machine's role under this path, with this user name and these groups.
    AwsAuth {
        path: &'static str,
        username: &'static str,
        groups: &'static [&'static str],
    },
}

/// What EKS writes into `aws-auth` for a node role.
pub(super) const NODE_USERNAME: &str = "system:node:{{EC2PrivateDNSName}}";
pub(super) const NODE_GROUPS: &[&str] = &["system:bootstrappers", "system:nodes"];

impl Row {
    /// Calls that the gateway refuses for this row.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Refused> {
        self.changes.iter().filter_map(|change| match change {
            Change::Ec2(reason, times) => Some(Refused {
                role: self.wanted.role.clone(),
                action: "ec2:DescribeInstances".to_owned(),
                times: *times,
                reason: *reason,
            }),
            _ => None,
        })
    }

    /// Entries of `aws-auth` for this row.
    pub(super) fn role_mappings(&self) -> impl Iterator<Item = Value> {
        self.changes.iter().filter_map(|change| match change {
            Change::AwsAuth {
                path,
                username,
                groups,
            } => Some(json!({
                "rolearn": Cluster::role_arn(&format!("{path}{}", self.wanted.role)),
                "username": username,
                "groups": groups,
            })),
            _ => None,
        })
    }

    /// Makes the fault for a machine that does not run yet.
    pub(super) fn break_it(&self, lab: &Lab, record: &mut MachineRecord) {
        let layer = lab.machine_layer(record);
        let mut faults = Vec::new();
        for change in &self.changes {
            match change {
                Change::Imds {
                    path,
                    method,
                    times,
                    effect,
                } => faults.push(imds::Fault {
                    path: (*path).to_owned(),
                    method: method.map(str::to_owned),
                    times: *times,
                    effect: *effect,
                }),
                Change::Record(edit) => edit(record),
                Change::Missing(path) => white_out(&layer.join(path)),
                Change::Removed(path) => file::remove(&layer.join(path)).unwrap(),
                Change::Host(line) => {
                    let hosts = layer.join("etc/hosts");
                    let known = file::read(&hosts).unwrap();
                    file::write(&hosts, known + line).unwrap();
                }
                Change::Blocked(port, block) => {
                    let namespace = lab.layout.network_namespace();
                    network::block(&namespace, record.private_ip, *port, *block).unwrap();
                }
                Change::Ec2(..) | Change::AwsAuth { .. } => {}
            }
        }
        if !faults.is_empty() {
            let faults = imds::Faults { faults };
            faults
                .write(&lab.layout.run(), &record.instance_id)
                .unwrap();
        }
    }
}

/// Hides a file of a lower layer in overlayfs' own way.
fn white_out(path: &Path) {
    file::create_directory(path.parent().unwrap()).unwrap();
    process::run(Command::new("mknod").arg(path).args(["c", "0", "0"])).unwrap();
}

//! What a row of the matrix is made of, and how its fault is made.

use std::{net::Ipv4Addr, path::Path, process::Command, time::Duration};

use super::{lift::Lift, object};
use lab::{
    cloud::{
        approver,
        gateway::{Reason, Refused},
        imds,
        record::MachineRecord,
    },
    cluster::Cluster,
    file,
    lifecycle::Lab,
    machine::Wanted,
    network::{self, Block},
    process, setup,
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
    /// Code of a finding that the daemon has open: what does not keep the node from joining stands in no verdict.
    pub(super) finding: Option<&'static str>,
    pub(super) deadline: Duration,
    /// What takes the fault away while the machine runs; the node then joins without help.
    pub(super) lift: Option<Lift>,
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
    /// TCP connections to a port of this address do not come about.
    BlockedAt(Ipv4Addr, u16, Block),
    /// Packets from a port to the machine that are longer than so many bytes disappear.
    Short(u16, u16),
    /// EC2 refuses `DescribeInstances` to the machine's role, so often.
    Ec2(Reason, Option<u64>),
    /// This host of AWS has another address for the machine.
    Moved(&'static str, &'static str),
    /// A unit of the image is masked.
    Masked(&'static str),
    /// AWS refuses this IAM action to the machine's role.
    Aws(&'static str, Reason),
    /// The metadata service hands out credentials whose time is over.
    ExpiredCredentials,
    /// There is a Node of the machine's name already, with this provider id.
    Node(&'static str),
    /// A policy of the cluster's admission keeps the machine's Node out.
    NodePolicy,
    /// Nobody approves the kubelet's request for a serving certificate.
    Unapproved,
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
            Change::Aws(action, reason) => Some(Refused {
                role: self.wanted.role.clone(),
                action: (*action).to_owned(),
                times: None,
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
                Change::BlockedAt(to, port, block) => {
                    let namespace = lab.layout.network_namespace();
                    network::block_to(&namespace, record.private_ip, *to, *port, *block).unwrap();
                }
                Change::Short(port, bytes) => {
                    let namespace = lab.layout.network_namespace();
                    let root = setup::root_path(lab.layout.cache(), setup::Root::Plain);
                    let to = record.private_ip;
                    network::drop_large(&namespace, &root, to, *port, *bytes).unwrap();
                }
                Change::ExpiredCredentials => object::expire_credentials(lab, record),
                Change::Node(provider_id) => object::create_node(lab, record, provider_id),
                Change::NodePolicy => object::forbid_node(lab, record),
                Change::Unapproved => {
                    approver::leave_alone(&lab.layout.run(), &record.local_hostname).unwrap();
                }
                Change::Moved(host, address) => {
                    let hosts = layer.join("etc/hosts");
                    let known = file::read(&hosts).unwrap();
                    let line = format!("{} {host}.", network::GATEWAY);
                    assert!(known.contains(&line), "{known}");
                    let moved = known.replace(&line, &format!("{address} {host}."));
                    file::write(&hosts, moved).unwrap();
                }
                Change::Masked(unit) => {
                    let unit = layer.join("etc/systemd/system").join(unit);
                    file::symlink(Path::new("/dev/null"), &unit).unwrap();
                }
                Change::Ec2(..) | Change::Aws(..) | Change::AwsAuth { .. } => {}
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

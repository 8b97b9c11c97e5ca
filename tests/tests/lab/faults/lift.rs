//! How a fault is taken away from a machine that runs, as an administrator or the passage of time would.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use lab::{
    cloud::record::{self, MachineRecord},
    cluster::Cluster,
    control_plane,
    lifecycle::Lab,
    network::{self, Block},
    setup,
};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

use super::row::{NODE_GROUPS, NODE_USERNAME};
use super::server;

/// Two rows at once would lose the changes of one.
static AWS_AUTH: Mutex<()> = Mutex::new(());

/// What takes a fault away.
pub(super) enum Lift {
    /// `aws-auth` gets the entry that EKS writes for a node role, in the place of the machine's own.
    AwsAuth,
    /// TCP connections to a port come about again.
    Unblocked(u16, Block),
    /// Packets from a port that are longer than so many bytes arrive again.
    Long(u16, u16),
    /// EC2 gives the instance a role.
    Role(&'static str),
    /// The proxy comes up.
    Proxy,
    /// A shell script in the machine.
    Inside(&'static str),
}

impl Lift {
    pub(super) fn run(&self, lab: &Lab, record: &MachineRecord, role: &str) {
        match self {
            Self::AwsAuth => map(lab, role),
            Self::Unblocked(port, block) => {
                let namespace = lab.layout.network_namespace();
                network::unblock(&namespace, record.private_ip, *port, *block).unwrap();
            }
            Self::Long(port, bytes) => {
                let namespace = lab.layout.network_namespace();
                let root = setup::root_path(lab.layout.cache(), setup::Root::Plain);
                let to = record.private_ip;
                network::pass_large(&namespace, &root, to, *port, *bytes).unwrap();
            }
            Self::Role(role) => {
                let mut record = record.clone();
                record.role = Some((*role).to_owned());
                record.instance_profile.clone_from(&record.role);
                record.metadata.clear();
                record::write(&lab.layout.run(), &record).unwrap();
            }
            Self::Proxy => server::LATE_PROXY.notify_one(),
            Self::Inside(script) => {
                let mut command = lab.enter(record).unwrap();
                let output = command.args(["sh", "-ec", script]).output().unwrap();
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{script}: {error}");
            }
        }
    }
}

fn map(lab: &Lab, role: &str) {
    let _held = AWS_AUTH.lock().unwrap_or_else(PoisonError::into_inner);
    let arn = Cluster::role_arn(role);
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let maps: Api<ConfigMap> = Api::namespaced(client, "kube-system");
        let mut map = maps.get("aws-auth").await.unwrap();
        let data = map.data.as_mut().unwrap();
        let mut roles: Vec<Value> = serde_json::from_str(&data["mapRoles"]).unwrap();
        roles.retain(|entry| {
            let entry = entry["rolearn"].as_str().unwrap();
            !entry.ends_with(&format!("/{role}"))
        });
        roles.push(json!({"rolearn": arn, "username": NODE_USERNAME, "groups": NODE_GROUPS}));
        data.insert("mapRoles".to_owned(), Value::from(roles).to_string());
        maps.replace("aws-auth", &PostParams::default(), &map)
            .await
            .unwrap();
    })
    .unwrap();
}

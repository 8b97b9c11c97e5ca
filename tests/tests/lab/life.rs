//! A node after it has joined: its conditions and events in front of a real API server, what its commands say of it, and
//! that all of it is taken back.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};
use lab::{
    cloud::record::{self, MachineRecord},
    control_plane,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    setup,
};

use super::{
    DEADLINE, layout,
    look::{status, until},
    option::{ask, says},
    user_data,
};

pub(super) const OWN: [&str; 4] = [
    "nodectl.dev/ContainerRuntime",
    "nodectl.dev/Kernel",
    "nodectl.dev/Networking",
    "nodectl.dev/Storage",
];
const EKS: [&str; 4] = [
    "ContainerRuntimeReady",
    "KernelReady",
    "NetworkingReady",
    "StorageReady",
];
const SPOT: &str = "spot/instance-action";

#[test]
fn a_node_says_what_becomes_of_it_and_takes_it_back() {
    let Some((cache, layout)) = layout("life") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let add = |name: &str, settings: Option<&str>| {
        let path = "etc/nodeagent/config.d/report.yaml";
        let wanted = Wanted {
            user_data: user_data(name),
            files: settings
                .map(|settings| (path, settings.to_owned()))
                .into_iter()
                .collect(),
            ..Wanted::default()
        };
        let record = lab.add_machine(&wanted).unwrap();
        lab.wait_ready(&record, DEADLINE).unwrap();
        record
    };
    let own = add("eks-managed", None);
    let eks = add(
        "eks-managed",
        Some(
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {report: {conditions: eks}}\n",
        ),
    );
    wait_conditions(&lab, &own, &OWN, "True", "NoFatalFinding");
    wait_conditions(&lab, &eks, &EKS, "True", "NothingToRepair");
    diagnoses(&lab, &own, 0);

    a_runtime_that_stops_is_told_and_taken_back(&lab, &own);
    a_spot_interruption_is_told_within_seconds(&lab, &own);
    for (record, types) in [(&own, OWN), (&eks, EKS)] {
        says(&lab, record, &["systemctl", "stop", "nodeagent"]);
        wait_conditions(&lab, record, &types, "Unknown", "AgentStopped");
    }
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn a_runtime_that_stops_is_told_and_taken_back(lab: &Lab, record: &MachineRecord) {
    // The kubelet wants containerd: whoever stops one stops the other, unless it cannot come back.
    says(
        lab,
        record,
        &["systemctl", "mask", "--runtime", "containerd"],
    );
    says(lab, record, &["systemctl", "stop", "containerd"]);
    until(lab, "a runtime that is not healthy", || {
        let conditions = conditions(lab, record);
        let status = conditions.get(OWN[0]).map(|(status, _)| status.as_str());
        (status == Some("False"))
            .then_some(())
            .ok_or_else(|| format!("{conditions:?}"))
    });
    let (_, reason) = conditions(lab, record).remove(OWN[0]).unwrap();
    println!("containerd stopped: {} is False, {reason}", OWN[0]);
    until(lab, "an event of it", || {
        let events = events(lab, record);
        let is_there = events
            .iter()
            .any(|(name, kind)| *name == reason && kind == "Warning");
        is_there.then_some(()).ok_or_else(|| format!("{events:?}"))
    });
    diagnoses(lab, record, 3);

    says(
        lab,
        record,
        &["systemctl", "unmask", "--runtime", "containerd"],
    );
    says(
        lab,
        record,
        &["systemctl", "start", "containerd", "kubelet"],
    );
    wait_conditions(lab, record, &OWN, "True", "NoFatalFinding");
    lab.wait_ready(record, DEADLINE).unwrap();
}

fn a_spot_interruption_is_told_within_seconds(lab: &Lab, record: &MachineRecord) {
    let mut announced = record.clone();
    let notice = r#"{"action": "terminate", "time": "2026-01-02T03:04:05Z"}"#;
    announced
        .metadata
        .insert(SPOT.to_owned(), notice.to_owned());
    record::write(&lab.layout.run(), &announced).unwrap();
    let began = std::time::Instant::now();
    until(lab, "the interruption", || {
        let status = status(lab, record)?;
        let mut open = status.findings.iter();
        open.any(|finding| finding.code == "aws.spot_interruption")
            .then_some(())
            .ok_or_else(|| format!("{:?}", status.findings))
    });
    println!(
        "spot interruption told after {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// `nodeagent diagnose` ends so, and says why.
pub(super) fn diagnoses(lab: &Lab, record: &MachineRecord, code: i32) {
    let output = ask(lab, record, &["nodeagent", "diagnose"]);
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

pub(super) fn wait_conditions(
    lab: &Lab,
    record: &MachineRecord,
    types: &[&str],
    status: &str,
    reason: &str,
) {
    until(lab, &format!("{types:?} to be {status}"), || {
        let conditions = conditions(lab, record);
        let wanted = (status.to_owned(), reason.to_owned());
        types
            .iter()
            .all(|name| conditions.get(*name) == Some(&wanted))
            .then_some(())
            .ok_or_else(|| format!("{conditions:?}"))
    });
}

/// Status and reason of each condition of the machine's Node.
pub(super) fn conditions(lab: &Lab, record: &MachineRecord) -> BTreeMap<String, (String, String)> {
    let node = lab.node(record).unwrap().unwrap();
    let conditions = node.status.unwrap().conditions.unwrap_or_default();
    conditions
        .into_iter()
        .map(|of| (of.type_, (of.status, of.reason.unwrap_or_default())))
        .collect()
}

/// Reason and type of each event about the machine's Node.
pub(super) fn events(lab: &Lab, record: &MachineRecord) -> Vec<(String, String)> {
    let about = ListParams::default().fields(&format!(
        "involvedObject.kind=Node,involvedObject.name={}",
        record.local_hostname
    ));
    let events = lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let events: Api<Event> = Api::namespaced(client, "default");
        events.list(&about).await.unwrap().items
    });
    let events = events.unwrap().into_iter();
    events
        .map(|event| {
            (
                event.reason.unwrap_or_default(),
                event.type_.unwrap_or_default(),
            )
        })
        .collect()
}

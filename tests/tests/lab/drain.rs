//! `nodectl delete` moves the pods of self-managed nodes before the nodes go: a real eviction, which a `PodDisruptionBudget`
//! holds up for as long as it is there.

use std::{ffi::OsStr, process::Output};

use k8s_openapi::api::{core::v1::Node, policy::v1::PodDisruptionBudget};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use lab::{
    cloud::record::MachineRecord,
    cluster::{self, AtStart},
    control_plane,
    guard::GuardedLab,
    lifecycle::Lab,
    setup,
};
use serde_json::json;

use super::{DEADLINE, layout, pod};

const CLUSTER: &str = "demo";
/// The pod that may not go.
const HELD: &str = "held";

#[test]
fn pods_leave_before_their_nodes_and_a_budget_holds_both() {
    let Some((cache, layout)) = layout("drain") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded_with(&layout, AtStart::Absent(CLUSTER)).unwrap();
    let document = cluster::repository().join("examples/demo/cluster.yaml");
    let document = document.to_str().unwrap();
    assert_eq!(
        exit(&nodectl(&lab, &["apply", "--file", document, "--yes"])),
        0
    );
    let record = of_group(&lab, "small");
    lab.wait_ready(&record, DEADLINE).unwrap();
    pod::run(&lab, &record, HELD);
    pod::run(&lab, &record, "free");
    budget(&lab, async |budgets, budget| {
        budgets
            .create(&PostParams::default(), &budget)
            .await
            .map(drop)
    });

    let delete = ["delete", CLUSTER, "--yes"];
    let output = nodectl(&lab, &[&delete[..], &["--deadline", "15s"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(exit(&output), 6, "{told}");
    assert!(
        told.contains("auto-scaling-group/small was left on its way: 1 pod of 1 node has not gone yet; default/held: Cannot evict pod"),
        "{told}"
    );
    assert_eq!(pod::names(&lab), [HELD]);
    let node: Node = lab.node(&record).unwrap().unwrap();
    assert_eq!(node.spec.unwrap().unschedulable, Some(true));
    assert_eq!(of_group(&lab, "small"), record);

    budget(&lab, async |budgets, _| {
        budgets
            .delete(HELD, &DeleteParams::default())
            .await
            .map(drop)
    });
    let output = nodectl(&lab, &delete);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(exit(&output), 0, "{told}");
    assert!(
        told.contains("looked again: nothing that nodectl made for `demo` is left"),
        "{told}"
    );
    assert_eq!(GuardedLab::down(lab).unwrap(), Vec::<String>::new());
}

fn nodectl(lab: &Lab, arguments: &[&str]) -> Output {
    lab.output(OsStr::new("nodectl"), arguments).unwrap()
}

fn exit(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The only machine of a self-managed group.
fn of_group(lab: &Lab, name: &str) -> MachineRecord {
    let address = format!("auto-scaling-group/{name}");
    let is_of_group =
        |record: &MachineRecord| record.tags.get("nodectl.dev/resource") == Some(&address);
    let mut machines = lab.machines().unwrap();
    machines.retain(is_of_group);
    let [record] = machines.try_into().unwrap();
    record
}

/// Does something with the budget that allows the pod no disruption.
fn budget(
    lab: &Lab,
    act: impl AsyncFnOnce(Api<PodDisruptionBudget>, PodDisruptionBudget) -> kube::Result<()> + Send,
) {
    let budget = json!({
        "metadata": {"name": HELD},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": HELD}}},
    });
    let budget = serde_json::from_value(budget).unwrap();
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        act(Api::default_namespaced(client), budget).await.unwrap();
    })
    .unwrap();
}

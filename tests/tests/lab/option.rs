//! What a NodeConfig can ask for beyond the cluster, on real machines: parts that are merged, drop-ins, environments, name
//! resolution, containerd 2.x; what of it lasts over a second boot and what goes when it is asked for no more; and the
//! agent in the place of nodeadm.

use std::process::Output;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::DeleteParams};
use lab::{
    cloud::record::MachineRecord,
    control_plane,
    guard::GuardedLab,
    image::Features,
    lifecycle::Lab,
    machine::Wanted,
    setup,
    wait::{self, Poll},
};
use serde_json::Value;

use super::{DEADLINE, layout, pod, user_data};

/// Two parts: the cluster as a tool writes it, and what a team adds.
const TWO_PARTS: &str = "MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"B\"

--B
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: ${CLUSTER_NAME}
    apiServerEndpoint: ${API_SERVER_ENDPOINT}
    certificateAuthority: ${CERTIFICATE_AUTHORITY}
    cidr: ${SERVICE_CIDR}
  kubelet:
    config: {maxPods: 99, containerLogMaxFiles: 3}
    flags: [\"--node-labels=part=one,first=yes\"]

--B
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config: {maxPods: 17}
    flags: [\"--node-labels=part=two\"]
";
const INSTANCE: &str = "  instance:
    environment:
      default: {LAB_ALL: \"one two\"}
      kubelet: {LAB_KUBELET: \"50%\"}
      containerd: {LAB_CONTAINERD: \"a\\\"b\"}
    network:
      nameservers: [10.88.0.1]
      domains: [lab.internal]
";
const END: &str = "--B--\n";

/// A file of the image's, which the run phase reads beside the user data.
const TEAM_FILE: &str = "etc/eks/nodeadm.d/50-team.yaml";
const TEAM: &str = "apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config: {registryPullQPS: 7}
    flags: [\"--node-labels=file=yes\"]
";

/// What the user data alone decides, so that the same boot again writes the same.
const LASTING: [&str; 5] = [
    "/etc/kubernetes/kubelet/config.json",
    "/etc/kubernetes/pki/ca.crt",
    "/var/lib/kubelet/kubeconfig",
    DEFAULT_ENVIRONMENT,
    KUBELET_ENVIRONMENT,
];
const DEFAULT_ENVIRONMENT: &str = "/etc/systemd/system.conf.d/environment.conf";
const KUBELET_ENVIRONMENT: &str = "/etc/systemd/system/kubelet.service.d/environment.conf";
const DROP_IN: &str = "/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf";
const RESOLVED: &str = "/run/systemd/resolved.conf.d/40-eks.conf";

#[test]
fn machines_are_what_their_node_configs_ask_for() {
    let Some((cache, layout)) = layout("option") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();

    let asking = lab
        .add_machine(&Wanted {
            user_data: [TWO_PARTS, INSTANCE, END].concat().into_bytes(),
            files: vec![(TEAM_FILE, TEAM.to_owned())],
            ..Wanted::default()
        })
        .unwrap();
    let newer = lab
        .add_machine(&Wanted {
            user_data: user_data("eks-managed"),
            features: Features {
                containerd_2: true,
                ..Features::default()
            },
            ..Wanted::default()
        })
        .unwrap();
    let replaced = lab
        .add_machine(&Wanted {
            user_data: user_data("eks-managed"),
            features: Features {
                nodeadm: true,
                ..Features::default()
            },
            ..Wanted::default()
        })
        .unwrap();

    let node = lab.wait_ready(&asking, DEADLINE).unwrap();
    has_merged_everything(&lab, &asking, &node);
    has_its_environments(&lab, &asking);
    has_its_resolver(&lab, &asking);
    runs_a_pod(&lab, &asking);

    let node = lab.wait_ready(&newer, DEADLINE).unwrap();
    let info = node.status.unwrap().node_info.unwrap();
    assert_eq!(info.container_runtime_version, "containerd://2.1.5");
    let dump = says(&lab, &newer, &["containerd", "config", "dump"]);
    assert!(dump.contains("localhost/kubernetes/pause:latest"), "{dump}");
    runs_a_pod(&lab, &newer);

    lab.wait_ready(&replaced, DEADLINE).unwrap();
    is_nodeadm_to_all_appearances(&lab, &replaced);

    the_same_boot_again_changes_nothing(&lab, &asking);
    what_is_no_longer_asked_for_goes(&lab, asking);

    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn has_merged_everything(lab: &Lab, record: &MachineRecord, node: &Node) {
    let labels = node.metadata.labels.as_ref().unwrap();
    // Flags of all sources are kept, and of a label given twice the kubelet takes the last.
    for (key, value) in [("part", "two"), ("first", "yes"), ("file", "yes")] {
        assert_eq!(labels.get(key).map(String::as_str), Some(value), "{key}");
    }
    let capacity = node.status.as_ref().unwrap().capacity.as_ref().unwrap();
    assert_eq!(capacity["pods"].0, "17");
    let drop_in: Value = serde_json::from_str(&says(lab, record, &["cat", DROP_IN])).unwrap();
    assert_eq!(drop_in["containerLogMaxFiles"], 3, "{drop_in:#}");
    assert_eq!(drop_in["registryPullQPS"], 7, "{drop_in:#}");
}

fn has_its_environments(lab: &Lab, record: &MachineRecord) {
    let all = "LAB_ALL=one two";
    let kubelet = "LAB_KUBELET=50%";
    let containerd = "LAB_CONTAINERD=a\"b";
    for (unit, own, foreign) in [
        ("kubelet", kubelet, containerd),
        ("containerd", containerd, kubelet),
    ] {
        let show = ["systemctl", "show", "--property=MainPID", "--value", unit];
        let id = says(lab, record, &show);
        let environ = says(
            lab,
            record,
            &["cat", &format!("/proc/{}/environ", id.trim())],
        );
        let variables: Vec<&str> = environ.split('\0').collect();
        assert!(variables.contains(&all), "{unit}: {variables:?}");
        assert!(variables.contains(&own), "{unit}: {variables:?}");
        assert!(!variables.contains(&foreign), "{unit}: {variables:?}");
    }
}

fn has_its_resolver(lab: &Lab, record: &MachineRecord) {
    let status = says(lab, record, &["resolvectl", "status"]);
    assert!(
        status.contains("10.88.0.1") && status.contains("lab.internal"),
        "{status}"
    );
}

fn runs_a_pod(lab: &Lab, record: &MachineRecord) {
    let name = format!("pause-{}", record.name);
    pod::run(lab, record, &name);
    lab.inside(|| async {
        let pods = pod::pods(lab).await;
        pods.delete(&name, &DeleteParams::default()).await.unwrap();
    })
    .unwrap();
}

/// The AMI's own units called it and the kubelet came in with the token of the AWS CLI; now a person does.
fn is_nodeadm_to_all_appearances(lab: &Lab, record: &MachineRecord) {
    let kubeconfig = says(lab, record, &["cat", "/var/lib/kubelet/kubeconfig"]);
    assert!(
        kubeconfig.contains("get-token") && !kubeconfig.contains("nodeagent"),
        "{kubeconfig}"
    );
    for unit in ["nodeadm-config", "nodeadm-run", "kubelet", "containerd"] {
        let result = says(
            lab,
            record,
            &["systemctl", "show", "--property=Result", "--value", unit],
        );
        assert_eq!(result.trim(), "success", "{unit}");
    }

    let cache = "/run/eks/nodeadm/config.json";
    let source = ["--config-source", "imds://user-data"];
    let dumped = says(
        lab,
        record,
        &[&["nodeadm", "config", "dump"][..], &source].concat(),
    );
    let dumped: Value = serde_json::from_str(&dumped).unwrap();
    assert_eq!(dumped["kind"], "NodeConfig");
    assert_eq!(dumped["spec"]["cluster"]["name"], lab.cluster.name.as_str());
    let file = "/run/dumped.json";
    says(
        lab,
        record,
        &[
            "nodeadm",
            "config",
            "dump",
            "--config-cache",
            cache,
            "-o",
            file,
            "-c",
            "imds://user-data",
        ],
    );
    let kept: Value = serde_json::from_str(&says(lab, record, &["cat", file])).unwrap();
    assert_eq!(kept["spec"]["cluster"], dumped["spec"]["cluster"]);

    for good in [
        &["nodeadm", "config", "check"][..],
        &["nodeadm", "config", "check", "-c", "imds://user-data"],
        &[
            "nodeadm",
            "config",
            "check",
            "-c",
            "file:///etc/eks/nodeadm.d/",
            "--config-source=imds://user-data",
        ],
        &[
            "nodeadm",
            "--development",
            "init",
            "-s",
            "run",
            "--skip",
            "config",
        ],
        &[
            "nodeadm",
            "init",
            "--config-cache",
            cache,
            "--daemon",
            "kubelet",
            "-s",
            "run",
            "-c",
            "imds://user-data",
        ],
    ] {
        says(lab, record, good);
    }
    for bad in [
        &["nodeadm", "config", "check", "-c", "file:///nowhere"][..],
        &["nodeadm", "init", "-s", "run", "-c", "file:///nowhere"],
        &["nodeadm", "init", "--no-such-option"],
    ] {
        let ended = ask(lab, record, bad);
        assert_eq!(ended.status.code(), Some(1), "{bad:?}: {ended:?}");
    }
}

fn the_same_boot_again_changes_nothing(lab: &Lab, record: &MachineRecord) {
    let before = times(lab, record);
    lab.start_machine(record).unwrap();
    let node = wait_rejoined(lab, record);
    has_merged_everything(lab, record, &node);
    has_its_environments(lab, record);
    has_its_resolver(lab, record);
    assert_eq!(times(lab, record), before);
}

/// When each lasting file was written.
fn times(lab: &Lab, record: &MachineRecord) -> String {
    let stat = ["stat", "--format=%n %y"];
    says(lab, record, &[&stat[..], &LASTING].concat())
}

fn what_is_no_longer_asked_for_goes(lab: &Lab, mut record: MachineRecord) {
    let told = STANDARD.decode(record.user_data.unwrap()).unwrap();
    let told = String::from_utf8(told).unwrap().replace(INSTANCE, "");
    record.user_data = Some(STANDARD.encode(told));
    says(lab, &record, &["rm", &format!("/{TEAM_FILE}")]);
    lab.start_machine(&record).unwrap();
    wait_rejoined(lab, &record);
    for path in [DEFAULT_ENVIRONMENT, KUBELET_ENVIRONMENT, RESOLVED] {
        let ended = ask(lab, &record, &["test", "-e", path]);
        assert_eq!(ended.status.code(), Some(1), "{path} is still there");
    }
    let drop_in = says(lab, &record, &["cat", DROP_IN]);
    assert!(
        drop_in.contains("\"maxPods\": 17") && !drop_in.contains("registryPullQPS"),
        "{drop_in}"
    );
}

/// The machine's Node, Ready in this boot of the machine.
pub(super) fn wait_rejoined(lab: &Lab, record: &MachineRecord) -> Node {
    let boot = says(lab, record, &["cat", "/proc/sys/kernel/random/boot_id"]);
    lab.inside(|| async {
        let nodes: Api<Node> = Api::all(control_plane::client(&lab.layout).await.unwrap());
        wait::until("the kubelet of this boot", DEADLINE, async || {
            let node = nodes.get(&record.local_hostname).await.unwrap();
            let info = node.status.and_then(|status| status.node_info);
            match info {
                Some(info) if info.boot_id == boot.trim() => Poll::Ready(()),
                info => Poll::Pending(format!("{info:?}")),
            }
        })
        .await
        .unwrap();
    })
    .unwrap();
    lab.wait_ready(record, DEADLINE).unwrap()
}

pub(super) fn ask(lab: &Lab, record: &MachineRecord, program: &[&str]) -> Output {
    lab.enter(record).unwrap().args(program).output().unwrap()
}

/// What a program in the machine writes to standard output; it must succeed.
pub(super) fn says(lab: &Lab, record: &MachineRecord, program: &[&str]) -> String {
    let output = ask(lab, record, program);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program:?} of {}: {text}{}",
        record.name,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

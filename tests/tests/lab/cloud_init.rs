//! Machines that boot as Amazon Linux 2023 does, with systemd 252 and cloud-init: who runs when, what becomes of a node
//! whose user script failed, whose config unit failed once, and what the fast path gains.

use std::{path::Path, process::Command, thread, time::Duration};

use k8s_openapi::api::core::v1::Node;
use lab::{
    cloud::record::MachineRecord,
    cluster, file,
    guard::GuardedLab,
    image::Features,
    lifecycle::Lab,
    machine::Wanted,
    process, setup, verdict,
    wait::{self, Poll},
};
use node::wire::{Outcome, Verdict};

use super::{
    DEADLINE, layout,
    option::{ask, says, wait_rejoined},
};

const HEAD: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n";
const CLUSTER: &str = "--B
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: ${CLUSTER_NAME}
    apiServerEndpoint: ${API_SERVER_ENDPOINT}
    certificateAuthority: ${CERTIFICATE_AUTHORITY}
    cidr: ${SERVICE_CIDR}

";
/// A script that leaves when it ran, and whether the configuration was there and the kubelet was not.
const SCRIPT: &str = "--B
Content-Type: text/x-shellscript; charset=\"us-ascii\"

#!/bin/bash
test -e /var/lib/kubelet/kubeconfig && ! systemctl --quiet is-active kubelet && touch /var/tmp/script-ran

";
const FAILING_SCRIPT: &str = "--B
Content-Type: text/x-shellscript; charset=\"us-ascii\"

#!/bin/bash
echo canary-of-the-script; exit 7

";
const END: &str = "--B--\n";

/// Where the lab of this host tells the kubelet what it needs here, beside the user data.
const LAB_DROP_IN: &str = "etc/eks/nodeadm.d/00-lab.yaml";
const CONFIG_DROP_IN: &str = "etc/systemd/system/nodeadm-config.service.d/50-fault.conf";
/// The first try of the config unit is ended by a signal. systemd reads `$$` as `$`.
const CRASHES_ONCE: &str = "[Service]
ExecStartPre=/bin/sh -c '[ -e /run/crashed ] || { touch /run/crashed; kill -SEGV $$$$; }'
";
/// It fails until somebody has mended something.
const FAILS_UNTIL_MENDED: &str = "[Service]\nExecStartPre=/bin/sh -c '[ -e /run/mended ]'\n";

fn agent_config(spec: &str) -> String {
    format!(
        "--B\nContent-Type: application/nodectl.dev\n\napiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {{{spec}}}\n\n"
    )
}

fn wanted(parts: &[&str]) -> Wanted {
    Wanted {
        user_data: [HEAD, &parts.concat(), END].concat().into_bytes(),
        features: Features {
            cloud_init: true,
            ..Features::default()
        },
        ..Wanted::default()
    }
}

#[test]
fn nodes_boot_as_on_amazon_linux_2023() {
    let Some((cache, layout)) = layout("cloud-init") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    thread::scope(|scope| {
        let lab = &*lab;
        scope.spawn(|| a_script_and_a_node_config_share_user_data(lab));
        scope.spawn(|| failed_scripts_are_told_or_block(lab));
        scope.spawn(|| the_run_unit_recovers_when_the_config_unit_failed_once(lab));
    });
    // Alone on the host, for the figures.
    the_fast_path_starts_the_kubelet_before_cloud_init_has_ended(&lab);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn a_script_and_a_node_config_share_user_data(lab: &Lab) {
    let record = lab.add_machine(&wanted(&[SCRIPT, CLUSTER])).unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    has_joined(lab, &record, None);
    says(lab, &record, &["test", "-e", "/var/tmp/script-ran"]);
    runs_in_order(lab, &record);
    has_no_cycle(lab, &record);

    says(lab, &record, &["rm", "/var/tmp/script-ran"]);
    // Once it is told to stop, once it loses its power.
    for is_told in [true, false] {
        if is_told {
            drop(ask(lab, &record, &["systemctl", "poweroff"]));
            let has_stopped = async || match lab.machine_init(&record) {
                None => Poll::Ready(()),
                Some(_) => Poll::Pending("it runs".to_owned()),
            };
            lab.inside(|| wait::until("the machine to stop", DEADLINE, has_stopped))
                .unwrap()
                .unwrap();
        }
        lab.start_machine(&record).unwrap();
        let _: Node = wait_rejoined(lab, &record);
        has_joined(lab, &record, None);
        has_no_cycle(lab, &record);
        // cloud-init runs a script once for an instance.
        let ran = ask(lab, &record, &["test", "-e", "/var/tmp/script-ran"]);
        assert!(!ran.status.success());
    }
    lab.remove_machine(&record).unwrap();
}

/// The config phase before cloud-init's network stage, the run phase after its scripts.
fn runs_in_order(lab: &Lab, record: &MachineRecord) {
    let order = [
        ended(lab, record, "systemd-networkd-wait-online.service"),
        began(lab, record, "nodeadm-config.service"),
        ended(lab, record, "nodeadm-config.service"),
        began(lab, record, "cloud-init.service"),
        ended(lab, record, "cloud-init.service"),
        began(lab, record, "cloud-final.service"),
        ended(lab, record, "cloud-final.service"),
        began(lab, record, "nodeadm-run.service"),
        began(lab, record, "kubelet.service"),
        began(lab, record, "nodeagent-join.service"),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

fn has_no_cycle(lab: &Lab, record: &MachineRecord) {
    let journal = says(lab, record, &["journalctl", "-b", "--no-pager", "_PID=1"]);
    assert!(!journal.contains("ordering cycle"), "{journal}");
    let units = [
        "nodeadm-config.service",
        "nodeagent-early.service",
        "nodeadm-run.service",
        "nodeagent-join.service",
        "nodeagent.service",
    ];
    let verify = [&["systemd-analyze", "verify"][..], &units].concat();
    let output = ask(lab, record, &verify);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn failed_scripts_are_told_or_block(lab: &Lab) {
    let code = "bootstrap.user_script_failed";
    let told = lab
        .add_machine(&wanted(&[FAILING_SCRIPT, CLUSTER]))
        .unwrap();
    let blocking = agent_config("scriptGate: block");
    let blocked = wanted(&[FAILING_SCRIPT, CLUSTER, &blocking]);
    let blocked = lab.add_machine(&blocked).unwrap();

    lab.wait_ready(&told, DEADLINE).unwrap();
    has_joined(lab, &told, Some(code));
    let verdict = lab.wait_last_word(&blocked, DEADLINE).unwrap();
    assert_eq!(
        (verdict.outcome, verdict::code(&verdict)),
        (Outcome::Failed, Some(code)),
        "{verdict:#?}"
    );
    let evidence = verdict.root_cause.unwrap().evidence.concat();
    assert!(evidence.contains("part-001"), "{evidence}");
    assert!(lab.node(&blocked).unwrap().is_none());
    // cloud-init shows on the console what a script says; we do not repeat it.
    let journal = ["journalctl", "-b", "--no-pager", "--unit=nodeadm-run"];
    let journal = says(lab, &blocked, &journal);
    assert!(
        journal.contains(code) && !journal.contains("canary"),
        "{journal}"
    );
    for record in [told, blocked] {
        lab.remove_machine(&record).unwrap();
    }
}

fn the_run_unit_recovers_when_the_config_unit_failed_once(lab: &Lab) {
    let with = |fault: &str| Wanted {
        files: vec![(CONFIG_DROP_IN, fault.to_owned())],
        ..wanted(&[CLUSTER])
    };
    let crashing = lab.add_machine(&with(CRASHES_ONCE)).unwrap();
    let failing = lab.add_machine(&with(FAILS_UNTIL_MENDED)).unwrap();

    lab.wait_ready(&crashing, DEADLINE).unwrap();
    has_joined(lab, &crashing, None);
    let show = [
        "systemctl",
        "show",
        "--property=NRestarts",
        "nodeadm-config",
    ];
    assert_eq!(says(lab, &crashing, &show), "NRestarts=1\n");

    // systemd has given the others up.
    let waiting = ["systemctl", "is-system-running", "--wait"];
    drop(ask(lab, &failing, &waiting));
    for unit in ["nodeadm-config", "nodeadm-run", "nodeagent-join"] {
        let active = ask(lab, &failing, &["systemctl", "is-active", unit]);
        assert!(!active.status.success(), "{unit}");
    }
    says(lab, &failing, &["touch", "/run/mended"]);
    says(lab, &failing, &["systemctl", "start", "nodeadm-config"]);
    lab.wait_ready(&failing, DEADLINE).unwrap();
    has_joined(lab, &failing, None);
    for record in [crashing, failing] {
        lab.remove_machine(&record).unwrap();
    }
}

fn the_fast_path_starts_the_kubelet_before_cloud_init_has_ended(lab: &Lab) {
    // What the lab adds on some hosts is a reason to wait; in the user data it is none.
    let image = cluster::repository().join("tests/image/without-controllers");
    let of_the_lab = file::read(&image.join(LAB_DROP_IN)).unwrap();
    let of_the_lab = format!("--B\nContent-Type: application/node.eks.aws\n\n{of_the_lab}\n");
    let fast = wanted(&[CLUSTER, &of_the_lab]);
    let slow = wanted(&[CLUSTER, &of_the_lab, &agent_config("fastPath: false")]);
    let [fast, slow] = [("with", fast), ("without", slow)].map(|(how, wanted)| {
        let record = lab.create_machine(&wanted).unwrap();
        hide(&lab.machine_layer(&record).join(LAB_DROP_IN));
        lab.start_machine(&record).unwrap();
        lab.wait_ready(&record, DEADLINE).unwrap();
        has_joined(lab, &record, None);
        let times = Times::of(lab, &record);
        println!(
            "{how} the fast path: start of PID 1 (in a container, of the kernel on an instance) to Ready {:.2} s, \
             to cloud-init's network stage {:.2} s, to its end {:.2} s",
            times.ready.as_secs_f64(),
            times.network_stage.as_secs_f64(),
            times.end.as_secs_f64()
        );
        assert!(times.kubelet >= times.network_stage, "{how}");
        let starts = ["journalctl", "-b", "--no-pager", "--unit=kubelet", "--grep=^Start(ed|ing) "];
        let starts = says(lab, &record, &starts).matches("Started ").count();
        assert_eq!(starts, 1, "the kubelet was started again");
        lab.remove_machine(&record).unwrap();
        times
    });
    assert!(fast.kubelet < fast.end, "{fast:?}");
    assert!(slow.kubelet >= slow.end, "{slow:?}");
}

/// Hides a file of a lower layer in overlayfs' own way.
fn hide(path: &Path) {
    file::create_directory(path.parent().unwrap()).unwrap();
    process::run(Command::new("mknod").arg(path).args(["c", "0", "0"])).unwrap();
}

/// When things were, from the start of PID 1 on.
#[derive(Debug)]
struct Times {
    network_stage: Duration,
    kubelet: Duration,
    end: Duration,
    ready: Duration,
}

impl Times {
    fn of(lab: &Lab, record: &MachineRecord) -> Self {
        let show = [
            "systemctl",
            "show",
            "--value",
            "--property=UserspaceTimestampMonotonic",
        ];
        let start = microseconds(&says(lab, record, &show));
        let since = |at: Duration| at.saturating_sub(start);
        let line = [
            "journalctl",
            "-b",
            "--no-pager",
            "--unit=kubelet",
            "--output=json",
            "--output-fields=__MONOTONIC_TIMESTAMP",
            "--grep=Fast updating node status as it just became ready",
        ];
        let line: serde_json::Value = serde_json::from_str(&says(lab, record, &line)).unwrap();
        Self {
            network_stage: since(ended(lab, record, "cloud-init.service")),
            kubelet: since(began(lab, record, "kubelet.service")),
            end: since(ended(lab, record, "cloud-final.service")),
            ready: since(microseconds(
                line["__MONOTONIC_TIMESTAMP"].as_str().unwrap(),
            )),
        }
    }
}

fn microseconds(text: &str) -> Duration {
    Duration::from_micros(text.trim().parse().unwrap())
}

fn began(lab: &Lab, record: &MachineRecord, unit: &str) -> Duration {
    time(lab, record, unit, "InactiveExitTimestampMonotonic")
}

fn ended(lab: &Lab, record: &MachineRecord, unit: &str) -> Duration {
    time(lab, record, unit, "ActiveEnterTimestampMonotonic")
}

fn time(lab: &Lab, record: &MachineRecord, unit: &str, property: &str) -> Duration {
    let property = format!("--property={property}");
    let show = ["systemctl", "show", "--value", &property, unit];
    microseconds(&says(lab, record, &show))
}

/// The last word of this boot of the machine is that it has joined, with this code.
fn has_joined(lab: &Lab, record: &MachineRecord, code: Option<&str>) {
    let look = async || {
        let read = ask(lab, record, &["cat", "/run/nodeagent/verdict.json"]);
        match serde_json::from_slice::<Verdict>(&read.stdout) {
            Ok(verdict) if !verdict.provisional => Poll::Ready(verdict),
            Ok(verdict) => Poll::Pending(format!("{verdict:#?}")),
            Err(error) => Poll::Pending(error.to_string()),
        }
    };
    let verdict = lab
        .inside(|| wait::until("a last word", DEADLINE, look))
        .unwrap()
        .unwrap();
    assert_eq!(
        (verdict.outcome, verdict::code(&verdict)),
        (Outcome::Joined, code),
        "{verdict:#?}"
    );
}

//! What the rest of AWS hears of a boot, and hears of it: signals to EC2, Auto Scaling and CloudFormation; a machine in a
//! warm pool that joins when it is taken into service; and the timeline of a boot.

use std::collections::BTreeMap;

use lab::{
    cloud::{
        gateway::{Reason, Refusals, Refused, Signal},
        record::{self, MachineRecord},
    },
    cluster::NODE_ROLE,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    setup, verdict,
    wait::{self, Poll},
};
use node::wire::{BootReport, Outcome};

use super::{DEADLINE, layout};

const TAG: &str = "nodectl.dev/boot";
const TARGET: &str = "autoscaling/target-lifecycle-state";
const CLUSTER: &str = "  cluster:
    name: ${CLUSTER_NAME}
    apiServerEndpoint: ${API_SERVER_ENDPOINT}
    certificateAuthority: ${CERTIFICATE_AUTHORITY}
    cidr: ${SERVICE_CIDR}
";
/// Without an endpoint there is nothing to join.
const HALF_A_CLUSTER: &str = "  cluster: {name: \"${CLUSTER_NAME}\"}\n";

fn user_data(cluster: &str, settings: &str) -> Vec<u8> {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n\
         --B\nContent-Type: application/node.eks.aws\n\n\
         apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n{cluster}\n\
         --B\nContent-Type: application/nodectl.dev\n\n\
         apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec:\n{settings}\n--B--\n"
    )
    .into_bytes()
}

#[test]
fn the_rest_of_aws_hears_how_a_boot_ended() {
    let Some((cache, layout)) = layout("signals") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();

    let pooled = in_a_warm_pool(&lab);
    let signals = format!(
        "  signals:
    ec2Tag: {{key: {TAG}}}
    lifecycleHook: {{name: ready, autoScalingGroup: workers}}
    cloudFormation: {{stack: cluster, logicalResourceId: Workers}}
"
    );
    let add = |cluster: &str, settings: &str| {
        let wanted = Wanted {
            user_data: user_data(cluster, settings),
            ..Wanted::default()
        };
        lab.add_machine(&wanted).unwrap()
    };
    let well = add(CLUSTER, &signals);
    let ill = add(HALF_A_CLUSTER, &signals);
    is_told(
        &lab,
        &ill,
        Outcome::Failed,
        "failed bootstrap.incomplete_config",
    );
    is_told(&lab, &well, Outcome::Joined, "joined");
    shows_its_timeline(&lab, &well);

    let leaving = format!("{signals}  onFailure: powerOff\n");
    let leaving = add(HALF_A_CLUSTER, &leaving);
    goes_down(&lab, &leaving);
    a_signal_that_is_refused_changes_nothing(&lab);
    joins_when_it_is_taken_into_service(&lab, pooled);

    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

/// Its tag, its hook and its stack say it, in the words of each.
fn is_told(lab: &Lab, record: &MachineRecord, outcome: Outcome, tag: &str) {
    let verdict = lab.wait_last_word(record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, outcome, "{verdict:#?}");
    let of_it = || -> Vec<(String, String)> {
        let signals = Signal::read_all(&lab.layout.run()).unwrap();
        let ours = signals
            .into_iter()
            .filter(|signal| signal.instance_id == record.instance_id);
        let mut said: Vec<_> = ours
            .map(|signal| (signal.of.join("/"), signal.result))
            .collect();
        said.sort();
        said
    };
    // The last word is on the console before anybody else hears it.
    until(lab, "both signals", || of_it().len() == 2);
    let (hook, stack) = if outcome == Outcome::Failed {
        ("ABANDON", "FAILURE")
    } else {
        ("CONTINUE", "SUCCESS")
    };
    let said = |of: &str, result: &str| (of.to_owned(), result.to_owned());
    assert_eq!(
        of_it(),
        [said("cluster/Workers", stack), said("workers/ready", hook)]
    );
    until(lab, "the tag", || {
        lab.instance_tag(record, TAG).unwrap().as_deref() == Some(tag)
    });
    println!("{}: tag `{tag}`, {hook}, {stack}", outcome.as_str());
}

fn shows_its_timeline(lab: &Lab, record: &MachineRecord) {
    let ask = |program: &[&str]| {
        let output = lab.enter(record).unwrap().args(program).output().unwrap();
        assert!(output.status.success(), "{program:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = ask(&["nodeagent", "boot"]);
    println!("{page}");
    assert!(page.lines().all(|line| line.len() <= 100), "{page}");
    let report: BootReport =
        serde_json::from_str(&ask(&["nodeagent", "boot", "-o", "json"])).unwrap();
    let names: Vec<&str> = report
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    for name in [
        "systemd",
        "config",
        "run",
        "containerd",
        "kubelet",
        "join",
        "registered",
        "ready",
    ] {
        assert!(names.contains(&name), "no `{name}` in {names:?}");
    }
    // The daemon looks every few seconds.
    until(lab, "the daemon to know of it", || {
        let served = ask(&[
            "curl",
            "-sSf",
            "--unix-socket",
            "/run/nodeagent/agent.sock",
            "http://localhost/v1/boot",
        ]);
        let served: BootReport = serde_json::from_str(&served).unwrap();
        served.moment("ready") == report.moment("ready")
    });
    let console = verdict::console(record).unwrap();
    let line = console
        .lines()
        .find(|line| line.starts_with("nodeagent: joined as "))
        .unwrap_or_else(|| panic!("no line of success on the console"));
    println!("{line}");
    assert!(
        line.contains("config 0.") && line.contains(", join "),
        "{line}"
    );
}

/// `onFailure: powerOff`: the machine is gone, and its last word is on its console all the same.
fn goes_down(lab: &Lab, record: &MachineRecord) {
    lab.wait_last_word(record, DEADLINE).unwrap();
    until(lab, "the end of the machine", || {
        lab.machine_init(record).is_none()
    });
    assert_eq!(
        lab.instance_tag(record, TAG).unwrap().as_deref(),
        Some("failed bootstrap.incomplete_config")
    );
}

fn a_signal_that_is_refused_changes_nothing(lab: &Lab) {
    let refusals = vec![Refused {
        role: NODE_ROLE.to_owned(),
        action: "ec2:CreateTags".to_owned(),
        times: None,
        reason: Reason::Denied,
    }];
    Refusals {
        refusals,
        ..Refusals::default()
    }
    .write(&lab.layout.run())
    .unwrap();
    let settings = format!("  signals: {{ec2Tag: {{key: {TAG}}}}}\n");
    let wanted = Wanted {
        user_data: user_data(CLUSTER, &settings),
        ..Wanted::default()
    };
    let record = lab.add_machine(&wanted).unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Joined, "{verdict:#?}");
    until(lab, "a word of it on the console", || {
        let console = verdict::console(&record).unwrap();
        console.contains("signal not sent: the role `arn:aws:iam::")
            && console.contains("may not call ec2:CreateTags")
    });
    assert_eq!(lab.instance_tag(&record, TAG).unwrap(), None);
    Refusals::default().write(&lab.layout.run()).unwrap();
}

fn in_a_warm_pool(lab: &Lab) -> MachineRecord {
    let wanted = Wanted {
        metadata: BTreeMap::from([(TARGET.to_owned(), "Warmed:Running".to_owned())]),
        ..Wanted::default()
    };
    lab.add_machine(&wanted).unwrap()
}

/// The machine has booted long ago by now.
fn joins_when_it_is_taken_into_service(lab: &Lab, mut record: MachineRecord) {
    let newest = verdict::newest(&record).unwrap().unwrap();
    assert_eq!(newest.outcome, Outcome::Running, "{newest:#?}");
    let waiting = newest.waiting_for.unwrap();
    assert!(waiting.contains("Warmed:Running"), "{waiting}");
    println!("in the warm pool: waiting for {waiting}");
    assert!(lab.node(&record).unwrap().is_none());
    let is_active = |unit: &str| {
        let mut systemctl = lab.enter(&record).unwrap();
        systemctl.args(["systemctl", "--quiet", "is-active", unit]);
        systemctl.status().unwrap().success()
    };
    for (unit, wanted) in [
        ("nodeadm-run.service", true),
        ("nodeagent-join.service", true),
        ("containerd.service", true),
        ("kubelet.service", false),
    ] {
        assert_eq!(is_active(unit), wanted, "{unit}");
    }
    record
        .metadata
        .insert(TARGET.to_owned(), "InService".to_owned());
    record::write(&lab.layout.run(), &record).unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(
        (verdict.outcome, verdict.waiting_for),
        (Outcome::Joined, None)
    );
}

fn until(lab: &Lab, what: &str, is_so: impl Fn() -> bool + Sync) {
    let is_so = &is_so;
    lab.inside(|| async {
        wait::until(what, DEADLINE, async || {
            // Some of these ask the cloud on a runtime of their own.
            if std::thread::scope(|scope| scope.spawn(is_so).join().unwrap()) {
                Poll::Ready(())
            } else {
                Poll::Pending("not yet".to_owned())
            }
        })
        .await
    })
    .unwrap()
    .unwrap();
}

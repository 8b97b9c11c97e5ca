//! SSM first: a machine has reported to Systems Manager before its Node is registered, and when its boot fails too.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use lab::{
    cloud::{
        gateway::{LoggedRequest, Reason, Refusals, Refused},
        record::MachineRecord,
    },
    cluster::NODE_ROLE,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    setup,
    wait::{self, Poll},
};
use node::wire::{Outcome, SsmState, Status};

use super::{DEADLINE, layout, user_data};

const REPORT: &str = "UpdateInstanceInformation";
/// The daemon looks at units every ten seconds.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_person_gets_in_before_the_node_joins_and_when_it_does_not() {
    let Some((cache, layout)) = layout("ssm") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    a_healthy_node_has_reported_before_it_is_registered(&lab);
    a_machine_with_broken_user_data_has_reported(&lab);
    a_refusal_is_told_and_taken_back(&lab);
    one_that_is_switched_off_is_left_alone(&lab);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn a_healthy_node_has_reported_before_it_is_registered(lab: &Lab) {
    let record = lab
        .add_machine(&Wanted {
            user_data: user_data("eks-managed"),
            ..Wanted::default()
        })
        .unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    let registered = said_at(
        lab,
        &record,
        "kubelet.service",
        "Successfully registered node",
    );
    let reported = reported(lab, &record);
    assert!(
        reported < registered,
        "reported at {reported}, registered at {registered}"
    );
    println!(
        "reported {:.3} s after launch, registered {:.3} s",
        reported.duration_since(record.launch_time).as_secs_f64(),
        registered.duration_since(record.launch_time).as_secs_f64()
    );
    let status = wait_status(lab, &record, |status| status.ssm == SsmState::Registered);
    assert_eq!(status.findings, []);
    lab.remove_machine(&record).unwrap();
}

fn a_machine_with_broken_user_data_has_reported(lab: &Lab) {
    let record = lab
        .add_machine(&Wanted {
            user_data: b"no configuration at all".to_vec(),
            ..Wanted::default()
        })
        .unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed);
    let reported = reported(lab, &record);
    println!(
        "without a configuration, reported {:.3} s after launch",
        reported.duration_since(record.launch_time).as_secs_f64()
    );
    wait_status(lab, &record, |status| status.ssm == SsmState::Registered);
    lab.remove_machine(&record).unwrap();
}

fn a_refusal_is_told_and_taken_back(lab: &Lab) {
    let refused = Refused {
        role: NODE_ROLE.to_owned(),
        action: format!("ssm:{REPORT}"),
        times: None,
        reason: Reason::Denied,
    };
    let run = lab.layout.run();
    Refusals {
        refusals: vec![refused],
        ..Refusals::default()
    }
    .write(&run)
    .unwrap();
    let record = lab
        .add_machine(&Wanted {
            user_data: user_data("eks-managed"),
            ..Wanted::default()
        })
        .unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(
        (verdict.outcome, &verdict.root_cause),
        (Outcome::Joined, &None)
    );
    let status = wait_status(lab, &record, |status| {
        let mut findings = status.findings.iter();
        // The journal is read as it is written, the unit looked at every few seconds.
        status.ssm == SsmState::Running && findings.any(|finding| finding.code == "ssm.denied")
    });
    let finding = &status.findings[0];
    assert!(
        finding.evidence.iter().any(
            |line| line.contains("is not authorized to perform: ssm:UpdateInstanceInformation")
        ),
        "{finding:#?}"
    );
    assert!(finding.fix.contains(NODE_ROLE), "{finding:#?}");
    Refusals::default().write(&run).unwrap();
    let status = wait_status(lab, &record, |status| status.ssm == SsmState::Registered);
    assert_eq!(status.findings, []);
    lab.remove_machine(&record).unwrap();
}

fn one_that_is_switched_off_is_left_alone(lab: &Lab) {
    const OFF: &str = "apiVersion: nodectl.dev/v1alpha1
kind: AgentConfig
spec:
  ssm:
    enabled: false
";
    let record = lab
        .add_machine(&Wanted {
            user_data: user_data("eks-managed"),
            files: vec![("etc/nodeagent/config.d/ssm.yaml", OFF.to_owned())],
            ..Wanted::default()
        })
        .unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    let status = wait_status(lab, &record, |status| status.ssm == SsmState::Stopped);
    assert_eq!(status.findings, []);
    let is_enabled = asked(
        lab,
        &record,
        &["systemctl", "is-enabled", "amazon-ssm-agent.service"],
    );
    assert_eq!(is_enabled.trim(), "disabled");
    lab.remove_machine(&record).unwrap();
}

/// When Systems Manager first took a report of the machine.
fn reported(lab: &Lab, record: &MachineRecord) -> Timestamp {
    let look = async || {
        let requests = LoggedRequest::read_all(&lab.layout.run()).unwrap();
        let taken = requests.into_iter().find(|request| {
            request.action == REPORT
                && request.status == 200
                && request.peer.ip() == IpAddr::from(record.private_ip)
        });
        match taken {
            Some(request) => Poll::Ready(request.time),
            None => Poll::Pending("no report".to_owned()),
        }
    };
    lab.inside(|| wait::until("a report to Systems Manager", SOON, look))
        .unwrap()
        .unwrap()
}

/// When a unit said this, by the machine's journal.
fn said_at(lab: &Lab, record: &MachineRecord, unit: &str, words: &str) -> Timestamp {
    let program = ["journalctl", "-o", "json", "-u", unit, "--grep", words];
    let journal = asked(lab, record, &program);
    let entry: serde_json::Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    let microseconds = entry["__REALTIME_TIMESTAMP"].as_str().unwrap();
    Timestamp::from_microsecond(microseconds.parse().unwrap()).unwrap()
}

fn wait_status(
    lab: &Lab,
    record: &MachineRecord,
    is_wanted: impl Fn(&Status) -> bool + Sync,
) -> Status {
    let is_wanted = &is_wanted;
    let look = async || {
        let text = asked(lab, record, &["nodeagent", "status", "-o", "json"]);
        match serde_json::from_str::<Status>(&text) {
            Ok(status) if is_wanted(&status) => Poll::Ready(status),
            Ok(status) => Poll::Pending(format!("{status:#?}")),
            Err(error) => Poll::Pending(format!("{error}: {text}")),
        }
    };
    lab.inside(|| wait::until("the status", SOON, look))
        .unwrap()
        .unwrap()
}

fn asked(lab: &Lab, record: &MachineRecord, program: &[&str]) -> String {
    let output = lab.enter(record).unwrap().args(program).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

//! Conclusions and their page.

use node::rule::Record;
use node::wire::{API_VERSION, Outcome, Phase, Timing};

use super::conclusion::conclude;
use super::*;
use crate::host::environment::Environment;
use crate::host::journal::tests::{line, script};
use crate::host::root::Root;
use crate::probe::Fault;

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn identity() -> Identity {
    Identity {
        instance_id: "i-0123456789abcdef0".into(),
        instance_type: "m5.large".into(),
        region: "eu-west-1".into(),
        node_name: "ip-10-0-0-1.eu-west-1.compute.internal".into(),
        cluster: "prod".into(),
        ..Identity::default()
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    let evidence = ["401 Unauthorized".to_owned()];
    let cause = finding::JOIN_UNAUTHORIZED.root_cause(&identity(), &evidence);
    Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: start(),
        provisional: outcome == Outcome::Running,
        outcome,
        phase: Phase::Join,
        identity: identity(),
        root_cause: (outcome == Outcome::Failed).then_some(cause),
        consequences: Vec::new(),
        warnings: Vec::new(),
        waiting_for: None,
        timings: vec![Timing {
            phase: Phase::Join,
            milliseconds: 1700,
        }],
    }
}

fn node(is_ready: bool) -> NodeNow {
    NodeNow {
        is_ready,
        message: if is_ready { "" } else { "no CNI" }.to_owned(),
    }
}

/// A node that is well and was looked at from all sides.
fn well() -> Looks {
    Looks {
        at: start(),
        identity: identity(),
        daemon: Vec::new(),
        journal: Vec::new(),
        climb: Report {
            began: Some(start()),
            is_reached: true,
            ..Report::default()
        },
        node: Some(node(true)),
        verdict: Some(verdict(Outcome::Joined)),
        not_checked: Vec::new(),
    }
}

fn lines(messages: &[&str]) -> Vec<OpenFinding> {
    let mut engine = Engine::new();
    for message in messages {
        engine.record(&Record {
            unit: "kubelet.service",
            identifier: "kubelet",
            message,
            at: start(),
        });
    }
    engine.open()
}

const NETWORK: &str = r#"E0102 03:04:05.1 1 kubelet.go:3012] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized""#;
const UNAUTHORIZED: &str = r#"E0102 03:04:05.1 1 controller.go:145] "Failed to ensure lease exists, will retry" err="Unauthorized" interval="7s""#;

fn fault(finding: &'static finding::Finding, evidence: &str) -> Fault {
    Fault {
        finding,
        evidence: vec![evidence.to_owned()],
    }
}

#[test]
fn the_page_of_a_healthy_node_is_short() {
    let diagnosis = conclude(well());
    assert_eq!(diagnosis.health, Health::Healthy);
    insta::assert_snapshot!(page::of_diagnosis(&diagnosis));
}

#[test]
fn the_page_has_one_cause_with_its_fix_and_the_rest_below_it() {
    let mut looks = well();
    looks.daemon = lines(&[NETWORK]);
    looks.journal = lines(&[NETWORK, UNAUTHORIZED]);
    looks.climb.faults = vec![fault(&finding::TIME_UNSYNCHRONIZED, "chronyd is stopped")];
    looks.climb.unknown = vec!["proxy http://me:pw@10.0.0.1 is slow".into()];
    looks.node = Some(node(false));
    let diagnosis = conclude(looks);
    assert_eq!(diagnosis.health, Health::Unhealthy);
    insta::assert_snapshot!(page::of_diagnosis(&diagnosis));
    let json = serde_json::to_value(&diagnosis).unwrap();
    assert_eq!(json["rootCause"]["code"], "join.unauthorized");
    assert_eq!(json["consequences"].as_array().unwrap().len(), 1);
}

#[test]
fn what_both_say_is_said_once_and_what_a_probe_finds_explains_it() {
    let mut looks = well();
    looks.journal = lines(&[UNAUTHORIZED]);
    looks.daemon = lines(&[UNAUTHORIZED]);
    looks.climb.faults = vec![fault(&finding::TIME_SIGNATURE_EXPIRED, "an hour behind")];
    let diagnosis = conclude(looks);
    let root = diagnosis.root_cause.unwrap();
    assert_eq!(root.code, "time.signature_expired");
    let [consequence] = diagnosis.consequences.as_slice() else {
        panic!("{:?}", diagnosis.consequences);
    };
    assert_eq!(consequence.code, "join.unauthorized");
    assert!(consequence.fix.contains("--cluster-name prod"));
}

#[test]
fn the_cause_of_a_boot_that_failed_stands_until_the_node_is_ready() {
    let mut looks = well();
    looks.verdict = Some(verdict(Outcome::Failed));
    looks.node = None;
    let diagnosis = conclude(looks.clone());
    assert_eq!(diagnosis.health, Health::Unhealthy);
    assert_eq!(diagnosis.root_cause.unwrap().code, "join.unauthorized");

    looks.node = Some(node(true));
    let diagnosis = conclude(looks);
    assert_eq!(
        (diagnosis.health, diagnosis.root_cause),
        (Health::Healthy, None)
    );
}

#[test]
fn what_could_not_be_looked_at_is_not_healthy_and_a_warning_is() {
    let health = |change: fn(&mut Looks)| {
        let mut looks = well();
        change(&mut looks);
        conclude(looks).health
    };
    assert_eq!(
        health(|looks| looks.not_checked.push("the probes: they take root".into())),
        Health::Unknown
    );
    assert_eq!(
        health(|looks| {
            looks.node = None;
            looks.verdict = None;
        }),
        Health::Unknown
    );
    assert_eq!(
        health(|looks| {
            looks.node = Some(node(false));
            looks.verdict = Some(verdict(Outcome::Running));
        }),
        Health::Unknown
    );
    assert_eq!(
        health(|looks| looks.node = Some(node(false))),
        Health::Unhealthy
    );
    assert_eq!(
        health(|looks| {
            looks.not_checked.push("the probes: they take root".into());
            looks.journal = lines(&[UNAUTHORIZED]);
        }),
        Health::Unhealthy
    );
    assert_eq!(
        health(|looks| looks.climb.faults =
            vec![fault(&finding::TIME_UNSYNCHRONIZED, "chronyd is stopped")]),
        Health::Healthy
    );
}

async fn read_of(body: &str) -> (Vec<OpenFinding>, String) {
    let directory = tempfile::tempdir().unwrap();
    let program = script(directory.path(), body);
    let excerpt = Excerpt::open_with(&program, &Part::default()).unwrap();
    let (open, gap) = read(excerpt, Engine::new(), &identity(), true).await;
    (open, gap.unwrap_or_default())
}

#[tokio::test]
async fn the_journal_goes_through_the_rules_to_its_end() {
    let said = line("a", &UNAUTHORIZED.replace('"', "\\\""));
    let (open, gap) = read_of(&format!("echo '{said}'\nexit 3")).await;
    assert_eq!(open[0].code, "join.unauthorized");
    assert!(open[0].fix.contains("--cluster-name prod"));
    assert_eq!(gap, "the journal: journalctl ended with exit status: 3");
    // The line is of a day that is long past: silence has taken it back.
    let (open, gap) = read_of(&format!("echo '{said}'")).await;
    assert_eq!((open.len(), gap.as_str()), (0, ""));
    let (_, gap) = read_of("exit 0").await;
    assert!(gap.contains("run this as root"), "{gap}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_takes_too_long_is_given_up() {
    let (_, gap) = read_of("exec sleep 600").await;
    assert!(
        gap.starts_with("the journal: nothing of it was read, all of it takes longer than 18 s"),
        "{gap}"
    );
}

#[tokio::test]
async fn a_machine_without_anything_is_unhealthy_and_what_is_not_known_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let context = Context {
        name: crate::cli::Name::Nodeagent,
        root: Root::new(directory.path()),
        environment: Environment::default(),
    };
    let diagnosis = conclude(Box::pin(look(&context, &Pending::default())).await);
    assert_eq!(diagnosis.health, Health::Unhealthy);
    let not_checked = diagnosis.not_checked.join("\n");
    for what in [
        "the journal: ",
        "our Node: ",
        "the node's name: ",
        "the boot: ",
    ] {
        assert!(not_checked.contains(what), "{not_checked}");
    }
}

//! Pages and exit codes.

use jiff::Timestamp;
use node::finding;
use node::rule::{Engine, Record};
use node::wire::{API_VERSION, Identity, LogSource, MaxPods, Phase, SourceState, SsmState, Timing};

use super::*;
use crate::host::root::Root;

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
    let cause =
        finding::JOIN_UNAUTHORIZED.root_cause(&identity(), &["401 Unauthorized".to_owned()]);
    Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: start(),
        provisional: false,
        outcome,
        phase: Phase::Join,
        identity: identity(),
        root_cause: (outcome == Outcome::Failed).then_some(cause),
        consequences: Vec::new(),
        warnings: vec!["`spec.kubelet.flag` is not a field; did you mean `flags`?".into()],
        waiting_for: None,
        timings: vec![
            Timing {
                phase: Phase::Config,
                milliseconds: 12,
            },
            Timing {
                phase: Phase::Join,
                milliseconds: 1700,
            },
        ],
    }
}

fn status(outcome: Outcome, lines: &[&str]) -> Status {
    let mut engine = Engine::new();
    engine.set_identity(identity());
    for message in lines {
        engine.record(&Record {
            unit: "kubelet.service",
            identifier: "kubelet",
            message,
            at: start(),
        });
    }
    Status {
        api_version: API_VERSION.into(),
        kind: "Status".into(),
        agent_version: "0.1.0".into(),
        started_at: start(),
        verdict: Some(verdict(outcome)),
        findings: engine.open(),
        max_pods: MaxPods {
            planned: Some(29),
            effective: Some(29),
        },
        ssm: SsmState::Registered,
        warnings: Vec::new(),
        sources: vec![LogSource::new("journal", SourceState::Running)],
    }
}

const NETWORK: &str = r#"E0102 03:04:05.1 1 kubelet.go:3012] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized""#;
const UNAUTHORIZED: &str = r#"E0102 03:04:05.1 1 controller.go:145] "Failed to ensure lease exists, will retry" err="Unauthorized" interval="7s""#;

#[test]
fn the_page_of_a_healthy_node_is_short() {
    insta::assert_snapshot!(page::of_status(&status(Outcome::Joined, &[])));
}

#[test]
fn the_page_names_files_of_rules_that_are_wrong() {
    let page = page::of_status(&Status {
        warnings: vec!["`a.yaml` is not used".to_owned()],
        ..status(Outcome::Joined, &[])
    });
    assert!(
        page.ends_with("\n\nrules       `a.yaml` is not used\n"),
        "{page}"
    );
}

#[test]
fn the_page_of_a_broken_node_says_why_and_what_to_do() {
    insta::assert_snapshot!(page::of_status(&status(
        Outcome::Registered,
        &[NETWORK, UNAUTHORIZED]
    )));
}

#[test]
fn the_page_says_what_was_not_read() {
    let mut status = status(Outcome::Joined, &[]);
    let mut kernel = LogSource::new("kernel", SourceState::Running);
    kernel.lost.insert("overrun".to_owned(), 12);
    status.sources.push(kernel);
    let page = page::of_status(&status);
    assert!(
        page.ends_with("\n\nnot read    kernel: 12 lines overrun\n"),
        "{page}"
    );
}

#[test]
fn the_page_of_a_verdict_says_why_and_what_to_do() {
    insta::assert_snapshot!(page::of_verdict(&verdict(Outcome::Failed)));
}

#[test]
fn only_a_node_that_joined_and_has_nothing_fatal_is_healthy() {
    assert_eq!(exit_of(&status(Outcome::Joined, &[])), Exit::Ok);
    assert_eq!(
        exit_of(&status(Outcome::Joined, &[NETWORK])),
        Exit::Unhealthy
    );
    assert_eq!(exit_of(&status(Outcome::Registered, &[])), Exit::Unhealthy);
    assert_eq!(exit_of_boot(&verdict(Outcome::Joined)), Exit::Unchecked);
    assert_eq!(exit_of_boot(&verdict(Outcome::Failed)), Exit::Unhealthy);
}

#[tokio::test]
async fn without_a_daemon_the_error_names_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let error = client::status(&Root::new(directory.path()))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the daemon does not answer at `/run/nodeagent/agent.sock`"
    );
}

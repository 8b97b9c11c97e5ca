//! Pages of nodes that are well, broken, and silent.

use super::*;
use crate::fleet::{self, fixture};
use crate::reach::Reach;
use crate::reach::agent::Failure;

fn answered(index: usize, answer: Answer) -> String {
    let row = fixture::rows().remove(index);
    let row = fleet::answered(row, answer, None, Reach::Auto);
    pages(&[row], fixture::now(), false)
}

fn live(document: Document) -> Answer {
    Answer {
        reach: Some(Way::Ssm),
        at: Some(fixture::now()),
        document: Some(document),
        failures: Vec::new(),
    }
}

fn failed() -> Answer {
    Answer {
        failures: vec![
            Failure {
                reach: Way::Ssm,
                error: "Systems Manager does not manage `i-1`: no SSM agent has reported from it"
                    .into(),
                hints: vec!["docs/guide/ssm.md says what a node needs".into()],
            },
            Failure {
                reach: Way::Forward,
                error: "no answer within 15s".into(),
                hints: Vec::new(),
            },
        ],
        ..Answer::default()
    }
}

#[test]
fn a_healthy_node_has_a_short_page() {
    let status = fixture::status(Vec::new());
    insta::assert_snapshot!(answered(1, live(Document::Status(Box::new(status)))));
}

#[test]
fn a_broken_node_has_its_findings_in_order_with_evidence_and_fix() {
    let mut consequence = fixture::open("kubelet.runtime_down");
    consequence.explained_by = Some("runtime.cri_unavailable".into());
    consequence.evidence = vec!["one\u{1b}[31m".into(), "two".into()];
    consequence.count = 1;
    let status = fixture::status(vec![fixture::open("runtime.cri_unavailable"), consequence]);
    insta::assert_snapshot!(answered(1, live(Document::Status(Box::new(status)))));
}

#[test]
fn what_stands_in_for_a_silent_agent_says_so_and_why() {
    insta::assert_snapshot!(answered(1, failed()));
    insta::assert_snapshot!(answered(2, failed()));
    insta::assert_snapshot!(answered(3, failed()));
}

#[test]
fn colour_goes_to_what_matters() {
    let row = fixture::rows().remove(2);
    let page = pages(&[row], fixture::now(), true);
    assert!(page.contains("\u{1b}[31mNotReady"), "{page}");
}

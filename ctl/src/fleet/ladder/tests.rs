//! One cause per node, and what was not looked at is said.

use super::*;
use crate::fleet::{answered, fixture};
use crate::reach::agent::{Answer, Failure};
use crate::reach::{Reach, Way};

fn ok() -> Checks {
    Checks {
        system: "ok".into(),
        instance: "ok".into(),
        events: Vec::new(),
    }
}

fn diagnosed(
    index: usize,
    answer: Answer,
    checks: Result<Option<Checks>, String>,
) -> NodeDiagnosis {
    let row = answered(fixture::rows().remove(index), answer, None, Reach::Auto);
    let observations = fixture::observations();
    let seen = Seen {
        row,
        observations: &observations,
        checks,
        access: None,
    };
    climb(seen, "prod", fixture::now())
}

fn silent() -> Answer {
    Answer {
        failures: vec![Failure {
            reach: Way::Ssm,
            error: "nobody fetches the command".into(),
            hints: Vec::new(),
        }],
        ..Answer::default()
    }
}

fn live(findings: Vec<OpenFinding>) -> Answer {
    Answer {
        reach: Some(Way::Ssm),
        at: Some(fixture::now()),
        document: Some(Document::Status(Box::new(fixture::status(findings)))),
        failures: Vec::new(),
    }
}

fn told(diagnosis: &NodeDiagnosis) -> String {
    let rungs = diagnosis
        .rungs
        .iter()
        .map(|rung| format!("{} {}: {}\n", rung.holds.as_str(), rung.name, rung.detail));
    let cause = diagnosis.root_cause.as_ref();
    let cause = cause.map_or("none", |cause| cause.cause.as_str());
    format!(
        "{:?}\n{}cause: {cause}",
        diagnosis.health,
        rungs.collect::<String>()
    )
}

#[test]
fn a_node_that_is_well_from_all_sides_is_healthy() {
    let diagnosis = diagnosed(1, live(Vec::new()), Ok(Some(ok())));
    assert_eq!(diagnosis.health, Health::Healthy);
    insta::assert_snapshot!(told(&diagnosis));
}

#[test]
fn a_warning_is_told_and_does_not_make_a_node_unhealthy() {
    let diagnosis = diagnosed(
        1,
        live(vec![fixture::open("storage.image_gc_failed")]),
        Ok(Some(ok())),
    );
    assert_eq!(diagnosis.health, Health::Healthy);
    let code = diagnosis.root_cause.and_then(|cause| cause.code);
    assert_eq!(code.as_deref(), Some("storage.image_gc_failed"));
}

#[test]
fn what_could_not_be_asked_leaves_it_open() {
    let diagnosis = diagnosed(1, silent(), Err("AccessDenied".into()));
    assert_eq!(diagnosis.health, Health::Unknown);
    insta::assert_snapshot!(told(&diagnosis));
}

#[test]
fn the_agents_finding_goes_before_what_is_seen_from_outside() {
    let impaired = Ok(Some(Checks {
        system: "ok".into(),
        instance: "impaired".into(),
        events: vec!["instance-retirement: old".into()],
    }));
    let found = live(vec![fixture::open("runtime.cri_unavailable")]);
    let diagnosis = diagnosed(2, found, impaired.clone());
    let code = diagnosis
        .root_cause
        .as_ref()
        .and_then(|cause| cause.code.as_deref());
    assert_eq!(code, Some("runtime.cri_unavailable"));
    insta::assert_snapshot!(told(&diagnosis));

    let diagnosis = diagnosed(2, silent(), impaired);
    let cause = diagnosis.root_cause.unwrap();
    assert!(cause.cause.contains("instance impaired"), "{cause:?}");
}

#[test]
fn an_instance_without_a_node_is_explained_by_its_console() {
    let diagnosis = diagnosed(3, silent(), Ok(Some(ok())));
    let code = diagnosis
        .root_cause
        .as_ref()
        .and_then(|cause| cause.code.as_deref());
    assert_eq!(code, Some("join.unauthorized"));
    insta::assert_snapshot!(told(&diagnosis));
}

#[test]
fn a_role_without_an_entry_is_said_and_is_no_proof() {
    let observations = fixture::observations();
    let look = |entry| {
        let seen = Seen {
            row: fixture::rows().remove(3),
            observations: &observations,
            checks: Ok(Some(ok())),
            access: Some(Access {
                role_arn: "arn:aws:iam::1:role/stranger".into(),
                entry,
            }),
        };
        access(&seen).unwrap()
    };
    assert_eq!(look(Ok(Some("EC2_LINUX".into()))).0, Holds::Ok);
    let (holds, detail) = look(Ok(None));
    assert_eq!(holds, Holds::Unknown);
    assert!(
        detail.contains("no access entry for arn:aws:iam::1:role/stranger"),
        "{detail}"
    );
    assert_eq!(look(Ok(Some("STANDARD".into()))).0, Holds::Unknown);
}

#[test]
fn a_stopped_instance_is_the_cause_of_all_else() {
    let diagnosis = diagnosed(4, silent(), Ok(None));
    assert_eq!(diagnosis.health, Health::Unhealthy);
    insta::assert_snapshot!(told(&diagnosis));
}

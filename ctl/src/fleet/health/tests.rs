use node::wire::Outcome;

use super::*;
use crate::fleet::row::fixture::{
    annotation, answer, condition, instance, node, now, unauthorized, verdict,
};

const PROVIDER: &str = "aws:///us-east-1a/i-a";

fn assess_node(node: &NodeFacts, state: &str) -> (State, Health, Option<String>) {
    let instance = instance("i-a", state);
    let assessment = of_node(
        node,
        Behind::Instance(&instance),
        &Identity::default(),
        now(),
    );
    (assessment.state, assessment.health, assessment.reason)
}

fn ready() -> NodeFacts {
    node(
        "x",
        PROVIDER,
        condition("Ready", "True", "KubeletReady", ""),
    )
}

fn assess_running(
    launched_at: &str,
    console: Option<&Answer>,
    are_nodes_known: bool,
) -> (State, Health, String) {
    let instance = InstanceFacts {
        launched_at: Some(launched_at.parse().unwrap()),
        ..instance("i-a", "running")
    };
    let assessment = of_instance(&instance, console, are_nodes_known, now());
    (
        assessment.state,
        assessment.health,
        assessment.reason.unwrap(),
    )
}

const RECENT: &str = "2026-01-02T03:01:05Z";
const LONG_AGO: &str = "2026-01-02T02:04:05Z";

#[test]
fn a_ready_node_needs_no_reason() {
    assert_eq!(
        assess_node(&ready(), "running"),
        (State::Ready, Health::Healthy, None)
    );
}

#[test]
fn a_node_whose_instance_stopped_or_vanished_says_so_before_anything_else() {
    let (_, health, reason) = assess_node(&ready(), "stopped");
    assert_eq!(
        (health, reason.as_deref()),
        (Health::Unhealthy, Some("its instance is stopped"))
    );
    let gone = of_node(&ready(), Behind::Gone, &Identity::default(), now());
    assert_eq!(
        gone.reason.as_deref(),
        Some("its instance i-a does not exist any more")
    );
}

#[test]
fn the_agents_root_cause_explains_a_node_that_is_not_ready() {
    let mut node = node(
        "x",
        PROVIDER,
        condition(
            "Ready",
            "False",
            "KubeletNotReady",
            "cni plugin not initialized",
        ),
    );
    let (_, _, reason) = assess_node(&node, "running");
    assert_eq!(
        reason.as_deref(),
        Some("KubeletNotReady: cni plugin not initialized (for 4m5s)")
    );
    node.agent = Some(annotation(Some("cni.not_ready")));
    let assessment = of_node(&node, Behind::Unasked, &Identity::default(), now());
    assert_eq!(assessment.code.as_deref(), Some("cni.not_ready"));
    assert!(
        assessment
            .reason
            .is_some_and(|reason| reason.starts_with("cni.not_ready: "))
    );
    assert!(assessment.fix.is_some());
}

#[test]
fn of_a_silent_kubelet_the_agents_last_word_is_not_believed() {
    let mut node = node(
        "x",
        PROVIDER,
        condition(
            "Ready",
            "Unknown",
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
        ),
    );
    node.agent = Some(annotation(Some("cni.not_ready")));
    let (state, health, reason) = assess_node(&node, "running");
    assert_eq!((state, health), (State::NotReady, Health::Unhealthy));
    assert_eq!(
        reason.as_deref(),
        Some("NodeStatusUnknown: Kubelet stopped posting node status (for 4m5s)")
    );
}

#[test]
fn bad_conditions_make_a_ready_node_unhealthy() {
    for (kind, status) in [
        ("DiskPressure", "True"),
        ("nodectl.dev/Kernel", "False"),
        ("NetworkingReady", "False"),
    ] {
        let mut node = ready();
        node.conditions.push(condition(kind, status, "Why", "what"));
        let (_, health, reason) = assess_node(&node, "running");
        assert_eq!(
            (health, reason),
            (
                Health::Unhealthy,
                Some(format!("{kind}: Why: what (for 4m5s)"))
            )
        );
    }
}

#[test]
fn pods_that_differ_from_the_plan_are_mentioned_and_not_unhealthy() {
    let node = NodeFacts {
        agent: Some(annotation(None)),
        max_pods: Some(110),
        ..ready()
    };
    let (_, health, reason) = assess_node(&node, "running");
    assert_eq!(
        (health, reason.as_deref()),
        (
            Health::Healthy,
            Some("max pods is 110, the agent planned 29")
        )
    );
}

#[test]
fn a_root_cause_on_the_console_is_a_failed_join_at_any_age() {
    let answer = answer(Some(verdict(Outcome::Running, Some(unauthorized()))));
    for are_nodes_known in [true, false] {
        assert_eq!(
            assess_running(RECENT, Some(&answer), are_nodes_known),
            (
                State::NotJoined,
                Health::Unhealthy,
                "join.unauthorized: The cluster does not accept the node role".to_owned()
            )
        );
    }
}

#[test]
fn a_silent_instance_joins_until_the_deadline() {
    let silent = answer(None);
    assert_eq!(
        assess_running(RECENT, Some(&silent), true),
        (
            State::Joining,
            Health::Pending,
            "running 3m, no Node, no verdict on its console".to_owned()
        )
    );
    assert_eq!(
        assess_running(LONG_AGO, Some(&silent), true),
        (
            State::NotJoined,
            Health::Unhealthy,
            "running 60m, no Node, no verdict on its console".to_owned()
        )
    );
}

#[test]
fn a_console_that_cannot_be_read_is_the_reason() {
    let answer = Answer {
        verdict: None,
        taken_at: None,
        error: Some("denied".into()),
    };
    let (_, _, reason) = assess_running(LONG_AGO, Some(&answer), true);
    assert_eq!(
        reason,
        "running 60m, no Node, its console cannot be read: denied"
    );
}

#[test]
fn a_node_that_had_joined_and_is_gone_is_named() {
    let answer = answer(Some(verdict(Outcome::Joined, None)));
    let (state, _, reason) = assess_running(LONG_AGO, Some(&answer), true);
    assert_eq!(state, State::NotJoined);
    assert_eq!(
        reason,
        "joined as ip-10-0-0-3.ec2.internal at 2026-01-02T03:02:00Z, and that Node is gone"
    );
    let (state, health, _) = assess_running(LONG_AGO, Some(&answer), false);
    assert_eq!((state, health), (State::Unknown, Health::Unknown));
}

#[test]
fn what_is_stopped_or_going_away_is_idle() {
    for (state, expected) in [
        ("stopping", State::Stopping),
        ("stopped", State::Stopped),
        ("shutting-down", State::ShuttingDown),
        ("terminated", State::Terminated),
    ] {
        let assessment = of_instance(&instance("i-a", state), None, true, now());
        assert_eq!(
            (assessment.state, assessment.health),
            (expected, Health::Idle)
        );
    }
}

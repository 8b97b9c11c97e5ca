//! A small fleet for tests: a Fargate node, a Ready node, one that is not Ready, an instance that could not join, a stopped
//! instance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use node::wire::{
    API_VERSION, Annotation, Identity, MaxPods, OpenFinding, Outcome, Phase, RootCause, SsmState,
    Status, Timing, Verdict,
};

use super::Row;
use crate::fleet::{Observations, Plane};
use crate::observe::ec2::InstanceFacts;
use crate::observe::kubernetes::{Condition, NodeFacts};
use crate::reach::console::Answer;

pub(crate) fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().unwrap()
}

pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        since: Some(at("03:00:00")),
    }
}

pub(crate) fn node(name: &str, provider_id: &str, ready: Condition) -> NodeFacts {
    NodeFacts {
        name: name.into(),
        provider_id: Some(provider_id.into()),
        created_at: Some(at("02:00:00")),
        conditions: vec![
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", ""),
            ready,
        ],
        kubelet_version: Some("v1.34.4".into()),
        internal_ip: Some("10.0.0.1".into()),
        max_pods: Some(29),
        instance_type: Some("m5.large".into()),
        zone: Some("us-east-1a".into()),
        node_group: Some("blue".into()),
        ..NodeFacts::default()
    }
}

pub(crate) fn annotation(root_cause: Option<&str>) -> Annotation {
    Annotation {
        version: "0.1.0".into(),
        outcome: Outcome::Joined,
        root_cause: root_cause.map(Into::into),
        findings: root_cause.into_iter().map(Into::into).collect(),
        max_pods: MaxPods {
            planned: Some(29),
            effective: Some(29),
        },
        ssm: SsmState::Running,
    }
}

pub(crate) fn instance(id: &str, state: &str) -> InstanceFacts {
    InstanceFacts {
        instance_id: id.into(),
        instance_type: "m5.large".into(),
        state: state.into(),
        launched_at: Some(at("02:59:05")),
        zone: Some("us-east-1a".into()),
        image_id: Some("ami-0123456789abcdef0".into()),
        lifecycle: "on-demand".into(),
        private_ip: Some("10.0.0.3".into()),
        instance_profile: Some("node-role".into()),
        cluster_tag: Some("owned".into()),
        ..InstanceFacts::default()
    }
}

pub(crate) fn verdict(outcome: Outcome, root_cause: Option<RootCause>) -> Verdict {
    Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: at("03:02:00"),
        provisional: outcome == Outcome::Running,
        outcome,
        phase: Phase::Join,
        identity: Identity {
            node_name: "ip-10-0-0-3.ec2.internal".into(),
            role: "stranger".into(),
            ..Identity::default()
        },
        root_cause,
        consequences: Vec::new(),
        warnings: Vec::new(),
        waiting_for: None,
        timings: Vec::new(),
    }
}

pub(crate) fn unauthorized() -> RootCause {
    RootCause {
        code: "join.unauthorized".into(),
        cause: "The API server does not know the role `stranger`.".into(),
        evidence: vec!["401 Unauthorized".into()],
        fix: "aws eks create-access-entry --cluster-name prod --principal-arn ROLE_ARN --type EC2_LINUX".into(),
    }
}

pub(crate) fn open(code: &str) -> OpenFinding {
    let entry = node::finding::by_code(code).unwrap();
    OpenFinding {
        code: code.into(),
        severity: entry.severity,
        title: entry.title.into(),
        object: String::new(),
        first_seen: at("03:00:00"),
        last_seen: at("03:03:00"),
        count: 4,
        evidence: vec!["a line that proves it".into()],
        fix: entry.fix_for(&Identity::default()),
        explained_by: None,
    }
}

pub(crate) fn status(findings: Vec<OpenFinding>) -> Status {
    let timing = |phase, milliseconds| Timing {
        phase,
        milliseconds,
    };
    Status {
        api_version: API_VERSION.into(),
        kind: "Status".into(),
        agent_version: "0.1.0".into(),
        started_at: at("02:00:10"),
        verdict: Some(Verdict {
            timings: vec![
                timing(Phase::Config, 120),
                timing(Phase::Run, 840),
                timing(Phase::Join, 3_400),
            ],
            ..verdict(Outcome::Joined, None)
        }),
        findings,
        max_pods: MaxPods {
            planned: Some(29),
            effective: Some(29),
        },
        ssm: SsmState::Registered,
        sources: Vec::new(),
        warnings: Vec::new(),
    }
}

pub(crate) fn answer(verdict: Option<Verdict>) -> Answer {
    Answer {
        verdict,
        taken_at: Some(at("03:03:00")),
        error: None,
    }
}

pub(crate) fn observations() -> Observations {
    let ready = || condition("Ready", "True", "KubeletReady", "");
    let not_ready = condition(
        "Ready",
        "False",
        "KubeletNotReady",
        "container runtime network not ready",
    );
    let first = NodeFacts {
        agent: Some(annotation(None)),
        unschedulable: true,
        ..node(
            "ip-10-0-0-1.ec2.internal",
            "aws:///us-east-1a/i-0000000000000000a",
            ready(),
        )
    };
    let second = node(
        "ip-10-0-0-2.ec2.internal",
        "aws:///us-east-1a/i-0000000000000000b",
        not_ready,
    );
    let fargate = NodeFacts {
        instance_type: None,
        max_pods: Some(1),
        ..node(
            "fargate-ip-10-0-0-9.ec2.internal",
            "aws:///us-east-1a/0f/fargate-ip-10-0-0-9.ec2.internal",
            ready(),
        )
    };
    let stopped = InstanceFacts {
        launched_at: Some(at("03:01:00")),
        state_reason: Some("Client.UserInitiatedShutdown: User initiated shutdown".into()),
        ..instance("i-0000000000000000d", "stopped")
    };
    Observations {
        nodes: Plane::Answered(vec![first, second, fargate]),
        instances: Plane::Answered(vec![
            stopped,
            instance("i-0000000000000000c", "running"),
            instance("i-0000000000000000b", "running"),
            instance("i-0000000000000000a", "running"),
        ]),
        consoles: BTreeMap::from([(
            "i-0000000000000000c".to_owned(),
            answer(Some(verdict(Outcome::Running, Some(unauthorized())))),
        )]),
    }
}

pub(crate) fn rows() -> Vec<Row> {
    super::rows(&observations(), "prod", "us-east-1", now())
}

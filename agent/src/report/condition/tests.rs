use std::sync::{Arc, LazyLock};

use node::rank;

use super::*;

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// Findings of these codes that are open, in their order.
fn open(codes: &[(&str, &str)]) -> Vec<OpenFinding> {
    let open = |(code, object): &(&str, &str)| {
        let finding = by_code(code).unwrap();
        OpenFinding {
            code: finding.code.to_owned(),
            severity: finding.severity,
            title: finding.title.to_owned(),
            object: (*object).to_owned(),
            first_seen: now(),
            last_seen: now(),
            count: 1,
            evidence: Vec::new(),
            fix: String::new(),
            explained_by: None,
        }
    };
    rank::order(codes.iter().map(open).collect())
}

static SHIPPED: LazyLock<Arc<RuleSet>> = LazyLock::new(RuleSet::shipped);

fn known(findings: &[OpenFinding]) -> Known<'_> {
    Known {
        findings,
        rules: &SHIPPED,
        is_caught_up: true,
        has_checked: true,
        is_source_running: true,
        has_accelerator: false,
    }
}

/// Name, status and reason of each.
fn said(setting: Conditions, known: Known<'_>) -> Vec<(&'static str, &'static str, String)> {
    wanted(setting, known)
        .into_iter()
        .map(|wanted| (wanted.name, wanted.status, wanted.reason))
        .collect()
}

/// Those that are False: name and reason.
fn ill(setting: Conditions, codes: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    said(setting, known(&open(codes)))
        .into_iter()
        .filter(|(_, status, _)| *status == "False")
        .map(|(name, _, reason)| (name, reason))
        .collect()
}

fn existing(name: &str, status: &str, reason: &str, age: Duration) -> NodeCondition {
    let at = now() - age;
    NodeCondition {
        type_: name.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some("no fatal finding is open".to_owned()),
        last_transition_time: Some(Time(at)),
        last_heartbeat_time: Some(Time(at)),
    }
}

#[test]
fn a_healthy_node_is_true_and_has_no_condition_of_what_it_lacks() {
    let healthy = |names: &[&'static str], reason: &str| -> Vec<_> {
        let name = names.iter();
        name.map(|name| (*name, "True", reason.to_owned()))
            .collect()
    };
    let own = [
        "nodectl.dev/Kernel",
        "nodectl.dev/Networking",
        "nodectl.dev/Storage",
        "nodectl.dev/ContainerRuntime",
        "nodectl.dev/AcceleratedHardware",
    ];
    let eks = [
        "KernelReady",
        "NetworkingReady",
        "StorageReady",
        "ContainerRuntimeReady",
        "AcceleratedHardwareReady",
    ];
    let mut known = known(&[]);
    assert_eq!(
        said(Conditions::Own, known),
        healthy(&own[..4], "NoFatalFinding")
    );
    known.has_accelerator = true;
    assert_eq!(
        said(Conditions::Own, known),
        healthy(&own, "NoFatalFinding")
    );
    assert_eq!(
        said(Conditions::Eks, known),
        healthy(&eks, "NothingToRepair")
    );
    assert_eq!(said(Conditions::Off, known), []);
}

#[test]
fn nothing_is_true_before_the_past_was_read_and_the_checks_ran_or_while_nothing_is_heard() {
    let findings = open(&[("kernel.oops", ""), ("join.unauthorized", "")]);
    let known = known(&findings);
    let unread = Known {
        is_caught_up: false,
        ..known
    };
    assert_eq!(said(Conditions::Own, unread), []);
    let unchecked = Known {
        has_checked: false,
        ..known
    };
    let oops = ("nodectl.dev/Kernel", "False", "KernelOops".to_owned());
    assert_eq!(said(Conditions::Own, unchecked), [oops]);
    let silent = Known {
        is_source_running: false,
        ..known
    };
    let statuses: Vec<&str> = said(Conditions::Own, silent)
        .iter()
        .map(|(_, status, _)| *status)
        .collect();
    assert_eq!(statuses, ["False", "Unknown", "Unknown", "Unknown"]);
}

#[test]
fn a_condition_of_our_own_is_false_for_every_fatal_finding_of_it_and_names_the_root() {
    let ill = |codes: &[(&str, &str)]| ill(Conditions::Own, codes);
    assert_eq!(
        ill(&[("cni.iam_denied", "")]),
        [("nodectl.dev/Networking", "CniIamDenied".to_owned())]
    );
    // A warning is none, and the root of a fatal one may be a warning of something else.
    assert_eq!(ill(&[("storage.disk_full", "/var")]), []);
    assert_eq!(
        ill(&[("storage.disk_full", "/var"), ("kubelet.runtime_down", "")]),
        [("nodectl.dev/ContainerRuntime", "StorageDiskFull".to_owned())]
    );
    // One that is known only while a node joins belongs to no condition.
    assert_eq!(ill(&[("join.unauthorized", "")]), []);
    // What is found of an accelerator makes a condition of it, a mere warning too.
    let findings = open(&[("gpu.xid", "0000:00:1e.0")]);
    assert_eq!(said(Conditions::Own, known(&findings)).len(), 5);
}

#[test]
fn a_node_is_replaced_only_for_its_own_faults_that_nothing_explains() {
    let ill = |codes: &[(&str, &str)]| ill(Conditions::Eks, codes);
    assert_eq!(ill(&[("cni.iam_denied", ""), ("kernel.panic", "")]), []);
    let down = ("kubelet.runtime_down", "");
    assert_eq!(
        ill(&[down]),
        [("ContainerRuntimeReady", "KubeletRuntimeDown".to_owned())]
    );
    assert_eq!(ill(&[down, ("storage.disk_full", "/var")]), []);
    assert_eq!(ill(&[down, ("runtime.config_invalid", "")]), []);
    assert_eq!(
        ill(&[("kernel.oops", ""), ("kernel.hardware_error", "")]),
        [("KernelReady", "KernelHardwareError".to_owned())]
    );
}

#[test]
fn a_message_names_objects_and_the_cause_and_is_bounded_and_masked() {
    let message = |codes: &[(&str, &str)]| {
        let wanted = wanted(Conditions::Own, known(&open(codes)));
        let ill = wanted.into_iter().find(|wanted| wanted.status == "False");
        ill.unwrap().message
    };
    assert_eq!(
        message(&[("storage.disk_full", "/var"), ("kubelet.runtime_down", "")]),
        format!(
            "The container runtime is down; follows from storage.disk_full: {} (/var)",
            by_code("storage.disk_full").unwrap().title
        )
    );
    assert_eq!(
        message(&[("gpu.xid_fatal", "a"), ("gpu.xid_fatal", "b")]),
        "A GPU reports a fatal error (a); and 1 more"
    );
    let long = message(&[("kernel.oops", &"ü".repeat(1000))]);
    assert!((500..=512).contains(&long.len()), "{}", long.len());
    let masked = message(&[("kernel.oops", "http://me:pw@proxy")]);
    assert!(!masked.contains("pw"), "{masked}");
}

#[test]
fn times_change_with_the_status_and_a_heartbeat_waits_five_minutes() {
    let wanted = wanted(Conditions::Own, known(&[]));
    let minute = Duration::from_mins(1);
    let kernel = |status, reason, age| existing("nodectl.dev/Kernel", status, reason, age);
    let written = |old: NodeCondition| {
        changes(Conditions::Own, &wanted[..1], &[old], now())
            .write
            .into_iter()
            .map(|new| (new.last_transition_time, new.last_heartbeat_time))
            .collect::<Vec<_>>()
    };
    let at = |age: Duration| Some(Time(now() - age));
    assert_eq!(written(kernel("True", HEALTHY, minute)), []);
    assert_eq!(
        written(kernel("True", HEALTHY, minute * 6)),
        [(at(minute * 6), at(Duration::ZERO))]
    );
    assert_eq!(
        written(kernel("True", SILENT, minute)),
        [(at(minute), at(Duration::ZERO))]
    );
    assert_eq!(
        written(kernel("Unknown", STOPPED, minute)),
        [(at(Duration::ZERO), at(Duration::ZERO))]
    );
}

#[test]
fn what_another_program_writes_is_left_alone_and_what_we_left_is_removed() {
    let minute = Duration::from_mins(1);
    let of_node = [
        existing("Ready", "True", "KubeletReady", minute),
        existing("KernelReady", "True", "KernelIsReady", minute),
        existing("StorageReady", "Unknown", STOPPED, minute),
        existing("nodectl.dev/Kernel", "False", "KernelOops", minute),
    ];
    let wanted = wanted(Conditions::Eks, known(&[]));
    let changes = changes(Conditions::Eks, &wanted, &of_node, now());
    let written: Vec<&str> = changes.write.iter().map(|new| new.type_.as_str()).collect();
    assert_eq!(
        written,
        ["NetworkingReady", "StorageReady", "ContainerRuntimeReady"]
    );
    assert_eq!(changes.others, ["KernelReady"]);
    assert_eq!(changes.remove, ["nodectl.dev/Kernel"]);
    let off = super::changes(Conditions::Off, &[], &of_node, now());
    assert_eq!((off.write.len(), off.others.len()), (0, 0));
    assert_eq!(off.remove, ["StorageReady", "nodectl.dev/Kernel"]);
    // What is removed or another's is not touched in passing.
    let stopped = stopped(&of_node, now());
    let names: Vec<&str> = stopped.iter().map(|new| new.type_.as_str()).collect();
    assert_eq!(names, ["nodectl.dev/Kernel"]);
    assert_eq!(stopped[0].status, "Unknown");
}

#[test]
fn a_fatal_finding_of_the_owners_rule_counts_against_its_condition_and_replaces_no_machine() {
    let text = "apiVersion: nodectl.dev/v1alpha1
kind: RuleSet
spec:
  rules:
    - {code: user.unmounted, severity: fatal, condition: storage, title: t, fix: f, match: [{units: [a], contains: [some words]}]}
";
    let document = node::config::Document {
        name: "a".to_owned(),
        text: text.to_owned(),
    };
    let (rules, _) = node::config::rule_set::read(&document, 0);
    let rules = RuleSet::new(&rules, &[].into());
    let mut findings = open(&[("kernel.oom_node", "")]);
    findings[0].code = "user.unmounted".to_owned();
    findings[0].severity = Severity::Fatal;
    let known = Known {
        rules: &rules,
        ..known(&findings)
    };
    let storage = |setting| {
        let said = said(setting, known);
        let (_, status, reason) = said
            .into_iter()
            .find(|(name, ..)| name.contains("Storage"))
            .unwrap();
        (status, reason)
    };
    assert_eq!(
        storage(Conditions::Own),
        ("False", "UserUnmounted".to_owned())
    );
    assert_eq!(storage(Conditions::Eks).0, "True");
}

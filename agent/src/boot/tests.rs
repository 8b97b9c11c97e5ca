//! Timelines.

use node::wire::{Identity, Phase};

use super::*;
use crate::boot::record::{READY, REGISTERED};

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn unit(started: u64, active: u64) -> UnitTimes {
    UnitTimes {
        started: Some(at(started)),
        active: Some(at(active)),
    }
}

fn machine() -> Machine {
    Machine {
        boot: BootTimes {
            has_kernel: true,
            initrd: Some(at(1100)),
            userspace: Some(at(2050)),
            userspace_at: 1_767_323_045_000_000,
            finish: Some(at(6900)),
        },
        units: vec![
            ("network-online", unit(3600, 3600)),
            ("cloud-init-local", unit(2600, 3400)),
            ("cloud-init", unit(3610, 4300)),
            ("cloud-config", unit(4400, 4900)),
            ("cloud-final", unit(4950, 5600)),
        ],
    }
}

fn record() -> Record {
    Record {
        spans: vec![
            Span::new("config", at(3602), Some(at(3607))),
            Span::new("run", at(5610), Some(at(6220))),
            Span::new("containerd", at(5612), Some(at(6010))),
            Span::new("kubelet", at(6010), Some(at(6218))),
            Span::new("join", at(6230), Some(at(7730))),
            Span::new(REGISTERED, at(6735), Some(at(6735))),
            Span::new(READY, at(7730), Some(at(7730))),
        ],
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: Timestamp::UNIX_EPOCH,
        provisional: outcome == Outcome::Running,
        outcome,
        phase: Phase::Join,
        identity: Identity {
            node_name: "ip-10-0-0-1.eu-west-1.compute.internal".into(),
            ..Identity::default()
        },
        root_cause: None,
        consequences: Vec::new(),
        warnings: Vec::new(),
        waiting_for: None,
        timings: Vec::new(),
    }
}

#[test]
fn the_page_of_a_whole_boot_shows_every_phase_from_the_kernel_on() {
    let report = report(Some(&machine()), &record(), Some(&verdict(Outcome::Joined)));
    let page = text(&report);
    assert!(page.lines().all(|line| line.len() <= 100), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn the_page_of_a_boot_that_goes_on_shows_what_it_is_at() {
    let machine = Machine {
        boot: BootTimes {
            finish: None,
            ..machine().boot
        },
        ..machine()
    };
    let record = Record {
        spans: vec![Span::new("config", at(3602), None)],
    };
    insta::assert_snapshot!(text(&report(Some(&machine), &record, None)));
    assert!(!machine.is_complete());
}

#[test]
fn in_a_container_times_count_from_its_own_first_process() {
    let machine = Machine {
        boot: BootTimes {
            has_kernel: false,
            initrd: None,
            userspace: Some(at(5000)),
            userspace_at: 1_767_323_045_000_000,
            finish: Some(at(6900)),
        },
        units: Vec::new(),
    };
    let report = report(Some(&machine), &record(), Some(&verdict(Outcome::Joined)));
    assert_eq!(report.origin, Origin::Userspace);
    assert_eq!(report.moment(READY), Some(2730));
    assert_eq!(
        report.origin_at.map(|at| at.to_string()).as_deref(),
        Some("2026-01-02T03:04:05Z")
    );
    let first = report.phases.first().map(|phase| phase.name.as_str());
    // What was written down before PID 1 started would be another boot's; it counts as its beginning.
    assert_eq!(first, Some("systemd"));
}

#[test]
fn without_systemd_the_agent_tells_what_it_did_itself() {
    let report = report(None, &record(), Some(&verdict(Outcome::Joined)));
    assert_eq!((report.origin, report.origin_at), (Origin::Agent, None));
    assert_eq!(report.moment(READY), Some(7730 - 3602));
    let nothing = super::report(None, &Record::default(), None);
    assert_eq!(
        text(&nothing),
        "outcome   running; times count from the start of the agent\nnothing of this boot is known yet\n"
    );
}

#[test]
fn the_document_reads_back_as_it_was_written() {
    let report = report(Some(&machine()), &record(), Some(&verdict(Outcome::Joined)));
    let json = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(serde_json::from_str::<BootReport>(&json).unwrap(), report);
    insta::assert_snapshot!(json);
}

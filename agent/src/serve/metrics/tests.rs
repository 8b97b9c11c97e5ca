//! The list of metrics against what is shown.

use std::collections::BTreeSet;

use jiff::Timestamp;
use node::wire::SsmState;
use tokio::time::Instant;

use super::metric::{ALL, PREFIX};
use super::*;
use crate::boot::Machine;
use crate::boot::record::Span;
use crate::host::systemd::BootTimes;
use crate::plan::Summary;
use crate::report::event;
use crate::watch::Seen;
use crate::watch::boot::Boot;

/// A view in which everything is known.
fn full() -> View {
    let at = Duration::from_millis;
    let mut boot = Boot {
        summary: Some(Summary::default()),
        machine: Some(Machine {
            boot: BootTimes {
                has_kernel: true,
                userspace: Some(at(2000)),
                ..BootTimes::default()
            },
            units: Vec::new(),
        }),
        ..Boot::default()
    };
    boot.record.spans = vec![
        Span::new("join", at(4000), Some(at(5500))),
        Span::new(record::REGISTERED, at(5000), Some(at(5000))),
        Span::new(record::READY, at(5500), Some(at(5500))),
    ];
    View {
        started_at: Timestamp::UNIX_EPOCH,
        seen: Seen {
            ticked: Instant::now(),
            ..Seen::nothing()
        },
        boot,
        ssm: SsmState::Running,
        effective_max_pods: Some(29),
        events: event::Counters::default(),
    }
}

/// Name and labels of a line of values.
fn shown(line: &str) -> (String, BTreeSet<String>) {
    let (head, _) = line.rsplit_once(' ').unwrap();
    let (name, labels) = head.split_once('{').unwrap_or((head, ""));
    let labels = labels.trim_end_matches('}').split("\",");
    let labels = labels.filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
    (name.to_owned(), labels.collect())
}

#[test]
fn every_metric_of_the_list_is_shown_with_its_labels_and_no_other_is() {
    let text = text(&full());
    let values = text.lines().filter(|line| !line.starts_with('#'));
    let seen: BTreeSet<(String, BTreeSet<String>)> = values.map(shown).collect();
    let listed = ALL.map(|metric| {
        let labels = metric.labels.iter().map(|label| (*label).to_owned());
        (metric.name(), labels.collect())
    });
    assert_eq!(seen, BTreeSet::from(listed), "{text}");
    for metric in ALL {
        let family = format!("{PREFIX}_{}", metric.stem);
        assert!(
            text.contains(&format!("# TYPE {family}"))
                && text.contains(&format!(" {}.\n", metric.help)),
            "{family}"
        );
    }
}

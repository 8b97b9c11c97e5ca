//! The list of metrics against what is shown.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use node::config::{Document, rule_set, yaml};
use node::rule::RuleSet;
use node::wire::{LogSource, SsmState};
use tokio::time::Instant;

use super::metric::{ALL, PREFIX};
use super::*;
use crate::boot::Machine;
use crate::boot::record::Span;
use crate::host::systemd::BootTimes;
use crate::plan::Summary;
use crate::report::event;
use crate::serve::health;
use crate::watch::Seen;
use crate::watch::boot::Boot;
use crate::watch::rules::Rules;

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
    let mut journal = LogSource::new("journal", SourceState::Running);
    journal.last_line = Some(Timestamp::UNIX_EPOCH);
    journal.suppressed.insert("kubelet.service".to_owned(), 3);
    View {
        started_at: Timestamp::UNIX_EPOCH,
        seen: Seen {
            sources: vec![journal],
            ticked: Instant::now(),
            ..Seen::nothing()
        },
        boot,
        ssm: SsmState::Running,
        effective_max_pods: Some(29),
        events: event::Counters::default(),
        rounds: Vec::new(),
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

#[test]
fn rules_of_the_owner_are_shown_like_those_of_the_program() {
    let document = Document {
        name: "a".to_owned(),
        text: example("rules/security-sensor.yaml"),
    };
    let (rules, _) = rule_set::read(&document, 0);
    let mut view = full();
    view.seen.rules = Arc::new(Rules {
        set: Arc::new(RuleSet::new(&rules, &BTreeSet::new())),
        units: BTreeSet::new(),
        problems: vec!["`b.yaml` is not used".to_owned()],
    });
    let shown = text(&view);
    for line in [
        "nodeagent_findings_open{code=\"user.sensor_blind\",severity=\"warning\"} 0\n",
        "nodeagent_rules{origin=\"user\"} 1\n",
        "nodeagent_rule_problems 1\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let checks = health::healthy(&view, Instant::now());
    let health = health::text("healthz", &checks, true);
    assert!(
        health.contains("[+]rules ok, but `b.yaml` is not used\n"),
        "{health}"
    );
    let rules = checks.iter().find(|check| check.name == "rules").unwrap();
    assert_eq!(
        rules.failure, None,
        "no reason to take a node out of service"
    );
}

/// Text of a file of the examples.
fn example(path: &str) -> String {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    std::fs::read_to_string(examples.join(path)).unwrap()
}

/// Names of metrics, and of their labels in selectors, that a text speaks of.
fn spoken_of(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (start, _) in text.match_indices("nodeagent_") {
        let rest = text.get(start..).unwrap();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        found.insert((name.to_owned(), String::new()));
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        for matcher in selector.map_or("", |(selector, _)| selector).split(", ") {
            let label = matcher.split(['=', '!']).next().unwrap_or_default();
            found.insert((name.to_owned(), label.trim().to_owned()));
        }
    }
    found
}

#[test]
fn the_examples_speak_of_metrics_and_labels_that_there_are() {
    for (path, least) in [
        ("prometheus/alerts.yaml", 9),
        ("grafana/nodeagent.json", 14),
    ] {
        let text = example(path);
        let mut names = BTreeSet::new();
        for (name, label) in spoken_of(&text) {
            let metric = ALL.into_iter().find(|metric| metric.name() == name);
            let metric = metric.unwrap_or_else(|| panic!("{path}: there is no `{name}`"));
            // Prometheus itself adds where a value is from.
            let is_known = ["", "instance"].contains(&label.as_str())
                || metric.labels.contains(&label.as_str());
            assert!(is_known, "{path}: `{name}` has no label `{label}`");
            names.insert(name);
        }
        assert!(names.len() >= least, "{path}: {names:?}");
    }
}

#[test]
fn the_alerts_are_groups_of_rules_and_the_dashboard_is_json() {
    let alerts = yaml::parse(&example("prometheus/alerts.yaml"), 0).unwrap();
    assert_eq!(alerts.warnings, []);
    let alerts = alerts.root.to_json();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 8);
    for rule in rules {
        for field in ["alert", "expr"] {
            assert!(rule[field].is_string(), "{rule}");
        }
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
        assert!(rule["labels"]["severity"].is_string(), "{rule}");
    }
    let scrape = yaml::parse(&example("prometheus/scrape.yaml"), 0).unwrap();
    assert_eq!(scrape.warnings, []);
    assert!(scrape.root.get("scrape_configs").is_some());
    let dashboard: serde_json::Value =
        serde_json::from_str(&example("grafana/nodeagent.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels {
        assert!(panel["targets"][0]["expr"].is_string(), "{panel}");
    }
}

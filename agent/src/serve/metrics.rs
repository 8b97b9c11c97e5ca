//! Metrics in the OpenMetrics text format.
//!
//! A registry of our own, filled anew from one [`View`] for each scrape: what is shown can be neither stale nor forgotten,
//! and a finding that has cleared is back at 0 because every code of the catalogue is always shown.

use std::sync::atomic::AtomicU64;

use node::finding::catalogue;
use node::wire::{Origin, Outcome, SourceState};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::view::View;
use crate::boot::record;
use crate::host::tally::Loss;
use crate::report;
use crate::watch;

/// Media type of the answer.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    code: &'static str,
    severity: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    source: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabel {
    unit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: String,
}

type Float = Gauge<f64, AtomicU64>;

/// The metrics of this moment.
pub(super) fn text(view: &View) -> String {
    let mut registry = Registry::with_prefix("nodeagent");
    registry.register(
        "build",
        "Version of the agent",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    lines(&mut registry, view);
    findings(&mut registry, view);
    boot(&mut registry, view);
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &registry) {
        tracing::error!(%error, "metrics are not encoded");
    }
    text
}

fn lines(registry: &mut Registry, view: &View) {
    let refused = Family::<Reason, Counter>::default();
    refused
        .get_or_create(&Reason { reason: "no_room" })
        .inc_by(view.seen.refused);
    registry.register(
        "lines_dropped",
        "Log lines that no rule could take",
        refused,
    );
    let read = Family::<SourceLabel, Counter>::default();
    let lost = Family::<LossLabels, Counter>::default();
    let suppressed = Family::<UnitLabel, Counter>::default();
    let restarts = Family::<SourceLabel, Counter>::default();
    let up = Family::<SourceLabel, Gauge>::default();
    let lag = Family::<SourceLabel, Float>::default();
    // A source that is absent has its series too, so that an alert can tell it from an agent that is too old to have it.
    for source in &view.seen.sources {
        let label = SourceLabel {
            source: source.name.clone(),
        };
        read.get_or_create(&label).inc_by(source.read);
        restarts.get_or_create(&label).inc_by(source.restarts);
        up.get_or_create(&label)
            .set((source.state == SourceState::Running).into());
        if source.last_line.is_some() {
            lag.get_or_create(&label)
                .set(seconds(source.lag_milliseconds));
        }
        for loss in Loss::ALL {
            let reason = loss.as_str();
            let count = source.lost.get(reason).copied().unwrap_or_default();
            // What cannot befall a source has no series.
            if count > 0 || watch::may_befall(&source.name, loss) {
                let source = source.name.clone();
                let labels = LossLabels { source, reason };
                lost.get_or_create(&labels).inc_by(count);
            }
        }
        for (unit, count) in &source.suppressed {
            let unit = unit.clone();
            suppressed.get_or_create(&UnitLabel { unit }).inc_by(*count);
        }
    }
    registry.register("lines_read", "Log lines read", read);
    registry.register(
        "lines_lost",
        "Log lines that were not read as they were written; for the reasons truncated, rotated and vacuumed the times that an unknown number was lost",
        lost,
    );
    registry.register(
        "lines_suppressed",
        "Lines of a unit that journald did not take because there were too many",
        suppressed,
    );
    registry.register(
        "source_restarts",
        "Times that a source of log lines was opened again after it had failed",
        restarts,
    );
    registry.register(
        "source_up",
        "Whether a source of log lines is read; 0 also where nothing on this node writes it",
        up,
    );
    registry.register_with_unit(
        "source_lag",
        "How old the last line of a source was when it was read",
        Unit::Seconds,
        lag,
    );
}

fn findings(registry: &mut Registry, view: &View) {
    let open = Family::<FindingLabels, Gauge>::default();
    for finding in catalogue() {
        let labels = FindingLabels {
            code: finding.code,
            severity: finding.severity.as_str(),
        };
        let objects = view
            .seen
            .findings
            .iter()
            .filter(|open| open.code == finding.code)
            .count();
        open.get_or_create(&labels)
            .set(i64::try_from(objects).unwrap_or(i64::MAX));
    }
    registry.register("findings_open", "Objects for which a finding is open", open);
    let events = Family::<ResultLabel, Counter>::default();
    for (result, count) in [
        ("written", view.events.written),
        ("held_back", view.events.held_back),
        ("failed", view.events.failed),
    ] {
        events.get_or_create(&ResultLabel { result }).inc_by(count);
    }
    registry.register(
        "node_events",
        "Events of the Node that were written, held back because there had been too many, or refused",
        events,
    );
}

fn boot(registry: &mut Registry, view: &View) {
    let outcomes = Family::<OutcomeLabel, Gauge>::default();
    for outcome in [
        Outcome::Running,
        Outcome::Registered,
        Outcome::Joined,
        Outcome::Failed,
    ] {
        let label = OutcomeLabel {
            outcome: outcome.as_str(),
        };
        outcomes
            .get_or_create(&label)
            .set((view.boot.outcome() == outcome).into());
    }
    registry.register(
        "boot_outcome",
        "How far the node has come: 1 for its outcome",
        outcomes,
    );
    let report = view.boot_report();
    let phases = Family::<PhaseLabel, Float>::default();
    for phase in &report.phases {
        if let Some(milliseconds) = phase.duration_milliseconds {
            // A phase that ran twice took the time of both.
            phases
                .get_or_create(&PhaseLabel {
                    phase: phase.name.clone(),
                })
                .inc_by(seconds(milliseconds));
        }
    }
    registry.register_with_unit(
        "boot_phase",
        "Wall time of a phase of the boot",
        Unit::Seconds,
        phases,
    );
    for (moment, name, help) in [
        (
            record::REGISTERED,
            "boot_registered",
            "From the start of the kernel until the Node was registered",
        ),
        (
            record::READY,
            "boot_ready",
            "From the start of the kernel until the Node was Ready",
        ),
    ] {
        // In a container times count from its first process; a metric that means something else would mislead.
        if report.origin == Origin::Kernel
            && let Some(milliseconds) = report.moment(moment)
        {
            let gauge = Float::default();
            gauge.set(seconds(milliseconds));
            registry.register_with_unit(name, help, Unit::Seconds, gauge);
        }
    }
    let max_pods = report::max_pods(&view.boot, view.effective_max_pods);
    let pods = Family::<Kind, Gauge>::default();
    for (kind, value) in [
        ("planned", max_pods.planned),
        ("effective", max_pods.effective),
    ] {
        if let Some(value) = value {
            pods.get_or_create(&Kind { kind }).set(value.into());
        }
    }
    registry.register(
        "max_pods",
        "Pods that the node can hold, as planned and as the Node shows it",
        pods,
    );
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

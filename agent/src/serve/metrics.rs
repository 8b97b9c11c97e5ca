//! Metrics in the OpenMetrics text format.
//!
//! A [`Sheet`] is filled anew from one [`View`] for each scrape: what is shown can be neither stale nor forgotten, and a
//! finding that has cleared is back at 0 because every code of the catalogue is always shown.

mod metric;
#[cfg(test)]
mod page;
mod sheet;
#[cfg(test)]
mod tests;

use std::time::Duration;

use node::finding::catalogue;
use node::wire::{Origin, Outcome, SourceState};

use super::view::View;
use crate::boot::record;
use crate::host::tally::Loss;
use crate::report;
use crate::watch;
use sheet::Sheet;

/// Media type of the answer.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of this moment.
pub(super) fn text(view: &View) -> String {
    let mut sheet = Sheet::default();
    sheet.add(&metric::BUILD, &[env!("CARGO_PKG_VERSION")], true);
    lines(&mut sheet, view);
    findings(&mut sheet, view);
    boot(&mut sheet, view);
    sheet.text()
}

fn lines(sheet: &mut Sheet, view: &View) {
    sheet.add(&metric::LINES_DROPPED, &["no_room"], view.seen.refused);
    // A source that is absent has its series too, so that an alert can tell it from an agent that is too old to have it.
    for source in &view.seen.sources {
        let name = source.name.as_str();
        let is_up = source.state == SourceState::Running;
        sheet.add(&metric::LINES_READ, &[name], source.read);
        sheet.add(&metric::SOURCE_RESTARTS, &[name], source.restarts);
        sheet.add(&metric::SOURCE_UP, &[name], is_up);
        if source.last_line.is_some() {
            let lag = Duration::from_millis(source.lag_milliseconds);
            sheet.add(&metric::SOURCE_LAG, &[name], lag);
        }
        for loss in Loss::ALL {
            let reason = loss.as_str();
            let count = source.lost.get(reason).copied().unwrap_or_default();
            // What cannot befall a source has no series.
            if count > 0 || watch::may_befall(name, loss) {
                sheet.add(&metric::LINES_LOST, &[name, reason], count);
            }
        }
        for (unit, count) in &source.suppressed {
            sheet.add(&metric::LINES_SUPPRESSED, &[unit], *count);
        }
    }
    sheet.add(&metric::RULE_TIME, &[], view.seen.rule_time);
}

fn findings(sheet: &mut Sheet, view: &View) {
    let rules = &view.seen.rules;
    let shipped = catalogue().map(|finding| (finding.code, finding.severity));
    let user = rules
        .set
        .user()
        .map(|rule| (rule.code.as_str(), rule.severity));
    for (code, severity) in shipped.chain(user) {
        let open = view.seen.findings.iter();
        let objects = open.filter(|open| open.code == code).count();
        sheet.add(&metric::FINDINGS_OPEN, &[code, severity.as_str()], objects);
    }
    let (all, user) = (rules.set.len(), rules.set.user().count());
    sheet.add(&metric::RULES, &["shipped"], all - user);
    sheet.add(&metric::RULES, &["user"], user);
    sheet.add(&metric::RULE_PROBLEMS, &[], rules.problems.len());
    for (result, count) in [
        ("written", view.events.written),
        ("held_back", view.events.held_back),
        ("failed", view.events.failed),
    ] {
        sheet.add(&metric::NODE_EVENTS, &[result], count);
    }
}

fn boot(sheet: &mut Sheet, view: &View) {
    for outcome in [
        Outcome::Running,
        Outcome::Registered,
        Outcome::Joined,
        Outcome::Failed,
    ] {
        let is_it = view.boot.outcome() == outcome;
        sheet.add(&metric::BOOT_OUTCOME, &[outcome.as_str()], is_it);
    }
    let report = view.boot_report();
    for phase in &report.phases {
        if let Some(milliseconds) = phase.duration_milliseconds {
            // A phase that ran twice took the time of both.
            let time = Duration::from_millis(milliseconds);
            sheet.add(&metric::BOOT_PHASE, &[&phase.name], time);
        }
    }
    for (moment, metric) in [
        (record::REGISTERED, &metric::BOOT_REGISTERED),
        (record::READY, &metric::BOOT_READY),
    ] {
        // In a container times count from its first process; a metric that means something else would mislead.
        if report.origin == Origin::Kernel
            && let Some(milliseconds) = report.moment(moment)
        {
            sheet.add(metric, &[], Duration::from_millis(milliseconds));
        }
    }
    let max_pods = report::max_pods(&view.boot, view.effective_max_pods);
    for (kind, value) in [
        ("planned", max_pods.planned),
        ("effective", max_pods.effective),
    ] {
        if let Some(value) = value {
            sheet.add(&metric::MAX_PODS, &[kind], u64::from(value));
        }
    }
}

//! The page of a timeline: a row and a bar for each phase, at most 100 columns wide. Plain ASCII without colours, since
//! it is read on serial consoles too.

use std::fmt::Write as _;

use node::wire::{BootPhase, BootReport, Origin, Outcome, PhaseState};

use super::record::READY;

const BAR: usize = 58;
const MILLISECONDS: u64 = 1000;

/// The page.
pub fn text(report: &BootReport) -> String {
    let mut page = String::new();
    row(&mut page, "node", &report.node_name);
    row(&mut page, "outcome", &outcome(report));
    row(
        &mut page,
        "waiting",
        report.waiting_for.as_deref().unwrap_or_default(),
    );
    if report.phases.is_empty() {
        page.push_str("nothing of this boot is known yet\n");
        return page;
    }
    page.push('\n');
    let length = report.phases.iter().map(end).max().unwrap_or(0).max(1);
    let scale = seconds(length);
    writeln!(
        page,
        "{:<17} {:>10} {:>10}  {:<width$}{scale}",
        "PHASE",
        "START",
        "TOOK",
        "0",
        width = BAR - scale.len()
    )
    .unwrap_or_default();
    for phase in &report.phases {
        let took = match phase.state {
            PhaseState::Running => "running".to_owned(),
            PhaseState::Moment => "-".to_owned(),
            PhaseState::Complete => seconds(phase.duration_milliseconds.unwrap_or(0)),
        };
        let line = format!(
            "{:<17} {:>10} {took:>10}  {}",
            phase.name,
            seconds(phase.start_milliseconds),
            bar(phase, length)
        );
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page
}

fn row(page: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        writeln!(page, "{name:<9} {value}").unwrap_or_default();
    }
}

fn outcome(report: &BootReport) -> String {
    let from = match report.origin {
        Origin::Kernel => "the start of the kernel",
        Origin::Userspace => "the start of PID 1",
        Origin::Agent => "the start of the agent",
    };
    let at = report
        .origin_at
        .map(|at| format!(" at {at:.0}"))
        .unwrap_or_default();
    let word = report.outcome.as_str();
    match (report.outcome, report.moment(READY)) {
        (Outcome::Joined, Some(ready)) => {
            format!("{word}, Ready {} after {from}{at}", seconds(ready))
        }
        _ => format!("{word}; times count from {from}{at}"),
    }
}

/// Where a phase ends, as far as is known.
fn end(phase: &BootPhase) -> u64 {
    phase
        .start_milliseconds
        .saturating_add(phase.duration_milliseconds.unwrap_or(0))
}

fn bar(phase: &BootPhase, length: u64) -> String {
    let place = |milliseconds: u64| {
        let place = u128::from(milliseconds) * BAR as u128 / u128::from(length);
        usize::try_from(place).unwrap_or(BAR).min(BAR)
    };
    let start = place(phase.start_milliseconds).min(BAR - 1);
    let (width, sign) = match phase.state {
        PhaseState::Moment => (1, "|"),
        PhaseState::Running => (BAR - start, ">"),
        PhaseState::Complete => (place(end(phase)).saturating_sub(start).max(1), "#"),
    };
    format!("{}{}", " ".repeat(start), sign.repeat(width))
}

fn seconds(milliseconds: u64) -> String {
    format!(
        "{}.{:03} s",
        milliseconds / MILLISECONDS,
        milliseconds % MILLISECONDS
    )
}

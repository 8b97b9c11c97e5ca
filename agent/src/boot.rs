//! The timeline of this boot: what systemd noted and what `init` wrote down, as one document and as a page.
//!
//! [`observe`] gathers, [`report`] and [`text`] are pure. The daemon serves the document, `nodeagent boot` prints it.

pub mod record;
mod text;

use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use node::wire::{API_VERSION, BootPhase, BootReport, Origin, Outcome, PhaseState, Verdict};

use crate::host::systemd::{self, BootTimes, Systemd, UnitTimes};

use record::{Record, Span};

pub use text::text;

/// Units that every boot has or can have, and their name in the timeline. A target is a moment.
const UNITS: [(&str, &str); 6] = [
    ("network-online.target", "network-online"),
    ("cloud-init-local.service", "cloud-init-local"),
    // Its name before and since cloud-init 24.3.
    ("cloud-init.service", "cloud-init"),
    ("cloud-init-network.service", "cloud-init"),
    ("cloud-config.service", "cloud-config"),
    ("cloud-final.service", "cloud-final"),
];

/// What systemd knows of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The machine itself.
    pub boot: BootTimes,
    /// Units by their name in the timeline.
    pub units: Vec<(&'static str, UnitTimes)>,
}

impl Machine {
    /// Whether nothing more will be added.
    pub fn is_complete(&self) -> bool {
        let is_done = |times: &UnitTimes| times.started.is_none() || times.active.is_some();
        self.boot.finish.is_some() && self.units.iter().all(|(_, times)| is_done(times))
    }
}

/// Asks systemd; nothing is known where it does not answer.
pub async fn observe() -> Option<Machine> {
    match ask().await {
        Ok(machine) => Some(machine),
        Err(error) => {
            tracing::debug!(error = %Chain(&error), "systemd does not tell of the boot");
            None
        }
    }
}

async fn ask() -> Result<Machine, systemd::Error> {
    let systemd = Systemd::connect().await?;
    let mut machine = Machine {
        boot: systemd.boot_times().await?,
        units: Vec::new(),
    };
    for (unit, name) in UNITS {
        let times = systemd.unit_times(unit).await?;
        if times != UnitTimes::default() {
            machine.units.push((name, times));
        }
    }
    Ok(machine)
}

/// The document, from what is known.
pub fn report(machine: Option<&Machine>, record: &Record, verdict: Option<&Verdict>) -> BootReport {
    let spans = spans(machine, record);
    let boot = machine.map(|machine| machine.boot).unwrap_or_default();
    let (origin, zero) = match (boot.has_kernel, boot.userspace) {
        (true, _) => (Origin::Kernel, Duration::ZERO),
        (false, Some(userspace)) => (Origin::Userspace, userspace),
        (false, None) => {
            let first = spans.iter().map(|span| span.began).min();
            (Origin::Agent, first.unwrap_or_default())
        }
    };
    let mut phases: Vec<BootPhase> = spans.iter().map(|span| phase(span, zero)).collect();
    // What holds others comes before them.
    phases.sort_by_key(|phase| {
        let rest = u64::MAX - phase.duration_milliseconds.unwrap_or(0);
        (phase.start_milliseconds, rest)
    });
    BootReport {
        api_version: API_VERSION.to_owned(),
        kind: "BootReport".to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        node_name: verdict.map_or_else(String::new, |verdict| verdict.identity.node_name.clone()),
        outcome: verdict.map_or(Outcome::Running, |verdict| verdict.outcome),
        provisional: verdict.is_none_or(|verdict| verdict.provisional),
        waiting_for: verdict.and_then(|verdict| verdict.waiting_for.clone()),
        origin,
        origin_at: origin_at(&boot, zero),
        phases,
    }
}

/// The clock of the day as it stood when PID 1 started, and from there back to the origin.
fn origin_at(boot: &BootTimes, zero: Duration) -> Option<Timestamp> {
    let before = boot.userspace?.checked_sub(zero)?;
    let at = Duration::from_micros(boot.userspace_at).checked_sub(before)?;
    Timestamp::from_microsecond(i64::try_from(at.as_micros()).ok()?).ok()
}

fn spans(machine: Option<&Machine>, record: &Record) -> Vec<Span> {
    let mut spans = Vec::new();
    if let Some(machine) = machine {
        let boot = &machine.boot;
        if boot.has_kernel {
            let end = boot.initrd.or(boot.userspace);
            spans.push(Span::new("kernel", Duration::ZERO, end));
            if let Some(initrd) = boot.initrd {
                spans.push(Span::new("initrd", initrd, boot.userspace));
            }
        }
        if let Some(userspace) = boot.userspace {
            spans.push(Span::new("systemd", userspace, boot.finish));
        }
        spans.extend(machine.units.iter().filter_map(|(name, times)| {
            // A target is active as soon as it is started.
            let began = times.started.or(times.active)?;
            Some(Span::new(name, began, times.active))
        }));
    }
    spans.extend(record.spans.iter().cloned());
    spans
}

fn phase(span: &Span, zero: Duration) -> BootPhase {
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let took = span.ended.map(|ended| ended.saturating_sub(span.began));
    let (state, took) = match took {
        None => (PhaseState::Running, None),
        Some(took) if took.is_zero() => (PhaseState::Moment, None),
        Some(took) => (PhaseState::Complete, Some(milliseconds(took))),
    };
    BootPhase {
        name: span.name.clone(),
        start_milliseconds: milliseconds(span.began.saturating_sub(zero)),
        duration_milliseconds: took,
        state,
    }
}

#[cfg(test)]
mod tests;

//! What is known at one moment, for everything that is answered.

use jiff::Timestamp;
use node::wire::{API_VERSION, BootReport, FindingList, SsmState, Status};
use tokio::sync::watch;

use crate::host::environment::Environment;
use crate::host::root::Root;
use crate::report::{self, event};
use crate::watch::Seen;
use crate::watch::boot::Boot;
use crate::watch::rounds::{Round, Rounds};

/// Where knowledge comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The file system of the machine.
    pub root: Root,
    /// The environment of the daemon.
    pub environment: Environment,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// Findings and counters.
    pub seen: watch::Receiver<Seen>,
    /// Plan and verdict.
    pub boot: watch::Receiver<Boot>,
    /// The SSM agent.
    pub ssm: watch::Receiver<SsmState>,
    /// Max pods as the Node shows them.
    pub effective_max_pods: watch::Receiver<Option<u32>>,
    /// How many events of the Node were written.
    pub events: watch::Receiver<event::Counters>,
    /// When each probe last ended.
    pub rounds: Rounds,
}

/// What is known now.
#[derive(Debug, Clone)]
pub struct View {
    /// When the daemon started.
    pub started_at: Timestamp,
    /// Findings and counters.
    pub seen: Seen,
    /// Plan and verdict.
    pub boot: Boot,
    /// The SSM agent.
    pub ssm: SsmState,
    /// Max pods as the Node shows them.
    pub effective_max_pods: Option<u32>,
    /// How many events of the Node were written.
    pub events: event::Counters,
    /// When each probe last ended.
    pub rounds: Vec<Round>,
}

impl Sources {
    /// What is known now.
    pub fn view(&self) -> View {
        View {
            started_at: self.started_at,
            seen: self.seen.borrow().clone(),
            boot: self.boot.borrow().clone(),
            ssm: report::ssm(*self.ssm.borrow(), &self.seen.borrow()),
            effective_max_pods: *self.effective_max_pods.borrow(),
            events: *self.events.borrow(),
            rounds: self.rounds.all(),
        }
    }
}

impl View {
    /// The document of `/v1/boot`.
    pub fn boot_report(&self) -> BootReport {
        self.boot.report()
    }

    /// The document of `/v1/findings`.
    pub fn finding_list(self) -> FindingList {
        FindingList {
            api_version: API_VERSION.to_owned(),
            kind: "FindingList".to_owned(),
            items: self.seen.findings,
        }
    }

    /// The document of `/v1/status`.
    pub fn status(self) -> Status {
        let max_pods = report::max_pods(&self.boot, self.effective_max_pods);
        Status {
            api_version: API_VERSION.to_owned(),
            kind: "Status".to_owned(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            verdict: self.boot.verdict,
            findings: self.seen.findings,
            max_pods,
            ssm: self.ssm,
            warnings: self.seen.rules.problems.clone(),
            sources: self.seen.sources,
        }
    }
}

//! The desk at which verdicts are given: each goes to `/run/nodeagent/verdict.json`, the journal and the console.

use node::chain::Chain;
use node::console;
use node::finding::Finding;
use node::wire::{API_VERSION, Identity, Outcome, Phase, Timing, Verdict};
use tokio::time::Instant;

use crate::host::root::{self, Root};
use crate::host::{self, path};

use super::progress::Draft;

/// Gives the verdicts of one run of `init`.
#[derive(Debug)]
pub struct Desk {
    root: Root,
    identity: Identity,
    warnings: Vec<String>,
    timings: Vec<Timing>,
    phase: Phase,
    phase_began: Instant,
    /// Milliseconds that earlier runs of this phase took in this boot.
    spent_before: u64,
}

impl Desk {
    /// A desk that knows what earlier runs of this boot have said: each phase can be a process of its own.
    pub fn new(root: &Root) -> Self {
        let earlier = read(root);
        let (identity, warnings, timings) = earlier
            .map(|verdict| (verdict.identity, verdict.warnings, verdict.timings))
            .unwrap_or_default();
        Self {
            root: root.clone(),
            identity,
            warnings,
            timings,
            phase: Phase::Config,
            phase_began: Instant::now(),
            spent_before: 0,
        }
    }

    /// Who is speaking from now on.
    pub fn identify(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// What had no effect; replaces what an earlier run of this phase said.
    pub fn warn(&mut self, warnings: Vec<String>) {
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.warnings = warnings;
    }

    /// What else had no effect, beside what was said already.
    pub fn warn_also(&mut self, warnings: Vec<String>) {
        for warning in warnings {
            tracing::warn!("{warning}");
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// A phase begins. The config phase can run twice in a boot; then its timing is that of both.
    pub fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_began = Instant::now();
        let (earlier, others) = self
            .timings
            .drain(..)
            .partition(|timing| timing.phase == phase);
        let earlier: Vec<Timing> = earlier;
        self.spent_before = earlier.iter().map(|timing| timing.milliseconds).sum();
        self.timings = others;
    }

    /// The phase has ended well and another one follows: its timing is kept for the verdict.
    pub fn complete(&mut self) {
        let verdict = self.verdict(running());
        tracing::info!(
            phase = self.phase.as_str(),
            milliseconds = self.milliseconds(),
            "phase complete"
        );
        self.timings.clone_from(&verdict.timings);
        self.record(&verdict);
    }

    /// The phase has failed for good.
    pub fn fail(&mut self, finding: &Finding, evidence: String) {
        let root_cause = finding.root_cause(&self.identity, &[evidence]);
        self.give(Draft {
            outcome: Outcome::Failed,
            provisional: false,
            root_cause: Some(root_cause),
            consequences: Vec::new(),
        });
    }

    /// What a person does next about a finding, with what is known of this node.
    pub fn fix(&self, finding: &Finding) -> String {
        finding.fix_for(&self.identity)
    }

    /// Gives a verdict: file, journal, console.
    pub fn give(&mut self, draft: Draft) {
        let verdict = self.verdict(draft);
        self.record(&verdict);
        log(&verdict);
        let lines = console::encode(&host::boot_id(&self.root), &verdict);
        if let Err(error) = host::console::write(&self.root, &lines) {
            tracing::debug!(error = %Chain(&error), "the console takes nothing");
        }
    }

    fn milliseconds(&self) -> u64 {
        let now = u64::try_from(self.phase_began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.spent_before.saturating_add(now)
    }

    fn verdict(&self, draft: Draft) -> Verdict {
        let mut timings = self.timings.clone();
        timings.push(Timing {
            phase: self.phase,
            milliseconds: self.milliseconds(),
        });
        Verdict {
            api_version: API_VERSION.to_owned(),
            kind: "Verdict".to_owned(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            at: jiff::Timestamp::now(),
            provisional: draft.provisional,
            outcome: draft.outcome,
            phase: self.phase,
            identity: self.identity.clone(),
            root_cause: draft.root_cause,
            consequences: draft.consequences,
            warnings: self.warnings.clone(),
            timings,
        }
    }

    /// The file is a report: a disk that is full must not stop a node that could join.
    fn record(&self, verdict: &Verdict) {
        if let Err(error) = write(&self.root, verdict) {
            tracing::warn!(error = %Chain(&error), "the verdict is not kept");
        }
    }
}

fn running() -> Draft {
    Draft {
        outcome: Outcome::Running,
        provisional: true,
        root_cause: None,
        consequences: Vec::new(),
    }
}

/// The verdict of this boot, if there is one that can be read.
pub fn read(root: &Root) -> Option<Verdict> {
    serde_json::from_slice(&root.read(path::VERDICT).ok().flatten()?).ok()
}

/// Keeps a verdict for other phases, the daemon and people.
pub fn write(root: &Root, verdict: &Verdict) -> Result<(), root::Error> {
    let content = serde_json::to_vec_pretty(verdict).unwrap_or_default();
    root.write(path::VERDICT, &content, 0o644).map(drop)
}

/// A node that may still join deserves a warning at most: registered and not Ready is normal while a CNI is installed.
fn log(verdict: &Verdict) {
    let outcome = verdict.outcome.as_str();
    let phase = verdict.phase.as_str();
    let Some(root) = &verdict.root_cause else {
        tracing::info!(outcome, phase, node = verdict.identity.node_name, "verdict");
        return;
    };
    let (code, evidence, fix) = (&root.code, root.evidence.last(), &root.fix);
    if verdict.outcome == Outcome::Failed {
        tracing::error!(outcome, phase, code, evidence, fix, "{}", root.cause);
    } else {
        let provisional = verdict.provisional;
        tracing::warn!(
            outcome,
            phase,
            code,
            evidence,
            fix,
            provisional,
            "{}",
            root.cause
        );
    }
}

//! The desk at which verdicts are given: each goes to `/run/nodeagent/verdict.json`, the journal and the console.

use std::sync::{Mutex, MutexGuard, PoisonError};

use node::chain::Chain;
use node::config::AfterBoot;
use node::console;
use node::finding::{self, Finding};
use node::rank;
use node::wire::{API_VERSION, Identity, OpenFinding, Outcome, Phase, Timing, Verdict};
use tokio::time::Instant;

use crate::boot::record;
use crate::host::root::{self, Root};
use crate::host::waiting::Waiting;
use crate::host::{self, path};
use crate::probe::Fault;

use super::merge;
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
    /// What is waited for that is no fault; part of every verdict until it is over.
    waiting_for: Option<String>,
    waiting: Waiting,
    /// What follows the last word, once the configuration is known.
    after_boot: Option<AfterBoot>,
    /// The last word, once it was spoken.
    last_word: Mutex<Option<Verdict>>,
    /// What was found in this run that may keep the node from joining, in the order of its rank.
    suspects: Mutex<Vec<OpenFinding>>,
}

impl Desk {
    /// A desk that knows what earlier runs of this boot have said: each phase can be a process of its own.
    pub fn new(root: &Root) -> Self {
        let earlier = read(root);
        let (identity, warnings, timings, waiting_for) = earlier
            .map(|verdict| {
                (
                    verdict.identity,
                    verdict.warnings,
                    verdict.timings,
                    verdict.waiting_for,
                )
            })
            .unwrap_or_default();
        Self {
            root: root.clone(),
            identity,
            warnings,
            timings,
            phase: Phase::Config,
            phase_began: Instant::now(),
            spent_before: 0,
            waiting_for,
            waiting: Waiting::on_console(root),
            after_boot: None,
            last_word: Mutex::default(),
            suspects: Mutex::default(),
        }
    }

    /// What follows the last word.
    pub fn follow_with(&mut self, after_boot: &AfterBoot) {
        self.after_boot = Some(after_boot.clone());
    }

    /// What follows the last word; none while the configuration is not known.
    pub fn after_boot(&self) -> Option<&AfterBoot> {
        self.after_boot.as_ref()
    }

    /// The verdict of this run that is not provisional, if it was given.
    pub fn last_word(&self) -> Option<Verdict> {
        self.spoken().clone()
    }

    fn spoken(&self) -> MutexGuard<'_, Option<Verdict>> {
        self.last_word
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells on the console what is being waited for.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// The boot waits for something that is no fault, or does so no more. Said once.
    pub fn wait_for(&mut self, what: Option<String>) {
        if self.waiting_for != what {
            self.waiting_for = what;
            self.give(self.suspicion().unwrap_or_else(running));
        }
    }

    /// Whether the boot waits for something that is no fault, in this phase or since an earlier one.
    pub fn is_waiting(&self) -> bool {
        self.waiting_for.is_some()
    }

    /// A part of a phase is done: its time stands in the timeline.
    pub async fn timed<T>(&self, name: &str, work: impl Future<Output = T>) -> T {
        record::begin(&self.root, name);
        let done = work.await;
        record::end(&self.root, name);
        done
    }

    /// Something is seen for the first time: its time stands in the timeline.
    pub fn mark(&self, name: &str) {
        record::mark(&self.root, name);
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
        record::begin(&self.root, phase.as_str());
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
        let verdict = self.verdict(self.suspicion().unwrap_or_else(running));
        record::end(&self.root, self.phase.as_str());
        tracing::info!(
            phase = self.phase.as_str(),
            milliseconds = self.milliseconds(),
            "phase complete"
        );
        self.timings.clone_from(&verdict.timings);
        self.record(&verdict);
    }

    /// The phase goes on, and something was found, in the order of its rank, that may keep the node from joining.
    pub fn suspect(&self, open: Vec<OpenFinding>) {
        *self.suspects() = open;
        if let Some(draft) = self.suspicion() {
            self.give(draft);
        }
    }

    fn suspects(&self) -> MutexGuard<'_, Vec<OpenFinding>> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suspicion(&self) -> Option<Draft> {
        let suspects = self.suspects();
        let root = rank::root(&suspects)?;
        let finding = finding::by_code(&root.code)?;
        let others = suspects.iter().filter(|other| other.code != root.code);
        Some(Draft {
            root_cause: Some(finding.root_cause(&self.identity, &root.evidence)),
            consequences: others.map(|other| other.code.clone()).collect(),
            ..running()
        })
    }

    /// The phase has failed for good: of this, or of what was suspected already and explains it.
    pub fn fail(&self, finding: &'static Finding, evidence: Vec<String>) {
        let fault = Fault { finding, evidence };
        let known = std::mem::take(&mut *self.suspects());
        *self.suspects() = merge::with(known, vec![fault]);
        let draft = self.suspicion().unwrap_or_else(running);
        self.give(Draft {
            outcome: Outcome::Failed,
            provisional: false,
            ..draft
        });
    }

    /// What a person does next about a finding, with what is known of this node.
    pub fn fix(&self, finding: &Finding) -> String {
        finding.fix_for(&self.identity)
    }

    /// Gives a verdict: file, journal, console.
    pub fn give(&self, draft: Draft) {
        let verdict = self.verdict(draft);
        if verdict.outcome == Outcome::Joined {
            self.mark(record::REGISTERED);
            self.mark(record::READY);
        }
        if !verdict.provisional {
            record::end(&self.root, self.phase.as_str());
        }
        self.record(&verdict);
        log(&verdict);
        let mut lines = vec![console::sentence(&verdict)];
        lines.extend(console::encode(&host::boot_id(&self.root), &verdict));
        if let Err(error) = host::console::write(&self.root, &lines) {
            tracing::debug!(error = %Chain(&error), "the console takes nothing");
        }
        *self.spoken() = (!verdict.provisional).then_some(verdict);
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
            waiting_for: self.waiting_for.clone(),
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

//! Log lines and observations in, open findings out.
//!
//! A [`Rule`] is data: which finding, how it is detected, how often it must be seen, when it is harmless, how it clears.
//! The [`Engine`] runs all rules over [`Record`]s and [`Observation`]s and keeps the findings that are open. Neither has a
//! clock: time is that of the record, or is told by [`Engine::tick`]. Each family of findings has one file or folder, and
//! each rule a file of cases (`cases/CODE.txt`) with a positive, a negative and a recovery part; a test walks the registry.
//! A [`RuleSet`] is what is in use: rules of the program, and those of the node's owner ([`UserRule`]).

mod api_call;
mod aws;
mod bootstrap;
mod cni;
mod engine;
mod evidence;
mod gpu;
mod image;
mod join;
mod kernel;
mod kubelet;
mod line;
mod network;
mod pairs;
mod prefilter;
mod recovery;
mod runtime;
mod screen;
mod set;
mod signal;
mod ssm;
mod storage;
mod time;
mod track;
mod unit;
mod user;
mod zap;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::finding::Finding;

pub use engine::{Engine, Snapshot};
pub use line::Line;
pub use set::RuleSet;
pub use signal::Signal;
pub use user::{PREFIX as USER_PREFIX, Pattern, UserClear, UserLine, UserRule};

/// Unit of the kubelet.
pub const KUBELET: &str = "kubelet.service";
/// Unit of containerd.
pub const CONTAINERD: &str = "containerd.service";
/// Unit of the SSM agent.
pub const SSM_AGENT: &str = "amazon-ssm-agent.service";

/// The kernel's log.
pub const KERNEL: &str = "kernel";
/// Log of the VPC CNI's address manager, `/var/log/aws-routed-eni/ipamd.log`.
pub const IPAMD: &str = "ipamd";
/// Log of kube-proxy's pod.
pub const KUBE_PROXY: &str = "kube-proxy";
/// Log of the VPC CNI's network policy agent, `/var/log/aws-routed-eni/network-policy-agent.log`.
pub const NETWORK_POLICY_AGENT: &str = "network-policy-agent";
/// Unit of the bootstrap's first phase, which writes the configuration.
const NODEADM_CONFIG: &str = "nodeadm-config.service";
/// Unit of the bootstrap's second phase, which starts the daemons.
const NODEADM_RUN: &str = "nodeadm-run.service";
/// Unit of cloud-init's last stage, which runs the scripts of the user data.
const CLOUD_FINAL: &str = "cloud-final.service";
/// Both phases of the bootstrap.
const NODEADM: &[&str] = &[NODEADM_CONFIG, NODEADM_RUN];

/// Sources of lines that are no units.
const LOGS: [&str; 4] = [KERNEL, IPAMD, KUBE_PROXY, NETWORK_POLICY_AGENT];

/// Name that the service manager gives itself in the journal.
pub const MANAGER: &str = "systemd";

/// One line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The unit that the line is about, `kubelet.service`: its writer, or the one that the service manager speaks of.
    pub unit: &'a str,
    /// Who wrote it (`SYSLOG_IDENTIFIER`); `systemd` for the service manager.
    pub identifier: &'a str,
    /// The line, as it was written.
    pub message: &'a str,
    /// When it was written.
    pub at: Timestamp,
}

impl Record<'_> {
    fn speaker(&self) -> Speaker {
        if self.identifier == MANAGER {
            Speaker::Manager
        } else {
            Speaker::Service
        }
    }
}

/// Something that was looked at, rather than read in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// State of a unit, as the service manager gives it.
    Unit {
        /// Name of the unit.
        name: String,
        /// Whether it is installed at all.
        installed: bool,
        /// Its `ActiveState`: `active`, `activating`, `inactive`, `failed`, …
        active: String,
        /// Its `SubState`, for the evidence.
        sub: String,
        /// Automatic restarts since it was last started by hand.
        restarts: u32,
    },
    /// One fault of one object was looked for.
    Probe {
        /// Code of the finding.
        code: &'static str,
        /// Mount point, device, unit; empty: the node itself.
        object: String,
        /// What shows the fault; none: it is not there.
        failure: Option<String>,
    },
    /// Something good was looked for, by a check of our own, that several rules care about.
    Check {
        /// What was looked for.
        signal: Signal,
        /// Why it was not found; none: it was.
        failure: Option<String>,
    },
}

/// Who says something about a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The unit's own processes.
    Service,
    /// The service manager.
    Manager,
}

/// How one finding is detected, and how it clears.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The entry of the catalogue.
    pub finding: &'static Finding,
    /// Where it is seen; each is tried.
    pub detect: &'static [Detect],
    /// How often it must be seen before it is a finding.
    pub threshold: Threshold,
    /// When it is not a finding at all.
    pub harmless: Option<Harmless>,
    /// What takes it back; any of them does.
    pub clears: &'static [Clear],
}

/// One way of seeing a fault.
#[derive(Debug, Clone, Copy)]
pub enum Detect {
    /// A line of a log.
    Line(LinePattern),
    /// The service manager restarted this unit.
    Restarted(&'static str),
    /// This unit is installed and was observed not to be active.
    NotActive(&'static str),
    /// A check looked for this and did not find it.
    Missing(Signal),
    /// A probe of this finding saw it.
    Probe,
}

impl Detect {
    /// Lines that these units, or other sources, write.
    const fn said(
        units: &'static [&'static str],
        literals: &'static [&'static str],
        matches: fn(&Line<'_>) -> Option<Match>,
    ) -> Self {
        Self::Line(LinePattern {
            units,
            speaker: Speaker::Service,
            literals,
            matches,
        })
    }

    /// Lines of the service manager about these units; none: about any.
    const fn managed(
        units: &'static [&'static str],
        literals: &'static [&'static str],
        matches: fn(&Line<'_>) -> Option<Match>,
    ) -> Self {
        Self::Line(LinePattern {
            units,
            speaker: Speaker::Manager,
            literals,
            matches,
        })
    }
}

/// Which lines show a fault.
#[derive(Debug, Clone, Copy)]
pub struct LinePattern {
    /// The units, or other sources, that the line may be about: the same words mean different things in different units.
    /// None: any.
    pub units: &'static [&'static str],
    /// Who must say it.
    pub speaker: Speaker,
    /// Every line that can match holds at least one of these, so that nearly all lines cost one search.
    pub literals: &'static [&'static str],
    /// The decision, over the parsed line.
    pub matches: fn(&Line<'_>) -> Option<Match>,
}

/// What a matching line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// A sighting of the fault, of this object (empty: the node itself).
    Hit {
        /// Unit, pod or device.
        object: String,
    },
    /// A sighting that is decisive: of this finding other sightings must add up, this one need not.
    Proof {
        /// Unit, pod or device.
        object: String,
    },
    /// Not a sighting: words that explain the fault of this object and are kept as its evidence.
    Evidence {
        /// Unit, pod or device.
        object: String,
    },
    /// The opposite of a sighting: the fault of this object is over; of all objects, if it is empty.
    Over {
        /// What the rule calls it.
        object: String,
    },
}

impl Match {
    /// A sighting of a fault of the node itself, if `condition` holds.
    fn node_if(condition: bool) -> Option<Self> {
        condition.then(|| Self::Hit {
            object: String::new(),
        })
    }

    /// A decisive sighting of a fault of the node itself, if `condition` holds.
    fn proof_if(condition: bool) -> Option<Self> {
        condition.then(|| Self::Proof {
            object: String::new(),
        })
    }
}

/// How often a fault must be seen before it is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// At least so many sightings …
    pub hits: usize,
    /// … within this time …
    pub within: Duration,
    /// … and the first of them this long ago, with no longer gap than [`Self::within`] since.
    pub lasting: Duration,
}

impl Threshold {
    /// One sighting is enough.
    pub const ONCE: Self = Self {
        hits: 1,
        within: Duration::from_mins(1),
        lasting: Duration::ZERO,
    };

    /// So many sightings within a time.
    pub const fn times(hits: usize, within: Duration) -> Self {
        Self {
            hits,
            within,
            lasting: Duration::ZERO,
        }
    }
}

/// When a fault is no finding. It is only asked before a finding opens: a fault that is known stays known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harmless {
    /// Within this time after a signal. Without the signal it is long past, and the fault counts.
    Within(Signal, Duration),
    /// The same for this object alone: whatever else the rule sees counts.
    ObjectWithin(&'static str, Signal, Duration),
}

/// What takes a finding back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// The signal came after the last sighting.
    On(Signal),
    /// The same for this object alone.
    ObjectOn(&'static str, Signal),
    /// No sighting for this time. The silence of a unit that does not run proves nothing: it counts from the unit's
    /// start, and not at all while the unit is known to be down.
    Silence(Duration),
    /// Silence as above, in a boot in which the signal was seen at all.
    SilenceAfter(Signal, Duration),
    /// This unit has been active for this time.
    UnitActive(&'static str, Duration),
    /// This unit gave the signal in its present run, and has stayed active for this time since.
    UnitSettled(&'static str, Signal, Duration),
    /// This unit is not installed any more.
    UnitRemoved(&'static str),
    /// The probe of this finding passes, and nothing was seen for this time.
    ProbePassed(Duration),
}

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        join::RULES,
        network::RULES,
        network::HOST_RULES,
        kubelet::RULES,
        kubelet::node::RULES,
        kubelet::pods::RULES,
        runtime::RULES,
        runtime::containers::RULES,
        kernel::RULES,
        storage::RULES,
        cni::RULES,
        cni::IPAMD_RULES,
        image::RULES,
        gpu::RULES,
        aws::RULES,
        bootstrap::RULES,
        bootstrap::NODEADM_RULES,
        time::RULES,
        ssm::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The units and other sources that rules read lines of.
pub fn sources() -> BTreeSet<&'static str> {
    all()
        .flat_map(|rule| rule.detect)
        .flat_map(|detect| match detect {
            Detect::Line(pattern) => pattern.units,
            Detect::Restarted(unit) | Detect::NotActive(unit) => std::slice::from_ref(unit),
            Detect::Missing(_) | Detect::Probe => &[],
        })
        .copied()
        .collect()
}

/// The units whose state, and whose automatic restarts, rules ask the service manager for.
pub fn units() -> BTreeSet<&'static str> {
    all()
        .flat_map(|rule| rule.detect)
        .filter_map(|detect| match detect {
            Detect::Restarted(unit) | Detect::NotActive(unit) => Some(*unit),
            Detect::Line(_) | Detect::Missing(_) | Detect::Probe => None,
        })
        .collect()
}

/// Whether a source of lines is a log of its own rather than a part of the journal.
pub fn is_file(source: &str) -> bool {
    source != KERNEL && LOGS.contains(&source)
}

/// Codes that one line alone would show, without windows, thresholds and what came before it.
pub fn codes_of(record: &Record<'_>) -> Vec<&'static str> {
    let mut line = None;
    all()
        .filter(|rule| {
            rule.matching(record, &mut line)
                .is_some_and(|found| matches!(found, Match::Hit { .. } | Match::Proof { .. }))
        })
        .map(|rule| rule.finding.code)
        .collect()
}

impl Rule {
    /// Tries the rule's line patterns; the line is parsed once, by the first rule that needs it.
    fn matching<'a>(&self, record: &Record<'a>, line: &mut Option<Line<'a>>) -> Option<Match> {
        self.detect.iter().find_map(|detect| match detect {
            Detect::Line(pattern) if pattern.may_match(record) => {
                (pattern.matches)(line.get_or_insert_with(|| Line::parse(record.message)))
            }
            _ => None,
        })
    }
}

impl LinePattern {
    fn is_about(&self, unit: &str) -> bool {
        self.units.is_empty() || self.units.contains(&unit)
    }

    fn may_match(&self, record: &Record<'_>) -> bool {
        self.is_about(record.unit)
            && self.speaker == record.speaker()
            && self
                .literals
                .iter()
                .any(|literal| record.message.contains(literal))
    }
}

/// Whether a message has the head that klog writes.
pub fn is_klog(message: &str) -> bool {
    line::klog_body(message).is_some()
}

/// The unit or other source that people call so: `kubelet` and `kubelet.service` are `kubelet.service`, `kmsg` is the
/// kernel's log.
pub fn source(name: &str) -> Cow<'_, str> {
    match name {
        "kmsg" | "dmesg" => Cow::Borrowed(KERNEL),
        "aws-node" | "aws-k8s-agent" => Cow::Borrowed(IPAMD),
        _ if LOGS.contains(&name) || name.contains('.') => Cow::Borrowed(name),
        _ => Cow::Owned(format!("{name}.service")),
    }
}

/// Time from `earlier` to `later`; zero when a clock was set back between them.
fn elapsed(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

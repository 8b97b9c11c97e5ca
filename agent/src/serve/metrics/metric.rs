//! Every metric that the agent shows, said once: the answer, the page of the documentation and the tests of the examples
//! are made of it.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number that only grows while the agent runs.
    Counter,
    /// A time that only grows while the agent runs, in seconds.
    SecondsCounter,
    /// A number of now.
    Gauge,
    /// A time of now, in seconds.
    Seconds,
    /// Always 1; what it says stands in its labels.
    Info,
}

impl Kind {
    /// The word of the text format.
    #[cfg(test)]
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter | Self::SecondsCounter => "counter",
            Self::Gauge | Self::Seconds => "gauge",
            Self::Info => "info",
        }
    }

    /// What the text format appends to the name.
    #[cfg(test)]
    const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::SecondsCounter => "_seconds_total",
            Self::Gauge => "",
            Self::Seconds => "_seconds",
            Self::Info => "_info",
        }
    }
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metric {
    /// Its name without prefix and suffix.
    pub stem: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// What every name begins with.
pub(super) const PREFIX: &str = "nodeagent";

impl Metric {
    const fn new(
        stem: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            stem,
            kind,
            labels,
            help,
        }
    }

    /// The name as it is shown, and as a query writes it.
    #[cfg(test)]
    pub(super) fn name(&self) -> String {
        format!("{PREFIX}_{}{}", self.stem, self.kind.suffix())
    }
}

/// `nodeagent_build_info`.
pub(super) static BUILD: Metric =
    Metric::new("build", Kind::Info, &["version"], "Version of the agent");
/// `nodeagent_lines_read_total`.
pub(super) static LINES_READ: Metric =
    Metric::new("lines_read", Kind::Counter, &["source"], "Log lines read");
/// `nodeagent_lines_dropped_total`.
pub(super) static LINES_DROPPED: Metric = Metric::new(
    "lines_dropped",
    Kind::Counter,
    &["reason"],
    "Log lines that no rule could take",
);
/// `nodeagent_source_restarts_total`.
pub(super) static SOURCE_RESTARTS: Metric = Metric::new(
    "source_restarts",
    Kind::Counter,
    &["source"],
    "Times that a source of log lines was opened again after it had failed",
);
/// `nodeagent_source_up`.
pub(super) static SOURCE_UP: Metric = Metric::new(
    "source_up",
    Kind::Gauge,
    &["source"],
    "Whether a source of log lines is read; 0 also where nothing on this node writes it",
);
/// `nodeagent_source_lag_seconds`.
pub(super) static SOURCE_LAG: Metric = Metric::new(
    "source_lag",
    Kind::Seconds,
    &["source"],
    "How old the last line of a source was when it was read",
);
/// `nodeagent_lines_lost_total`.
pub(super) static LINES_LOST: Metric = Metric::new(
    "lines_lost",
    Kind::Counter,
    &["source", "reason"],
    "Log lines that were not read as they were written; for the reasons truncated, rotated and vacuumed the times that an unknown number was lost",
);
/// `nodeagent_lines_suppressed_total`.
pub(super) static LINES_SUPPRESSED: Metric = Metric::new(
    "lines_suppressed",
    Kind::Counter,
    &["unit"],
    "Lines of a unit that journald did not take because there were too many",
);
/// `nodeagent_rule_seconds_total`.
pub(super) static RULE_TIME: Metric = Metric::new(
    "rule",
    Kind::SecondsCounter,
    &[],
    "Time that the rules took for log lines",
);
/// `nodeagent_findings_open`.
pub(super) static FINDINGS_OPEN: Metric = Metric::new(
    "findings_open",
    Kind::Gauge,
    &["code", "severity"],
    "Objects for which a finding is open",
);
/// `nodeagent_rules`.
pub(super) static RULES: Metric = Metric::new(
    "rules",
    Kind::Gauge,
    &["origin"],
    "Rules in use, of the program and of the node's owner",
);
/// `nodeagent_rule_problems`.
pub(super) static RULE_PROBLEMS: Metric = Metric::new(
    "rule_problems",
    Kind::Gauge,
    &[],
    "What is wrong with the files of rules on this node",
);
/// `nodeagent_node_events_total`.
pub(super) static NODE_EVENTS: Metric = Metric::new(
    "node_events",
    Kind::Counter,
    &["result"],
    "Events of the Node that were written, held back because there had been too many, or refused",
);
/// `nodeagent_boot_outcome`.
pub(super) static BOOT_OUTCOME: Metric = Metric::new(
    "boot_outcome",
    Kind::Gauge,
    &["outcome"],
    "How far the node has come: 1 for its outcome",
);
/// `nodeagent_boot_phase_seconds`.
pub(super) static BOOT_PHASE: Metric = Metric::new(
    "boot_phase",
    Kind::Seconds,
    &["phase"],
    "Wall time of a phase of the boot",
);
/// `nodeagent_boot_registered_seconds`.
pub(super) static BOOT_REGISTERED: Metric = Metric::new(
    "boot_registered",
    Kind::Seconds,
    &[],
    "From the start of the kernel until the Node was registered",
);
/// `nodeagent_boot_ready_seconds`.
pub(super) static BOOT_READY: Metric = Metric::new(
    "boot_ready",
    Kind::Seconds,
    &[],
    "From the start of the kernel until the Node was Ready",
);
/// `nodeagent_max_pods`.
pub(super) static MAX_PODS: Metric = Metric::new(
    "max_pods",
    Kind::Gauge,
    &["kind"],
    "Pods that the node can hold, as planned and as the Node shows it",
);

/// All of them, in the order in which they are shown.
pub(super) static ALL: [&Metric; 18] = [
    &BUILD,
    &LINES_READ,
    &LINES_LOST,
    &LINES_SUPPRESSED,
    &LINES_DROPPED,
    &SOURCE_RESTARTS,
    &SOURCE_UP,
    &SOURCE_LAG,
    &RULE_TIME,
    &FINDINGS_OPEN,
    &RULES,
    &RULE_PROBLEMS,
    &NODE_EVENTS,
    &BOOT_OUTCOME,
    &BOOT_PHASE,
    &BOOT_REGISTERED,
    &BOOT_READY,
    &MAX_PODS,
];

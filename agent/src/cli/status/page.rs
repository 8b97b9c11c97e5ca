//! The page that a person reads: what came of the node, why, what proves it, what to do. Pure.

use node::finding;
use node::rank;
use node::wire::{
    Diagnosis, Identity, LogSource, MaxPods, NodeNow, OpenFinding, Outcome, RootCause, SsmState,
    Status, Verdict,
};

use crate::cli::finding::{claim, graded, times};

/// The page of a node whose daemon answers.
pub(in crate::cli) fn of_status(status: &Status) -> String {
    let mut page = Page::default();
    page.boot(status.verdict.as_ref());
    page.row("max pods", &pods(status.max_pods));
    page.row("ssm agent", ssm(status.ssm));
    page.row(
        "agent",
        &format!("{}, since {:.0}", status.agent_version, status.started_at),
    );
    match rank::root(&status.findings) {
        Some(root) => page.finding(root),
        None => page.cause(
            status
                .verdict
                .as_ref()
                .and_then(|verdict| verdict.root_cause.as_ref()),
        ),
    }
    let root = rank::root(&status.findings);
    page.others(
        "also",
        status
            .findings
            .iter()
            .filter(|finding| root.is_none_or(|root| !std::ptr::eq(*finding, root))),
    );
    page.warnings(status.verdict.as_ref());
    page.texts("rules", &status.warnings);
    page.texts("not read", &gaps(&status.sources));
    page.text
}

/// The page of a node of which only the boot's verdict is known.
pub(in crate::cli) fn of_verdict(verdict: &Verdict) -> String {
    let mut page = Page::default();
    page.boot(Some(verdict));
    page.row(
        "agent",
        &format!("{}, verdict of {:.0}", verdict.agent_version, verdict.at),
    );
    page.cause(verdict.root_cause.as_ref());
    page.warnings(Some(verdict));
    page.text
}

/// The page of a node that was looked at from all sides.
pub(in crate::cli) fn of_diagnosis(diagnosis: &Diagnosis) -> String {
    let mut page = Page::default();
    page.boot(diagnosis.verdict.as_ref());
    page.row("ready", &ready(diagnosis.node.as_ref()));
    page.row(
        "agent",
        &format!("{}, looked at {:.0}", diagnosis.agent_version, diagnosis.at),
    );
    if let Some(root) = &diagnosis.root_cause {
        page.finding(root);
    } else {
        page.line("");
        page.row("root cause", "none was found");
    }
    page.others("consequence", diagnosis.consequences.iter());
    page.others("also", diagnosis.also_open.iter());
    page.warnings(diagnosis.verdict.as_ref());
    page.texts("not checked", &diagnosis.not_checked);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn row(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.line(&format!("{name:<11} {value}"));
        }
    }

    fn boot(&mut self, verdict: Option<&Verdict>) {
        let Some(verdict) = verdict else {
            self.row("outcome", "unknown: no verdict was given in this boot");
            return;
        };
        self.row("outcome", &outcome(verdict));
        let identity = &verdict.identity;
        self.row("node", &identity.node_name);
        self.row("instance", &instance(identity));
        self.row("cluster", &identity.cluster);
    }

    fn finding(&mut self, root: &OpenFinding) {
        self.line("");
        self.row("root cause", &claim(root));
        if let Some(entry) = finding::by_code(&root.code) {
            self.row("", entry.cause);
        }
        self.row(
            "seen",
            &format!(
                "{}, last {:.0}, first {:.0}",
                times(root.count),
                root.last_seen,
                root.first_seen
            ),
        );
        self.evidence(&root.evidence);
        self.row("fix", &root.fix);
    }

    fn cause(&mut self, cause: Option<&RootCause>) {
        let Some(cause) = cause else { return };
        self.line("");
        self.row("root cause", &format!("{}: {}", cause.code, cause.cause));
        self.evidence(&cause.evidence);
        self.row("fix", &cause.fix);
    }

    fn evidence(&mut self, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            self.row(if index == 0 { "evidence" } else { "" }, line);
        }
    }

    fn others<'a>(&mut self, name: &str, findings: impl Iterator<Item = &'a OpenFinding>) {
        for (index, finding) in findings.enumerate() {
            if index == 0 {
                self.line("");
            }
            let explained = finding
                .explained_by
                .as_ref()
                .map(|code| format!(", explained by {code}"));
            let text = format!("{}{}", graded(finding), explained.unwrap_or_default());
            self.row(if index == 0 { name } else { "" }, &text);
        }
    }

    fn warnings(&mut self, verdict: Option<&Verdict>) {
        let warnings = verdict.map_or(&[][..], |verdict| &verdict.warnings);
        self.texts("warning", warnings);
    }

    fn texts(&mut self, name: &str, texts: &[String]) {
        for (index, text) in texts.iter().enumerate() {
            if index == 0 {
                self.line("");
            }
            self.row(if index == 0 { name } else { "" }, text);
        }
    }
}

/// Of each source of log lines, what of it was not read.
fn gaps(sources: &[LogSource]) -> Vec<String> {
    let told = sources.iter().map(|source| (&source.name, source.gaps()));
    told.filter(|(_, gaps)| !gaps.is_empty())
        .map(|(name, gaps)| format!("{name}: {gaps}"))
        .collect()
}

fn outcome(verdict: &Verdict) -> String {
    let word = verdict.outcome.as_str();
    let suffix = match verdict.outcome {
        Outcome::Joined => String::new(),
        Outcome::Registered => ", not Ready".to_owned(),
        Outcome::Running | Outcome::Failed => format!(", in the {} phase", verdict.phase.as_str()),
    };
    let seconds = verdict
        .timings
        .iter()
        .map(|timing| timing.milliseconds)
        .sum::<u64>();
    let took = if seconds > 0 {
        format!(", {}.{} s", seconds / 1000, seconds % 1000 / 100)
    } else {
        String::new()
    };
    format!("{word}{suffix}{took}")
}

fn ready(node: Option<&NodeNow>) -> String {
    match node {
        None => "not known: the Node was not read".to_owned(),
        Some(node) if node.is_ready => "yes".to_owned(),
        Some(node) => format!("no: {}", node.message),
    }
}

fn instance(identity: &Identity) -> String {
    [
        &identity.instance_id,
        &identity.instance_type,
        &identity.region,
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .map(String::as_str)
    .collect::<Vec<_>>()
    .join(", ")
}

fn pods(max_pods: MaxPods) -> String {
    match (max_pods.planned, max_pods.effective) {
        (Some(planned), Some(effective)) if planned == effective => planned.to_string(),
        (Some(planned), Some(effective)) => format!("{effective}, but {planned} was planned"),
        (Some(planned), None) => format!("{planned} planned, the Node not seen yet"),
        (None, Some(effective)) => effective.to_string(),
        (None, None) => String::new(),
    }
}

fn ssm(state: SsmState) -> &'static str {
    match state {
        SsmState::Unknown => "not looked at yet",
        SsmState::Running => "running; not known to be registered",
        SsmState::Registered => "registered",
        SsmState::Stopped => "not running",
        SsmState::Missing => "not installed",
    }
}

//! The page of a node that was named: what the planes know of it, then what its agent says. Pure.

use jiff::Timestamp;
use node::finding;
use node::rank;
use node::wire::{
    Annotation, Diagnosis, MaxPods, OpenFinding, Outcome, RootCause, Severity, SsmState, Status,
    Verdict,
};

use super::Tone;
use super::table::printable;
use crate::fleet::{Health, Row, age};
use crate::reach::Way;
use crate::reach::agent::{Answer, Document};

/// Width of the names of a page's lines.
const NAMES: usize = 11;

/// One page per row, with an empty line between.
pub fn pages(rows: &[Row], now: Timestamp, color: bool) -> String {
    let pages = rows.iter().map(|row| page(row, now, color));
    pages.collect::<Vec<_>>().join("\n")
}

fn page(row: &Row, now: Timestamp, color: bool) -> String {
    let mut page = Page::new(color);
    page.planes(row, now);
    match &row.agent {
        Some(answer) => page.answer(row, answer, now),
        None => page.reason(row),
    }
    page.into_text()
}

/// Lines of a name and a value.
pub(super) struct Page {
    text: String,
    color: bool,
}

impl Page {
    pub(super) fn new(color: bool) -> Self {
        Self {
            text: String::new(),
            color,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, name: &str, value: &str, tone: Tone) {
        if value.is_empty() {
            return;
        }
        // A line is one line and no terminal command, whatever an API or a log said.
        let value = printable(value);
        let value = if self.color {
            tone.paint(&value)
        } else {
            value
        };
        let line = format!("{name:<NAMES$} {value}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(super) fn row(&mut self, name: &str, value: &str) {
        self.line(name, value, Tone::Plain);
    }

    pub(super) fn space(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn planes(&mut self, row: &Row, now: Timestamp) {
        self.row("node", row.name.as_deref().unwrap_or("none"));
        let instance = row.ec2.as_ref();
        let state = instance.map(|instance| instance.state.as_str());
        let parts = [
            row.instance_id.as_deref(),
            row.instance_type.as_deref(),
            row.zone.as_deref(),
            state,
        ];
        self.row("instance", &joined(parts));
        self.row("group", row.node_group.as_deref().unwrap_or_default());
        let since = row.created_at.map(|created_at| age(created_at, now));
        let since = since.map(|age| format!(", age {age}")).unwrap_or_default();
        self.line(
            "status",
            &format!("{}{since}", row.status()),
            tone(row.health),
        );
    }

    fn reason(&mut self, row: &Row) {
        self.row("reason", row.reason.as_deref().unwrap_or_default());
        self.line("fix", row.fix.as_deref().unwrap_or_default(), Tone::Hint);
    }

    fn answer(&mut self, row: &Row, answer: &Answer, now: Timestamp) {
        let Some(document) = &answer.document else {
            self.versions(row, None);
            self.provenance(answer, now);
            self.reason(row);
            return;
        };
        self.verdict(document.verdict());
        if let Document::Annotation(annotation) = document {
            self.row("boot", annotation.outcome.as_str());
        }
        self.versions(row, Some(document));
        match document {
            Document::Status(status) => self.limits(status.max_pods, status.ssm),
            Document::Annotation(annotation) => self.annotation(annotation),
            Document::Diagnosis(_) | Document::Verdict(_) => {}
        }
        self.provenance(answer, now);
        match document {
            Document::Status(status) => self.findings(status),
            Document::Diagnosis(diagnosis) => self.diagnosis(diagnosis),
            Document::Verdict(verdict) => self.cause(verdict.root_cause.as_ref()),
            Document::Annotation(_) => self.reason(row),
        }
        let warnings = document
            .verdict()
            .map_or(&[][..], |verdict| &verdict.warnings);
        self.texts("warning", warnings);
    }

    /// The way the answer came, and the ways that failed.
    pub(super) fn provenance(&mut self, answer: &Answer, now: Timestamp) {
        if answer.document.is_some() {
            self.row("answered by", &answered_by(answer, now));
        } else {
            self.line("answered by", "nobody", Tone::Warning);
        }
        self.failures(answer);
    }

    /// What the agent says beside the one cause.
    pub(super) fn beside(&mut self, answer: &Answer) {
        match &answer.document {
            Some(Document::Status(status)) => {
                let root = rank::root(&status.findings);
                let others = status.findings.iter();
                for finding in others.filter(|finding| Some(*finding) != root) {
                    self.finding("also", finding);
                }
            }
            Some(Document::Diagnosis(diagnosis)) => self.others(diagnosis),
            Some(Document::Verdict(_) | Document::Annotation(_)) | None => {}
        }
    }

    fn verdict(&mut self, verdict: Option<&Verdict>) {
        let Some(verdict) = verdict else { return };
        let phases = verdict
            .timings
            .iter()
            .map(|timing| format!("{} {}", timing.phase.as_str(), seconds(timing.milliseconds)));
        let phases = phases.collect::<Vec<_>>().join(", ");
        let total = verdict.timings.iter().map(|timing| timing.milliseconds);
        let took = if phases.is_empty() {
            String::new()
        } else {
            format!(" in {} ({phases})", seconds(total.sum()))
        };
        let suffix = match verdict.outcome {
            Outcome::Registered => ", not Ready",
            Outcome::Running => ", still going on",
            Outcome::Joined | Outcome::Failed => "",
        };
        self.row(
            "boot",
            &format!("{}{took}{suffix}", verdict.outcome.as_str()),
        );
        if let Some(what) = &verdict.waiting_for {
            self.row("waiting for", what);
        }
    }

    fn versions(&mut self, row: &Row, document: Option<&Document>) {
        let node = row.kubernetes.as_ref();
        let kubelet = node.and_then(|node| node.kubelet_version.as_ref());
        let kubelet = kubelet.map(|version| format!("kubelet {version}"));
        let agent = document.map(|document| format!("nodeagent {}", document.agent_version()));
        let parts = [
            kubelet.as_deref(),
            node.and_then(|node| node.container_runtime.as_deref()),
            node.and_then(|node| node.kernel_version.as_deref()),
            agent.as_deref(),
        ];
        self.row("versions", &joined(parts));
    }

    fn limits(&mut self, max_pods: MaxPods, ssm: SsmState) {
        self.row("max pods", &pods(max_pods));
        self.row("ssm agent", ssm_words(ssm));
    }

    fn annotation(&mut self, annotation: &Annotation) {
        self.limits(annotation.max_pods, annotation.ssm);
        self.row("findings", &annotation.findings.join(", "));
    }

    fn failures(&mut self, answer: &Answer) {
        for failure in &answer.failures {
            let name = format!("not {}", failure.reach.as_str());
            self.line(&name, &failure.error, Tone::Warning);
            for hint in &failure.hints {
                self.line("", &format!("hint: {hint}"), Tone::Hint);
            }
        }
    }

    fn findings(&mut self, status: &Status) {
        let root = rank::root(&status.findings);
        match root {
            Some(root) => self.finding("root cause", root),
            None => self.cause(
                status
                    .verdict
                    .as_ref()
                    .and_then(|verdict| verdict.root_cause.as_ref()),
            ),
        }
        let others = status.findings.iter();
        for finding in others.filter(|finding| Some(*finding) != root) {
            self.finding("also", finding);
        }
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        if let Some(root) = &diagnosis.root_cause {
            self.finding("root cause", root);
        }
        self.others(diagnosis);
    }

    fn others(&mut self, diagnosis: &Diagnosis) {
        for finding in &diagnosis.consequences {
            self.finding("follows", finding);
        }
        for finding in &diagnosis.also_open {
            self.finding("also", finding);
        }
        self.texts("not checked", &diagnosis.not_checked);
    }

    fn finding(&mut self, name: &str, finding: &OpenFinding) {
        self.space();
        let tone = match finding.severity {
            Severity::Fatal => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Info => Tone::Plain,
        };
        let object = if finding.object.is_empty() {
            String::new()
        } else {
            format!(" ({})", finding.object)
        };
        let explained = finding.explained_by.as_ref();
        let explained = explained.map(|code| format!(", explained by {code}"));
        self.line(
            name,
            &format!(
                "{} {}{object}: {}{}",
                finding.severity.as_str(),
                finding.code,
                finding.title,
                explained.unwrap_or_default()
            ),
            tone,
        );
        if let Some(entry) = finding::by_code(&finding.code) {
            self.row("", entry.cause);
        }
        let times = match finding.count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let (last, first) = (finding.last_seen, finding.first_seen);
        self.row(
            "seen",
            &format!("{times}, last {last:.0}, first {first:.0}"),
        );
        self.evidence(&finding.evidence);
        self.line("fix", &finding.fix, Tone::Hint);
    }

    fn cause(&mut self, cause: Option<&RootCause>) {
        let Some(cause) = cause else { return };
        self.space();
        let text = format!("{}: {}", cause.code, cause.cause);
        self.line("root cause", &text, Tone::Bad);
        self.evidence(&cause.evidence);
        self.line("fix", &cause.fix, Tone::Hint);
    }

    fn evidence(&mut self, lines: &[String]) {
        self.named("evidence", lines);
    }

    fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.space();
            self.named(name, texts);
        }
    }

    pub(super) fn named(&mut self, name: &str, texts: &[String]) {
        for (index, text) in texts.iter().enumerate() {
            self.row(if index == 0 { name } else { "" }, text);
        }
    }
}

fn answered_by(answer: &Answer, now: Timestamp) -> String {
    let way = answer.reach.map_or("nobody", Way::as_str);
    let at = match (answer.reach, answer.at) {
        (Some(Way::Ssm | Way::Forward), _) => "just now".to_owned(),
        (Some(Way::Api), _) => "the annotation, as old as its last change".to_owned(),
        (_, Some(at)) => format!("{} ago", age(at, now)),
        (_, None) => "of unknown age".to_owned(),
    };
    format!("{way} ({at})")
}

fn joined<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

fn pods(max_pods: MaxPods) -> String {
    match (max_pods.planned, max_pods.effective) {
        (Some(planned), Some(effective)) if planned != effective => {
            format!("{effective}, but {planned} was planned")
        }
        (_, Some(effective)) => effective.to_string(),
        (Some(planned), None) => format!("{planned} planned, the Node not seen yet"),
        (None, None) => String::new(),
    }
}

fn ssm_words(state: SsmState) -> &'static str {
    match state {
        SsmState::Unknown => "not looked at yet",
        SsmState::Running => "running, not known to be registered",
        SsmState::Registered => "registered",
        SsmState::Stopped => "not running",
        SsmState::Missing => "not installed",
    }
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Pending | Health::Unknown => Tone::Warning,
        Health::Unhealthy => Tone::Bad,
        Health::Idle => Tone::Dim,
    }
}

#[cfg(test)]
mod tests;

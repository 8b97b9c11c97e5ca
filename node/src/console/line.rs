//! What a person reads on the console beside the frames: one line of printable ASCII.

use std::fmt::Write as _;

use super::LINE_BYTES;
use crate::wire::{Outcome, Timing, Verdict};

/// Begins every line, so that it is known who speaks and that it is no frame.
const SPEAKER: &str = "nodeagent: ";

/// A line of this text: redacted, printable ASCII, at most [`LINE_BYTES`].
pub fn line(text: &str) -> String {
    let redacted = crate::redact::text(text);
    let mut line = String::from(SPEAKER);
    line.extend(redacted.chars().map(|character| match character {
        ' '..='~' => character,
        '\t' | '\n' | '\r' => ' ',
        _ => '?',
    }));
    if line.len() > LINE_BYTES {
        line.truncate(LINE_BYTES - 3);
        line.push_str("...");
    }
    line
}

/// What a verdict says, in one line: how long each phase took, or what is in the way and what to do.
pub fn sentence(verdict: &Verdict) -> String {
    let name = &verdict.identity.node_name;
    let mut text = match (verdict.outcome, verdict.provisional) {
        (Outcome::Joined, _) => format!("joined as {name}"),
        (Outcome::Registered, _) => format!("registered as {name}, not Ready"),
        (Outcome::Running, _) => "not joined yet".to_owned(),
        (Outcome::Failed, true) => "failing".to_owned(),
        (Outcome::Failed, false) => "failed to join".to_owned(),
    };
    if let Some(root) = &verdict.root_cause {
        write!(text, ": {}: {} Fix: {}", root.code, root.cause, root.fix).unwrap_or_default();
    } else if let Some(what) = &verdict.waiting_for {
        write!(text, ", waiting for {what}").unwrap_or_default();
    } else if !verdict.timings.is_empty() {
        write!(text, ": {}", timings(&verdict.timings)).unwrap_or_default();
    }
    line(&text)
}

/// `config 0.005 s, run 0.612 s, join 1.204 s`.
fn timings(timings: &[Timing]) -> String {
    let took = |timing: &Timing| {
        let (phase, milliseconds) = (timing.phase.as_str(), timing.milliseconds);
        format!(
            "{phase} {}.{:03} s",
            milliseconds / 1000,
            milliseconds % 1000
        )
    };
    timings.iter().map(took).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{API_VERSION, Identity, Phase, RootCause};

    fn verdict(outcome: Outcome) -> Verdict {
        Verdict {
            api_version: API_VERSION.into(),
            kind: "Verdict".into(),
            agent_version: "0.1.0".into(),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            provisional: false,
            outcome,
            phase: Phase::Join,
            identity: Identity {
                node_name: "ip-10-0-0-1".into(),
                ..Identity::default()
            },
            root_cause: None,
            consequences: Vec::new(),
            warnings: Vec::new(),
            waiting_for: None,
            timings: vec![
                Timing {
                    phase: Phase::Config,
                    milliseconds: 5,
                },
                Timing {
                    phase: Phase::Join,
                    milliseconds: 1204,
                },
            ],
        }
    }

    #[test]
    fn success_is_one_line_with_the_time_of_each_phase() {
        assert_eq!(
            sentence(&verdict(Outcome::Joined)),
            "nodeagent: joined as ip-10-0-0-1: config 0.005 s, join 1.204 s"
        );
    }

    #[test]
    fn a_failure_names_the_code_and_what_to_do() {
        let failed = Verdict {
            root_cause: Some(RootCause {
                code: "join.unauthorized".into(),
                cause: "The role is not mapped.".into(),
                evidence: Vec::new(),
                fix: "create an access entry".into(),
            }),
            ..verdict(Outcome::Failed)
        };
        assert_eq!(
            sentence(&failed),
            "nodeagent: failed to join: join.unauthorized: The role is not mapped. Fix: create an access entry"
        );
    }

    #[test]
    fn a_line_is_short_printable_and_without_secrets() {
        let long = line(&format!(
            "proxy http://me:pw@10.0.0.1\u{e9}\n{}",
            "x".repeat(500)
        ));
        assert!(long.len() == LINE_BYTES && long.ends_with("..."), "{long}");
        assert!(
            long.starts_with("nodeagent: proxy http://[redacted]@10.0.0.1? x"),
            "{long}"
        );
    }
}

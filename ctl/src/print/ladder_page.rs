//! The page of `nodectl diagnose`: the ladder, the one cause, and what the agent says beside it. Pure.

use jiff::Timestamp;

use super::Tone;
use super::node_page::Page;
use crate::fleet::ladder::{Holds, NodeDiagnosis};

/// The whole page.
pub fn page(diagnosis: &NodeDiagnosis, now: Timestamp, color: bool) -> String {
    let mut page = Page::new(color);
    let row = &diagnosis.node;
    page.planes(row, now);
    page.space();
    for rung in &diagnosis.rungs {
        let tone = match rung.holds {
            Holds::Ok => Tone::Good,
            Holds::Failed => Tone::Bad,
            Holds::Unknown => Tone::Warning,
        };
        let line = format!("{}: {}", rung.name, rung.detail);
        page.line(rung.holds.as_str(), &line, tone);
    }
    page.space();
    match &diagnosis.root_cause {
        Some(cause) => {
            let code = cause.code.as_ref().map(|code| format!("{code}: "));
            let text = format!("{}{}", code.unwrap_or_default(), cause.cause);
            page.line("root cause", &text, Tone::Bad);
            page.named("evidence", &cause.evidence);
            page.line("fix", cause.fix.as_deref().unwrap_or_default(), Tone::Hint);
        }
        None => page.row("root cause", "none was found"),
    }
    if let Some(answer) = &row.agent {
        page.space();
        page.provenance(answer, now);
        page.beside(answer);
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ladder::{Seen, climb};
    use crate::fleet::{answered, fixture};
    use crate::reach::agent::{Answer, Document};
    use crate::reach::{Reach, Way};

    #[test]
    fn the_page_has_the_ladder_and_one_cause() {
        let mut consequence = fixture::open("kubelet.runtime_down");
        consequence.explained_by = Some("runtime.cri_unavailable".into());
        let status = fixture::status(vec![fixture::open("runtime.cri_unavailable"), consequence]);
        let answer = Answer {
            reach: Some(Way::Ssm),
            at: Some(fixture::now()),
            document: Some(Document::Status(Box::new(status))),
            failures: Vec::new(),
        };
        let observations = fixture::observations();
        let seen = Seen {
            row: answered(fixture::rows().remove(2), answer, None, Reach::Auto),
            observations: &observations,
            checks: Ok(None),
            access: None,
        };
        let diagnosis = climb(seen, "prod", fixture::now());
        insta::assert_snapshot!(page(&diagnosis, fixture::now(), false));
    }
}

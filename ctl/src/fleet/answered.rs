//! What an agent says of its node, put into the node's row. Pure.

use node::finding::{self, Severity};
use node::rank;
use node::wire::{OpenFinding, Outcome, RootCause};

use super::health::Health;
use super::row::Row;
use crate::reach::agent::{Answer, Document};
use crate::reach::ask::Subject;
use crate::reach::{Reach, Way, console};

/// What has to be known to ask a row's agent.
pub fn subject(row: &Row) -> Subject {
    let instance = row.ec2.as_ref();
    let obstacle = instance
        .filter(|instance| instance.state != "running")
        .map(|instance| format!("the instance is {}", instance.state));
    let node = row.kubernetes.as_ref();
    Subject {
        name: row
            .name
            .clone()
            .or_else(|| row.instance_id.clone())
            .unwrap_or_default(),
        instance_id: row.instance_id.clone(),
        address: node.and_then(|node| node.internal_ip.clone()),
        obstacle,
    }
}

/// The row with its agent's answer. When the agent itself did not answer, what it has left at the Node or on the console
/// stands in, if the wish allows it.
pub fn answered(row: Row, answer: Answer, told: Option<&console::Answer>, reach: Reach) -> Row {
    let answer = if answer.document.is_some() {
        answer
    } else {
        left(&row, answer, told, reach)
    };
    let judged = match &answer.document {
        Some(document) if answer.is_live() => judge(row, document),
        _ => row,
    };
    Row {
        agent: Some(answer),
        ..judged
    }
}

fn left(row: &Row, answer: Answer, told: Option<&console::Answer>, reach: Reach) -> Answer {
    let annotation = row.kubernetes.as_ref().and_then(|node| node.agent.as_ref());
    let console = told.or(row.console.as_ref());
    if let Some(annotation) = annotation.filter(|_| reach.takes(Way::Api)) {
        return Answer {
            reach: Some(Way::Api),
            document: Some(Document::Annotation(Box::new(annotation.clone()))),
            ..answer
        };
    }
    match console.and_then(|console| console.verdict.as_ref()) {
        Some(verdict) if reach.takes(Way::Console) => Answer {
            reach: Some(Way::Console),
            at: Some(verdict.at),
            document: Some(Document::Verdict(Box::new(verdict.clone()))),
            ..answer
        },
        _ => answer,
    }
}

/// What the agent says now goes before what it has told the API server: it is newer, and has evidence.
fn judge(row: Row, document: &Document) -> Row {
    match document {
        Document::Status(status) => match rank::root(&status.findings) {
            Some(root) => found(row, root),
            None => row,
        },
        Document::Diagnosis(diagnosis) => match &diagnosis.root_cause {
            Some(root) => found(row, root),
            None => row,
        },
        Document::Verdict(verdict) => match &verdict.root_cause {
            Some(cause) if verdict.outcome != Outcome::Joined => suspected(row, cause),
            _ => row,
        },
        Document::Annotation(_) => row,
    }
}

fn found(row: Row, root: &OpenFinding) -> Row {
    let health = if root.severity == Severity::Fatal {
        Health::Unhealthy
    } else {
        row.health
    };
    Row {
        health,
        code: Some(root.code.clone()),
        reason: Some(format!("{}: {}", root.code, root.title)),
        cause: finding::by_code(&root.code).map(|entry| entry.cause.to_owned()),
        fix: Some(root.fix.clone()),
        ..row
    }
}

fn suspected(row: Row, cause: &RootCause) -> Row {
    let title = finding::by_code(&cause.code).map_or(cause.cause.as_str(), |entry| entry.title);
    Row {
        health: Health::Unhealthy,
        code: Some(cause.code.clone()),
        reason: Some(format!("{}: {title}", cause.code)),
        cause: Some(cause.cause.clone()),
        fix: Some(cause.fix.clone()),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::row::fixture;
    use crate::reach::agent::Failure;

    fn row(index: usize) -> Row {
        fixture::rows().remove(index)
    }

    fn live(document: Document) -> Answer {
        Answer {
            reach: Some(Way::Ssm),
            at: Some(fixture::now()),
            document: Some(document),
            failures: Vec::new(),
        }
    }

    #[test]
    fn what_the_agent_says_now_makes_a_ready_node_unhealthy() {
        let status = fixture::status(vec![fixture::open("runtime.cri_unavailable")]);
        let row = answered(
            row(1),
            live(Document::Status(Box::new(status))),
            None,
            Reach::Auto,
        );
        assert_eq!(row.health, Health::Unhealthy);
        assert_eq!(row.code.as_deref(), Some("runtime.cri_unavailable"));
        assert!(row.agent.is_some_and(|answer| answer.is_live()));
    }

    #[test]
    fn a_silent_agent_is_stood_in_for_by_what_it_left_unless_somebody_wants_it_live() {
        let failed = || Answer {
            failures: vec![Failure {
                reach: Way::Ssm,
                error: "no".into(),
                hints: Vec::new(),
            }],
            ..Answer::default()
        };
        let reach = |index, reach| {
            let answer = answered(row(index), failed(), None, reach).agent.unwrap();
            assert_eq!(answer.failures.len(), 1);
            answer.reach
        };
        assert_eq!(reach(1, Reach::Auto), Some(Way::Api));
        assert_eq!(reach(1, Reach::Ssm), None);
        assert_eq!(reach(3, Reach::Auto), Some(Way::Console));
        assert_eq!(reach(3, Reach::Api), None);
        assert_eq!(reach(2, Reach::Auto), None);
    }

    #[test]
    fn an_instance_that_does_not_run_is_not_asked() {
        assert_eq!(
            subject(&row(4)).obstacle.as_deref(),
            Some("the instance is stopped")
        );
        let asked = subject(&row(1));
        assert_eq!(asked.obstacle, None);
        assert_eq!(asked.address.as_deref(), Some("10.0.0.1"));
        assert_eq!(subject(&row(0)).instance_id, None);
        assert_eq!(subject(&row(3)).address, None);
    }
}

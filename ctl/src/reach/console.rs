//! The agent's verdict from the instance's serial console: works without network, role or API server.
//!
//! EC2 knows two consoles: the live one (`Latest`, Nitro instances only) and the one it stored after the last boot. The live
//! one is asked first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::get_console_output::GetConsoleOutputOutput;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use node::chain::Chain;
use node::wire::Verdict;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::observe::aws::{self, Aws};

const ACTION: &str = "ec2:GetConsoleOutput";
/// Consoles asked at the same time: EC2 throttles this call at a few per second.
const CONCURRENCY: usize = 8;

/// What a console told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The newest verdict of this boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// When EC2 took the console's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Why the console could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Answer {
    fn failed(error: String) -> Self {
        Self {
            verdict: None,
            taken_at: None,
            error: Some(error),
        }
    }
}

/// An instance whose console is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `i-…`.
    pub instance_id: String,
    /// When it was last started: what an earlier boot said is passed over.
    pub launched_at: Option<Timestamp>,
}

/// Asks several consoles, each within `deadline`. Every question has an answer, by instance id.
pub async fn ask(
    aws: &Aws,
    questions: Vec<Question>,
    deadline: Duration,
) -> BTreeMap<String, Answer> {
    let client = aws.ec2();
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let ids: Vec<String> = questions
        .iter()
        .map(|question| question.instance_id.clone())
        .collect();
    let mut asked = JoinSet::new();
    for question in questions {
        let (client, permits) = (client.clone(), Arc::clone(&permits));
        asked.spawn(async move {
            let _permit = permits.acquire().await;
            let answer = tokio::time::timeout(deadline, one(&client, &question)).await;
            let answer = match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => Answer::failed(Chain(&error).to_string()),
                Err(_) => Answer::failed(format!(
                    "`{ACTION}`: no answer within {}s",
                    deadline.as_secs()
                )),
            };
            (question.instance_id, answer)
        });
    }
    let mut answers: BTreeMap<String, Answer> = asked.join_all().await.into_iter().collect();
    for id in ids {
        answers
            .entry(id)
            .or_insert_with(|| Answer::failed("it was not asked".into()));
    }
    answers
}

async fn one(client: &Client, question: &Question) -> Result<Answer, aws::Error> {
    let latest = output(client, question, true).await;
    if let Ok(answer) = &latest
        && answer.verdict.is_some()
    {
        return latest;
    }
    // Instances that are not Nitro refuse `Latest`; and a live console may hold less than the stored one.
    let stored = output(client, question, false).await;
    match (&latest, &stored) {
        (Ok(_), Ok(answer)) if answer.verdict.is_none() => latest,
        (Ok(_), Err(_)) => latest,
        _ => stored,
    }
}

async fn output(client: &Client, question: &Question, latest: bool) -> Result<Answer, aws::Error> {
    let request = client
        .get_console_output()
        .instance_id(&question.instance_id)
        .latest(latest);
    let answer = request.send().await.map_err(|error| {
        aws::Error::of_call(ACTION, format!("`{}`", question.instance_id), error)
    })?;
    Ok(read(&answer, question))
}

fn read(output: &GetConsoleOutputOutput, question: &Question) -> Answer {
    let bytes = STANDARD
        .decode(output.output().unwrap_or_default())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Answer {
        verdict: newest(node::console::decode(&text), question),
        taken_at: output
            .timestamp()
            .and_then(|time| Timestamp::from_second(time.secs()).ok()),
        error: None,
    }
}

/// The newest verdict that speaks of this boot of this instance.
fn newest(verdicts: Vec<Verdict>, question: &Question) -> Option<Verdict> {
    verdicts.into_iter().rev().find(|verdict| {
        let id = &verdict.identity.instance_id;
        (id.is_empty() || *id == question.instance_id)
            && question
                .launched_at
                .is_none_or(|launched_at| verdict.at >= launched_at)
    })
}

#[cfg(test)]
mod tests {
    use node::wire::{API_VERSION, Identity, Outcome, Phase};

    use super::*;

    fn verdict(at: &str, instance_id: &str) -> Verdict {
        Verdict {
            api_version: API_VERSION.into(),
            kind: "Verdict".into(),
            agent_version: "0.1.0".into(),
            at: at.parse().unwrap(),
            provisional: false,
            outcome: Outcome::Failed,
            phase: Phase::Join,
            identity: Identity {
                instance_id: instance_id.into(),
                ..Identity::default()
            },
            root_cause: None,
            consequences: Vec::new(),
            warnings: Vec::new(),
            waiting_for: None,
            timings: Vec::new(),
        }
    }

    fn question() -> Question {
        Question {
            instance_id: "i-1".into(),
            launched_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn the_console_is_base64_and_its_newest_verdict_counts() {
        let first = verdict("2026-01-01T00:01:00Z", "");
        let last = verdict("2026-01-01T00:02:00Z", "i-1");
        let mut lines = node::console::encode("aa", &first);
        lines.extend(node::console::encode("aa", &last));
        let output = GetConsoleOutputOutput::builder()
            .output(STANDARD.encode(lines.join("\r\n")))
            .build();
        assert_eq!(read(&output, &question()).verdict, Some(last));
    }

    #[test]
    fn verdicts_of_an_earlier_boot_and_of_other_instances_are_passed_over() {
        let verdicts = vec![
            verdict("2025-12-31T00:00:00Z", "i-1"),
            verdict("2026-01-01T00:02:00Z", "i-2"),
        ];
        assert_eq!(newest(verdicts, &question()), None);
    }

    #[test]
    fn a_console_without_text_is_an_answer_without_verdict() {
        let answer = read(&GetConsoleOutputOutput::builder().build(), &question());
        assert_eq!((answer.verdict, answer.error), (None, None));
    }
}

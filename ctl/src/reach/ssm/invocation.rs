//! What Systems Manager says of one command on one instance, in words. Pure.
//!
//! The states: <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html>

use super::Error;
use crate::reach::agent::Question;

/// What `sh` ends with when there is no such program.
const NOT_FOUND: i32 = 127;
/// Characters that Systems Manager keeps of standard output.
const KEPT: usize = 24_000;
/// The end of an output of which not all was kept.
const CUT: &str = "---Output truncated---";

/// How far a command has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It waits for the SSM agent.
    Waiting,
    /// It could not be handed over, and is tried again.
    Delayed,
    /// It runs.
    Running,
    /// It has ended.
    Ended(Ending),
}

/// How a command has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With exit status 0.
    Success,
    /// With another one.
    Failed,
    /// The SSM agent did not fetch it.
    DeliveryTimedOut,
    /// It ran for too long.
    ExecutionTimedOut,
    /// Somebody cancelled it.
    Cancelled,
    /// The instance could not be found, or did not respond.
    Undeliverable,
    /// Others of the same command had failed before.
    Terminated,
    /// The document is not for the instance's operating system.
    InvalidPlatform,
    /// The caller may not use the document there.
    AccessDenied,
    /// A state that we do not know.
    Other(String),
}

impl Progress {
    /// Reads `Status` and `StatusDetails`.
    pub(super) fn read(status: &str, details: &str) -> Self {
        let details: String = details.split_whitespace().collect();
        let ending = match (status, details.as_str()) {
            ("Pending", _) => return Self::Waiting,
            ("Delayed", _) => return Self::Delayed,
            ("InProgress" | "Cancelling", _) => return Self::Running,
            ("Success", _) => Ending::Success,
            (_, "DeliveryTimedOut") => Ending::DeliveryTimedOut,
            (_, "Undeliverable") => Ending::Undeliverable,
            (_, "Terminated") => Ending::Terminated,
            (_, "InvalidPlatform") => Ending::InvalidPlatform,
            (_, "AccessDenied") => Ending::AccessDenied,
            ("TimedOut", _) => Ending::ExecutionTimedOut,
            ("Cancelled", _) => Ending::Cancelled,
            ("Failed", _) => Ending::Failed,
            (other, _) => Ending::Other(other.to_owned()),
        };
        Self::Ended(ending)
    }

    /// What has not happened yet.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Waiting => "the SSM agent has not fetched the command",
            Self::Delayed => "Systems Manager could not hand the command to the SSM agent",
            Self::Running => "`nodeagent` runs, and has not answered",
            Self::Ended(_) => "the command has ended, and was not read",
        }
    }

    /// What is going on, for somebody who waits.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting for the SSM agent",
            Self::Delayed => "the SSM agent does not respond, Systems Manager tries again",
            Self::Running => "nodeagent runs",
            Self::Ended(_) => "ended",
        }
    }
}

impl Ending {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Success => "the command has ended well".to_owned(),
            Self::Failed => "the command has failed".to_owned(),
            Self::DeliveryTimedOut => "the SSM agent did not fetch the command in time".to_owned(),
            Self::ExecutionTimedOut => "`nodeagent` ran for too long and was ended".to_owned(),
            Self::Cancelled => "somebody cancelled the command".to_owned(),
            Self::Undeliverable => {
                "the command is undeliverable: the instance is gone or does not respond".to_owned()
            }
            Self::Terminated => {
                "Systems Manager ended the command after failures of others".to_owned()
            }
            Self::InvalidPlatform => {
                "the instance's operating system cannot run AWS-RunShellScript".to_owned()
            }
            Self::AccessDenied => "Systems Manager denies the command on this instance".to_owned(),
            Self::Other(status) => format!("Systems Manager says `{status}`"),
        }
    }

    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::DeliveryTimedOut | Self::Undeliverable => {
                "amazon-ssm-agent is not running or has no way to `ssmmessages`: docs/guide/ssm.md"
            }
            Self::ExecutionTimedOut => {
                "the node is too busy to answer: `--reach console` or `--reach api` show what it said before"
            }
            Self::Cancelled | Self::Terminated => "ask again",
            Self::InvalidPlatform => "only Linux nodes have the agent",
            Self::AccessDenied => {
                "allow `ssm:SendCommand` for the document AWS-RunShellScript and this instance"
            }
            Self::Success | Self::Failed | Self::Other(_) => {
                "`aws ssm list-command-invocations --details` shows the command"
            }
        }
    }
}

/// One command on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) progress: Progress,
    /// -1 until it has ended.
    pub(super) exit_status: i32,
    pub(super) output: String,
    pub(super) error: String,
}

impl Invocation {
    /// The answer of an invocation that has ended. `nodeagent` says by its exit status that a node is not well: that is an
    /// answer too.
    pub(super) fn answer(self, instance_id: &str, question: &Question) -> Result<String, Error> {
        let has_run = matches!(
            self.progress,
            Progress::Ended(Ending::Success | Ending::Failed)
        );
        if !has_run {
            return Err(match self.progress {
                Progress::Ended(ending) => Error::Ended { ending },
                // Only ended ones are handed out.
                progress => Error::Late {
                    progress,
                    after: std::time::Duration::ZERO,
                },
            });
        }
        if self.exit_status == NOT_FOUND {
            return Err(Error::NoAgent {
                instance_id: instance_id.to_owned(),
            });
        }
        if !question.is_answered_by(self.exit_status, &self.output) {
            return Err(Error::Failed {
                status: self.exit_status,
                said: said(&self.error),
            });
        }
        if self.output.trim_end().ends_with(CUT) || self.output.chars().count() >= KEPT {
            return Err(Error::Cut);
        }
        Ok(self.output)
    }
}

/// The lines of standard error on one, without what the SSM agent adds.
fn said(error: &str) -> String {
    let lines = error
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("failed to run commands:"));
    let said = lines.collect::<Vec<_>>().join("; ");
    if said.is_empty() {
        "it said nothing".to_owned()
    } else {
        node::redact::text(&said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ending: Ending, exit_status: i32, output: &str) -> Result<String, Error> {
        let error = "nodeagent: no\nfailed to run commands: exit status 1";
        Invocation {
            progress: Progress::Ended(ending),
            exit_status,
            output: output.into(),
            error: error.into(),
        }
        .answer("i-1", &Question::Status)
    }

    #[test]
    fn every_state_is_told_in_words_with_a_next_step() {
        let told: Vec<_> = [
            ("Pending", "Pending"),
            ("Delayed", "Delayed"),
            ("InProgress", "InProgress"),
            ("Success", "Success"),
            ("Failed", "Failed"),
            ("TimedOut", "DeliveryTimedOut"),
            ("TimedOut", "Delivery Timed Out"),
            ("TimedOut", "ExecutionTimedOut"),
            ("Cancelled", "Cancelled"),
            ("Failed", "Undeliverable"),
            ("Cancelled", "Terminated"),
            ("Failed", "InvalidPlatform"),
            ("Failed", "AccessDenied"),
            ("Strange", ""),
        ]
        .into_iter()
        .map(|(status, details)| match Progress::read(status, details) {
            Progress::Ended(ending) => {
                format!("{details}: {}; {}", ending.words(), ending.hint())
            }
            progress => format!("{details}: {}; {}", progress.words(), progress.describe()),
        })
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_node_that_is_not_well_has_answered() {
        for status in [0, 3, 4] {
            let ending = if status == 0 {
                Ending::Success
            } else {
                Ending::Failed
            };
            assert_eq!(ended(ending, status, "{}").unwrap(), "{}");
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let failed = |code, output: &str| ended(Ending::Failed, code, output).unwrap_err();
        assert_eq!(
            failed(127, "").to_string(),
            "`nodeagent` is not installed on `i-1`"
        );
        assert_eq!(
            failed(1, "").to_string(),
            "`nodeagent` ended with exit status 1: nodeagent: no"
        );
        assert!(matches!(failed(4, " \n"), Error::Failed { status: 4, .. }));
        let cut = format!("{{\"kind\": \"Stat\n{CUT}");
        assert!(matches!(failed(3, &cut), Error::Cut));
        assert!(matches!(failed(3, &"x".repeat(KEPT)), Error::Cut));
        assert!(matches!(
            ended(Ending::Undeliverable, -1, ""),
            Err(Error::Ended {
                ending: Ending::Undeliverable
            })
        ));
    }
}

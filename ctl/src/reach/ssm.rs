//! An agent asked by Run Command: Systems Manager hands a command to the SSM agent of the instance, and keeps what it wrote.
//!
//! Works for instances that never became a Node. The command is one of [`super::agent::Question`]; nothing else is run.

mod invocation;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::primitives::DateTime;
use aws_sdk_ssm::types::{
    InstanceInformation, InstanceInformationStringFilter, PingStatus as SdkPingStatus,
};
use jiff::Timestamp;

use super::agent::Question;
use crate::observe::aws::{self, Aws};

use invocation::{Ending, Invocation, Progress};

/// AWS accepts this many values in one filter.
const FILTER_VALUES: usize = 100;
const DESCRIBE: &str = "ssm:DescribeInstanceInformation";
const SEND: &str = "ssm:SendCommand";
const LOOK: &str = "ssm:GetCommandInvocation";
const DOCUMENT: &str = "AWS-RunShellScript";
/// Shown in the account's list of commands.
const COMMENT: &str = "nodectl asks the node agent";
/// Systems Manager drops the command when the SSM agent has not fetched it by then; the least that it accepts.
const DELIVERY: i32 = 30;
/// … and the SSM agent ends it after so long.
const EXECUTION: &str = "90";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// No SSM agent of the instance has ever reported, or the instance is gone.
    #[error("Systems Manager does not manage `{instance_id}`: no SSM agent has reported from it")]
    NotManaged {
        /// `i-…`.
        instance_id: String,
    },
    /// The SSM agent has stopped reporting.
    #[error("the SSM agent of `{instance_id}` has lost its connection{}", .since.map(|since| format!(", it reported last at {since:.0}")).unwrap_or_default())]
    ConnectionLost {
        /// `i-…`.
        instance_id: String,
        /// Its last report.
        since: Option<Timestamp>,
    },
    /// The command has not come to its end by the deadline.
    #[error("{} within {}s", .progress.words(), .after.as_secs())]
    Late {
        /// How far it had come.
        progress: Progress,
        /// The deadline.
        after: Duration,
    },
    /// The command has ended otherwise than by an answer.
    #[error("{}", .ending.words())]
    Ended {
        /// How.
        ending: Ending,
    },
    /// The program is not on the instance.
    #[error("`nodeagent` is not installed on `{instance_id}`")]
    NoAgent {
        /// `i-…`.
        instance_id: String,
    },
    /// The program ran and had no answer.
    #[error("`nodeagent` ended with exit status {status}: {said}")]
    Failed {
        /// Its exit status.
        status: i32,
        /// What it wrote to standard error, on one line.
        said: String,
    },
    /// Systems Manager has not kept all of the answer.
    #[error("the answer is longer than the 24,000 characters that Systems Manager keeps")]
    Cut,
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Aws(error) => return error.hints(),
            Self::NotManaged { .. } => {
                "docs/guide/ssm.md says what a node needs: the role's policy AmazonSSMManagedInstanceCore, a way to the endpoints, a running amazon-ssm-agent"
            }
            Self::ConnectionLost { .. } => {
                "the instance is stopped, its network is down, or amazon-ssm-agent is: docs/guide/ssm.md; `aws ec2 get-console-output --latest` needs neither"
            }
            Self::Late {
                progress: Progress::Running,
                ..
            } => "the node is slow: wait longer with `--timeout 60s`",
            Self::Late { .. } => {
                "amazon-ssm-agent is not running or has no way to `ssmmessages`: docs/guide/ssm.md; or wait longer with `--timeout 60s`"
            }
            Self::Ended { ending } => ending.hint(),
            Self::NoAgent { .. } => {
                "its AMI has no nodeagent: `nodectl status` without a name shows what the API server and EC2 know"
            }
            Self::Failed { .. } => {
                "on the node: `systemctl status nodeagent`, `journalctl -u nodeagent`"
            }
            Self::Cut => "ask with `--reach forward`, which has no such limit",
        };
        vec![hint.to_owned()]
    }
}

/// What Systems Manager knows of an instance's SSM agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// It reports; false when it has missed its reports.
    pub is_online: bool,
    /// Its last report.
    pub last: Option<Timestamp>,
}

/// Systems Manager of one account and region.
#[derive(Debug, Clone)]
pub struct Ssm {
    client: Client,
}

impl Ssm {
    /// Nothing is asked yet.
    pub fn new(aws: &Aws) -> Self {
        Self {
            client: Client::new(aws.config()),
        }
    }

    /// Those of the instances from which an SSM agent has reported, and whether it still does.
    pub async fn managed(&self, ids: &[String]) -> Result<BTreeMap<String, Ping>, aws::Error> {
        let mut managed = BTreeMap::new();
        for ids in ids.chunks(FILTER_VALUES) {
            let object = format!("{} instances", ids.len());
            let failed = |error| aws::Error::of_call(DESCRIBE, object.clone(), error);
            let filter = InstanceInformationStringFilter::builder()
                .key("InstanceIds")
                .set_values(Some(ids.to_vec()))
                .build()
                .map_err(|error| {
                    failed(aws_sdk_ssm::error::SdkError::construction_failure(error))
                })?;
            let mut pages = self
                .client
                .describe_instance_information()
                .filters(filter)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(failed)?;
                managed.extend(page.instance_information_list().iter().filter_map(ping));
            }
        }
        Ok(managed)
    }

    /// Asks the agent of an instance; what it wrote to standard output. `told` hears how far it is.
    pub async fn run(
        &self,
        instance_id: &str,
        question: &Question,
        deadline: Duration,
        told: impl FnMut(&Progress) + Send,
    ) -> Result<String, Error> {
        let command = question.command();
        let ended = run::to_its_end(self, instance_id, &command, deadline, told).await?;
        ended.answer(instance_id, question)
    }
}

impl run::Calls for Ssm {
    async fn send(&self, instance_id: &str, command: &str) -> Result<String, Error> {
        let sent = self
            .client
            .send_command()
            .document_name(DOCUMENT)
            .instance_ids(instance_id)
            .comment(COMMENT)
            .timeout_seconds(DELIVERY)
            .parameters("commands", vec![command.to_owned()])
            .parameters("executionTimeout", vec![EXECUTION.to_owned()])
            .send()
            .await
            .map_err(|error| {
                let error = aws::Error::of_call(SEND, format!("`{instance_id}`"), error);
                unless_unmanaged(error, instance_id)
            })?;
        let id = sent.command().and_then(|command| command.command_id());
        Ok(id.unwrap_or_default().to_owned())
    }

    async fn look(&self, command_id: &str, instance_id: &str) -> Result<Option<Invocation>, Error> {
        let answer = self
            .client
            .get_command_invocation()
            .command_id(command_id)
            .instance_id(instance_id)
            .send()
            .await;
        match answer {
            Ok(invocation) => Ok(Some(Invocation {
                progress: Progress::read(
                    invocation.status().map_or("", |status| status.as_str()),
                    invocation.status_details().unwrap_or_default(),
                ),
                exit_status: invocation.response_code(),
                output: invocation
                    .standard_output_content()
                    .unwrap_or_default()
                    .to_owned(),
                error: invocation
                    .standard_error_content()
                    .unwrap_or_default()
                    .to_owned(),
            })),
            Err(error) => {
                let error = aws::Error::of_call(LOOK, format!("`{instance_id}`"), error);
                // A command that was just taken is not known everywhere yet.
                if error.code() == Some("InvocationDoesNotExist") {
                    return Ok(None);
                }
                Err(unless_unmanaged(error, instance_id))
            }
        }
    }
}

fn unless_unmanaged(error: aws::Error, instance_id: &str) -> Error {
    if error.code() == Some("InvalidInstanceId") {
        return Error::NotManaged {
            instance_id: instance_id.to_owned(),
        };
    }
    Error::Aws(error)
}

fn ping(information: &InstanceInformation) -> Option<(String, Ping)> {
    let ping = Ping {
        is_online: information.ping_status() == Some(&SdkPingStatus::Online),
        last: information.last_ping_date_time().and_then(timestamp),
    };
    Some((information.instance_id()?.to_owned(), ping))
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> aws::Error {
        aws::Error::Refused {
            action: SEND,
            object: "`i-1`".into(),
            code: code.into(),
            message: "no".into(),
        }
    }

    #[test]
    fn an_instance_that_is_not_managed_leads_to_the_page_about_it() {
        let error = unless_unmanaged(refused("InvalidInstanceId"), "i-1");
        assert!(matches!(error, Error::NotManaged { .. }));
        assert!(error.hints()[0].contains("docs/guide/ssm.md"));
    }

    #[test]
    fn a_refusal_names_the_action_and_a_throttled_caller_is_told_to_wait() {
        let denied = unless_unmanaged(refused("AccessDeniedException"), "i-1");
        assert!(denied.hints()[0].contains("allow `ssm:SendCommand`"));
        let throttled = unless_unmanaged(refused("ThrottlingException"), "i-1");
        assert!(
            throttled.hints()[0].contains("again"),
            "{:?}",
            throttled.hints()
        );
    }

    #[test]
    fn a_lost_connection_is_told_with_its_time() {
        let information = InstanceInformation::builder()
            .instance_id("i-1")
            .ping_status(SdkPingStatus::ConnectionLost)
            .last_ping_date_time(DateTime::from_secs(1_700_000_000))
            .build();
        let (instance_id, ping) = ping(&information).unwrap();
        assert!(!ping.is_online);
        let error = Error::ConnectionLost {
            instance_id,
            since: ping.last,
        };
        assert_eq!(
            error.to_string(),
            "the SSM agent of `i-1` has lost its connection, it reported last at 2023-11-14T22:13:20Z"
        );
    }
}

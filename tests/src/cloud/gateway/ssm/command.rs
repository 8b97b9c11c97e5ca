//! Run Command as far as `AWS-RunShellScript` goes: a command waits until the instance's own agent fetches it, runs there,
//! and what came of it is what that agent has replied. Nothing is run from here: an agent that is stopped, has no way to
//! its endpoint or no role leaves a command undelivered, as it does in AWS.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::super::fault::Fault;
use crate::cloud::credentials::Identity;
use crate::cloud::random;
use crate::cloud::record::is_instance_id;

const DOCUMENT: &str = "AWS-RunShellScript";
/// A command that was just taken is not known everywhere yet.
const SPREADING: SignedDuration = SignedDuration::from_millis(300);
/// How long an agent's question for messages is kept open.
const LONG_POLL: Duration = Duration::from_secs(20);
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>
const OUTPUT_CHARACTERS: usize = 24_000;
const ERROR_CHARACTERS: usize = 8_000;
const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

/// The commands of a gateway's life.
#[derive(Debug, Default)]
pub(super) struct Commands {
    invocations: Mutex<Vec<Invocation>>,
    arrived: Notify,
}

/// One command on one instance.
#[derive(Clone, Debug)]
struct Invocation {
    command_id: String,
    instance_id: String,
    comment: String,
    commands: Vec<String>,
    working_directory: String,
    requested: Timestamp,
    /// How long it may wait for the agent.
    delivery: SignedDuration,
    /// How long it may run.
    execution: SignedDuration,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Waiting,
    Fetched(Timestamp),
    Replied {
        exit_status: i64,
        is_timed_out: bool,
        output: String,
        error: String,
    },
}

impl Invocation {
    /// What `SendCommand` asks for, of no instance yet.
    fn read(request: &Value, now: Timestamp) -> Result<Self, Fault> {
        if request["DocumentName"] != DOCUMENT {
            return Err(refused("InvalidDocument", "The document does not exist."));
        }
        let parameters = &request["Parameters"];
        let commands = strings(&parameters["commands"]);
        let delivery = request["TimeoutSeconds"].as_i64().unwrap_or(3600);
        if commands.is_empty() || delivery < 30 {
            let message = "The parameters are not valid.";
            return Err(refused("InvalidParameters", message));
        }
        let first = |name: &str| strings(&parameters[name]).into_iter().next();
        let execution = first("executionTimeout").and_then(|text| text.parse().ok());
        Ok(Self {
            command_id: random::request_id(),
            instance_id: String::new(),
            comment: request["Comment"].as_str().unwrap_or_default().to_owned(),
            commands,
            working_directory: first("workingDirectory").unwrap_or_default(),
            requested: now,
            delivery: SignedDuration::from_secs(delivery),
            execution: SignedDuration::from_secs(execution.unwrap_or(3600)),
            state: State::Waiting,
        })
    }

    /// Status, its details and the response code.
    fn status(&self, now: Timestamp) -> (&'static str, &'static str, i64) {
        match &self.state {
            State::Waiting if now.duration_since(self.requested) > self.delivery => {
                ("TimedOut", "DeliveryTimedOut", -1)
            }
            State::Waiting => ("Pending", "Pending", -1),
            State::Fetched(at) if now.duration_since(*at) > self.execution => {
                ("TimedOut", "ExecutionTimedOut", -1)
            }
            State::Fetched(_) => ("InProgress", "InProgress", -1),
            State::Replied {
                is_timed_out: true, ..
            } => ("TimedOut", "ExecutionTimedOut", -1),
            State::Replied { exit_status: 0, .. } => ("Success", "Success", 0),
            State::Replied { exit_status, .. } => ("Failed", "Failed", *exit_status),
        }
    }

    fn described(&self, now: Timestamp) -> Value {
        let (status, details, code) = self.status(now);
        let (output, error) = match &self.state {
            State::Replied { output, error, .. } => (
                cut(output, OUTPUT_CHARACTERS, OUTPUT_CUT),
                cut(error, ERROR_CHARACTERS, ERROR_CUT),
            ),
            _ => (String::new(), String::new()),
        };
        json!({
            "CommandId": self.command_id,
            "InstanceId": self.instance_id,
            "Comment": self.comment,
            "DocumentName": DOCUMENT,
            "PluginName": "aws:runShellScript",
            "ResponseCode": code,
            "Status": status,
            "StatusDetails": details,
            "StandardOutputContent": output,
            "StandardErrorContent": error,
        })
    }
}

impl Commands {
    /// `SendCommand`. Whether the instances are managed is the caller's to say.
    pub(super) fn send(
        &self,
        request: &Value,
        is_managed: impl Fn(&str) -> bool,
        account_id: &str,
        now: Timestamp,
    ) -> Result<Value, Fault> {
        let wanted = Invocation::read(request, now)?;
        let instance_ids = strings(&request["InstanceIds"]);
        let ids = instance_ids.iter().map(String::as_str);
        let unmanaged: Vec<&str> = ids.filter(|id| !is_managed(id)).collect();
        if instance_ids.is_empty() || !unmanaged.is_empty() {
            let ids = unmanaged.join(", ");
            let message =
                format!("Instances [[{ids}]] not in a valid state for account {account_id}");
            return Err(refused("InvalidInstanceId", message));
        }
        let answer = json!({ "Command": {
            "CommandId": wanted.command_id,
            "DocumentName": DOCUMENT,
            "Comment": wanted.comment,
            "InstanceIds": instance_ids,
            "RequestedDateTime": now.as_second(),
            "Status": "Pending",
            "StatusDetails": "Pending",
            "TimeoutSeconds": wanted.delivery.as_secs(),
            "TargetCount": instance_ids.len(),
        }});
        let invocations = instance_ids.into_iter().map(|id| Invocation {
            instance_id: id,
            ..wanted.clone()
        });
        self.all().extend(invocations);
        self.arrived.notify_waiters();
        Ok(answer)
    }

    /// `GetCommandInvocation`.
    pub(super) fn get(&self, request: &Value, now: Timestamp) -> Result<Value, Fault> {
        let found = self.matching(request).into_iter().next();
        found
            .filter(|invocation| now.duration_since(invocation.requested) >= SPREADING)
            .map(|invocation| invocation.described(now))
            .ok_or_else(|| refused("InvocationDoesNotExist", "The command ID and managed node ID you specified didn't match any invocations."))
    }

    /// `ListCommandInvocations`.
    pub(super) fn list(&self, request: &Value, now: Timestamp) -> Value {
        let known = self.matching(request).into_iter();
        let known = known
            .filter(|invocation| now.duration_since(invocation.requested) >= SPREADING)
            .map(|invocation| {
                let mut described = invocation.described(now);
                if let Some(members) = described.as_object_mut() {
                    members
                        .retain(|name, _| !name.starts_with("Standard") && name != "ResponseCode");
                    members.insert(
                        "RequestedDateTime".to_owned(),
                        invocation.requested.as_second().into(),
                    );
                }
                described
            });
        json!({ "CommandInvocations": known.collect::<Vec<_>>() })
    }

    /// What the agent of the calling instance is to do; kept open until there is something, for a while.
    pub(super) async fn fetch(&self, caller: &Identity) -> Result<Value, Fault> {
        let instance_id = instance(caller)?;
        let deadline = tokio::time::Instant::now() + LONG_POLL;
        loop {
            let arrived = self.arrived.notified();
            let messages = self.take(instance_id, Timestamp::now());
            if !messages.is_empty() || tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return Ok(json!({ "Messages": messages }));
            }
        }
    }

    fn take(&self, instance_id: &str, now: Timestamp) -> Vec<Value> {
        let mut taken = Vec::new();
        for invocation in self.all().iter_mut() {
            if invocation.instance_id != instance_id || invocation.status(now).0 != "Pending" {
                continue;
            }
            invocation.state = State::Fetched(now);
            taken.push(json!({
                "CommandId": invocation.command_id,
                "Script": invocation.commands.join("\n"),
                "WorkingDirectory": invocation.working_directory,
                "ExecutionTimeout": invocation.execution.as_secs(),
            }));
        }
        taken
    }

    /// What came of a command, from the agent that fetched it.
    pub(super) fn reply(&self, request: &Value, caller: &Identity) -> Result<Value, Fault> {
        let instance_id = instance(caller)?;
        let text = |name: &str| {
            let encoded = request
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default();
            let bytes = BASE64.decode(encoded).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut all = self.all();
        let fetched = all.iter_mut().find(|invocation| {
            request["CommandId"] == invocation.command_id.as_str()
                && invocation.instance_id == instance_id
                && matches!(invocation.state, State::Fetched(_))
        });
        let invocation =
            fetched.ok_or_else(|| refused("ValidationException", "no such message"))?;
        invocation.state = State::Replied {
            exit_status: request
                .get("ExitStatus")
                .and_then(Value::as_i64)
                .unwrap_or(1),
            is_timed_out: request["IsTimedOut"] == true,
            output: text("Output"),
            error: text("Error"),
        };
        Ok(json!({}))
    }

    fn matching(&self, request: &Value) -> Vec<Invocation> {
        let is_wanted = |name: &str, value: &str| {
            request
                .get(name)
                .is_none_or(|wanted| wanted.as_str() == Some(value))
        };
        let all = self.all();
        all.iter()
            .filter(|invocation| {
                is_wanted("CommandId", &invocation.command_id)
                    && is_wanted("InstanceId", &invocation.instance_id)
            })
            .cloned()
            .collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Invocation>> {
        self.invocations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance's session is named after it.
fn instance(caller: &Identity) -> Result<&str, Fault> {
    let session = caller.arn.rsplit('/').next().unwrap_or_default();
    if caller.arn.contains(":assumed-role/") && is_instance_id(session) {
        return Ok(session);
    }
    Err(refused(
        "AccessDeniedException",
        "the caller is no instance",
    ))
}

fn refused(code: &'static str, message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, code, message)
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// What Systems Manager keeps of an output; its end says that there was more.
fn cut(text: &str, characters: usize, mark: &str) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let kept = characters.saturating_sub(mark.len());
    text.chars().take(kept).chain(mark.chars()).collect()
}

#[cfg(test)]
mod tests;

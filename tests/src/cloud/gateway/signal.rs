//! The two signals of a boot that moto does not know: `CompleteLifecycleAction` of Auto Scaling and `SignalResource` of
//! CloudFormation. Answered as AWS documents them, and written down in `RUN/log/signals.jsonl` for suites to assert on.
//!
//! There is no group and no stack behind them: any name is taken, and each action waits for one signal of an instance.

use std::io;
use std::path::{Path, PathBuf};

use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::random;

/// One signal that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// `CompleteLifecycleAction` or `SignalResource`.
    pub action: String,
    /// The instance that it speaks of.
    pub instance_id: String,
    /// Group and hook, or stack and resource.
    pub of: [String; 2],
    /// `CONTINUE`, `ABANDON`, `SUCCESS` or `FAILURE`.
    pub result: String,
}

impl Signal {
    /// All signals so far of the lab below `run`, oldest first.
    pub fn read_all(run: &Path) -> io::Result<Vec<Self>> {
        let text = match std::fs::read_to_string(path(run)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let parse = |line| serde_json::from_str(line).map_err(io::Error::from);
        text.lines().map(parse).collect()
    }

    /// Whether both answer the same question.
    fn is_of(&self, other: &Self) -> bool {
        (&self.action, &self.instance_id, &self.of)
            == (&other.action, &other.instance_id, &other.of)
    }
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>
pub(super) fn complete_lifecycle_action(run: &Path, call: &Call) -> Result<Response, Fault> {
    let signal = Signal {
        action: call.action.clone(),
        instance_id: need(call, "InstanceId")?,
        of: [
            need(call, "AutoScalingGroupName")?,
            need(call, "LifecycleHookName")?,
        ],
        result: one_of(call, "LifecycleActionResult", &["CONTINUE", "ABANDON"])?,
    };
    let known = Signal::read_all(run).map_err(|error| Fault::internal(&error))?;
    if known.iter().any(|known| known.is_of(&signal)) {
        let message = format!(
            "No active Lifecycle Action found with instance ID {}",
            signal.instance_id
        );
        return Err(invalid(message));
    }
    add(run, &signal)?;
    Ok(answer(
        "<CompleteLifecycleActionResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\n  <CompleteLifecycleActionResult/>",
        "CompleteLifecycleActionResponse",
    ))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html>
pub(super) fn signal_resource(run: &Path, call: &Call) -> Result<Response, Fault> {
    let signal = Signal {
        action: call.action.clone(),
        instance_id: need(call, "UniqueId")?,
        of: [need(call, "StackName")?, need(call, "LogicalResourceId")?],
        result: one_of(call, "Status", &["SUCCESS", "FAILURE"])?,
    };
    add(run, &signal)?;
    Ok(answer(
        "<SignalResourceResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">",
        "SignalResourceResponse",
    ))
}

fn answer(head: &str, element: &str) -> Response {
    let request_id = random::request_id();
    let body = format!(
        "{head}\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{element}>\n"
    );
    respond(StatusCode::OK, "text/xml", &request_id, body)
}

fn need(call: &Call, name: &str) -> Result<String, Fault> {
    let message = || {
        invalid(format!(
            "Value null at '{name}' failed to satisfy constraint"
        ))
    };
    call.parameter(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(message)
}

fn one_of(call: &Call, name: &str, words: &[&str]) -> Result<String, Fault> {
    let value = need(call, name)?;
    if words.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(invalid(format!("'{value}' is no value of '{name}'")))
}

fn invalid(message: String) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "ValidationError", message)
}

fn add(run: &Path, signal: &Signal) -> Result<(), Fault> {
    let append = || -> io::Result<()> {
        let path = path(run);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut line = serde_json::to_vec(signal)?;
        line.push(b'\n');
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)?;
        io::Write::write_all(&mut file, &line)
    };
    append().map_err(|error| Fault::internal(&error))
}

fn path(run: &Path) -> PathBuf {
    run.join("log/signals.jsonl")
}

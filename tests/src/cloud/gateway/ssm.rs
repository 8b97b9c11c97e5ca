//! The part of Systems Manager that knows of agents, which moto lacks: which instances have reported, and when, and the
//! commands that their agents run. Between an agent and `ssmmessages` is a web socket in AWS; here the agent asks again and
//! again, and the answer waits until there is something to do.

mod command;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::credentials::Identity;
use crate::cloud::random;
use crate::cloud::record::{self, is_instance_id};

use command::Commands;

/// An agent reports every five minutes; one that has missed two of these reports is lost.
const LOST: SignedDuration = SignedDuration::from_mins(10);

/// What the agents have last reported, by instance id. It lives as long as the gateway.
#[derive(Debug, Default)]
pub(super) struct Agents {
    reports: Mutex<BTreeMap<String, Report>>,
    commands: Commands,
}

#[derive(Clone, Debug)]
struct Report {
    at: Timestamp,
    /// The members of the request.
    members: Map<String, Value>,
}

impl Agents {
    /// The answer; `None` for what is left to moto.
    pub(super) fn answer(
        &self,
        run: &Path,
        call: &Call,
        caller: &Identity,
        now: Timestamp,
    ) -> Option<Result<Response, Fault>> {
        let answer = match call.action.as_str() {
            "UpdateInstanceInformation" => self.update(call, now),
            "DescribeInstanceInformation" => request(call).map(|request| self.list(&request, now)),
            "SendCommand" => request(call).map(Value::Object).and_then(|request| {
                let is_managed = |id: &str| self.is_managed(run, id);
                self.commands
                    .send(&request, is_managed, &caller.account_id, now)
            }),
            "GetCommandInvocation" => {
                request(call).and_then(|request| self.commands.get(&Value::Object(request), now))
            }
            "ListCommandInvocations" => {
                request(call).map(|request| self.commands.list(&Value::Object(request), now))
            }
            _ => return None,
        };
        Some(answer.map(|body| answered(&body)))
    }

    /// The answer to an agent that asks for work or says what came of it.
    pub(super) async fn message(&self, call: &Call, caller: &Identity) -> Result<Response, Fault> {
        let body = match call.action.as_str() {
            "GetMessages" => self.commands.fetch(caller).await,
            "SendReply" => self.commands.reply(&Value::Object(request(call)?), caller),
            _ => Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "UnknownOperationException",
                "no such operation",
            )),
        };
        body.map(|body| answered(&body))
    }

    /// The instance exists, and an agent of it has reported.
    fn is_managed(&self, run: &Path, instance_id: &str) -> bool {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.contains_key(instance_id)
            && matches!(record::find_by_instance_id(run, instance_id), Ok(Some(_)))
    }

    fn update(&self, call: &Call, now: Timestamp) -> Result<Value, Fault> {
        let members = request(call)?;
        let instance_id = members
            .get("InstanceId")
            .and_then(Value::as_str)
            .filter(|id| is_instance_id(id))
            .ok_or_else(|| {
                let message = "The specified instance ID is not valid.";
                Fault::new(StatusCode::BAD_REQUEST, "InvalidInstanceId", message)
            })?
            .to_owned();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.insert(instance_id, Report { at: now, members });
        Ok(json!({}))
    }

    /// All instances, or those that the filter `InstanceIds` names.
    fn list(&self, request: &Map<String, Value>, now: Timestamp) -> Value {
        let wanted: Option<Vec<&str>> = request
            .get("Filters")
            .and_then(Value::as_array)
            .and_then(|filters| filters.iter().find(|filter| filter["Key"] == "InstanceIds"))
            .and_then(|filter| filter["Values"].as_array())
            .map(|values| values.iter().filter_map(Value::as_str).collect());
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let listed: Vec<Value> = reports
            .iter()
            .filter(|(id, _)| {
                wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.contains(&id.as_str()))
            })
            .map(|(_, report)| described(report, now))
            .collect();
        json!({ "InstanceInformationList": listed })
    }
}

fn answered(body: &Value) -> Response {
    let content_type = "application/x-amz-json-1.1";
    let request_id = random::request_id();
    respond(StatusCode::OK, content_type, &request_id, body.to_string())
}

fn described(report: &Report, now: Timestamp) -> Value {
    let mut members = report.members.clone();
    members.remove("AgentName");
    members.remove("AgentStatus");
    let is_lost = now.duration_since(report.at) > LOST;
    let status = if is_lost { "ConnectionLost" } else { "Online" };
    members.insert("PingStatus".to_owned(), status.into());
    members.insert("LastPingDateTime".to_owned(), report.at.as_second().into());
    members.insert("ResourceType".to_owned(), "EC2Instance".into());
    Value::Object(members)
}

fn request(call: &Call) -> Result<Map<String, Value>, Fault> {
    serde_json::from_slice(&call.body).map_err(|error| {
        let message = format!("the body is no JSON object: {error}");
        Fault::new(StatusCode::BAD_REQUEST, "SerializationException", message)
    })
}

//! Calls that suites want refused or broken: what a role may not do, calls that are throttled, and faults at numbered
//! calls.
//!
//! One file, `RUN/faults/gateway.json`, written by suites and read again at each call. The lab has no IAM
//! policies beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::fault::Fault;
use super::interruption::{Begun, Effect, Interruption, RandomFaults};
use super::words;
use crate::cloud::credentials::Identity;
use crate::cloud::json_file::{self, JsonFileError};

/// Everything that is refused or broken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refusals {
    /// By role and action; the first that matches a call applies.
    pub refusals: Vec<Refused>,
    /// At numbered calls; the first that strikes a call applies.
    pub interruptions: Vec<Interruption>,
    /// At calls that are drawn, where nothing else strikes.
    pub random: Option<RandomFaults>,
}

/// One call that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Name of the role whose sessions are refused.
    pub role: String,
    /// IAM action, such as `ec2:DescribeInstances`.
    pub action: String,
    /// So many calls, then it is over; `None` means until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Why.
    pub reason: Reason,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No policy of the role allows it.
    Denied,
    /// There were too many.
    Throttled,
    /// The instance is so young that it is not known everywhere yet.
    NotFound,
    /// STS is not activated in this region for the account.
    RegionDisabled,
    /// The caller's clock is behind by ten minutes.
    SignatureExpired,
    /// The caller's clock is ahead by ten minutes.
    SignatureNotYetCurrent,
}

impl Refusals {
    /// Sets what the gateway of the lab below `run` refuses.
    pub fn write(&self, run: &Path) -> Result<(), JsonFileError> {
        json_file::write(&path(run), self)
    }
}

impl Refused {
    fn matches(&self, caller: &Identity, action: &str) -> bool {
        let session = format!(":assumed-role/{}/", self.role);
        self.action == action && caller.arn.contains(&session)
    }

    /// In the words of the service.
    fn fault(&self, caller: &Identity) -> Fault {
        match self.reason {
            Reason::Denied => words::denied(caller, &self.action),
            Reason::Throttled => {
                words::throttled(self.action.split(':').next().unwrap_or_default())
            }
            Reason::RegionDisabled => Fault::new(
                StatusCode::FORBIDDEN,
                "RegionDisabledException",
                format!(
                    "STS is not activated in this region for account:{}. Your account administrator can activate STS in this region using the IAM Console.",
                    caller.account_id,
                ),
            ),
            Reason::SignatureExpired | Reason::SignatureNotYetCurrent => self.out_of_time(),
            Reason::NotFound => Fault::new(
                StatusCode::BAD_REQUEST,
                "InvalidInstanceID.NotFound",
                "The instance ID does not exist",
            ),
        }
    }
}

impl Refused {
    /// In the words of a service that speaks JSON, or of one that speaks XML.
    fn out_of_time(&self) -> Fault {
        let now = Timestamp::now();
        let minutes =
            |minutes| (now + SignedDuration::from_mins(minutes)).strftime("%Y%m%dT%H%M%SZ");
        let message = if self.reason == Reason::SignatureExpired {
            let (signed, now) = (minutes(-10), minutes(0));
            format!(
                "Signature expired: {signed} is now earlier than {} ({now} - 5 min.)",
                minutes(-5)
            )
        } else {
            let (signed, now) = (minutes(10), minutes(0));
            format!(
                "Signature not yet current: {signed} is still later than {} ({now} + 5 min.)",
                minutes(5)
            )
        };
        let code = if self.action.starts_with("eks:") {
            "InvalidSignatureException"
        } else {
            "SignatureDoesNotMatch"
        };
        Fault::new(StatusCode::FORBIDDEN, code, message)
    }
}

/// The refusals of a lab, and how often each with a limit has struck.
#[derive(Debug)]
pub(super) struct Gate {
    path: PathBuf,
    struck: Mutex<HashMap<Refused, u64>>,
}

impl Gate {
    pub(super) fn new(run: &Path) -> Self {
        Self {
            path: path(run),
            struck: Mutex::default(),
        }
    }

    /// What happens to the last of these calls.
    pub(super) fn effect(&self, begun: &[Begun]) -> Result<Option<Effect>, Fault> {
        let refusals: Refusals = json_file::read(&self.path)?.unwrap_or_default();
        let mut interruptions = refusals.interruptions.iter();
        let struck = interruptions.find_map(|interruption| interruption.at(begun));
        Ok(struck.or_else(|| refusals.random?.at(begun)))
    }

    /// Forgets all faults, and how often each has struck.
    pub(super) fn reset(&self) -> Result<(), JsonFileError> {
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.clear();
        json_file::remove(&self.path)
    }

    /// Whether the call may pass.
    pub(super) fn check(&self, call: &Call, caller: &Identity) -> Result<(), Fault> {
        let refusals: Refusals = json_file::read(&self.path)?.unwrap_or_default();
        let action = format!("{}:{}", call.service, call.action);
        for refused in refusals.refusals {
            if !refused.matches(caller, &action) {
                continue;
            }
            let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
            let count = struck.entry(refused.clone()).or_default();
            if refused.times.is_none_or(|times| *count < times) {
                *count += 1;
                return Err(refused.fault(caller));
            }
        }
        Ok(())
    }
}

fn path(run: &Path) -> PathBuf {
    run.join("faults").join("gateway.json")
}

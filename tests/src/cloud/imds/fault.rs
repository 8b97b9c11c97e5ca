//! Scripted faults of the metadata service: what happens instead of, or before, the answer.
//!
//! Written by `lab` and by suites; in the lab one file a machine, `RUN/faults/imds/<instance-id>.json`, read again at
//! each request. A fault applies before the token is looked at, as trouble of the real service does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde::{Deserialize, Serialize};

use super::without_version;
use crate::cloud::json_file::{self, JsonFileError};

/// The faults of one machine; the first that matches a request applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// In order of precedence.
    pub faults: Vec<Fault>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Requests whose path below the version begins so, such as `user-data`; the empty text means all.
    pub path: String,
    /// Requests of this method only, such as `PUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// So many matching requests, then the fault is over; `None` means until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is answered with this status.
    Status(u16),
    /// It is never answered; the connection stays open.
    Hang,
    /// It is answered as ever, so much later.
    DelayMilliseconds(u64),
    /// The connection ends after half of the answer.
    HalfBody,
}

impl Faults {
    /// The faults of a machine of a lab; none when there is no file.
    pub fn read(run: &Path, instance_id: &str) -> Result<Self, JsonFileError> {
        Ok(json_file::read(&path(run, instance_id))?.unwrap_or_default())
    }

    /// Sets the faults of a machine of a lab.
    pub fn write(&self, run: &Path, instance_id: &str) -> Result<(), JsonFileError> {
        json_file::write(&path(run, instance_id), self)
    }

    /// Takes all faults of a machine away.
    pub fn remove(run: &Path, instance_id: &str) -> Result<(), JsonFileError> {
        json_file::remove(&path(run, instance_id))
    }
}

impl Fault {
    fn matches(&self, method: &Method, path: &str) -> bool {
        let path = without_version(path).unwrap_or(path);
        path.starts_with(&self.path)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted == method.as_str())
    }
}

/// How often each fault with a limit has struck.
#[derive(Debug, Default)]
pub(super) struct FaultCounter {
    struck: Mutex<HashMap<(String, Fault), u64>>,
}

impl FaultCounter {
    /// The effect on a request, counted.
    pub(super) fn effect_on(
        &self,
        instance_id: &str,
        faults: &Faults,
        method: &Method,
        path: &str,
    ) -> Option<Effect> {
        let matching = faults
            .faults
            .iter()
            .filter(|fault| fault.matches(method, path));
        for fault in matching {
            let Some(times) = fault.times else {
                return Some(fault.effect);
            };
            let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
            let count = struck
                .entry((instance_id.to_owned(), fault.clone()))
                .or_default();
            if *count < times {
                *count += 1;
                return Some(fault.effect);
            }
        }
        None
    }
}

fn path(run: &Path, instance_id: &str) -> PathBuf {
    run.join("faults/imds").join(format!("{instance_id}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str, method: Option<&str>, times: Option<u64>, effect: Effect) -> Fault {
        Fault {
            path: path.to_owned(),
            method: method.map(str::to_owned),
            times,
            effect,
        }
    }

    #[test]
    fn a_fault_strikes_its_path_and_method_below_any_version() {
        let faults = Faults {
            faults: vec![fault("api/token", Some("PUT"), None, Effect::Status(403))],
        };
        let counter = FaultCounter::default();
        let effect = |method, path| counter.effect_on("i-1", &faults, &method, path);
        assert_eq!(
            effect(Method::PUT, "/latest/api/token"),
            Some(Effect::Status(403))
        );
        assert_eq!(effect(Method::GET, "/latest/api/token"), None);
        assert_eq!(effect(Method::PUT, "/2021-03-23/user-data"), None);
    }

    #[test]
    fn a_fault_with_a_limit_is_over_after_that_many_requests_of_a_machine() {
        let faults = Faults {
            faults: vec![
                fault("user-data", None, Some(2), Effect::Status(503)),
                fault("user-data", None, None, Effect::DelayMilliseconds(1)),
            ],
        };
        let counter = FaultCounter::default();
        let effect =
            |machine| counter.effect_on(machine, &faults, &Method::GET, "/latest/user-data");
        assert_eq!(effect("i-1"), Some(Effect::Status(503)));
        assert_eq!(effect("i-1"), Some(Effect::Status(503)));
        assert_eq!(effect("i-1"), Some(Effect::DelayMilliseconds(1)));
        assert_eq!(effect("i-2"), Some(Effect::Status(503)));
    }

    #[test]
    fn the_file_of_a_machine_says_what_one_would_write_by_hand() {
        let text = r#"{"faults": [
            {"path": "user-data", "times": 3, "effect": {"status": 503}},
            {"path": "", "effect": "hang"}
        ]}"#;
        let faults: Faults = serde_json::from_str(text).unwrap();
        assert_eq!(
            faults.faults,
            [
                fault("user-data", None, Some(3), Effect::Status(503)),
                fault("", None, None, Effect::Hang),
            ]
        );
    }
}
